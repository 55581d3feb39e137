"""What two installers left of the same packages, compared file for file.

Left out is what installers sign with their own name: INSTALLER, REQUESTED, the text of launchers, compiled files.
"""

import configparser
import csv
import hashlib
import io
import os
import pathlib
import zipfile

# uv writes the first two into each environment and the third into each dist-info; the rest are signatures.
OWN_NAMES = {"_virtualenv.py", "_virtualenv.pth", "uv_cache.json", "INSTALLER", "REQUESTED"}


class Environment:
    """The files of the packages in an environment, by their path in it, with `/`."""

    def __init__(self, root):
        self.root = pathlib.Path(os.path.abspath(root))
        self.packages = site_packages(self.root)
        self.launchers = set()  # scripts that the installer wrote for entry points, without an ending
        self.records = {}  # dist-info folder -> {path: (hash, size)}
        self.files = set(self._walk())
        for record in sorted(self.packages.glob("*.dist-info/RECORD")):
            self._read(record)

    def _walk(self):
        for folder, _, names in os.walk(self.packages, followlinks=True):
            for name in names:
                path = self._path(os.path.join(folder, name))
                if not is_own(path):
                    yield path

    def _path(self, absolute):
        # Not resolved: a folder of a package may be a link to a store.
        return os.path.relpath(os.path.normpath(absolute), self.root).replace(os.sep, "/")

    def _read(self, record):
        rows = {}
        for path, digest, size in csv.reader(io.StringIO(record.read_text("utf-8"))):
            path = self._path(self.packages / path)
            if not is_own(path):
                rows[path] = (digest, size)
        self.records[record.parent.name] = rows
        self.files |= rows.keys()
        entry_points = record.parent / "entry_points.txt"
        if entry_points.exists():
            parser = configparser.ConfigParser(delimiters=("=",), interpolation=None)
            parser.optionxform = str
            parser.read_string(entry_points.read_text("utf-8"))
            for section in ("console_scripts", "gui_scripts"):
                if parser.has_section(section):
                    self.launchers |= set(parser[section])

    def scheme(self, kind, distribution):
        """The folder for a kind of files in a wheel's `.data`, as sysconfig names the kinds."""
        windows = self.packages.parts[-2:] == ("Lib", "site-packages")
        # The same on every system, as pip has it in virtual environments.
        headers = next(self.root.glob("include/site/python3.*"), self.root / "include/site")
        return {
            "purelib": self.packages,
            "platlib": self.packages,
            "scripts": self.root / ("Scripts" if windows else "bin"),
            "headers": headers / distribution,
            "data": self.root,
        }[kind]

    def is_script(self, path):
        return path.split("/")[0] in ("bin", "Scripts")

    def is_launcher(self, path):
        name = path.split("/")[-1].removesuffix(".exe")
        return self.is_script(path) and name in self.launchers

    def content(self, path):
        """What of a file must be equal: whether it is executable, and a digest of its bytes; none where it is missing."""
        file = self.root / path
        if not file.is_file():
            return None
        executable = bool(file.stat().st_mode & 0o111)
        if self.is_launcher(path):
            return executable, "launcher"
        if path.endswith(".dist-info/RECORD"):
            return executable, "record"
        content = file.read_bytes()
        return executable, hashlib.sha256(without_interpreter(content) if self.is_script(path) else content).hexdigest()


def site_packages(root):
    """The folder of packages in an environment; `root` itself where it is no environment but such a folder."""
    for folder in (*sorted(root.glob("lib/python3.*/site-packages")), root / "Lib" / "site-packages"):
        if folder.is_dir():
            return folder
    return root


def is_own(path):
    """Whether installers may differ in a file."""
    return path.endswith(".pyc") or path.split("/")[-1] in OWN_NAMES


def without_interpreter(content):
    """A script without the lines that name the environment's interpreter."""
    lines = content.split(b"\n")
    if not lines[0].startswith(b"#!"):
        return content
    # A path that is too long for a `#!` line goes through the shell, in three lines.
    return b"\n".join(lines[3 if lines[0].strip() == b"#!/bin/sh" else 1 :])


def differences(first, second):
    """Yields a line for each difference between two environments."""
    for path in sorted(first.files | second.files):
        contents = [environment.content(path) for environment in (first, second)]
        for environment, content in zip((first, second), contents):
            if content is None and path in environment.files:
                yield f"recorded, and missing in {environment.root}: {path}"
        if contents[0] == contents[1]:
            continue
        if None in contents:
            yield f"only in {(second if contents[0] is None else first).root}: {path}"
        elif contents[0][1] == contents[1][1]:
            yield f"executable in one only: {path}"
        else:
            yield f"differs: {path}"
    for folder in sorted(first.records.keys() | second.records.keys()):
        yield from record_differences(first, second, folder)


def record_differences(first, second, folder):
    """The same for the RECORD of one distribution. The rows of scripts are compared by path only: their text has the interpreter."""
    rows = [environment.records.get(folder, {}) for environment in (first, second)]
    for path in sorted(rows[0].keys() | rows[1].keys()):
        if path not in rows[0] or path not in rows[1]:
            yield f"recorded only in {(first if path in rows[0] else second).root}: {path} of {folder}"
        elif rows[0][path] != rows[1][path] and not first.is_script(path):
            yield f"recorded with another digest or size: {path} of {folder}"


def missing_of_wheel(environment, wheel):
    """Yields a line for each file of a wheel that its environment lacks or has with other bytes."""
    with zipfile.ZipFile(wheel) as archive:
        for name in archive.namelist():
            if name.endswith(("/", ".dist-info/RECORD")):
                continue
            top, _, rest = name.partition("/")
            path = environment.packages / name
            if top.endswith(".data"):
                kind, _, rest = rest.partition("/")
                path = environment.scheme(kind, top.split("-")[0]) / rest
            if not path.is_file():
                yield f"{wheel.name}: {name} is missing"
            elif without_interpreter(path.read_bytes()) != without_interpreter(archive.read(name)):
                yield f"{wheel.name}: {name} differs"
