"""Lists the calls of a shared cache, and what of it is damaged, by docs/format.md: `read_bucket.py FOLDER-OR-URL`.
It needs fsspec (for s3:// also s3fs), msgpack, blake3 and cryptography, and nothing of redux."""

import struct
import sys
import time
import zlib
from itertools import accumulate, pairwise

import fsspec
import msgpack
from blake3 import blake3
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

# What is in each column: hashes, ids, texts, numbers of 1, 4 and 8 bytes, seconds, or bytes as they are.
COLUMNS = "xxIxI htQtIBx IthIhIth httIhttt hhhIth hhdd hIh hhhIhhddIth iItttdtdB iiihhBddhBBtt Bhttd Bittd"
COLUMNS = COLUMNS.replace(" ", "")


def digest(*parts):
    return blake3(msgpack.packb(parts, unicode_errors="surrogatepass")).digest()


def ensure(sound, why):
    if not sound:
        raise ValueError(why)


def cut(flat, lengths):
    ends = list(accumulate([lengths] * (len(flat) // lengths) if type(lengths) is int else lengths, initial=0))
    ensure(ends[-1] == len(flat), "a column has not the length that another says")
    return [flat[start:end] for start, end in pairwise(ends)]


def unpack(path, data):
    """The signer, the table and the body of a pack, after all that its header says was looked at."""
    magic, form, length = struct.unpack_from(">8sII", data)
    ensure((magic, form) == (b"\x89RDXPCK\n", 1), "it is no pack in format 1")
    header, signature, body = data[16 : 16 + length], data[16 + length : 80 + length], data[80 + length :]
    _, key, _, epoch, compression, raw, stored, hash, pairs = msgpack.unpackb(header)
    signer, name = path[6:-5].split("/")
    ensure(signer == (blake3(key).hexdigest()[:16] if key else "unsigned"), "it is in the folder of another signer")
    if key:
        Ed25519PublicKey.from_public_bytes(key).verify(signature, b"redux.pack.1\0" + header)
    table, calls = cut(pairs, 64), sorted(pair[32:] for pair in cut(pairs, 64))
    ensure(name == digest("Pack", 1, epoch, b"".join(calls)).hex(), "it has the name of another pack")
    ensure(len(body) == stored and blake3(body).digest() == hash, "its body is not what was signed")
    body = zlib.decompressobj().decompress(body, raw + 1) if compression else body
    ensure(len(body) == raw, "its body has not the length that it says")
    return signer, table, msgpack.unpackb(body)


def list_calls(signer, table, column):
    def field(at):
        if COLUMNS[at] in "BIQd":
            return [number for (number,) in struct.iter_unpack("<" + COLUMNS[at], column[at])]
        found = {"h": hashes, "i": ids, "t": texts}[COLUMNS[at]]
        return [found[number] for (number,) in struct.iter_unpack("<I", column[at])]

    def rows(*places):
        return list(zip(*map(field, places), strict=True))

    hashes, ids = [None, *cut(column[0], 32)], [None, *cut(column[1], 16)]
    texts = [None, *(text.decode("utf-8", "surrogatepass") for text in cut(column[3], field(2)))]
    pieces = iter(cut(column[11], [size for size, place in rows(7, 10) if place == 0]))
    for hash, data in ((hash, next(pieces)) for hash, place in rows(5, 10) if place == 0):
        ensure(blake3(data).digest() == hash, f"value {hash.hex()} has other bytes")
    for hash, name, pieces in zip(field(20), field(21), cut(rows(25, 26, 24), field(23)), strict=True):
        ensure(not pieces or hash == digest("Task", name, sorted(set(pieces))), f"task {hash.hex()} has other code")
    for hash, tasks in zip(field(38), cut(field(40), field(39)), strict=True):
        ensure(hash == digest("TaskSet", sorted(tasks)), f"task set {hash.hex()} has other tasks")
    keys, names, shown = {}, dict(rows(20, 21)), dict(rows(5, 8))
    for hash, task, args, given in zip(field(28), field(29), field(30), cut(rows(32, 33), field(31)), strict=True):
        ensure(hash == digest("Eval", task, digest("Args", *sum(given, ()))), f"arguments of {hash.hex()} are others")
        keys[hash] = task, args, ", ".join(f"{name}={shown[value]}" for name, value in given)
    ensure(sorted(asked + call for call, asked in rows(41, 42)) == table, "it has other calls than its header says")
    who = {id: f"{user}@{host}" for id, user, host in rows(52, 55, 58)}
    by = {call: who[execution] for call, execution in rows(69, 62)}
    for (call, asked, result, at), below in zip(rows(41, 42, 43, 48), cut(field(45), field(44)), strict=True):
        task, args, given = keys[asked]
        ensure(call == digest("CallNode", task, args, result, sorted(below)), f"call {call.hex()} has other parts")
        when = time.strftime("%F %T", time.gmtime(at))
        print(f"{call.hex()[:8]} {names[task]}({given}) = {shown[result]}  {by.get(call)}  {when}  {signer}")


(files, root), damaged = fsspec.core.url_to_fs(sys.argv[1] if len(sys.argv) == 2 else sys.exit(__doc__)), []
if not files.exists(f"{root}/redux-store.json"):
    sys.exit(f"there is no redux-store.json in {sys.argv[1]}, so it is no shared cache")
sys.stdout.reconfigure(errors="backslashreplace")
for name in sorted(files.find(root)):
    path, data = name[len(root) :].strip("/"), files.cat_file(name)
    try:
        if path.startswith("packs/"):
            list_calls(*unpack(path, data))
        elif path.startswith(("index/", "values/")):
            named = path[11:-4] if path.startswith("index/") else path[7:].replace("/", "")
            ensure(blake3(data).hexdigest() == named, "it has not the digest of its name")
    except Exception as error:
        damaged.append(f"damaged: {path}: {str(error) or type(error).__name__}")
sys.exit("\n".join(damaged) or None)
