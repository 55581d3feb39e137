import pathlib
import subprocess
import sys
import tempfile
import unittest

from support import simple_index
from support.test_environments import write_wheel


class SimpleIndex(unittest.TestCase):
    def test_pip_finds_and_checks_a_wheel(self):
        with tempfile.TemporaryDirectory() as folder:
            root = pathlib.Path(folder, "root")
            wheels = pathlib.Path(folder, "wheels")
            wheels.mkdir()
            wheel = write_wheel(wheels)
            simple_index.write(root, wheels)
            self.assertEqual(simple_index.name_and_version(wheel), ("thing", "1.0"))
            index = (root / "simple").as_uri()
            download = [sys.executable, "-m", "pip", "--isolated", "--disable-pip-version-check", "download", "--quiet"]
            subprocess.run([*download, "--index-url", index, "--dest", folder, "Thing"], check=True)
            self.assertEqual(pathlib.Path(folder, wheel.name).read_bytes(), wheel.read_bytes())
