"""What an export is asked to have, and how a format is registered."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from redux.errors import UsageError
from redux.lineage.graph import Lineage


class Profile(StrEnum):
    """What kind of RO-Crate is made."""

    PROCESS = "process"
    """Process Run Crate: what ran, with what, and what came of it"""
    PROVENANCE = "provenance"
    """Provenance Run Crate: the same as steps of the one workflow that was run"""


@dataclass(frozen=True, slots=True)
class Terms:
    """What is asked of an export: `previews` of values, the `profile` and `license` of an RO-Crate.

    `whole` asks for a picture of every node, however many there are. Without a `profile` it is PROVENANCE where the
    lineage is of one execution with calls below its first.
    """

    previews: bool = True
    whole: bool = False
    profile: Profile | None = None
    license: str | None = None


@dataclass(frozen=True, slots=True)
class Exporter:
    """A format: `write` gives the text of a lineage in pieces, `describe` says what was left out or put together.

    With `attach`, an export into a folder has further files, by their paths, and the text in one named `main_file`.
    """

    write: Callable[[Lineage, Terms], Iterable[str]]
    describe: Callable[[Lineage, Terms], str | None] = lambda lineage, terms: None
    attach: Callable[[Lineage, Terms], Mapping[str, str]] | None = None
    main_file: str = ""


class CannotExport(UsageError):
    """What was asked for cannot be said in a format, as `why` tells."""

    def __init__(self, format: str, why: str) -> None:
        self.format = format
        super().__init__(f"this cannot be exported as {format}: {why}")
