"""Reasons why calls ran, in words."""

from __future__ import annotations

from collections.abc import Mapping

from redux.files.facts import is_one_file, is_pattern, shown_text
from redux.words.jobs import DIGITS
from redux_backends.records import MissKind, Reason

_WORDS: Mapping[MissKind, str] = {
    MissKind.NONE: "no reason was recorded",
    MissKind.NEW_TASK: "never run before",
    MissKind.CODE_CHANGED: "its code changed",
    MissKind.NEW_ARGUMENTS: "never called with these arguments",
    MissKind.FILE_CHANGED: "{detail} is not the file that was recorded",
    MissKind.VALUE_GONE: "the remembered result {short} is gone or damaged",
    MissKind.CACHE_OFF: "the cache was off, by --no-cache or the task's cache=False or cache_scope",
    MissKind.NO_RESULT: "the same call was made before but left no result: it failed, was stopped, or is still running",
    MissKind.TASK_CHANGED: "the task {detail}, held in the remembered result, changed",
    MissKind.STALE_SUBTREE: "a task called below it changed",
    MissKind.HANDLE_ROLLED_BACK: "what {detail} stands for has moved on: a call before this one on its line ran again",
    MissKind.NOT_WHOLE: "it is reused as a whole or not at all, and a call below it failed, was given a handle, read a "
    "file that changed meanwhile, or is not to be remembered",
    MissKind.FORGOTTEN: "what was remembered of it was forgotten by {detail}",
    MissKind.FORGOTTEN_BELOW: "it is reused as a whole or not at all, and a call below it was forgotten",
    MissKind.RETRIED: "it was tried again: {detail}",
    MissKind.NOT_VALID: "{detail}, held in the remembered result, says that it is not valid any more",
    MissKind.CANNOT_DECODE: "the remembered result cannot be built any more: {detail}",
    MissKind.HELD_CODE_CHANGED: "the code of {detail}, held in the remembered result, changed",
    MissKind.SAMPLED: "it is in the shared cache, and was made again to compare, as verify_sample says",
}

WORDS_OF_SEVERAL: Mapping[MissKind, str] = {
    MissKind.FILE_CHANGED: "{details} are not {were}",
    MissKind.VALUE_GONE: "the remembered results {details} are gone or damaged",
    MissKind.FORGOTTEN: "what was remembered of them was forgotten by {details}",
    MissKind.NOT_VALID: "{details}, held in remembered results, say that they are not valid any more",
    MissKind.CANNOT_DECODE: "remembered results cannot be built any more: {details}",
    MissKind.HELD_CODE_CHANGED: "the code of {details}, held in remembered results, changed",
    MissKind.HANDLE_ROLLED_BACK: "what {details} stand for has moved on: calls before these on their lines ran again",
}


SECRET = "redux.Secret"
"""What says that a remembered result cannot be used: a Secret that its task made."""
REFUSED = "redux.shared"
"""What says that the result is there in the shared cache, and that it is left out there."""


def describe_reason(reason: Reason) -> str:
    """A recorded reason in a few words, without asking the database."""
    if reason.kind is MissKind.NOT_VALID and reason.detail == SECRET:
        return "it makes a Secret itself for what it calls, and that is not kept"
    if reason.kind is MissKind.NO_RESULT and reason.detail == REFUSED:
        return "its result in the shared cache would run code to be decoded, and who made it is not trusted with that"
    if reason.kind is MissKind.FILE_CHANGED and not is_one_file(reason.detail):
        verb = "are" if is_pattern(reason.detail) else "is"
        return f"{shown_text(reason.detail)} {verb} not what was recorded"
    return _WORDS[reason.kind].format(detail=reason.detail or "it", short=reason.detail[:DIGITS])
