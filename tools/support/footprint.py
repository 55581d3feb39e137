"""What a folder holds, and what was written into it in between."""

import collections
import os


def files(folder):
    """Path in the folder to (size, time of modification) of each file; not the lock, which holds nothing."""
    found = {}
    pending = [os.fspath(folder)]
    while pending:
        with os.scandir(pending.pop()) as items:
            for item in items:
                if item.is_dir(follow_symlinks=False):
                    pending.append(item.path)
                elif item.name != ".lock":
                    status = item.stat(follow_symlinks=False)
                    found[os.path.relpath(item.path, folder)] = (status.st_size, status.st_mtime_ns)
    return found


def by_kind(files):
    """Kind of file to (how many, bytes): the first part of the path, or the first two below `log`."""
    counts = collections.defaultdict(lambda: [0, 0])
    for path, (size, _time) in files.items():
        parts = path.split("/")
        kind = "/".join(parts[:2]) if parts[0] == "log" else parts[0]
        counts[kind][0] += 1
        counts[kind][1] += size
    return {kind: tuple(count) for kind, count in counts.items()}


def written(before, after):
    """The files that are new or changed: how many, the bytes that were written, and by how much the folder has grown.

    Of an index file the bytes that were appended count; every other file is written as a whole. The last bundle of the log's entries
    is left out of the bytes: it is written again by every seal, and how full it is has nothing to do with what is sealed.
    """
    changed = [path for path, what in after.items() if before.get(path) != what]
    size = growth = 0
    for path in changed:
        if path.startswith("log/tile/entries/"):
            continue
        was, now = before.get(path, (0, 0))[0], after[path][0]
        size += now - was if path.startswith("index/") else now
        growth += now - was
    return len(changed), size, growth
