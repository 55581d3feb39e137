"""The programs that are measured, with the same few actions each. All of them get the same wheels from the same server.

An action is a list of commands, so that the caller can time them. What an action needs gone is removed before, untimed.
"""

import os
import pathlib
import subprocess

from support import simple_index


class Peer:
    """One program, with a project folder and a cache folder of its own."""

    def __init__(self, work, python, requirements):
        self.project = work / self.name / "project"
        self.cache = work / self.name / "cache"
        self.python = python
        self.requirements = requirements
        self.project.mkdir(parents=True)

    def connect(self, server, prefix=()):
        """Turns the project to a server. `prefix` is a command that enters the client's side of a link."""
        self.prefix = list(prefix)
        self.environment = {
            "PATH": f"{pathlib.Path(self.python).parent}:{os.environ['PATH']}",
            "HOME": str(self.project),
            "LANG": "C.UTF-8",
            "SSL_CERT_FILE": server.authority,
        }

    def command(self, *arguments):
        return [*self.prefix, *map(str, arguments)]

    def forget_environment(self):
        remove(self.project / ".venv")

    def forget_cache(self):
        remove(self.cache)


class Rvp(Peer):
    name = "rvp"

    def __init__(self, work, python, requirements, program, registry):
        super().__init__(work, python, requirements)
        self.program, self.registry = program, registry
        self.version = output(program, "--version")

    def connect(self, server, prefix=()):
        super().connect(server, prefix)
        self.environment["RVP_HOME"] = str(self.cache)
        write_project(
            self.project,
            self.requirements,
            f'[tool.rvp]\nregistries = [{{ name = "bench", url = "{server.url}/{self.registry}" }}]\n'
            'targets = [{ python = "3.11" }]\n',
        )

    def forget_lock(self):
        remove(self.project / "rvp.lock")

    def resolve(self):
        return [self.command(self.program, "lock")]

    def install(self):
        return [self.command(self.program, "sync")]


class Uv(Peer):
    name = "uv"

    def __init__(self, work, python, requirements, program):
        super().__init__(work, python, requirements)
        self.program = program
        self.version = output(program, "--version")

    def connect(self, server, prefix=()):
        super().connect(server, prefix)
        self.environment |= {"UV_CACHE_DIR": str(self.cache), "UV_PYTHON": self.python, "UV_PYTHON_DOWNLOADS": "never"}
        # uv resolves for all platforms unless told otherwise; rvp is asked for one target.
        write_project(
            self.project,
            self.requirements,
            "[tool.uv]\npackage = false\nenvironments = [\"sys_platform == 'linux'\"]\n"
            f'[[tool.uv.index]]\nurl = "{server.url}/simple"\ndefault = true\n',
        )

    def forget_cache(self):
        """All but what uv knows of interpreters: the measured work is about packages."""
        for path in self.cache.glob("*"):
            if not path.name.startswith("interpreter-"):
                remove(path)

    def forget_lock(self):
        remove(self.project / "uv.lock")

    def resolve(self):
        return [self.command(self.program, "lock")]

    def install(self):
        return [self.command(self.program, "sync", "--frozen")]


class Pip(Peer):
    name = "pip"

    def __init__(self, work, python, requirements, wheels):
        super().__init__(work, python, requirements)
        self.version = " ".join(output(python, "-m", "pip", "--version").split()[:2])
        # pip has no lock: the nearest to one is a file of exact versions.
        pins = (simple_index.name_and_version(wheel) for wheel in wheels.glob("*.whl"))
        (self.project / "pins.txt").write_text("".join(f"{name}=={version}\n" for name, version in sorted(pins)))

    def connect(self, server, prefix=()):
        super().connect(server, prefix)
        self.environment |= {
            "PIP_CACHE_DIR": str(self.cache),
            "PIP_CONFIG_FILE": os.devnull,
            "PIP_CERT": server.authority,
            "PIP_INDEX_URL": f"{server.url}/simple",
            "PIP_DISABLE_PIP_VERSION_CHECK": "1",
        }

    def forget_lock(self):
        pass

    def resolve(self):
        return [
            self.command(self.python, "-m", "pip", "install", "--dry-run", "--ignore-installed", *self.requirements)
        ]

    def install(self):
        venv = self.command(self.python, "-m", "venv", "--without-pip", ".venv")
        install = self.command(
            self.python, "-m", "pip", "--python", ".venv", "install", "--no-compile", "--no-deps", "-r", "pins.txt"
        )
        return [install] if (self.project / ".venv").exists() else [venv, install]


def write_project(folder, requirements, settings):
    (folder / "pyproject.toml").write_text(
        '[project]\nname = "bench"\nversion = "0"\nrequires-python = "==3.11.*"\n'
        f"dependencies = {list(requirements)}\n\n{settings}"
    )


def output(*command):
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


def remove(path):
    """Removes a file or a tree, read-only folders in it too."""
    if path.is_dir() and not path.is_symlink():
        subprocess.run(["chmod", "-R", "u+w", path], check=True)
        # Of a million files, shutil takes minutes.
        subprocess.run(["rm", "-r", path], check=True)
    else:
        path.unlink(missing_ok=True)
