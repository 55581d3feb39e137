"""What follows for a registry of ten million records, and for its hosts, from what was measured of smaller ones."""

from support import measure

PACKAGES, RELEASES = 1_000_000, 10
CLIENTS, LOCKS_A_DAY, SEALS_A_DAY = 10_000, 10, 1_000


def next_decade(figures):
    """The figure of a registry ten times the last one: what depends on the depth of trees adds as much as it did last."""
    return figures[-1] + max(0, figures[-1] - figures[-2])


def report(registries):
    """Markdown. The registries are each ten times the one before, and the last one has a tenth of the packages."""
    last = registries[-1]
    ahead = PACKAGES / last.packages

    def of(figure):
        return next_decade([registry.figures[figure] for registry in registries])

    rows, files, size = [], 0, 0
    for kind, what in (
        ("index", "index files, one for each package"),
        ("log/tile", "tiles and bundles of the log"),
        ("snapshot", "nodes of the snapshot"),
    ):
        count, length = (ahead * value for value in last.files[kind])
        files, size = files + count, size + length
        rows.append([what, f"{count:,.0f} files", f"{length / 1e9:.2f} GB"])
    rows.append(["together, without blobs", f"{files:,.0f} files", f"{size / 1e9:.2f} GB"])

    new = "publish a new package"
    # The bundles of a log are full of 256 entries; the last one is on average half full.
    bundle = 128 * last.figures["bytes of an entry"]
    written, grown = (of(f"{new}: {figure}") + bundle for figure in ("bytes", "growth"))
    # A record and its seal line, each in an index file and in the log.
    kept = 4 * last.figures["bytes of an entry"]
    year = SEALS_A_DAY * 365
    rows += [
        ["a seal of one new package writes", f"{of(f'{new}: files'):,.0f} files", f"{written / 1e3:,.0f} kB"],
        ["of that the last bundle of entries, on average", "1 file", f"{bundle / 1e3:,.0f} kB"],
        [f"{SEALS_A_DAY:,} such seals a day leave behind in a year", "", f"{grown * year / 1e9:,.1f} GB"],
        ["of that named by the newest state", "", f"{kept * year / 1e9:,.2f} GB"],
    ]
    cold, after = "lock cold", "lock after another seal"
    for title, state in (("a first lock", cold), ("a lock after a seal of something else", after)):
        rows.append([title, f"{of(f'{state}: requests'):,.0f} requests", f"{of(f'{state}: bytes') / 1e3:,.0f} kB"])
    day = CLIENTS * LOCKS_A_DAY
    asked, sent = of(f"{after}: requests") * day, of(f"{after}: bytes") * day
    rows += [
        [
            f"{CLIENTS:,} clients, {LOCKS_A_DAY} locks a day each, each after a seal",
            f"{asked:,.0f} requests a day, {asked / 86_400:,.0f} a second",
            f"{sent / 1e9:,.1f} GB a day",
        ],
        [
            "all of them for the first time on one day",
            f"{of(f'{cold}: requests') * CLIENTS:,.0f} requests",
            f"{of(f'{cold}: bytes') * CLIENTS / 1e9:,.1f} GB",
        ],
    ]
    table = measure.table([f"{PACKAGES * RELEASES:,} records of {PACKAGES:,} packages", "", ""], rows)
    return f"{table}\n\n{by_kind(last, cold)}"


def by_kind(registry, state):
    """What a lock asked for, by how long a cache on the way may keep it."""
    kinds = {
        "`log/checkpoint`": ("/log/checkpoint", "for as long as the registry wants to be behind: `max-age=60`"),
        "`snapshot/…`": ("/snapshot/", "for ever: the name is the digest"),
        "`log/tile/…`": ("/log/tile/", "for ever: the name says which entries"),
        "`index/…`, `config.json` and other listed files": (
            "",
            "as the checkpoint: a reader asks past a cache that is behind",
        ),
    }
    asked = registry.figures[f"{state}: asked"]
    total = sum(size for _path, size in asked)
    rows, left = [], list(asked)
    for title, (part, keeps) in kinds.items():
        of_kind = [(path, size) for path, size in left if part in path]
        left = [item for item in left if item not in of_kind]
        size = sum(size for _path, size in of_kind)
        rows.append([title, len(of_kind), f"{size:,}", f"{size / total:.0%}" if total else "—", keeps])
    header = [
        f"a first lock against {registry.packages:,} packages",
        "requests",
        "bytes",
        "of all",
        "a cache may keep it",
    ]
    return measure.table(header, rows)
