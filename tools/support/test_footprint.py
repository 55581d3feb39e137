import pathlib
import tempfile
import unittest

from support import footprint


class Footprint(unittest.TestCase):
    def test_what_was_written_is_told_from_what_was_there(self):
        with tempfile.TemporaryDirectory() as folder:
            folder = pathlib.Path(folder)

            def write(path, size):
                (folder / path).parent.mkdir(parents=True, exist_ok=True)
                (folder / path).write_bytes(b"x" * size)

            write("index/python/a", 100)
            write("snapshot/one", 10)
            write("log/checkpoint", 5)
            write(".lock", 0)
            before = footprint.files(folder)
            self.assertEqual(before.keys(), {"index/python/a", "snapshot/one", "log/checkpoint"})
            write("index/python/a", 130)
            write("snapshot/two", 20)
            write("log/checkpoint", 6)
            write("log/tile/0/000.p/3", 96)
            # How full the last bundle is does not count, but that it was written.
            write("log/tile/entries/000.p/3", 1000)
            after = footprint.files(folder)
            self.assertEqual(footprint.written(before, after), (5, 30 + 20 + 6 + 96, 30 + 20 + 1 + 96))
            kinds = footprint.by_kind(after)
            self.assertEqual(kinds["snapshot"], (2, 30))
            self.assertEqual(kinds["log/tile"], (2, 1096))
