"""Set S: what the measurements and some tests install. Fifteen packages of building and data work, 44 with their dependencies.

`PYTHONPATH=tools python3 -m support.set_s` downloads the wheels once, to where the tests look for them.
"""

import os
import pathlib
import subprocess

from support import interpreters
from support.program import TARGET

REQUIREMENTS = (
    "numpy pandas shapely openpyxl requests pydantic matplotlib networkx scipy ifcopenshell trimesh rich typer jinja2 pythonnet"
).split()


def wheels(python, folder, variable, platform=None):
    """The folder of set S's wheels for CPython 3.11: that of the environment variable, or `folder`, filled once.

    Without `platform` the wheels are this machine's.
    """
    given = os.environ.get(variable)
    if given:
        return pathlib.Path(given)
    complete = folder / "complete"
    if not complete.exists():
        folder.mkdir(parents=True, exist_ok=True)
        command = [python, "-m", "pip", "download", "--quiet", "--only-binary=:all:", "--dest", folder]
        if platform:
            command += ["--platform", platform, "--python-version", "3.11"]
        if subprocess.run([*command, *REQUIREMENTS]).returncode != 0:
            raise SystemExit(f"error: pip could not download set S\n  hint: give a folder of its wheels in {variable}")
        complete.touch()
    return folder


if __name__ == "__main__":
    wheels(interpreters.find("3.11"), TARGET / "bench" / "set-s", "RVP_SET_S")
