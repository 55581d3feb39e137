import json
import re
import unittest

from support import synthetic


class Synthetic(unittest.TestCase):
    def releases(self, number):
        return [json.loads(line) for line in synthetic.records(1, number, 10)]

    def test_names_and_versions_are_distinct(self):
        names = {synthetic.name(number) for number in range(20_000)}
        self.assertEqual(len(names), 20_000)
        for number in range(200):
            known = synthetic.versions(1, number, 10)
            self.assertEqual(sorted(set(known), key=parts), known)

    def test_releases_of_equal_rank_fit_together(self):
        numbers = {synthetic.name(number): number for number in range(1000)}
        checked = 0
        for number in range(0, 1000, 7):
            for rank, release in enumerate(self.releases(number)):
                for requirement in release.get("requires", ()):
                    name, bounds = re.fullmatch(r"([a-z0-9-]*[a-z0-9])([^;]*?)( ;.*)?", requirement).group(1, 2)
                    self.assertLess(numbers[name], number)
                    version = parts(synthetic.versions(1, numbers[name], 10)[rank])
                    for low in re.findall(r">=([\d.]+)", bounds):
                        self.assertLessEqual(parts(low), version)
                    for high in re.findall(r"<([\d.]+)", bounds):
                        self.assertLess(version, parts(high))
                    checked += 1
        self.assertGreater(checked, 1000)

    def test_the_same_seed_gives_the_same_lines(self):
        first = list(synthetic.records(1, 500, 10))
        synthetic.versions.cache_clear()
        self.assertEqual(first, list(synthetic.records(1, 500, 10)))
        self.assertNotEqual(first, list(synthetic.records(2, 500, 10)))


def parts(version):
    return tuple(map(int, version.split(".")))
