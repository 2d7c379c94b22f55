"""Whether a remembered value may be used: what it holds is as it was, and what it is made of says so."""

from __future__ import annotations

from collections.abc import Mapping

from redux.file import still_holds
from redux.repo import Repo
from redux.scheduler.jobs import ABSENT
from redux.scheduler.task_book import TaskBook
from redux.value import CannotDecode, Noted
from redux_backends.records import MissKind, Place, Reason, StoredValue, Traits, ValueRecord
from redux_valuestore.digest import Digest, digest_bytes
from redux_valuestore.errors import ReduxError
from redux_valuestore.frozen import frozen

_PLAIN = Traits.PLAIN
HELD = Traits.FILES | Traits.TASKS
_ASKED = HELD | Traits.HOOKS


@frozen
class Sound:
    """A value may be used; it comes along where it had to be built to be asked."""

    value: object = ABSENT


_SOUND = Sound()


class Validity:
    """What is asked of remembered values before they are used."""

    def __init__(self, repo: Repo, book: TaskBook) -> None:
        self._repo = repo
        self._book = book

    def judge(self, value: StoredValue, held: Mapping[Digest, ValueRecord]) -> Sound | Reason:
        """Whether a value may be used, or why not; `held` are the records of all that hold Files or tasks."""
        if value.place is Place.MISSING:
            return Reason(MissKind.VALUE_GONE, value.hash.hex())
        if value.data is not None and digest_bytes(value.data) != value.hash:
            self._repo.backend.forget_value(value.hash)
            return Reason(MissKind.VALUE_GONE, value.hash.hex())
        if value.traits is _PLAIN or not value.traits & _ASKED:
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
            if not still_holds(file):
                return Reason(MissKind.FILE_CHANGED, file.path)
        for task in record.tasks:
            if self._book.hash_of(task.fullname) != task.task_hash:
                return Reason(MissKind.TASK_CHANGED, task.fullname)
        return None

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
