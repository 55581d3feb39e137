"""The program under trial: where it is built, and a way to run it that does not touch the user's own settings."""

import os
import pathlib
import subprocess
import sys

REPOSITORY = pathlib.Path(__file__).resolve().parent.parent.parent
TARGET = pathlib.Path(os.environ.get("CARGO_TARGET_DIR") or REPOSITORY / "target").resolve()


def build():
    """Builds rvp as it is shipped; returns its path."""
    talk("building rvp (release)")
    subprocess.run(["cargo", "build", "--release", "--quiet"], cwd=REPOSITORY, check=True)
    return TARGET / "release" / "rvp"


def uv():
    """The pinned uv that tools/install-prerequisites installs."""
    subprocess.run([REPOSITORY / "tools/install-prerequisites"], check=True, stdout=subprocess.DEVNULL)
    return TARGET / "tools" / "bin" / "uv"


class Rvp:
    """`rvp(*arguments)` runs the program with a home of its own. A failure ends the script unless it is caught."""

    def __init__(self, path, home):
        self.path = path
        self.environment = {**os.environ, "RVP_HOME": str(home)}

    def __call__(self, *arguments, folder=None):
        """Returns what the command wrote to stdout."""
        command = [str(self.path), *map(str, arguments)]
        result = subprocess.run(command, cwd=folder, env=self.environment, capture_output=True, text=True)
        if result.returncode != 0:
            shown = " ".join(command[1:8]) + (" …" if len(command) > 8 else "")
            raise SystemExit(f"error: `rvp {shown}` ended with {result.returncode}:\n{result.stderr}")
        return result.stdout


def talk(text):
    print(text, file=sys.stderr, flush=True)
