"""Python interpreters of this machine."""

import os
import pathlib
import shutil
import subprocess


def find(version):
    """The path of CPython `version` ("3.11"): pyenv's own file where present, as its shims cost time, else that on PATH."""
    command = f"python{version}"
    root = pathlib.Path(os.environ.get("PYENV_ROOT") or pathlib.Path.home() / ".pyenv")
    for path in sorted(root.glob(f"versions/{version}.*/bin/{command}")):
        return str(path)
    path = shutil.which(command)
    if path and subprocess.run([path, "--version"], capture_output=True).returncode == 0:
        return path
    raise SystemExit(
        f"error: there is no {command} here, and the wheels of the measurements are for it\n"
        f"  hint: `pyenv install {version}`, or the Debian package {command} with {command}-venv"
    )
