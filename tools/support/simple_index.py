"""A folder of wheels as a standard simple index in static files (PEP 503, with the metadata files of PEP 658)."""

import email
import hashlib
import html
import re
import zipfile


def normalise(name):
    """PEP 503."""
    return re.sub(r"[-_.]+", "-", name).lower()


def metadata(wheel):
    """The bytes of the wheel's METADATA file."""
    with zipfile.ZipFile(wheel) as archive:
        for name in archive.namelist():
            if name.count("/") == 1 and name.endswith(".dist-info/METADATA"):
                return archive.read(name)
    raise SystemExit(f"error: {wheel} has no METADATA")


def name_and_version(wheel):
    """The normalised name and the version in the wheel's METADATA."""
    headers = email.message_from_bytes(metadata(wheel))
    return normalise(headers["Name"]), headers["Version"]


def write(root, wheels):
    """Writes `simple/` and `files/` below `root`; the files are links to the wheels."""
    files = root / "files"
    files.mkdir(parents=True)
    pages = {}
    for wheel in sorted(wheels.glob("*.whl")):
        (files / wheel.name).symlink_to(wheel.resolve())
        content = metadata(wheel)
        (files / f"{wheel.name}.metadata").write_bytes(content)
        digest = hashlib.sha256(wheel.read_bytes()).hexdigest()
        requires_python = email.message_from_bytes(content)["Requires-Python"] or ""
        pages.setdefault(normalise(wheel.name.split("-")[0]), []).append(
            f'<a href="../../files/{html.escape(wheel.name)}#sha256={digest}"'
            f' data-requires-python="{html.escape(requires_python)}"'
            f' data-core-metadata="sha256={hashlib.sha256(content).hexdigest()}">{html.escape(wheel.name)}</a><br>'
        )
    for name, links in pages.items():
        page = root / "simple" / name / "index.html"
        page.parent.mkdir(parents=True)
        page.write_text("<!DOCTYPE html>\n<title>Links</title>\n" + "\n".join(links) + "\n")
