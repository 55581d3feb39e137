"""Synthetic packages: release records for any number of packages, from a seed.

Package number `i` is the same in a registry of any size: it depends only on packages with lower numbers, so the
closure of a package does not change when the registry grows.

Releases of equal rank fit together: release `k` of a package admits release `k` of each of its dependencies. So a
solution always exists, and the newest of everything is one.
"""

import functools
import hashlib
import json
import random

FIRST = (
    "facade terrain column lintel girder rebar conduit damper sprinkler mullion railing footing parapet stair "
    "ceiling partition glazing truss gutter dormer plinth cornice pilaster transom spandrel soffit rafter joist "
    "balcony atrium plenum riser shaft slab screed render mortar gravel timber concrete"
).split()
SECOND = (
    "audit bridge codec delta export filter graph helper import index kernel linter mapper model nodes offset "
    "parser query report schema solver tables units viewer writer cache check clash curve dates energy forms grids "
    "hatch layers links marks mesh parts plans rooms rules scale sheets style tags tiles views walls zones"
).split()
LICENSES = ("MIT", "MIT", "MIT", "Apache-2.0", "BSD-3-Clause", "BSD-3-Clause", "LGPL-3.0-or-later", "MPL-2.0")
# How many packages a package depends on, and how often that is so: about two on average, as on PyPI.
DEPENDENCY_COUNTS, DEPENDENCY_WEIGHTS = range(9), (30, 20, 15, 12, 8, 6, 4, 3, 2)


def name(number):
    """The normalised name of a package; every number has its own."""
    rest, second = divmod(number, len(SECOND))
    rest, first = divmod(rest, len(FIRST))
    words = f"{FIRST[first]}-{SECOND[second]}"
    return f"{words}-{rest}" if rest else words


def index_path(package):
    """As `PackageName::index_path` has it; no name made here is short or a device of Windows."""
    return f"index/python/{package[:2]}/{package[2:4]}/{package}"


@functools.lru_cache(maxsize=20_000)
def versions(seed, number, releases):
    """The versions of a package, oldest first."""
    rng = random.Random(f"{seed} versions {number}")
    major, minor, patch = rng.choice(((0, 1, 0), (1, 0, 0)))
    rising = []
    for _ in range(releases):
        rising.append(f"{major}.{minor}.{patch}")
        step = rng.random()
        if step < 0.1:
            major, minor, patch = major + 1, 0, 0
        elif step < 0.6:
            minor, patch = minor + 1, 0
        else:
            patch += 1
    return rising


def requirement(rng, seed, dependency, rank, releases):
    """A requirement whose bounds hold release `rank` of `dependency`, and perhaps older and newer ones."""
    known = versions(seed, dependency, releases)
    low = known[rng.randint(0, rank)]
    specifier = rng.choice((f">={low}", f">={low}", ""))
    if rank + 1 < releases and rng.random() < 0.2:
        high = known[rng.randint(rank + 1, releases - 1)]
        specifier = ",".join(filter(None, (specifier, f"<{high}")))
    marker = rng.choice(("", "", "", "", ' ; python_version < "3.12"', ' ; sys_platform == "win32"'))
    return f"{name(dependency)}{specifier}{marker}"


def artifacts(seed, package, version, compiled):
    """Three artifacts with made-up sizes and digests."""
    stem = f"{package.replace('-', '_')}-{version}"
    if compiled:
        files = (f"{stem}-cp311-cp311-manylinux_2_28_x86_64.whl", f"{stem}-cp311-cp311-win_amd64.whl")
    else:
        files = (f"{stem}-py3-none-any.whl", f"{stem}-py2-none-any.whl")
    made = []
    for file in (*files, f"{stem}.tar.gz"):
        digits = hashlib.blake2b(f"{seed} {file}".encode()).hexdigest()
        size = 10_000 + int(digits[:5], 16)
        made.append({"file": file, "size": size, "blake3": digits[:64], "sha256": digits[64:]})
    return made


def records(seed, number, releases):
    """The release records of a package, oldest first, as lines without a newline."""
    rng = random.Random(f"{seed} records {number}")
    package = name(number)
    compiled = rng.random() < 0.3
    license_ = rng.choice(LICENSES)
    wanted = rng.choices(DEPENDENCY_COUNTS, DEPENDENCY_WEIGHTS)[0] if number else 0
    # Low numbers are chosen more often: a few packages carry many, as everywhere.
    dependencies = sorted({int(number * rng.random() ** 3) for _ in range(wanted)})
    for rank, version in enumerate(versions(seed, number, releases)):
        record = {"kind": "release", "family": "python", "name": package, "version": version}
        if dependencies:
            record["requires"] = [requirement(rng, seed, other, rank, releases) for other in dependencies]
        record["requires-python"] = ">=3.9" if 2 * rank > releases else ">=3.7"
        record["license"] = license_
        record["summary"] = f"Synthetic package {number}: {package.replace('-', ' ')} for building models."
        record["artifacts"] = artifacts(seed, package, version, compiled)
        yield json.dumps(record, separators=(",", ":"))
