"""Homes in which commands are typed too, and what befalls the objects of the bucket that they share."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from redux.shared.notices import Notices
from redux.shared.parts import parts_of
from redux.shared.sending import Sender
from redux.shared.verifying import Verified, Verifier
from redux.trust.signers import Signer

from .bad_days import is_right, main
from .shared_homes import ANA, BEN, EVE, Home, counts

EVERYBODY = [Signer(name, key.public, pickles=True) for name, key in (("ana", ANA), ("ben", BEN), ("carl", EVE))]
CALLS = 23


class Desk(Home):
    """A home in which commands are typed too."""

    def makes(self, size: int = 3_000, **shared: object) -> int:
        """A run; how many calls ran in it."""
        report = self.run(main(size), **shared)
        assert size != 3_000 or is_right(report)
        return counts(report)[0]

    def push_all(self) -> None:
        """What `redux cache push --all` does."""
        with self.open(mode="read-only") as scheduler:
            parts = parts_of(
                self.settings().shared, self.folder / ".redux", self._environment(), None, Notices(self.said.append)
            )
            sender = Sender(parts.bucket, scheduler.repo, parts.values, parts.key)
            for execution in scheduler.repo.backend.executions(100):
                sender.send(execution.id, everything=True)

    def verify(self) -> Verified:
        """What `redux cache verify --read-data` finds."""
        parts = parts_of(self.settings().shared, self.folder / ".redux", self._environment(), None, Notices())
        return Verifier(parts.bucket, parts.values, lambda name: True, lambda *said: None).run(read_data=True)


def desks(folder: Path) -> Callable[..., Desk]:
    """The desks of Ana, Ben and Carl, by their names, who believe each other."""
    keys = {"ana": ANA, "ben": BEN, "carl": EVE}
    bucket = str(folder / "bucket")
    return lambda name, of="": Desk(folder / f"{name}{of}", bucket, keys[name], EVERYBODY, inline_limit=4_096)


def gone(path: Path) -> None:
    path.unlink()


def cut_short(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-7])


def altered(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 0x10
    path.write_bytes(data)


Damage = Callable[[Path], None]
DAMAGE = [gone, cut_short, altered]


def objects(home: Desk, folder: str) -> list[Path]:
    return sorted(Path(home.bucket, folder).rglob("*.*" if folder != "values" else "??/*"))
