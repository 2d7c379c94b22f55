"""Whether a remembered value may be used: what it holds is as it was, and what it is made of says so."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from redux.files.glance import Glance
from redux.repo import Repo
from redux.scheduler.heeding import Heeding
from redux.scheduler.jobs import ABSENT
from redux.scheduler.task_book import TaskBook
from redux.serializers.foreign import is_plain_place
from redux.value import CannotDecode, Noted
from redux_backends.records import FileFact, HandleVersion, MissKind, Place, Reason, StoredValue, Traits, ValueRecord
from redux_valuestore.digest import Digest, digest_bytes
from redux_valuestore.errors import ReduxError
from redux_valuestore.frozen import frozen

_PLAIN = Traits.PLAIN
HELD = Traits.FILES | Traits.TASKS | Traits.HANDLES
ASKED = HELD | Traits.HOOKS


@frozen
class Sound:
    """A value may be used; it comes along where it had to be built to be asked."""

    value: object = ABSENT


_SOUND = Sound()


class Validity:
    """What is asked of remembered values before they are used."""

    def __init__(self, repo: Repo, book: TaskBook, heeding: Heeding) -> None:
        self._repo = repo
        self._book = book
        self._heeding = heeding
        self._glance = Glance()
        self._handles: frozenset[Digest] = frozenset()

    def look_anew(self) -> None:
        """Forget what files and handles were seen to be: from here on it is another moment."""
        self._glance = Glance()
        self._handles = frozenset()

    def ask_ahead(self, held: Iterable[ValueRecord]) -> None:
        """Look, side by side where that helps, at all files that these values hold."""
        records = list(held)
        self._glance.ask_ahead(file.path for record in records for file in record.files if self._may_look(record, file))
        self.ask_handles(version for record in records for version in record.handles)

    def ask_handles(self, versions: Iterable[HandleVersion]) -> None:
        """Ask which of these versions of handles were not rolled back."""
        wanted = {version.hash for version in versions} - self._handles
        if wanted:
            self._handles |= self._repo.backend.valid_handles(wanted)

    def judge_handles(self, versions: Iterable[HandleVersion]) -> Reason | None:
        """Why a result may not be used that was made from, or holds, these versions; None where all are valid."""
        for version in versions:
            if version.hash not in self._handles:
                return Reason(MissKind.HANDLE_ROLLED_BACK, version.name)
        return None

    def judge(self, value: StoredValue, held: Mapping[Digest, ValueRecord]) -> Sound | Reason:
        """Whether a value may be used, or why not; `held` are the records of all that hold Files, tasks or handles."""
        if value.place is Place.MISSING:
            return Reason(MissKind.VALUE_GONE, value.hash.hex())
        if value.data is not None and digest_bytes(value.data) != value.hash:
            self._repo.backend.forget_value(value.hash)
            return Reason(MissKind.VALUE_GONE, value.hash.hex())
        if value.traits is _PLAIN or not value.traits & ASKED:
            return _SOUND
        reason = self._judge_held(value, held) if value.traits & HELD else None
        if reason is not None:
            return reason
        return self._ask(value) if value.traits & Traits.HOOKS else _SOUND

    def _judge_held(self, value: StoredValue, held: Mapping[Digest, ValueRecord]) -> Reason | None:
        record = held.get(value.hash)
        if record is None:
            return Reason(MissKind.VALUE_GONE, value.hash.hex())
        for file in record.files:
            if not self._may_look(value, file):
                self._repo.refuse(value.hash)
                return Reason(MissKind.CANNOT_DECODE, f"it came from elsewhere, with a file at {file.path:.200}")
            if not self._glance.holds(file):
                return Reason(MissKind.FILE_CHANGED, file.path)
        for task in record.tasks:
            now = self._book.hash_of(task.fullname)
            if now != task.task_hash and (now is None or task.task_hash not in self._heeding.older(now)):
                return Reason(MissKind.TASK_CHANGED, task.fullname)
        return self.judge_handles(record.handles)

    def _may_look(self, value: StoredValue | ValueRecord, file: FileFact) -> bool:
        return not self._repo.is_foreign(value.traits) or is_plain_place(file.path)

    def _ask(self, stored: StoredValue) -> Sound | Reason:
        """Build a value and ask what is in it. Runs the code of its types."""
        noted = Noted()
        try:
            value = self._repo.load(stored, noted)
        except ReduxError as error:
            return reason_of_loss(stored.hash, error)
        if noted.changed:
            return Reason(MissKind.HELD_CODE_CHANGED, noted.changed[0])
        refused = noted.refusal()
        return Sound(value) if refused is None else Reason(MissKind.NOT_VALID, refused)


def reason_of_loss(value: Digest, error: ReduxError) -> Reason:
    """Why a call runs again whose remembered value could not be had."""
    if isinstance(error, CannotDecode):
        return Reason(MissKind.CANNOT_DECODE, str(error).partition("; ")[0])
    missing: Digest = getattr(error, "digest", value)
    return Reason(MissKind.VALUE_GONE, missing.hex())
