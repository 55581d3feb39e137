"""Writes the vectors of this folder, from the text of the specification and not from the code of rvp.

It shares no line with rvp, so a vector that rvp agrees with was reached twice. Run it in this folder after a change
of the format; it needs the packages `blake3` and `cryptography`, and always writes the same bytes.
"""

import base64
import hashlib
import json
import shutil
from pathlib import Path

from blake3 import blake3
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

HERE = Path(__file__).parent


def b3(data):
    return blake3(data).hexdigest()


def compact(value):
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)


def write_json(name, value):
    (HERE / name).write_bytes((json.dumps(value, indent=1, ensure_ascii=False) + "\n").encode())


# C2SP signed-note, with Ed25519 (type 1)


class Key:
    def __init__(self, name, seed):
        self.name, self.seed = name, seed
        self.private = Ed25519PrivateKey.from_private_bytes(seed)
        public = self.private.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
        self.hash = hashlib.sha256(name.encode() + b"\n\x01" + public).digest()[:4]
        stem = f"{name}+{self.hash.hex()}"
        self.verifier = f"{stem}+" + base64.b64encode(b"\x01" + public).decode()
        self.signer = f"PRIVATE+KEY+{stem}+" + base64.b64encode(b"\x01" + seed).decode()

    def cosigner(self):
        """The same pair of keys, in the form of a witness: C2SP tlog-cosignature, type 4."""
        public = self.private.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
        self.hash = hashlib.sha256(self.name.encode() + b"\n\x04" + public).digest()[:4]
        stem = f"{self.name}+{self.hash.hex()}"
        self.verifier = f"{stem}+" + base64.b64encode(b"\x04" + public).decode()
        self.signer = f"PRIVATE+KEY+{stem}+" + base64.b64encode(b"\x04" + self.seed).decode()
        return self

    def cosignature(self, text, time):
        signed = self.private.sign(f"cosignature/v1\ntime {time}\n{text}".encode())
        return f"— {self.name} {base64.b64encode(self.hash + time.to_bytes(8, 'big') + signed).decode()}\n"

    def signature(self, text):
        signed = base64.b64encode(self.hash + self.private.sign(text.encode())).decode()
        return f"— {self.name} {signed}\n"


# RFC 6962, section 2.1, and C2SP tlog-tiles


def leaf_hash(entry):
    return hashlib.sha256(b"\x00" + entry).digest()


def tree_hash(hashes):
    if not hashes:
        return hashlib.sha256(b"").digest()
    if len(hashes) == 1:
        return hashes[0]
    split = 1
    while split * 2 < len(hashes):
        split *= 2
    return hashlib.sha256(b"\x01" + tree_hash(hashes[:split]) + tree_hash(hashes[split:])).digest()


def consistency_proof(old, hashes, whole=True):
    """SUBPROOF of section 2.1.2."""
    if old == len(hashes):
        return [] if whole else [tree_hash(hashes)]
    split = 1
    while split * 2 < len(hashes):
        split *= 2
    if old <= split:
        return consistency_proof(old, hashes[:split], whole) + [tree_hash(hashes[split:])]
    return consistency_proof(old - split, hashes[split:], False) + [tree_hash(hashes[:split])]


def tile_number(number):
    text = f"{number % 1000:03}"
    while number >= 1000:
        number //= 1000
        text = f"x{number % 1000:03}/{text}"
    return text


def audit_paths(hashes):
    """The file beside a full tile: each four hashes, and those beside their way up."""
    rows = [tree_hash(hashes[first : first + 4]) for first in range(0, 256, 4)]
    levels = [rows]
    while len(rows) > 2:
        rows = [hashlib.sha256(b"\x01" + rows[n] + rows[n + 1]).digest() for n in range(0, len(rows), 2)]
        levels.append(rows)
    groups = [b"".join(hashes[first : first + 4]) for first in range(0, 256, 4)]
    ways = [b"".join(level[(group >> height) ^ 1] for height, level in enumerate(levels)) for group in range(64)]
    return b"".join(group + way for group, way in zip(groups, ways))


def tiles(entries):
    """Every tile, file of audit paths, and bundle of a log of these entries, by path."""
    files = {}

    def cut(items, folder):
        for first in range(0, len(items), 256):
            part = items[first : first + 256]
            width = "" if len(part) == 256 else f".p/{len(part)}"
            files[f"log/tile/{folder}/{tile_number(first // 256)}{width}"] = b"".join(part)

    cut([len(entry).to_bytes(2, "big") + entry for entry in entries], "entries")
    hashes, level = [leaf_hash(entry) for entry in entries], 0
    while hashes:
        cut(hashes, level)
        full = len(hashes) // 256 * 256
        for first in range(0, full, 256):
            files[f"log/paths/{level}/{tile_number(first // 256)}"] = audit_paths(hashes[first : first + 256])
        hashes = [tree_hash(hashes[first : first + 256]) for first in range(0, full, 256)]
        level += 1
    return files


# The snapshot


def slot_file(slots):
    """The digest and the file of a node with these 16 slots: each behind the digests beside its way up."""
    levels = [[blake3(b"\x00" + slot).digest() for slot in slots]]
    while len(levels[-1]) > 1:
        below = levels[-1]
        levels.append([blake3(b"\x01" + below[n] + below[n + 1]).digest() for n in range(0, len(below), 2)])
    proofs = [b"".join(level[(slot >> height) ^ 1] for height, level in enumerate(levels[:-1])) for slot in range(16)]
    return levels[-1][0].hex(), b"".join(proof + slot for proof, slot in zip(proofs, slots))


def trie(entries):
    """The root digest and all nodes, by digest, of a snapshot of {path: (length, digest)}."""
    nodes = {}
    keys = {path: b3(path.encode()) for path in entries}

    def child(paths, depth):
        """What a branch says of the child that covers these paths."""
        if not paths:
            return bytes(65)
        if depth == 2 or len(paths) > 64:
            slots, kind = [child(group, depth + 1) for group in by_digit(paths, depth)], 1
        else:
            slots, kind = [b"".join(map(item, sorted(group))) for group in by_digit(paths, depth)], 2
        digest, file = slot_file(slots)
        nodes[digest] = file
        sizes = [len(slot) if kind == 2 else 0 for slot in slots]
        return bytes([kind]) + bytes.fromhex(digest) + b"".join(size.to_bytes(2, "big") for size in sizes)

    def by_digit(paths, depth):
        return [[path for path in paths if int(keys[path][depth], 16) == digit] for digit in range(16)]

    def item(path):
        length, digest = entries[path]
        return length.to_bytes(8, "big") + bytes.fromhex(digest) + bytes([len(path.encode())]) + path.encode()

    under = [[path for path in entries if int(keys[path][:2], 16) == value] for value in range(256)]
    table = b"".join(child(paths, 2)[1:33] for paths in under)
    nodes[b3(table)] = table
    return b3(table), nodes


def checkpoint_text(origin, entries, snapshot, time):
    root = base64.b64encode(tree_hash([leaf_hash(entry) for entry in entries])).decode()
    return f"{origin}\n{len(entries)}\n{root}\nsnapshot {snapshot}\ntime {time}\n"


# The vectors


def snapshots():
    def entry(number):
        return (number, b3(str(number).encode()))

    cases = {
        "one entry": {"config.json": entry(7)},
        "two entries": {"config.json": entry(7), "index/python/nu/mp/numpy": entry(0)},
        "six entries": {f"index/python/p{n}": entry(n) for n in range(6)},
    }
    # Paths whose keys share their first three digits: 64 of them are a leaf, 65 are a branch.
    shared, number = [], 0
    while len(shared) < 65:
        path = f"index/python/pa/ck/package-{number}"
        if b3(path.encode()).startswith("abc"):
            shared.append(path)
        number += 1
    cases["a full leaf"] = {path: entry(n) for n, path in enumerate(shared[:64])}
    cases["one more than a full leaf"] = {path: entry(n) for n, path in enumerate(shared)}
    out = []
    for title, entries in cases.items():
        root, nodes = trie(entries)
        listed = {path: {"length": length, "blake3": digest} for path, (length, digest) in entries.items()}
        files = {digest: base64.b64encode(file).decode() for digest, file in nodes.items()}
        out.append({"case": title, "entries": listed, "root": root, "nodes": files})
    write_json("snapshots.json", out)


def logs():
    out = []
    for size in [0, 1, 2, 3, 5, 8, 255, 256, 257, 600]:
        entries = [compact({"kind": "x", "n": n}).encode() for n in range(size)]
        root = tree_hash([leaf_hash(entry) for entry in entries])
        files = {path: hashlib.sha256(data).hexdigest() for path, data in tiles(entries).items()}
        out.append({"size": size, "root": base64.b64encode(root).decode(), "files-sha256": files})
    write_json("logs.json", {"entry": '{"kind":"x","n":<number>}', "logs": out})


def proofs():
    out = []
    for size in [2, 3, 6, 7, 8, 100, 255, 256, 257]:
        hashes = [leaf_hash(compact({"kind": "x", "n": n}).encode()) for n in range(size)]
        data = b"".join(b"".join(consistency_proof(old, hashes)) for old in range(1, size))
        out.append({"size": size, "consistency-sha256": hashlib.sha256(data).hexdigest()})
    write_json("proofs.json", out)


def cosignatures():
    key, witness = Key("acme", bytes(range(32))), Key("witness.example/w1", bytes(range(3, 35))).cosigner()
    stranger = Key("witness.example/w2", bytes(range(4, 36))).cosigner()
    text = checkpoint_text("acme", [b'{"kind":"x"}'], b3(b"a snapshot"), "2026-11-20T12:00:00Z")
    note, time = text + "\n" + key.signature(text), 1795176000
    line = witness.cosignature(text, time)
    cases = [
        ("cosigned", time, note + line),
        ("cosigned by another too", time, note + stranger.cosignature(text, 7) + line),
        ("cosigned before the log signed", time, text + "\n" + line + key.signature(text)),
        ("cosigned at the beginning of time", 0, note + witness.cosignature(text, 0)),
        ("not cosigned", None, note),
        ("cosigned by another", None, note + stranger.cosignature(text, time)),
        ("the text is altered", None, (note + line).replace("acme\n1\n", "acme\n2\n")),
        ("the cosignature of another text", None, note + witness.cosignature(text + "x\n", time)),
        ("an ordinary signature by the witness's key", None, note + witness.signature(text)),
        ("the time is altered", None, note + altered_time(line)),
        ("a time beyond 63 bits", None, note + witness.cosignature(text, 1 << 63)),
        ("another's name", None, note + line.replace("w1 ", "w3 ")),
    ]
    public = witness.verifier.split("+", 2)
    write_json(
        "cosignatures.json",
        {
            "private-key": witness.signer,
            "witness": witness.verifier,
            "cases": [{"case": case, "time": time, "text": text} for case, time, text in cases],
            "bad-keys": {
                "a log's": key.verifier,
                "another hash": "+".join([public[0], "00000000", public[2]]),
                "another name": "+".join(["witness.example/w3", *public[1:]]),
                "capitals in the hash": "+".join([public[0], public[1].upper(), public[2]]),
                "cut": witness.verifier[:-4],
                "two parts": "+".join(public[:2]),
                "nothing": "",
            },
        },
    )


def altered_time(line):
    dash, name, data = line.split()
    data = bytearray(base64.b64decode(data))
    data[11] ^= 1
    return f"{dash} {name} {base64.b64encode(bytes(data)).decode()}\n"


def handovers():
    old, new, third = (Key("acme", bytes(range(first, first + 32))) for first in [0, 1, 5])
    stranger, elsewhere = Key("acme", bytes(range(2, 34))), Key("elsewhere", bytes(range(6, 38)))

    def note(signer, origin, size, key):
        text = f"rvp log key handover\norigin {origin}\nsize {size}\nkey {key.verifier}\n"
        return text + "\n" + signer.signature(text)

    def line(note, key):
        return compact({"kind": "key", "critical": True, "key": key.verifier, "note": note}) + "\n"

    good = note(old, "acme", 12, new)
    ways = [
        ("one handover", line(good, new), old, new, True),
        ("two handovers", line(good, new) + line(note(new, "acme", 12, third), third), old, third, True),
        ("from the second key on", line(good, new) + line(note(new, "acme", 30, third), third), new, third, True),
        ("other lines in between", '{"kind":"seal","path":"index/keys","first":1,"count":1,"time":"2026-01-01T00:00:00Z"}\ntorn' + "\n" + line(good, new), old, new, True),
        ("no lines", "", old, new, False),
        ("signed by the new key", line(note(new, "acme", 12, new), new), old, new, False),
        ("signed by a stranger", line(note(stranger, "acme", 12, new), new), old, new, False),
        ("altered", line(good.replace("size 12", "size 13"), new), old, new, False),
        ("another key than the note's", line(good, third), old, third, False),
        ("another origin", line(note(old, "elsewhere", 12, new), new), old, new, False),
        ("a key of another log", line(note(old, "acme", 12, elsewhere), elsewhere), old, elsewhere, False),
        ("a smaller log", line(good, new) + line(note(new, "acme", 11, third), third), old, third, False),
        ("in a circle", line(good, new) + line(note(new, "acme", 12, old), old), old, old, False),
        ("a size with a leading zero", line(note(old, "acme", "012", new), new), old, new, False),
        ("a line more", line(note(old, "acme", "12\nmore x", new), new), old, new, False),
    ]
    write_json(
        "handovers.json",
        [
            {"case": case, "lines": lines, "from": one.verifier, "to": other.verifier, "leads": leads}
            for case, lines, one, other, leads in ways
        ],
    )


def evidence():
    key, new, other = Key("acme", bytes(range(32))), Key("acme", bytes(range(1, 33))), Key("acme", bytes(range(2, 34)))
    log = [compact({"kind": "x", "n": n}).encode() for n in range(9)]
    forked = log[:3] + [b"another"] + log[4:]
    table = b3(b"a snapshot")

    def note(entries, key=key, snapshot=table):
        text = checkpoint_text("acme", entries, snapshot, "2026-11-20T12:00:00Z")
        return text + "\n" + key.signature(text)

    def quoted(note):
        return "".join(f"| {line}\n" if line else "|\n" for line in note.split("\n")[:-1])

    def base(data):
        return base64.b64encode(data).decode()

    def text(one, two, proof="", handover="", first=key):
        title = f"rvp evidence: two states of one log\nkey {first.verifier}\n"
        return f"{title}{handover}view here\n{quoted(one)}view there\n{quoted(two)}{proof}"

    def prefix(old, entries):
        hashes = [leaf_hash(entry) for entry in entries]
        lines = [f"proof {base(item)}\n" for item in consistency_proof(old, hashes)]
        return f"root {base(tree_hash(hashes[:old]))}\n" + "".join(lines)

    words = f"rvp log key handover\norigin acme\nsize 5\nkey {new.verifier}\n"
    handover = "handover\n" + quoted(words + "\n" + key.signature(words))
    five, nine = note(log[:5]), note(forked)
    cases = [
        ("other entries of the same number", True, text(note(log), note(forked))),
        ("another table of the same entries", True, text(note(log), note(log, snapshot=b3(b"another")))),
        ("a larger log with another beginning", True, text(five, nine, prefix(5, forked))),
        ("one entry, and more", True, text(note([b"z"]), nine, prefix(1, forked))),
        ("under two keys", True, text(five, note(forked, new), prefix(5, forked), handover)),
        ("the same state twice", False, text(five, five)),
        ("a larger log that continues", False, text(note(forked[:5]), nine, prefix(5, forked))),
        ("no proof", False, text(five, nine)),
        ("a proof of another size", False, text(five, nine, prefix(4, forked))),
        ("the proof of another log", False, text(five, nine, prefix(5, log))),
        ("the larger log first", False, text(nine, five, prefix(5, forked))),
        ("an empty log", False, text(note([]), nine, prefix(1, forked))),
        ("another key", False, text(note(log), note(forked), first=other)),
        ("a view by another key", False, text(note(log), note(forked, other))),
        ("under two keys without a handover", False, text(five, note(forked, new), prefix(5, forked))),
        ("an altered view", False, text(note(log), note(forked).replace("acme\n9\n", "acme\n8\n"))),
        ("a handover behind the views", False, text(note(log), note(forked), handover)),
        ("one view", False, text(note(log), "").replace("view there\n", "")),
        ("another title", False, text(note(log), note(forked)).replace("two states", "two facts")),
    ]
    write_json("evidence.json", [{"case": case, "proves": proves, "text": text} for case, proves, text in cases])


def checkpoints():
    key, other = Key("acme", bytes(range(32))), Key("acme", bytes(range(1, 33)))
    stranger = Key("elsewhere", bytes(range(2, 34)))
    snapshot, entries = b3(b"a snapshot"), [b'{"kind":"x"}', b'{"kind":"y"}']
    good = checkpoint_text("acme", entries, snapshot, "2026-11-20T12:00:00Z")
    root = good.split("\n")[2]

    def note(text, *keys):
        return text + "\n" + "".join(key.signature(text) for key in keys or [key_of_log])

    key_of_log = key
    cases = [
        ("plain", "good", note(good)),
        ("an unknown extension line", "good", note(good + "witness-hint 7\n")),
        ("signed by a witness too", "good", note(good, key, stranger)),
        ("a witness signs first", "good", note(good, stranger, key)),
        ("an empty log", "good", note(checkpoint_text("acme", [], snapshot, "2026-11-20T12:00:00Z"))),
        ("another key of the same name", "signature", note(good, other)),
        ("another registry's key alone", "signature", note(good, stranger)),
        ("the size is altered", "signature", note(good).replace("acme\n2\n", "acme\n3\n")),
        ("the snapshot is altered", "signature", note(good).replace(snapshot, b3(b"another"))),
        ("the signature of another text", "signature", good + "\n" + key.signature(good + "x\n")),
        ("another origin", "damaged", note(good.replace("acme\n", "elsewhere\n"))),
        ("no snapshot line", "damaged", note(good.replace(f"snapshot {snapshot}\n", ""))),
        ("no time line", "damaged", note(good.replace("time 2026-11-20T12:00:00Z\n", ""))),
        ("two snapshot lines", "damaged", note(good + f"snapshot {snapshot}\n")),
        ("two time lines", "damaged", note(good + "time 2026-11-20T12:00:00Z\n")),
        ("a snapshot in capitals", "damaged", note(good.replace(snapshot, snapshot.upper()))),
        ("a time that is none", "damaged", note(good.replace("T12:00:00Z", "T25:00:00Z"))),
        ("a time with an offset", "damaged", note(good.replace("T12:00:00Z", "T14:00:00+02:00"))),
        ("a time with a fraction", "damaged", note(good.replace("12:00:00Z", "12:00:00.5Z"))),
        ("a size with a leading zero", "damaged", note(good.replace("\n2\n", "\n02\n"))),
        ("a size below zero", "damaged", note(good.replace("\n2\n", "\n-2\n"))),
        ("a size beyond 64 bits", "damaged", note(good.replace("\n2\n", "\n18446744073709551616\n"))),
        ("a root of 31 bytes", "damaged", note(good.replace(root, base64.b64encode(bytes(31)).decode()))),
        ("no signature", "damaged", good + "\n"),
        ("no empty line", "damaged", good),
        ("cut in its signature", "damaged", note(good)[:-20]),
        ("cut in its text", "damaged", note(good)[:40]),
        ("nothing at all", "damaged", ""),
        ("lines ended as on Windows", "damaged", note(good).replace("\n", "\r\n")),
        ("a page of HTML", "damaged", "<!doctype html>\n<title>Not found</title>\n"),
        ("something behind the signature", "damaged", note(good) + "more\n"),
    ]
    write_json(
        "checkpoints.json",
        {
            "key": key.verifier,
            "cases": [{"case": case, "is": verdict, "text": text} for case, verdict, text in cases],
        },
    )


class Registry:
    """A registry in a folder of its own, sealed with the published key."""

    def __init__(self, folder, name):
        self.folder, self.name = HERE / folder, name
        shutil.rmtree(self.folder, ignore_errors=True)
        self.key = Key(name, hashlib.sha256(b"the published key of the vectors: sign nothing with it").digest())
        self.entries, self.snapshot, self.index = [], {}, {}
        config = {"format": 1, "name": name, "key": self.key.verifier, "max-age-days": 36500}
        config = (json.dumps(config, indent=2) + "\n").encode()
        self.put("config.json", config)
        self.config = {"kind": "file", "path": "config.json", "length": len(config), "blake3": b3(config)}

    def put(self, path, data):
        (self.folder / path).parent.mkdir(parents=True, exist_ok=True)
        (self.folder / path).write_bytes(data)

    def blob(self, data, file):
        self.put(f"blobs/{b3(data)[:2]}/{b3(data)}/{file}", data)

    def seal(self, by_path, time):
        for path in sorted(by_path, key=lambda path: (path != "index/prefixes", path)):
            lines = list(by_path[path])
            lines.append(
                {"kind": "seal", "path": path, "first": len(self.entries), "count": len(lines), "time": time}
            )
            for line in lines:
                self.entries.append(compact(line).encode())
                self.index[path] = self.index.get(path, b"") + compact(line).encode() + b"\n"
                if line["kind"] == "file":
                    self.snapshot[line["path"]] = (line["length"], line["blake3"])
            self.put(path, self.index[path])
            self.snapshot[path] = (len(self.index[path]), b3(self.index[path]))
        for path, data in tiles(self.entries).items():
            self.put(path, data)
        root, nodes = trie(self.snapshot)
        for digest, file in nodes.items():
            self.put(f"snapshot/{digest}", file)
        text = checkpoint_text(self.name, self.entries, root, time)
        self.put("log/checkpoint", (text + "\n" + self.key.signature(text)).encode())


BLOB = b"The bytes of an artifact.\n"
ARTIFACT = {
    "file": "acme_walls-1.0-py3-none-any.whl",
    "size": len(BLOB),
    "blake3": b3(BLOB),
    "sha256": hashlib.sha256(BLOB).hexdigest(),
}


def registry():
    made = Registry("registry", "vectors")
    made.seal(
        {
            "index/files": [made.config],
            "index/host/re/vi/revit": [
                {
                    "kind": "release",
                    "family": "host",
                    "name": "revit",
                    "version": "2025.4",
                    "provides": {"dotnet": "8", "platform": "win_amd64", "python": "3.11"},
                }
            ],
        },
        "2026-01-01T00:00:00Z",
    )
    made.blob(BLOB, ARTIFACT["file"])
    release = {
        "kind": "release",
        "family": "python",
        "name": "Acme.Walls",
        "version": "1.0",
        "requires": ["numpy >=1.26", "rich ; extra == 'tables'"],
        "requires-python": ">=3.11",
        "extras": ["tables"],
        "hosts": {"revit": ">=2022,<2028"},
        "license": "MIT",
        "summary": "Walls, doors and « élévations »",
        "artifacts": [ARTIFACT],
    }
    vitte = {"kind": "release", "family": "vitte", "name": "roussov/con", "version": "0.3.1", "requires": ["roussov/vitte-math ^1.2"]}
    made.seal(
        {"index/python/ac/me/acme-walls": [release], "index/vitte/ro/us/roussov/con_": [vitte]},
        "2026-01-01T00:00:01Z",
    )
    yank = {
        "kind": "yank",
        "family": "python",
        "name": "acme-walls",
        "version": "1.0",
        "yanked": True,
        "reason": "doors open both ways",
    }
    made.seal({"index/python/ac/me/acme-walls": [yank]}, "2026-01-01T00:00:02Z")
    made.put("../registry.key", (made.key.signer + "\n").encode())


# Signed records


def canonical(value):
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False, sort_keys=True)


class Signer:
    """Somebody with an Ed25519 key, who signs DSSE envelopes in Sigstore bundles."""

    PAYLOAD_TYPE = "application/vnd.in-toto+json"

    def __init__(self, name):
        self.private = Ed25519PrivateKey.from_private_bytes(hashlib.sha256(name.encode()).digest())
        der = self.private.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        self.key = base64.b64encode(der).decode()
        self.hint = base64.b64encode(hashlib.sha256(der).digest()).decode()

    def bundle(self, payload, payload_type=PAYLOAD_TYPE):
        signed = b"DSSEv1 %d %s %d %s" % (len(payload_type), payload_type.encode(), len(payload), payload)
        envelope = {
            "payload": base64.b64encode(payload).decode(),
            "payloadType": payload_type,
            "signatures": [{"sig": base64.b64encode(self.private.sign(signed)).decode()}],
        }
        return compact(
            {
                "mediaType": "application/vnd.dev.sigstore.bundle.v0.3+json",
                "verificationMaterial": {"publicKey": {"hint": self.hint}},
                "dsseEnvelope": envelope,
            }
        ).encode()

    def named(self, bundle):
        return {"size": len(bundle), "blake3": b3(bundle), "key": self.key}


def statement(registry, records):
    """The statement that signs records, given as (index file, record)."""
    subjects = []
    for path, record in records:
        digests = [(artifact["file"], artifact["sha256"]) for artifact in record.get("artifacts", [])]
        whole = [(path, hashlib.sha256(canonical(record).encode()).hexdigest())]
        subjects += [{"name": name, "digest": {"sha256": digest}} for name, digest in digests or whole]
    return {
        "_type": "https://in-toto.io/Statement/v1",
        "subject": subjects,
        "predicateType": "urn:rvp:records:v1",
        "predicate": {"registry": registry, "records": [record for _, record in records]},
    }


def owners_of(kind, what, revision, *signers):
    return {
        "kind": kind,
        "critical": True,
        "family": "python",
        "prefix" if kind == "prefix" else "name": what,
        "revision": revision,
        "threshold": 1,
        "owners": [{"key": signer.key} for signer in signers],
    }


RELEASE = {"kind": "release", "family": "python", "name": "acme-walls", "version": "1.0", "artifacts": [ARTIFACT]}
WALLS = "index/python/ac/me/acme-walls"


def signatures():
    ana, eve = Signer("ana"), Signer("eve")
    yank = {"kind": "yank", "family": "python", "name": "acme-walls", "version": "1.0", "yanked": True}
    yank |= {"reason": "« \u00e9l\u00e9vations » \\ \u0001 \U0001f9f1", "revision": 1}
    claim = owners_of("owners", "acme-walls", 1, ana)
    both = [(WALLS, claim), (WALLS, RELEASE)]
    cases = []

    def case(title, verdict, record, payload, signer=ana, line=None, path=WALLS, named=ana, **options):
        if isinstance(payload, dict):
            payload = compact(payload)
        bundle = signer.bundle(payload.encode(), **options)
        signed = compact(record | {"signatures": [named.named(bundle)]}) if line is None else line(named.named(bundle))
        cases.append({"case": title, "is": verdict, "path": path, "line": signed, "bundle": bundle.decode()})

    whole = statement("vectors", [(WALLS, RELEASE)])
    of_yank = statement("vectors", [(WALLS, yank)])
    case("a release", "good", RELEASE, whole)
    case("a record without files", "good", yank, of_yank)
    case("two records of one statement, the first", "good", claim, statement("vectors", both))
    case("two records of one statement, the second", "good", RELEASE, statement("vectors", both))
    spelled = lambda named: json.dumps({"signatures": [named], **dict(reversed(yank.items()))}, indent=1).replace("\n", " ")
    case("members in another order, escaped and with white space", "good", yank, of_yank, line=spelled)
    case("unknown members", "good", RELEASE | {"later": [None, -7]}, statement("vectors", [(WALLS, RELEASE | {"later": [None, -7]})]))
    case("of another registry", "bad", RELEASE, statement("other", [(WALLS, RELEASE)]))
    case("of another record", "bad", RELEASE, of_yank)
    case("a member was added", "bad", RELEASE | {"summary": "x"}, whole)
    case("an unknown member was altered", "bad", RELEASE | {"later": 1}, statement("vectors", [(WALLS, RELEASE | {"later": 2})]))
    case("a file is no subject", "bad", RELEASE, whole | {"subject": statement("vectors", [(WALLS, yank)])["subject"]})
    renamed = [{"name": "acme_walls-1.1-py3-none-any.whl", "digest": {"sha256": ARTIFACT["sha256"]}}]
    case("a file has another name among the subjects", "bad", RELEASE, whole | {"subject": renamed})
    case("in the index file of another package", "bad", yank, of_yank, path="index/python/ac/me/acme-doors")
    case("by another key than the record names", "bad", RELEASE, whole, signer=eve)
    case("by a key that the record does not name", "bad", RELEASE, whole, line=lambda named: compact(RELEASE | {"signatures": [{"size": named["size"], "blake3": named["blake3"]}]}))
    case("another type of statement", "bad", RELEASE, whole | {"_type": "https://in-toto.io/Statement/v0.1"})
    case("another type of predicate", "bad", RELEASE, whole | {"predicateType": "https://slsa.dev/provenance/v1"})
    case("another type of payload", "bad", RELEASE, whole, payload_type="application/json")
    twice = compact(whole).replace('"registry":"vectors"', '"registry":"other","registry":"vectors"')
    case("a key stands twice in the statement", "bad", RELEASE, twice)
    half = RELEASE | {"later": 0.5}
    case("a number that is not an integer", "bad", half, statement("vectors", [(WALLS, half)]))
    write_json("signatures.json", {"registry": "vectors", "cases": cases})


def owned():
    """A team owns a prefix, hands a name over to ana, who releases; ben approves."""
    team, ana, ben = Signer("team"), Signer("ana"), Signer("ben")
    made = Registry("owned", "owned")
    made.blob(BLOB, ARTIFACT["file"])

    def signed(signer, path, *records):
        bundle = signer.bundle(compact(statement("owned", [(path, record) for record in records])).encode())
        made.blob(bundle, "bundle.sigstore.json")
        return [record | {"signatures": [signer.named(bundle)]} for record in records]

    prefixes = signed(team, "index/prefixes", owners_of("prefix", "acme-", 1, team))
    made.seal({"index/files": [made.config], "index/prefixes": prefixes}, "2026-01-01T00:00:00Z")
    claim = signed(team, WALLS, owners_of("owners", "acme-walls", 1, ana))
    release = signed(ana, WALLS, RELEASE)
    made.seal({WALLS: claim + release}, "2026-01-01T00:00:01Z")
    approve = {"kind": "approve", "family": "python", "name": "acme-walls", "version": "1.0"}
    approve["records"] = [b3(compact(release[0]).encode())]
    made.seal({WALLS: signed(ben, WALLS, approve)}, "2026-01-01T00:00:02Z")


snapshots()
logs()
proofs()
checkpoints()
cosignatures()
handovers()
evidence()
registry()
signatures()
owned()
