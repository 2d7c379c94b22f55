"""Reads an archive of redux without redux: checks every sum and hash in it, and lists the calls.

    python examples/read_archive.py history.tar

prints a line for each call, and what was checked. It needs blake3 and msgpack; docs/archive.md has the format.
"""

from __future__ import annotations

import hashlib
import json
import re
import sys
import tarfile
from collections.abc import Iterator
from typing import Any

import msgpack
from blake3 import blake3

Lines = list[dict[str, Any]]


def unmarked(text: str) -> str:
    """A text of an archive as it was: U+FDD0 and four hex digits stand for what UTF-8 does not know."""
    return re.sub("\ufdd0([0-9a-f]{4})", lambda found: chr(int(found[1], 16)), text)


def struct_hash(tag: str, *parts: object) -> str:
    """The hash of a tagged structure: BLAKE3 of msgpack."""
    return blake3(msgpack.packb([tag, *parts], use_bin_type=True)).hexdigest()


def raw(hashes: list[str]) -> list[bytes]:
    """Hashes as bytes, in order."""
    return sorted(map(bytes.fromhex, hashes))


def read(path: str) -> dict[str, Lines]:
    """The records of an archive by kind, after its sums and the bytes of its values were checked."""
    records: dict[str, Lines] = {}
    parts: dict[str, tuple[int, str]] = {}
    values: set[str] = set()
    manifest = b""
    with tarfile.open(path) as archive:
        for member in archive:
            content = archive.extractfile(member)
            assert content is not None, f"{member.name} is no file"
            data = content.read()
            if member.name.startswith("values/"):
                values.add(blake3(data).hexdigest())
                assert member.name.removeprefix("values/").replace("/", "") in values, member.name
            elif member.name == "manifest.json":
                manifest = data
            elif member.name == "manifest.json.sha256":
                assert data.decode().split()[0] == hashlib.sha256(manifest).hexdigest(), "the manifest was altered"
            else:
                parts[member.name] = len(data), hashlib.sha256(data).hexdigest()
            if found := re.fullmatch(r"records/([a-z-]+)-\d+\.jsonl", member.name):
                records.setdefault(found[1], []).extend(map(json.loads, data.decode().splitlines()))
    told = json.loads(manifest)
    assert told["format"] == 1, "another format"
    assert {part["name"]: (part["size"], part["sha256"]) for part in told["parts"]} == parts, "a part was altered"
    assert all(told["counts"][kind.replace("-", "_")] == len(lines) for kind, lines in records.items()), "counts"
    assert values == {one["value"]["hash"] for one in records.get("values", []) if one["kept"]}, "values are missing"
    return records


def hashes(records: dict[str, Lines]) -> Iterator[tuple[str, str]]:
    """Every hash that is made of parts: as it is told, and as its parts make it."""
    for one in records.get("tasks", []):
        pieces = {(piece["kind"], piece["name"], bytes.fromhex(piece["hash"])) for piece in one["pieces"]}
        yield one["hash"], struct_hash("Task", one["fullname"], [list(piece) for piece in sorted(pieces)])
    for one in records.get("evaluations", []):
        bound = [part for each in one["arguments"] for part in (each["name"], bytes.fromhex(each["value"]))]
        yield one["args_hash"], struct_hash("Args", *bound)
        yield one["eval_hash"], struct_hash("Eval", *map(bytes.fromhex, (one["task_hash"], one["args_hash"])))
    for one in records.get("task-sets", []):
        yield one["hash"], struct_hash("TaskSet", raw(one["tasks"]))
    for one in records.get("calls", []):
        of = one["task_hash"], one["args_hash"], one["call"]["result"]
        below = raw(one["call"]["children"])
        yield one["call"]["call_hash"], struct_hash("CallNode", *map(bytes.fromhex, of), below)


if __name__ == "__main__":
    try:
        found = read(sys.argv[1])
        for told, made in hashes(found):
            assert told == made, f"{told} is not the hash of its parts"
    except (AssertionError, EOFError, KeyError, OSError, ValueError, tarfile.TarError) as error:
        sys.exit(f"{sys.argv[1]} is not a sound archive: {type(error).__name__}: {error}")
    asked = {one["eval_hash"]: one for one in found.get("evaluations", [])}
    names = {task["hash"]: task["fullname"] for task in found.get("tasks", [])}
    shown = {one["value"]["hash"]: unmarked(one["value"]["preview"]) for one in found.get("values", [])}
    for one in found.get("calls", []):
        given = asked[one["call"]["eval_hash"]]["arguments"]
        bound = ", ".join(f"{each['name']}={shown[each['value']]}" for each in given)
        print(f"{names[one['task_hash']]}({bound}) -> {shown[one['call']['result']]}")
    print("sound:", ", ".join(f"{len(lines)} {kind}" for kind, lines in found.items()))
