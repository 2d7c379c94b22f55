"""Who may write to the bucket and is not believed gets nothing into anybody's repository, by any pack or index."""

from __future__ import annotations

import itertools
import random
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import msgpack
import pytest

from redux.repo import Repo
from redux.shared.index import PackEntry, make_index
from redux.shared.layout import UNSIGNED, PackName, named_pack
from redux.shared.notices import Notices
from redux.shared.pack import Header, digest_of_calls, read_header
from redux.shared.parts import parts_of
from redux.shared.taking import Taker
from redux.task import task
from redux.trust.keys import PublicKey, SigningKey, key_id
from redux.trust.signers import Signer
from redux_backends.memory import MemoryBackend
from redux_valuestore.digest import Digest, digest_bytes
from redux_valuestore.store import MemoryStore

from .forging import parts_of as fields_of
from .forging import put_together
from .shared_homes import ANA, BEN, EVE, Home, counts

EPOCH = 2
POISON = [0]
BELIEVED = Signer("ana", ANA.public, "dev")


@task(namespace="forged", version="1")
def leaf(i: int) -> int:
    return i * 7 + POISON[0]


@task(namespace="forged", version="1")
def main(n: int = 5) -> list[int]:
    return [leaf(i) for i in range(n)]


RIGHT = [i * 7 for i in range(5)]


@dataclass(frozen=True)
class Made:
    """A pack that somebody's run wrote."""

    name: PackName
    data: bytes

    @property
    def header(self) -> Header:
        return read_header(self.name, self.data)


@dataclass(frozen=True)
class Forgery:
    """What it is, the name that it lies under, its bytes, and what an index says of it."""

    what: str
    name: PackName
    data: bytes
    signer: PublicKey | None = ANA.public
    made: float | None = None


def made_by(folder: Path, key: SigningKey | None, n: int = 5, epoch: int = EPOCH, poison: int = 0) -> Made:
    """What a run of somebody's writes into a bucket of their own."""
    folder.mkdir()
    POISON[0] = poison
    try:
        Home(folder / "home", str(folder / "bucket"), key).run(main(n), epoch=epoch, unsigned=key is None)
    finally:
        POISON[0] = 0
    (path,) = (folder / "bucket").rglob("*.pack")
    name = named_pack(path.relative_to(folder / "bucket").as_posix())
    assert name is not None
    return Made(name, path.read_bytes())


@pytest.fixture(scope="module")
def packs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Made]:
    """Ana's pack and others around it: hers of other work and another epoch, Eve's and nobody's of the same calls."""
    place = tmp_path_factory.mktemp("packs")
    return {
        "hers": made_by(place / "hers", ANA),
        "other": made_by(place / "other", ANA, n=7),
        "old": made_by(place / "old", ANA, epoch=EPOCH - 1, poison=1),
        "eves": made_by(place / "eves", EVE, poison=1),
        "nobodys": made_by(place / "nobodys", None, poison=1),
    }


class Attacked:
    """A bucket in which an attacker writes what they like, and Ben, who trusts Ana alone, reads."""

    def __init__(self, folder: Path, wanted: Header) -> None:
        self.bucket = folder / "bucket"
        self.wanted = [each for each, _ in wanted.table]
        self._calls = [each for _, each in wanted.table]
        self._folder = folder
        self._numbers = itertools.count()

    def lay(self, forgery: Forgery) -> None:
        """Put a pack there and nothing beside it, with an index that praises it."""
        for path in [*self.bucket.rglob("*.pack"), *self.bucket.rglob("*.idx")]:
            path.unlink()
        said = PackEntry(
            PackName(UNSIGNED if forgery.signer is None else key_id(forgery.signer), forgery.name.digest),
            forgery.signer,
            forgery.made or time.time(),
            EPOCH,
            b"".join(sorted(each[:8] for each in self.wanted)),
            b"".join(sorted(each[:8] for each in self._calls)),
        )
        index, data = make_index([said])
        for name, content in ((forgery.name.path, forgery.data), (index.name.path, data)):
            (self.bucket / name).parent.mkdir(parents=True, exist_ok=True)
            (self.bucket / name).write_bytes(content)

    def ben(self, trusted: Sequence[Signer] = (BELIEVED,)) -> Home:
        """Ben, as he was before he saw anything."""
        folder = self._folder / f"ben{next(self._numbers)}"
        folder.mkdir()
        return Home(folder, str(self.bucket), BEN, trusted)

    def accepted(self, trusted: Sequence[Signer] = (BELIEVED,), **shared: Any) -> frozenset[Digest]:
        """What is taken of it."""
        ben, repo = self.ben(trusted), Repo(MemoryBackend(), MemoryStore())
        said = ben.settings(epoch=EPOCH, **shared).shared
        told: list[str] = []
        parts = parts_of(said, ben.folder, ben._environment(), None, Notices(told.append))
        brought = Taker(parts.bucket, repo).bring(self.wanted)
        assert len(repo.backend.find_calls(self.wanted)) == len(brought)
        assert len(told) <= 1, told
        return brought


@pytest.fixture
def attacked(tmp_path: Path, packs: dict[str, Made]) -> Attacked:
    (tmp_path / "bucket").mkdir(mode=0o755)
    return Attacked(tmp_path, packs["hers"].header)


def forged(packs: dict[str, Made]) -> Iterator[Forgery]:
    """Eve's records under Ana's name."""
    hers, eves = packs["hers"], packs["eves"]
    header, signature, body = fields_of(hers.data)
    _, other_signature, _ = fields_of(packs["other"].data)
    theirs, _, poison = fields_of(eves.data)
    herself = [theirs[0], ANA.public, *theirs[2:]]
    small = [theirs[0], b"\1" + bytes(31), *theirs[2:]]
    nobody = [theirs[0], b"", *theirs[2:]]
    made = {
        "forged: Eve's signature": put_together(herself, EVE, poison),
        "forged: Ana's signature": put_together(herself, signature, poison),
        "forged: her signature of something else": put_together(herself, other_signature, poison),
        "forged: no signature": put_together(herself, bytes(64), poison),
        "forged: Ana's header before it": put_together([*header[:5], *theirs[5:]], signature, poison),
        "forged: the body alone": put_together(header, signature, poison),
        "forged: signed for something else": put_together(herself, EVE.sign(msgpack.packb(herself)), poison),
        "forged: a key of small order": put_together(small, b"\1" + bytes(63), poison),
        "relabelled: Eve's": eves.data,
        "relabelled: Eve's as nobody's": put_together(nobody, bytes(64), poison),
        "downgraded: nobody's": packs["nobodys"].data,
        "downgraded: Ana's without her name": put_together([1, b"", *header[2:]], bytes(64), body),
    }
    for format in (0, 2, 255):
        made[f"downgraded: format {format}"] = put_together(herself, EVE, poison, format)
        made[f"downgraded: format {format} inside"] = put_together([format, *herself[1:]], EVE, poison)
    for name in (hers.name, PackName(hers.name.signer, eves.name.digest)):
        yield from (Forgery(what, name, data) for what, data in made.items())


def relabelled(packs: dict[str, Made]) -> Iterator[Forgery]:
    """Packs in the folders of those who are not believed, or of nobody."""
    header, _, body = fields_of(packs["hers"].data)
    unsigned = put_together([1, b"", *header[2:]], bytes(64), body)
    for whose, key in (("eves", EVE.public), ("nobodys", None)):
        for digest in (packs["hers"].name.digest, packs[whose].name.digest):
            name = PackName(packs[whose].name.signer, digest)
            yield Forgery("relabelled: Ana's in another's folder", name, packs["hers"].data, key)
            yield Forgery("relabelled: Eve's own", name, packs["eves"].data, key)
            yield Forgery("downgraded: nobody's own", name, packs["nobodys"].data, key)
            yield Forgery("downgraded: Ana's as nobody's", name, unsigned, key)


def replayed(packs: dict[str, Made]) -> Iterator[Forgery]:
    """What Ana did sign, from another epoch or in another place; or some field of it changed."""
    hers, other, old = packs["hers"], packs["other"], packs["old"]
    header, signature, body = fields_of(hers.data)
    others, other_signature, other_body = fields_of(other.data)
    olds, old_signature, old_body = fields_of(old.data)
    renewed = PackName(hers.name.signer, digest_of_calls(EPOCH, list(old.header.table)))
    yield Forgery("replayed: of another epoch", hers.name, old.data)
    yield Forgery("replayed: of another epoch, renamed", renewed, old.data)
    anew = put_together([*olds[:3], EPOCH, *olds[4:]], old_signature, old_body)
    yield Forgery("replayed: of another epoch, dated anew", renewed, anew)
    yield Forgery("replayed: of another epoch, under its name", old.name, old.data)
    yield Forgery("replayed: other work in this one's place", hers.name, other.data)
    yield Forgery("replayed: this work in another's place", other.name, hers.data)
    yield Forgery("replayed: another body", hers.name, put_together(header, signature, other_body))
    yield Forgery("replayed: another header", hers.name, put_together(others, other_signature, body))
    fields = [(2, header[2] + 1), (2, 17.0), (3, 0), (3, EPOCH + 1), (4, 1 - header[4]), (5, header[5] + 1)]
    for number, value in fields:
        changed = [*header[:number], value, *header[number + 1 :]]
        yield Forgery(f"altered: field {number}", hers.name, put_together(changed, signature, body))
    longer = [*header[:6], len(body) + 1, *header[7:]]
    yield Forgery("altered: one byte more", hers.name, put_together(longer, signature, body + b"\0"))


def altered(hers: Made, numbers: random.Random) -> Iterator[Forgery]:
    """Ana's pack with something else in it."""
    data = hers.data
    for _ in range(100):
        at = numbers.randrange(len(data))
        yield Forgery(
            f"altered: bit {at}", hers.name, data[:at] + bytes([data[at] ^ 1 << numbers.randrange(8)]) + data[at + 1 :]
        )
    for _ in range(40):
        yield Forgery("altered: cut", hers.name, data[: numbers.randrange(len(data))])
    for _ in range(40):
        start, end = sorted(numbers.sample(range(len(data)), 2))
        yield Forgery("altered: a stretch", hers.name, data[:start] + numbers.randbytes(end - start) + data[end:])
    for more in (b"\0", data, b"\x89RDXPCK\n"):
        yield Forgery("altered: more", hers.name, data + more)


def every(packs: dict[str, Made]) -> tuple[Iterator[Forgery], ...]:
    return forged(packs), relabelled(packs), replayed(packs)


def test_of_hundreds_of_forgeries_none_is_taken(attacked: Attacked, packs: dict[str, Made]):
    hers = packs["hers"]
    attacked.lay(Forgery("hers", hers.name, hers.data))
    assert attacked.accepted() == set(attacked.wanted), "what she made is"
    tried = 0
    for forgery in itertools.chain(*every(packs), altered(hers, random.Random(1))):
        if (forgery.name, forgery.data) != (hers.name, hers.data):
            attacked.lay(forgery)
            assert attacked.accepted() == frozenset(), forgery.what
            tried += 1
    assert tried > 220


def test_a_run_gives_what_is_right_whatever_lies_there(attacked: Attacked, packs: dict[str, Made]):
    seen: set[str] = set()
    for forgery in itertools.chain(*every(packs)):
        kind = forgery.what.partition(":")[0]
        if forgery.what in seen or len([each for each in seen if each.startswith(kind)]) >= 3:
            continue
        seen.add(forgery.what)
        attacked.lay(forgery)
        ben = attacked.ben()
        report = ben.run(main(), epoch=EPOCH, mode="read-only")
        assert report.value == RIGHT, forgery.what
        assert counts(report) == (6, 0, 0), forgery.what
        assert len(ben.said) <= 1
    assert len(seen) >= 10


def test_a_signer_that_is_not_believed_any_more_is_not_by_a_lie_about_the_moment(
    attacked: Attacked, packs: dict[str, Made]
):
    hers = packs["hers"]
    long_ago = time.time() - 86_400
    attacked.lay(Forgery("dated back by the index", hers.name, hers.data, made=long_ago))
    assert attacked.accepted() == set(attacked.wanted)
    assert attacked.accepted([replace(BELIEVED, disowned_since=time.time() - 3_600)]) == frozenset()
    assert attacked.accepted([replace(BELIEVED, disowned_since=0.0)]) == frozenset()
    assert attacked.accepted([replace(BELIEVED, tier="ci-pr")], believe=("ci-main",)) == frozenset()
    assert attacked.accepted([Signer("eve", EVE.public)]) == frozenset()


def test_index_objects_are_believed_in_nothing(attacked: Attacked, packs: dict[str, Made]):
    """They may say that all is in one pack that is not there, or nothing; calls are made then, and nothing is wrong."""
    hers = packs["hers"]
    nowhere = PackName(hers.name.signer, digest_bytes(b"nowhere"))
    attacked.lay(Forgery("nowhere", nowhere, b""))
    assert attacked.accepted() == frozenset()
    (index,) = attacked.bucket.rglob("*.idx")
    index.write_bytes(index.read_bytes()[:-1] + b"?")
    assert attacked.accepted() == frozenset()
