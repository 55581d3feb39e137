import pathlib
import shutil
import subprocess
import sys
import tempfile
import unittest
import zipfile

from support.environments import Environment, differences, missing_of_wheel

WHEEL = {
    "thing/__init__.py": "answer = 42\n",
    "thing-1.0.data/scripts/tell": "#!python\nimport thing\nprint(thing.answer)\n",
    "thing-1.0.data/data/share/thing.txt": "shared\n",
    "thing-1.0.data/headers/thing.h": "#define THING\n",
    "thing-1.0.dist-info/METADATA": "Metadata-Version: 2.1\nName: thing\nVersion: 1.0\n",
    "thing-1.0.dist-info/WHEEL": "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    "thing-1.0.dist-info/entry_points.txt": "[console_scripts]\nthing = thing:main\n",
}


def write_wheel(folder):
    """Makes a wheel with code, a script, a data file and an entry point; returns its path."""
    wheel = folder / "thing-1.0-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        for name, text in WHEEL.items():
            archive.writestr(name, text)
        archive.writestr("thing-1.0.dist-info/RECORD", "".join(f"{name},,\n" for name in WHEEL))
    return wheel


class Differences(unittest.TestCase):
    """A real wheel, installed by pip, and a second environment with something wrong in it."""

    @classmethod
    def setUpClass(cls):
        cls.folder = pathlib.Path(tempfile.mkdtemp())
        cls.addClassCleanup(shutil.rmtree, cls.folder)
        cls.wheel = write_wheel(cls.folder)
        cls.installed = cls.folder / "installed"
        subprocess.run([sys.executable, "-m", "venv", "--without-pip", cls.installed], check=True)
        pip = [sys.executable, "-m", "pip", "--python", cls.installed, "install", "--quiet", "--no-index", cls.wheel]
        subprocess.run(pip, check=True, stderr=subprocess.DEVNULL)

    def setUp(self):
        self.other = self.folder / self.id()
        shutil.copytree(self.installed, self.other, symlinks=True)
        self.packages = next(self.other.glob("lib/python3.*/site-packages"))

    def found(self):
        return [
            line.replace(str(self.folder), "")
            for line in differences(Environment(self.installed), Environment(self.other))
        ]

    def assert_one(self, *words):
        found = self.found()
        self.assertTrue(found and all(any(word in line for word in words) for line in found), found)

    def test_a_copy_has_none(self):
        self.assertEqual(self.found(), [])
        self.assertEqual(list(missing_of_wheel(Environment(self.other), self.wheel)), [])

    def test_a_file_of_the_wheel_that_is_missing(self):
        next(self.other.glob("include/site/python3.*/thing/thing.h")).unlink()
        missing = list(missing_of_wheel(Environment(self.other), self.wheel))
        self.assertTrue(len(missing) == 1 and "thing.h" in missing[0], missing)

    def test_what_installers_sign_is_left_out(self):
        (self.packages / "thing-1.0.dist-info/INSTALLER").write_text("other\n")
        (self.other / "bin/thing").write_text("#!/elsewhere/python\nanother launcher\n")
        script = self.other / "bin/tell"
        lines = script.read_text().splitlines(keepends=True)
        script.write_text("".join(["#!/elsewhere/python\n", *lines[1:]]))
        self.assertEqual(self.found(), [])

    def test_a_script_with_other_code(self):
        (self.other / "bin/tell").write_text("#!/elsewhere/python\nprint()\n")
        self.assert_one("differs: bin/tell")

    def test_a_missing_file(self):
        (self.other / "share/thing.txt").unlink()
        self.assert_one("missing in", "only in")

    def test_an_extra_file(self):
        (self.packages / "thing/left.py").touch()
        self.assert_one("only in")

    def test_an_altered_file(self):
        (self.packages / "thing/__init__.py").write_text("answer = 41\n")
        self.assert_one("differs")

    def test_a_file_that_cannot_be_executed(self):
        (self.other / "bin/thing").chmod(0o644)
        self.assert_one("executable in one only: bin/thing")

    def test_another_record(self):
        record = self.packages / "thing-1.0.dist-info/RECORD"
        rows = [row for row in record.read_text().splitlines() if not row.startswith("thing/__init__.py,")]
        record.write_text("\n".join(rows) + "\n")
        self.assert_one("recorded only in")

    def test_a_folder_behind_a_link_is_followed(self):
        (self.packages / "thing").rename(self.folder / f"{self.id()}-store")
        (self.packages / "thing").symlink_to(self.folder / f"{self.id()}-store")
        self.assertEqual(self.found(), [])
        (self.packages / "thing/__init__.py").write_text("answer = 41\n")
        self.assert_one("differs")
