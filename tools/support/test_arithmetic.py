import unittest

from support import arithmetic


class Arithmetic(unittest.TestCase):
    def test_a_tree_grows_by_what_its_last_level_has_added(self):
        self.assertEqual(arithmetic.next_decade([5, 10, 12]), 14)
        # What has shrunk by chance does not go on to shrink.
        self.assertEqual(arithmetic.next_decade([5, 10, 9]), 9)

    def test_paths_are_sorted_by_how_long_a_cache_may_keep_them(self):
        registry = type("Registry", (), {"packages": 1000, "figures": {}})
        asked = [
            ("/r/log/checkpoint", 400),
            ("/r/snapshot/00", 100),
            ("/r/index/python/lo/gs/logs", 300),
            ("/r/config.json", 200),
        ]
        registry.figures["lock cold: asked"] = asked
        table = arithmetic.by_kind(registry, "lock cold")
        shares = [line.split("|")[2:5] for line in table.splitlines()[2:]]
        self.assertEqual(
            [[part.strip() for part in share] for share in shares],
            [["1", "400", "40%"], ["1", "100", "10%"], ["0", "0", "0%"], ["2", "500", "50%"]],
        )
