"""The line of versions, and the way along it, within a transaction of the caller's."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from threading import Lock

from alembic.migration import MigrationContext
from alembic.operations import Operations
from alembic.script import Script, ScriptDirectory
from sqlalchemy import Connection

from redux_backends.backend import BackendOlder, UnknownVersion
from redux_backends.versions import Version

_one_at_a_time = Lock()


@dataclass(frozen=True, slots=True)
class Revision:
    """A version of the tables: what it `brought`, and what is `lost` where they go back to the one before."""

    version: Version
    brought: str
    lost: str


@dataclass(frozen=True, slots=True)
class Changed:
    """The tables at `place` were brought from one version to another; `backup` is how they were."""

    place: str
    before: Version
    now: Version
    backup: Path | None = None

    def in_words(self) -> str:
        """What is told of it, as one sentence."""
        kept = "" if self.backup is None else f"; as it was it is kept in {self.backup.name}"
        done = "upgraded" if self.now > self.before else "downgraded"
        return f"{done} {self.place} from version {self.before} to {self.now}{kept}"


def known_revisions() -> Sequence[Revision]:
    """Every version there is, oldest first."""
    return [Revision(_version_of(script), script.doc.rstrip("."), script.module.lost) for script in _line()]


def lost_on_the_way(before: Version, to: Version) -> Sequence[str]:
    """What going back to an older version loses."""
    return [one.lost for one in known_revisions() if to < one.version <= before and one.lost]


def see_the_way(place: str, before: Version, to: Version) -> None:
    """Raise `UnknownVersion` where no tables are of version `to`, `BackendOlder` where none were of `before`."""
    line = [_version_of(script) for script in _line()]
    if to not in line:
        raise UnknownVersion(
            f"there is no version {to} of the tables; this redux knows {', '.join(map(str, line))}: "
            "`redux db versions` says what each brought",
            str(to),
        )
    if before not in line:
        raise BackendOlder.of(
            place, before, to, "nothing upgrades such old ones; move it away, and redux makes new ones"
        )


def bring(connection: Connection, before: Version, to: Version) -> None:
    """Bring the tables from a known version to another."""
    line = {_version_of(script): script for script in _line()}
    context = MigrationContext.configure(connection)
    # Alembic's operations are names of a module, so they are for one connection at a time.
    with _one_at_a_time, Operations.context(context):
        if to > before:
            for version in (version for version in line if before < version <= to):
                line[version].module.upgrade()
        else:
            for version in (version for version in reversed(line) if to < version <= before):
                line[version].module.downgrade()


@cache
def _line() -> Sequence[Script]:
    return list(reversed(list(ScriptDirectory(str(Path(__file__).parent)).walk_revisions())))


def _version_of(script: Script) -> Version:
    version = Version.read(script.revision)
    assert version is not None, script.revision
    return version
