"""Where fuzzing begins: inputs of every fuzz target, and words for its dictionary, from the tests' data and the format's vectors."""

import base64
import gzip
import hashlib
import io
import json
import random
import re
import tarfile
import zipfile

from .program import REPOSITORY

VECTORS = REPOSITORY / "index-schema" / "vectors"
REGISTRY = VECTORS / "registry"
DIST_INFO = "acme_walls-1.0.dist-info"
METADATA = b"""\
Metadata-Version: 2.4
Name: Acme_Walls
Version: 1.0
Summary: Lines, and
        planes
Requires-Python: >=3.8
Provides-Extra: Fast_Math
Requires-External: libfoo
Dynamic: License
Requires-Dist: numpy (>=1.20,<3)
Requires-Dist: numba>=0.5; extra == 'fast-math'
Requires-Dist: tool @ https://example.org/tool.zip
License-Expression: Apache-2.0
Classifier: License :: OSI Approved :: MIT License

Requires-Dist: not-a-header
"""
ENTRY_POINTS = b"# by hand\n[console_scripts]\nacme = acme.cli:main\nacme-2=acme.cli : App.run [fast]\n[gui_scripts]\nw = a:b\n"
REQUIREMENTS = (
    b"numpy[a,b]>=1.20,!=1.21.*,~=1.2; python_version < '3.9' and extra == 'x'\n1.2.3rc1.post2.dev3+local.1",
    b"roussov/vitte-math ^1.2\n1.4.0-rc.1",
    b"^1.2.3\n1.2.4-alpha.1",
    b"~0.3\n0.3.9",
    b">=1.2, <2\n2.0.0-0",
    b"1.*\n1.9.0+build.5",
    b"Foo.Bar__baz\n1!2.0",
)
PATTERNS = (
    b"https://forge.example/acme/**@refs/tags/*\nhttps://forge.example/acme/x/walls@refs/tags/v1",
    b"*@acme.example\nana@acme.example",
    b"a**/b*\na/x/b/b1/",
    b"a*b*c\naxbxbxc",
)


def seeds():
    """The target's name and one input, for every input."""
    index = [path.read_bytes() for path in sorted(REGISTRY.glob("index/**/*")) if path.is_file()]
    records = [(VECTORS / name).read_bytes() for name in ("records-good.jsonl", "records-bad.jsonl")]
    for line in b"".join(records + index).splitlines():
        yield "index_line", line
    for file in index + records:
        yield "index_file", file
    yield "registry_config", (REGISTRY / "config.json").read_bytes()
    for case in json.loads((VECTORS / "checkpoints.json").read_text())["cases"]:
        if "text" in case:
            yield "checkpoint", case["text"].encode()
            yield "checkpoint", case["text"].partition("\n\n")[0].encode() + b"\n"
    for key in strings("src/model/signer.rs", "src/model/ownership.rs"):
        yield "public_key", key
    for head in (bytes.fromhex("302a300506032b6570032100"), bytes.fromhex("3059301306072a8648ce3d020106082a8648ce3d03010703420004")):
        yield "public_key", head + bytes(32 if len(head) < 20 else 64)
    for pattern in PATTERNS:
        yield "pattern", pattern
    for requirement in REQUIREMENTS:
        yield "requirement", requirement
    chance = random.Random("fuzz")
    for length in (4, 16, 64):
        yield "log_proofs", chance.randbytes(length)
        yield "snapshot_nodes", chance.randbytes(8 * length)
    for tile in sorted(REGISTRY.glob("log/tile/**/*")):
        if tile.is_file():
            yield "log_tiles", (4).to_bytes(8, "little") + (40).to_bytes(8, "little") + bytes(48) + tile.read_bytes()
    yield from archives()
    yield from trust(records + index)
    yield "metadata", METADATA
    for text in strings("src/package/metadata.rs"):
        yield "metadata", text
    yield "entry_points", ENTRY_POINTS
    for text in strings("src/project/*.rs"):
        yield "pyproject", text
        yield "config_toml", text
    yield "pyproject", (REPOSITORY / "examples/revit-geometry/pyproject.toml").read_bytes()
    for text in strings("src/resolve/tests/*.rs", "src/resolve/lock_file.rs"):
        yield "lock", text
    for text in strings("src/publish/simple_index/html.rs"):
        yield "simple_html", text
    for text in strings("src/publish/simple_index/json.rs"):
        yield "simple_json", text.replace(b"{{", b"{").replace(b"}}", b"}")


def words(target):
    """What a dictionary for `target` holds: the fields and the fixed words of its format."""
    if target in ("index_line", "index_file", "registry_config"):
        schemas = [json.loads(path.read_text()) for path in sorted((REPOSITORY / "index-schema/schemas").glob("*.json"))]
        fields = {field for schema in schemas for field in properties(schema)}
        return sorted(f'"{field}":' for field in fields) + ["18446744073709551615", '"critical":true', "Z", "\n"]
    return {
        "checkpoint": ["\nsnapshot ", "\ntime ", "\n\n— acme "],
        "config_toml": ["[[registries]]\n", "registries = ", "url = ", "prefixes = ", "name = ", "'''", '"""'],
        "lock": ["[[package]]\n", "[[registry]]\n", "[[target]]\n", "[[package.artifact]]\n", "[inputs]\n", "[inputs.options]\n"],
        "metadata": ["Requires-Dist: ", "Provides-Extra: ", "Requires-Python: ", "License: UNKNOWN\n", "; extra == ", "=?utf-8?q?", "\n "],
        "pattern": ["**", "*", "/", "***"],
        "pyproject": ["[project]\n", "[dependency-groups]\n", "[tool.rvp]\n", "dependencies = [", "include-group", "'''", '"""', "\r\n"],
        "record": ["sha256=", "sha512=", '"', ",,\n", f"{DIST_INFO}/RECORD"],
        "requirement": ["~=", "===", "!=", ".*", "; ", " and ", " or ", "python_version", "extra == ", "^", "-rc.", "+"],
        "sdist": ["ustar\0" + "00", "pax_global_header", "././@LongLink", "PKG-INFO"],
        "simple_html": ['<a href="', "data-yanked", "data-requires-python", "data-core-metadata", "<base href=", "#sha256=", "&#x", "</a>"],
        "simple_json": ['"yanked":', '"core-metadata":', '"hashes":', '"url":', '"filename":', '"requires-python":'],
        "wheel": ["PK\x01\x02", "PK\x03\x04", "PK\x05\x06", "PK\x06\x06", "PK\x06\x07", "PK\x07\x08"],
        "wheel_files": ["../", "con", "acme_walls-1.0.data/scripts/", DIST_INFO, "/"],
    }.get(target, [])


def properties(schema):
    """The names of the properties of a JSON Schema, at any depth."""
    if isinstance(schema, dict):
        yield from schema.get("properties", {})
        for value in schema.values():
            yield from properties(value)
    elif isinstance(schema, list):
        for value in schema:
            yield from properties(value)


def strings(*patterns):
    """The longer texts that Rust files hold in quotes: the data of their tests."""
    for pattern in patterns:
        for path in sorted(REPOSITORY.glob(pattern)):
            text = path.read_text()
            for raw in re.findall(r'r#"(.*?)"#', text, re.DOTALL):
                yield raw.encode()
            for plain in re.findall(r'"((?:[^"\\\n]|\\.){20,})"', text):
                yield plain.replace("\\n", "\n").replace('\\"', '"').replace("\\\\", "\\").encode()


def trust(records):
    """Bundles of real signers and refused ones, statements, policies and evidence."""
    for path in sorted((REPOSITORY / "tests/data/sigstore").glob("**/*.json")):
        yield "bundle", path.read_bytes()
    for line in b"".join(records).splitlines():
        yield "statement", line
    for text in strings("src/trust/statement.rs"):
        yield "statement", text
    for text in strings("src/trust/policy/*.rs", "src/trust/policy/tests/*.rs"):
        yield "policy", text
    for name in ("evidence", "cosignatures"):
        for path in sorted(VECTORS.glob(f"{name}*")):
            for text in texts(json.loads(path.read_text())) if path.suffix == ".json" else [path.read_text()]:
                yield name.removesuffix("s"), text.encode()


def texts(value):
    """The longer texts in a JSON value, at any depth."""
    if isinstance(value, str):
        if len(value) > 40:
            yield value
    elif isinstance(value, (dict, list)):
        for inner in value.values() if isinstance(value, dict) else value:
            yield from texts(inner)


def archives():
    """Wheels, their RECORDs, and source distributions of each kind."""
    files = {
        "acme_walls/__init__.py": b"pass\n",
        "acme_walls-1.0.data/scripts/acme": b"#!python\n",
        f"{DIST_INFO}/WHEEL": b"Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        f"{DIST_INFO}/METADATA": METADATA,
        f"{DIST_INFO}/entry_points.txt": ENTRY_POINTS,
    }
    record = "".join(f"{name},sha256={digest(content)},{len(content)}\n" for name, content in files.items())
    files[f"{DIST_INFO}/RECORD"] = (record + f"{DIST_INFO}/RECORD,,\n").encode()
    for method in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        yield "wheel", zipped(files, method)
    for content in (b"pass\n", b"import os\n"):
        line = f"acme/__init__.py,sha256={digest(content)},{len(content)}\n"
        yield "record", line.encode() + f'"{DIST_INFO}/WHEEL",,\n{DIST_INFO}/RECORD,,\n'.encode()
    sources = {"acme_walls-1.0/PKG-INFO": METADATA, "acme_walls-1.0/setup.py": b"pass\n"}
    yield "sdist", b"z" + zipped(sources, zipfile.ZIP_DEFLATED)
    for form in (tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT):
        tar = tarred(sources | {"acme_walls-1.0/" + "long/" * 30 + "name": b""}, form)
        yield "sdist", b"t" + tar
        yield "sdist", b"g" + gzip.compress(tar, mtime=0)
    chance = random.Random("wheel files")
    for length in (16, 64, 256):
        yield "wheel_files", chance.randbytes(length)


def digest(content):
    """As RECORD writes it."""
    return base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()


def zipped(files, method):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as archive:
        for name, content in files.items():
            archive.writestr(zipfile.ZipInfo(name, (2020, 1, 1, 0, 0, 0)), content, method)
    return buffer.getvalue()


def tarred(files, form):
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=form) as archive:
        for name, content in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return buffer.getvalue()
