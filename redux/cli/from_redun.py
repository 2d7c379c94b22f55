"""What was taken over from redun, as the reading commands find and show it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from redux.redun.ids import HASH_DIGITS
from redux.redun.showing import traceback_of
from redux.redun.taking import HASH_TAG
from redux.serializers.redun_values import read_redun_value
from redux_backends.backend import MIN_PREFIX, AmbiguousId, Backend, Found
from redux_valuestore.digest import Digest

if TYPE_CHECKING:
    from typing_extensions import Buffer

_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f-]*", re.IGNORECASE)
_TASKS = ("redun.Task", "redun.task.SchedulerTask")
_SOME = 6


def without_dashes(word: str) -> str:
    """An id as redun writes it, as we do; other words as they are."""
    return word.replace("-", "") if _UUID.fullmatch(word) else word


def find_by_redun_hash(backend: Backend, word: str) -> Found | None:
    """The record of which redun's hash begins with a word; None where there is none. Raises AmbiguousId."""
    digits = word.lower()
    if not MIN_PREFIX <= len(digits) <= HASH_DIGITS or set(digits) - set("0123456789abcdef"):
        return None
    found = list(dict.fromkeys(backend.find_by_tag(HASH_TAG, f'"{digits}', _SOME)))
    if len(found) > 1:
        raise AmbiguousId.of(word, found)
    return _task_of(backend, found[0]) if found else None


def _task_of(backend: Backend, found: Found) -> Found:
    """The task, where what was found is the value that redun makes of one."""
    record = backend.describe_values([Digest(found.id)]).get(Digest(found.id)) if found.kind == "value" else None
    is_task = record is not None and record.type_name in _TASKS and record.tasks
    return Found("task", record.tasks[0].task_hash) if record is not None and is_task else found


def read_redun_texts(data: Buffer) -> dict[str, str]:
    """The traceback of an error that redun recorded; nothing of other values."""
    value = read_redun_value(data)
    text = traceback_of(bytes(value.data)) if value is not None else None
    return {} if text is None else {"traceback": text}
