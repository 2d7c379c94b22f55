"""Which recorded calls can be made again: of tasks whose code is what it was, with arguments that are still there."""

from __future__ import annotations

import random
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from redux.files.facts import still_holds
from redux.repo import Repo
from redux.scheduler.heeding import Heeding
from redux.serializers.foreign import is_plain_place
from redux.task import Task
from redux_backends.exchange import RecordId, RecordKind
from redux_backends.records import EvaluationKey, Place, Seconds, StoredValue, Traits, ValueRecord
from redux_valuestore.digest import Digest

_CONTEXT_ARGUMENT = "(context)"
_MANY = 100_000
"""Of how many of a task's last calls a sample is taken."""


class Skipped(StrEnum):
    """Which calls are not made again."""

    CODE = "of tasks whose code is not what it was"
    OWN = "of redux's own tasks, which act outside"
    ASYNC = "of async tasks, which ask for values while they run"
    NOT_REMEMBERED = "of tasks that are not to be remembered, and may give what they like"
    TOLD = "with arguments that are not recorded (JobInfo, config_args)"
    HANDLES = "with handles, which would act on what these stand for"
    FILES = "that gave Files, which would be written again (--with-files makes them too)"
    CHANGED_FILES = "that were given, or named, Files which are not what they were"
    GONE = "that were given or gave what is gone or damaged"
    FORGOTTEN = "that are forgotten, so no run uses what they gave"


@dataclass(frozen=True, slots=True)
class RecordedCall:
    """A call as it was recorded: of which `task`, by which `key`, and what it gave last, after so many `seconds`."""

    task: Task[..., Any]
    key: EvaluationKey
    arguments: tuple[tuple[str, StoredValue], ...]
    result: StoredValue
    seconds: Seconds
    previews: tuple[str, ...]
    """of the arguments, in order"""
    result_preview: str


@dataclass(frozen=True, slots=True)
class Sample:
    """Calls to be made again, drawn by a `seed` from `known` ones; how many of those drawn were `skipped`, and why.

    Of tasks none of whose calls is drawn the tasks count, in `left_out`.
    """

    calls: tuple[RecordedCall, ...]
    known: int
    skipped: Mapping[Skipped, int]
    left_out: Mapping[Skipped, tuple[str, ...]]
    seed: int


def take_sample(
    repo: Repo, tasks: Mapping[Digest, Task[..., Any]], size: int, seed: int, *, with_files: bool = False
) -> Sample:
    """At most `size` recorded calls of these `tasks`, by the hash that they have now. Raises BackendError.

    With `with_files` those that gave Files are among them.
    """
    backend = repo.backend
    skipped: Counter[Skipped] = Counter()
    known = backend.known_tasks([task.fullname for task in tasks.values()])
    left_out: defaultdict[Skipped, list[str]] = defaultdict(list)
    wanted: list[Digest] = []
    for digest, task in tasks.items():
        why = _why_no_call_of(task) if digest in known.get(task.fullname, ()) else Skipped.CODE
        if why is None:
            wanted.append(digest)
        elif task.fullname in known and why is not Skipped.OWN:
            left_out[why].append(task.fullname)
    heeding = Heeding(backend)
    if wanted:
        heeding.load()
    newest: dict[Digest, tuple[Digest, Seconds]] = {}
    forgotten: set[Digest] = set()
    for results in backend.results_of(wanted, _MANY).values():
        for one in results:
            said = heeding.of_evaluation(one.eval_hash)
            if said is not None and one.recorded <= said.until:
                forgotten.add(one.eval_hash)
            else:
                newest.setdefault(one.eval_hash, (one.result, one.duration))
    if forgotten - newest.keys():
        skipped[Skipped.FORGOTTEN] = len(forgotten - newest.keys())
    drawn = sorted(newest)
    random.Random(seed).shuffle(drawn)
    calls: list[RecordedCall] = []
    for start in range(0, len(drawn), max(size, 1)):
        missing = size - len(calls)
        if missing <= 0:
            break
        some = drawn[start : start + size]
        found = _read(repo, tasks, {one: newest[one] for one in some}, skipped, with_files)
        calls += found[:missing]
    return Sample(
        tuple(calls), len(newest), dict(skipped), {why: tuple(sorted(names)) for why, names in left_out.items()}, seed
    )


def _why_no_call_of(task: Task[..., Any]) -> Skipped | None:
    if task.fullname.startswith("redux."):
        return Skipped.OWN
    if task.declared.is_async:
        return Skipped.ASYNC
    if not task.declared.is_remembered:
        return Skipped.NOT_REMEMBERED
    return Skipped.TOLD if task.unhashed_args else None


def _read(
    repo: Repo,
    tasks: Mapping[Digest, Task[..., Any]],
    wanted: Mapping[Digest, tuple[Digest, Seconds]],
    skipped: Counter[Skipped],
    with_files: bool,
) -> list[RecordedCall]:
    """The calls of these evaluations that can be made again, in their order."""
    backend = repo.backend
    asked = [RecordId(RecordKind.EVALUATION, one) for one in wanted]
    keys = {key.eval_hash: key for key in backend.get_records(asked).keys}
    hashes = {one.value for key in keys.values() for one in key.arguments} | {result for result, _ in wanted.values()}
    values = backend.get_values(sorted(hashes))
    told = backend.describe_values(sorted(hashes))
    calls: list[RecordedCall] = []
    for eval_hash, (result, seconds) in wanted.items():
        key = keys.get(eval_hash)
        if key is None:
            continue
        arguments = [one for one in key.arguments if one.name != _CONTEXT_ARGUMENT]
        given = [values[one.value] for one in arguments if one.value in values]
        gave = values.get(result)
        why = Skipped.GONE if gave is None or len(given) < len(arguments) else _why_not(given, gave, told, with_files)
        if why is not None or gave is None:
            skipped[why or Skipped.GONE] += 1
            continue
        named = tuple((one.name, value) for one, value in zip(arguments, given, strict=True))
        previews = tuple(told[one.value].preview for one in arguments)
        calls.append(RecordedCall(tasks[key.task_hash], key, named, gave, seconds, previews, told[result].preview))
    return calls


def _why_not(
    given: Sequence[StoredValue], gave: StoredValue, told: Mapping[Digest, ValueRecord], with_files: bool
) -> Skipped | None:
    every = (*given, gave)
    if any(value.place is Place.MISSING or value.hash not in told for value in every):
        return Skipped.GONE
    if any(value.traits & Traits.HANDLES for value in every):
        return Skipped.HANDLES
    if gave.traits & Traits.FILES and not gave.traits & Traits.EXPRESSIONS and not with_files:
        return Skipped.FILES
    # An expression that names a File in its code has the content of then in its hash.
    named = [gave] if gave.traits & Traits.EXPRESSIONS else []
    return None if _hold(told[value.hash] for value in (*given, *named)) else Skipped.CHANGED_FILES


def _hold(records: Iterable[ValueRecord]) -> bool:
    return all(
        (is_plain_place(fact.path) or not record.traits & Traits.FOREIGN) and still_holds(fact)
        for record in records
        for fact in record.files
    )
