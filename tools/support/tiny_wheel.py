"""Wheels with nothing but their metadata, as something to publish."""

import base64
import hashlib
import zipfile


def write(folder, name, version):
    """Writes a wheel of this name and version; returns its path."""
    stem = f"{name.replace('-', '_')}-{version}"
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{stem}-py3-none-any.whl"
    files = {
        "METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n",
        "WHEEL": "Wheel-Version: 1.0\nGenerator: bench\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    record = "".join(f"{stem}.dist-info/{file},sha256={digest(text)},{len(text)}\n" for file, text in files.items())
    files["RECORD"] = record + f"{stem}.dist-info/RECORD,,\n"
    with zipfile.ZipFile(path, "w") as wheel:
        for file, text in files.items():
            # Without a time, so that the same wheel has the same bytes.
            wheel.writestr(zipfile.ZipInfo(f"{stem}.dist-info/{file}"), text)
    return path


def digest(text):
    return base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).decode().rstrip("=")
