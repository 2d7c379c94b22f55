"""The cache's questions, each for a whole wave at once."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

from sqlalchemy import CompoundSelect, and_, bindparam, literal_column, select, union

from redux_backends import handles, schema
from redux_backends.backend import CallCandidate, Candidate
from redux_backends.dialects import ShortData
from redux_backends.records import FileFact, Place, StoredValue, TaskFact, Traits, ValueRecord
from redux_backends.rowids import CALL, EVALUATION, TASK_SET, Memory
from redux_backends.session import Session
from redux_backends.statements import Among
from redux_valuestore.digest import Digest

_e, _r, _v, _c, _s = (
    schema.evaluation,
    schema.evaluation_result,
    schema.value,
    schema.call_node,
    schema.task_set,
)
_word = schema.word

_PLACES = tuple(Place)
"""By number: INLINE is 0."""
_TRAITS = {traits: Traits(traits) for traits in range(2 * max(Traits))}
"""By number: looked up for less than it costs to make them again."""

_VALUE = [_v.c.id, _v.c.hash, ShortData(_v.c.data), _v.c.place, _v.c.traits]
_DATA = select(_v.c.data).where(_v.c.id == bindparam("row"))

_REDUCTIONS = Among(
    [_e.c.id, _e.c.hash, _r.c.recorded, _r.c.duration, _c.c.id, _c.c.hash, _s.c.hash, *_VALUE],
    _e.join(_r, _r.c.evaluation_id == _e.c.id)
    .join(_v, _v.c.id == _r.c.value_id)
    .outerjoin(
        _c,
        and_(_c.c.evaluation_id == _e.c.id, _c.c.value_id == _v.c.id, _c.c.children == literal_column("0")),
    )
    .outerjoin(_s, _s.c.id == _c.c.set_id),
    schema.prefix_of(_e.c.hash),
)
_CALLS = Among(
    [_e.c.id, _e.c.hash, _c.c.recorded, _c.c.duration, _c.c.id, _c.c.hash, _s.c.hash, *_VALUE],
    _e.join(_c, _c.c.evaluation_id == _e.c.id).join(_v, _v.c.id == _c.c.value_id).join(_s, _s.c.id == _c.c.set_id),
    schema.prefix_of(_e.c.hash),
    _v.c.traits.op("&")(literal_column(str(int(Traits.ERROR)))) == literal_column("0"),
)
_STORED = Among(_VALUE, _v, schema.prefix_of(_v.c.hash))
_DESCRIBED = Among(
    [_v.c.id, _v.c.hash, _word.c.text, _v.c.size, _v.c.preview, _v.c.traits],
    _v.join(_word, _word.c.id == _v.c.type_id),
    schema.prefix_of(_v.c.hash),
)
_FILES = Among(list(schema.held_file.c), schema.held_file, schema.held_file.c.value_id)
_TASKS = Among(
    [
        schema.held_task.c.value_id,
        schema.held_task.c.position,
        _word.c.text,
        schema.held_task.c.task_hash,
    ],
    schema.held_task.join(_word),
    schema.held_task.c.value_id,
)
_CHILDREN = Among(
    [schema.subvalue.c.value_id, schema.subvalue.c.position, _v.c.hash],
    schema.subvalue.join(_v, _v.c.id == schema.subvalue.c.child_id),
    schema.subvalue.c.value_id,
)
_MEMBERS = Among(
    [schema.task_set_member.c.set_id, schema.task.c.hash],
    schema.task_set_member.join(schema.task),
    schema.task_set_member.c.set_id,
)
_TASKS_NAMED = Among(
    [_word.c.text, schema.task.c.id, schema.task.c.hash],
    schema.task.join(_word),
    _word.c.text,
)


def check_cache(session: Session, memory: Memory, evals: Sequence[Digest]) -> Mapping[Digest, Sequence[Candidate]]:
    """The remembered results of single reductions, newest first."""
    wanted = set(evals)
    found: dict[Digest, list[_Ranked]] = {}
    eval_rows: dict[bytes, int] = {}
    call_rows: dict[bytes, int] = {}
    for (
        eval_row, eval_hash, recorded, duration, call_row, leaf, leaf_set, *value,
    ) in session.read(_REDUCTIONS, schema.prefixes(wanted)):  # fmt: skip
        if eval_hash not in wanted:
            continue
        eval_rows[eval_hash] = eval_row
        if leaf is not None:
            call_rows[leaf] = call_row
        candidate = Candidate(_stored(session, *value), duration, leaf, leaf_set, recorded)
        ranked = (-recorded, call_row or 0, candidate)
        if eval_hash in found:
            found[eval_hash].append(ranked)
        else:
            found[eval_hash] = [ranked]
    memory.add(EVALUATION, eval_rows)
    memory.add(CALL, call_rows)
    return {eval_hash: _newest_first(ranked) for eval_hash, ranked in found.items()}


_Ranked = tuple[float, int, Candidate]


def _newest_first(found: list[_Ranked]) -> list[Candidate]:
    """Candidates by time; of several leaves with one result, the one recorded first."""
    if len(found) == 1:
        return [found[0][2]]
    by_value: dict[Digest, Candidate] = {}
    for _, _, candidate in sorted(found, key=lambda ranked: ranked[:2]):
        by_value.setdefault(candidate.value.hash, candidate)
    return list(by_value.values())


def find_calls(session: Session, memory: Memory, evals: Sequence[Digest]) -> Mapping[Digest, Sequence[CallCandidate]]:
    """The finished calls, newest first, that did not fail."""
    wanted = set(evals)
    found: defaultdict[Digest, list[tuple[float, int, CallCandidate]]] = defaultdict(list)
    eval_rows: dict[bytes, int] = {}
    call_rows: dict[bytes, int] = {}
    for (
        eval_row, eval_hash, recorded, duration, call_row, call_hash, task_set, *value,
    ) in session.read(_CALLS, schema.prefixes(wanted)):  # fmt: skip
        if eval_hash in wanted:
            eval_rows[eval_hash] = eval_row
            call_rows[call_hash] = call_row
            candidate = CallCandidate(call_hash, _stored(session, *value), task_set, duration)
            found[eval_hash].append((-recorded, call_row, candidate))
    memory.add(EVALUATION, eval_rows)
    memory.add(CALL, call_rows)
    return {
        eval_hash: [candidate for _, _, candidate in sorted(calls, key=lambda call: call[:2])]
        for eval_hash, calls in found.items()
    }


def _stored(session: Session, row: int, value: bytes, data: bytes | None, place: int, traits: int) -> StoredValue:
    if place:
        data = None
    elif data is None:
        (data,) = session.first(_DATA, row=row)
    return StoredValue(Digest(value), data, _PLACES[place], _TRAITS.get(traits) or Traits(traits))


def get_task_sets(session: Session, sets: Iterable[Digest]) -> Mapping[Digest, frozenset[Digest]]:
    """The members of task sets."""
    wanted = set(sets)
    rows = {row: digest for digest, row in TASK_SET.find(session, wanted).items() if digest in wanted}
    members: dict[int, list[Digest]] = {row: [] for row in rows}
    for row, task_hash in session.read(_MEMBERS, rows):
        members[row].append(task_hash)
    return {Digest(rows[row]): frozenset(tasks) for row, tasks in members.items()}


def _values_below() -> CompoundSelect[tuple[bytes]]:
    """The values with one of the traits `traits` that are arguments or results below the call given."""
    edge, argument = schema.call_edge, schema.argument
    first = select(edge.c.child_id.label("id")).join_from(edge, _c, _c.c.id == edge.c.parent_id)
    below = first.where(schema.same_id_given(_c.c.hash)).cte("below", recursive=True)
    below = below.union(select(edge.c.child_id).join_from(edge, below, edge.c.parent_id == below.c.id))
    calls = below.join(_c, _c.c.id == below.c.id)
    results = calls.join(_v, _v.c.id == _c.c.value_id)
    arguments = calls.join(argument, argument.c.evaluation_id == _c.c.evaluation_id).join(
        _v, _v.c.id == argument.c.value_id
    )
    wanted = _v.c.traits.op("&")(bindparam("traits")) != literal_column("0")
    return union(*(select(_v.c.hash).select_from(source).where(wanted) for source in (results, arguments)))


_BELOW = _values_below()


def values_below(session: Session, call: Digest, traits: Traits) -> frozenset[Digest]:
    """The values with one of these traits that were arguments or results of calls below a finished call."""
    found = session.all(_BELOW, prefix=call[: schema.PREFIX], digest=call, traits=int(traits))
    return frozenset(Digest(value) for (value,) in found)


def get_values(session: Session, values: Sequence[Digest]) -> Mapping[Digest, StoredValue]:
    """Values as they are kept."""
    wanted = set(values)
    return {
        value: _stored(session, row, value, *rest)
        for row, value, *rest in session.read(_STORED, schema.prefixes(wanted))
        if value in wanted
    }


def get_held(session: Session, values: Sequence[Digest]) -> Mapping[Digest, ValueRecord]:
    """Values with what they hold, without their bytes."""
    wanted = set(values)
    described = [row for row in session.read(_DESCRIBED, schema.prefixes(wanted)) if row[1] in wanted]
    holding = [row for row, *_, traits in described if traits]
    files: defaultdict[int, list[FileFact]] = defaultdict(list)
    for row, _, path, content in sorted(session.read(_FILES, holding), key=_by_position):
        files[row].append(FileFact(path, content))
    tasks: defaultdict[int, list[TaskFact]] = defaultdict(list)
    for row, _, fullname, task_hash in sorted(session.read(_TASKS, holding), key=_by_position):
        tasks[row].append(TaskFact(fullname, task_hash))
    children: defaultdict[int, list[Digest]] = defaultdict(list)
    for row, _, child in sorted(session.read(_CHILDREN, holding), key=_by_position):
        children[row].append(child)
    versions = handles.held_by(session, [row for row, *_, traits in described if traits & Traits.HANDLES])
    return {
        value: ValueRecord(
            hash=value,
            type_name=type_name,
            size=size,
            data=None,
            preview=preview,
            traits=Traits(traits),
            files=tuple(files[row]),
            subvalues=tuple(children[row]),
            tasks=tuple(tasks[row]),
            handles=versions.get(row, ()),
        )
        for row, value, type_name, size, preview, traits in described
    }


def _by_position(row: tuple) -> tuple[int, int]:
    return row[0], row[1]


def known_tasks(session: Session, fullnames: Sequence[str]) -> Mapping[str, Sequence[Digest]]:
    """The hashes under which tasks are known, newest first."""
    found: defaultdict[str, list[Digest]] = defaultdict(list)
    rows = session.read(_TASKS_NAMED, set(fullnames))
    for fullname, _, task_hash in sorted(rows, key=lambda row: -row[1]):
        found[fullname].append(task_hash)
    return dict(found)


def known_evaluations(session: Session, evals: Sequence[Digest]) -> frozenset[Digest]:
    """Which of these evaluations were ever asked for."""
    return frozenset(evals) & EVALUATION.find(session, set(evals)).keys()
