"""Results of evaluations become rows, each differing one of them; and it is noted where they disagree."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Hashable, Iterable, Sequence

from sqlalchemy import literal_column

from redux_backends import schema, tags
from redux_backends.backend import NONDETERMINISTIC
from redux_backends.disagreeing import NEVER, disagree
from redux_backends.records import MAY_CHANGE, Evaluation, Place, Tag
from redux_backends.rowids import Ledger, read_rows
from redux_backends.session import Session
from redux_backends.statements import Among, Insert, Row
from redux_valuestore.digest import Digest

_NEW_RESULTS = Insert(schema.evaluation_result)
_NEWER_RESULTS = Insert(schema.evaluation_result, update=("duration", "recorded"))
_DISAGREEMENTS = Insert(schema.disagreement)

_MISSING = str(int(Place.MISSING))
_KNOWN_RESULTS = Among(
    [
        schema.evaluation_result.c.evaluation_id,
        schema.evaluation_result.c.value_id,
        schema.evaluation_result.c.recorded,
    ],
    schema.evaluation_result,
    schema.evaluation_result.c.evaluation_id,
)
_COMPARED = Among(
    [schema.evaluation_result.c.evaluation_id, schema.task.c.hash, schema.value.c.id, schema.value.c.traits],
    schema.evaluation_result.join(schema.value).join(schema.evaluation).join(schema.task),
    schema.evaluation_result.c.evaluation_id,
    schema.value.c.traits.op("&")(literal_column(str(int(NEVER)))) == literal_column("0"),
    schema.value.c.place != literal_column(_MISSING),
)
_KNOWN_DISAGREEMENTS = Among(
    [schema.disagreement.c.evaluation_id], schema.disagreement, schema.disagreement.c.evaluation_id
)
_HOLDS = (
    Among(
        [schema.held_file.c.value_id, schema.held_file.c.path, schema.held_file.c.content],
        schema.held_file,
        schema.held_file.c.value_id,
    ),
    Among(
        [schema.held_task.c.value_id, schema.held_task.c.name_id, schema.held_task.c.task_hash],
        schema.held_task,
        schema.held_task.c.value_id,
    ),
    Among(
        [schema.held_handle.c.value_id, schema.held_handle.c.handle_id],
        schema.held_handle,
        schema.held_handle.c.value_id,
    ),
)


def record(session: Session, ledger: Ledger, evaluations: Sequence[Evaluation]) -> None:
    """Write results of evaluations: of equal ones the newest stands."""
    known, values = ledger.evaluations, ledger.values
    newest: dict[tuple[int, int], Evaluation] = {}
    for each in evaluations:
        key = known[each.eval_hash], values[each.result]
        if key not in newest or newest[key].recorded < each.recorded:
            newest[key] = each
    if not newest:
        return
    old = {known[each.eval_hash] for each in evaluations if not known.is_new(each.eval_hash)}
    there = read_rows(session, _KNOWN_RESULTS, list(old))
    earlier = {(row, value): recorded for row, value, recorded in there if row in old}
    new: list[Row] = []
    newer: list[Row] = []
    for key, each in newest.items():
        row = (*key, each.duration, each.recorded)
        if key not in earlier:
            new.append(row)
        elif earlier[key] < each.recorded:
            newer.append(row)
    session.write(_NEW_RESULTS, new)
    session.write(_NEWER_RESULTS, newer)
    results = Counter(row for row, _ in earlier.keys() | newest.keys())
    _note_disagreements(session, ledger, [row for row, count in results.items() if count > 1])


def _note_disagreements(session: Session, ledger: Ledger, evaluations: list[int]) -> None:
    """Note which of these evaluations with several results disagree, and tag their tasks."""
    compared = list(session.read(_COMPARED, evaluations))
    holding = [value for _, _, value, traits in compared if traits & MAY_CHANGE]
    held = _what_is_held(session, holding)
    explanations: defaultdict[int, list[frozenset[Hashable]]] = defaultdict(list)
    for evaluation, _, value, _ in compared:
        explanations[evaluation].append(held.get(value, frozenset()))
    disagreeing = {evaluation for evaluation, found in explanations.items() if disagree(found)}
    if not disagreeing:
        return
    known = {evaluation for (evaluation,) in session.read(_KNOWN_DISAGREEMENTS, disagreeing)}
    session.write(_DISAGREEMENTS, [(evaluation,) for evaluation in sorted(disagreeing - known)])
    tasks = {Digest(task_hash) for evaluation, task_hash, *_ in compared if evaluation in disagreeing}
    tags.record(session, ledger, [Tag("task", task_hash, NONDETERMINISTIC, "true") for task_hash in sorted(tasks)])


def _what_is_held(session: Session, values: Iterable[int]) -> dict[int, frozenset[Hashable]]:
    """What values, given by row, hold that can change."""
    held: defaultdict[int, set[Hashable]] = defaultdict(set)
    wanted = list(values)
    for number, holds in enumerate(_HOLDS):
        for value, *fact in session.read(holds, wanted):
            held[value].add((number, *fact))
    return {value: frozenset(facts) for value, facts in held.items()}
