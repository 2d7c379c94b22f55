"""What came before: a task's versions, the tasks of calls, and the earlier evaluations that bear on a miss."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Connection,
    Float,
    LargeBinary,
    Row,
    Select,
    TextClause,
    bindparam,
    select,
    text,
)

from redux_backends import schema
from redux_backends.backend import MissContext, unknown_reference
from redux_backends.choosing import tasks_named
from redux_backends.query import arguments_of
from redux_backends.records import (
    Argument,
    CallNode,
    CodePiece,
    Evaluation,
    EvaluationKey,
    ExecutionId,
    TaskRecord,
    Upstream,
)
from redux_backends.tracing import newest_results
from redux_valuestore.digest import Digest

_task, _evaluation, _execution, _argument, _value, _word, _call = (
    schema.task,
    schema.evaluation,
    schema.execution,
    schema.argument,
    schema.value,
    schema.word,
    schema.call_node,
)
_AT_ONCE = 500
_CANDIDATES = 300
"""How many evaluations of a task are looked at to find the nearest to one, and how many of its jobs."""
_OF_VALUES, _FEW = 2000, 20
"""How many that have an argument's value: of all arguments together, and of each at least."""


# -- tasks -----------------------------------------------------------------------------------------


def get_task(connection: Connection, task_hash: Digest) -> TaskRecord | None:
    """One task with its pieces of code."""
    return next(iter(_tasks(connection, schema.same_id(_task.c.hash, task_hash))), None)


def get_tasks(connection: Connection, tasks: Sequence[Digest]) -> Mapping[Digest, TaskRecord]:
    """Tasks with their pieces of code; unknown ones are left out."""
    alike = schema.prefix_of(_task.c.hash).in_([task[: schema.PREFIX] for task in tasks])
    return {one.hash: one for one in _tasks(connection, alike & _task.c.hash.in_(tasks))}


def task_versions(connection: Connection, fullname: str) -> Sequence[TaskRecord]:
    """A task's versions, newest first."""
    return _tasks(connection, _task.c.id.in_(tasks_named(fullname)))


def _tasks(connection: Connection, wanted: ColumnElement[bool]) -> list[TaskRecord]:
    asked = (
        select(_task.c.id, _task.c.hash, _word.c.text, _task.c.version)
        .select_from(_task.join(_word, _word.c.id == _task.c.name_id))
        .where(wanted)
        .order_by(_task.c.id.desc())
    )
    rows = connection.execute(asked).all()
    piece = schema.code_piece
    pieces: defaultdict[int, list[CodePiece]] = defaultdict(list)
    made_of = (
        select(schema.task_piece.c.task_id, piece.c.hash, piece.c.kind, piece.c.name, piece.c.source)
        .select_from(schema.task_piece.join(piece))
        .where(schema.task_piece.c.task_id.in_(select(_task.c.id).where(wanted)))
        .order_by(schema.task_piece.c.task_id, schema.task_piece.c.position)
    )
    for row, digest, kind, name, source in connection.execute(made_of):
        pieces[row].append(CodePiece(digest, kind, name, source))
    return [TaskRecord(digest, fullname, version, tuple(pieces[row])) for row, digest, fullname, version in rows]


def name_calls(connection: Connection, calls: Sequence[Digest]) -> Mapping[Digest, str]:
    """The full names of the tasks of calls."""
    call = schema.call_node
    named = select(call.c.hash, _word.c.text).select_from(
        call.join(_evaluation, _evaluation.c.id == call.c.evaluation_id)
        .join(_task, _task.c.id == _evaluation.c.task_id)
        .join(_word, _word.c.id == _task.c.name_id)
    )
    found: dict[Digest, str] = {}
    for start in range(0, len(calls), _AT_ONCE):
        chunk = calls[start : start + _AT_ONCE]
        alike = schema.prefix_of(call.c.hash).in_(schema.prefixes(chunk))
        for digest, fullname in connection.execute(named.where(alike, call.c.hash.in_(chunk))):
            found[digest] = fullname
    return found


# -- evaluations -----------------------------------------------------------------------------------


def get_key(connection: Connection, eval_hash: Digest) -> EvaluationKey | None:
    """One evaluation's task and arguments."""
    return _key(connection, _keys().where(schema.same_id(_evaluation.c.hash, eval_hash)))


def _keys() -> Select:
    return select(
        _evaluation.c.id, _evaluation.c.hash, _task.c.hash.label("task_hash"), _evaluation.c.args_hash
    ).select_from(_evaluation.join(_task, _task.c.id == _evaluation.c.task_id))


def _key(connection: Connection, asked: Select) -> EvaluationKey | None:
    row: Row | None = connection.execute(asked.limit(1)).first()
    if row is None:
        return None
    arguments = arguments_of(connection, (row.id,)).get(row.id, ())
    return EvaluationKey(row.hash, row.task_hash, row.args_hash, tuple(one for one, _ in arguments))


def explain_cache_miss(connection: Connection, key: EvaluationKey, asked_by: ExecutionId) -> MissContext:
    """What earlier records bear on an evaluation's miss. Raises `unknown_reference`'s error for its task."""
    task = connection.execute(select(_task.c.name_id).where(schema.same_id(_task.c.hash, key.task_hash))).first()
    if task is None:
        raise unknown_reference("task", key.task_hash)
    return MissContext(_nearest(connection, key, task.name_id, asked_by))


# Of values that very many calls have, and of tasks with very many calls, only the newest evaluations are looked at,
# and those of the newest jobs of earlier executions, which no run crowds out by what it records itself. What is looked
# at is materialised, and the joins are written in the order in which SQLite is to make them.
_NEAREST = f"""
WITH asked AS MATERIALIZED (
    {{asked}}
), near AS MATERIALIZED (
    SELECT evaluation.id FROM asked CROSS JOIN evaluation WHERE evaluation.id {{among}}(
        SELECT evaluation_id FROM argument WHERE value_id = asked.value_id
        ORDER BY evaluation_id DESC LIMIT :most){{end}}
    UNION
    SELECT evaluation.id FROM task CROSS JOIN evaluation WHERE task.name_id = :name_id AND evaluation.id {{among}}(
        SELECT id FROM evaluation AS one WHERE one.task_id = task.id ORDER BY id DESC LIMIT {_CANDIDATES}){{end}}
    UNION
    SELECT job.evaluation_id FROM task CROSS JOIN job WHERE task.name_id = :name_id AND job.id {{among}}(
        SELECT id FROM job AS one WHERE one.task_id = task.id AND one.started < :before
        ORDER BY one.started DESC LIMIT {_CANDIDATES}){{end}}
    UNION
    SELECT argument.evaluation_id
    FROM asked CROSS JOIN held_file AS mine CROSS JOIN held_file AS theirs CROSS JOIN argument
    WHERE mine.value_id = asked.value_id AND theirs.path = mine.path AND argument.value_id = theirs.value_id
), dated AS MATERIALIZED (
    SELECT evaluation.id,
        (SELECT count(*) FROM argument CROSS JOIN asked
         WHERE argument.evaluation_id = evaluation.id
             AND asked.value_id = argument.value_id AND asked.name_id = argument.name_id) AS equal,
        (SELECT count(*) FROM (
            SELECT DISTINCT asked.name_id, mine.path
            FROM argument CROSS JOIN asked CROSS JOIN held_file AS mine CROSS JOIN held_file AS theirs
            WHERE argument.evaluation_id = evaluation.id
                AND asked.name_id = argument.name_id AND asked.value_id <> argument.value_id
                AND mine.value_id = asked.value_id
                AND theirs.value_id = argument.value_id AND theirs.path = mine.path) AS same_path) AS paths,
        (SELECT max(execution.started) FROM job JOIN execution ON execution.id = job.execution_id
         WHERE job.evaluation_id = evaluation.id AND execution.started < :before) AS recency,
        NOT EXISTS (SELECT 1 FROM job WHERE evaluation_id = evaluation.id AND execution_id = :asked_by) AS replaced
    FROM near CROSS JOIN evaluation
    WHERE evaluation.id = near.id AND evaluation.hash <> :hash
        AND evaluation.task_id IN (SELECT id FROM task WHERE name_id = :name_id))
SELECT id, equal, paths, replaced, recency FROM dated
ORDER BY recency IS NOT NULL DESC, equal DESC, paths DESC, replaced DESC, recency DESC, id DESC LIMIT {_CANDIDATES}
"""
_WORDS = {
    "sqlite": {
        "asked": "SELECT json_extract(value, '$[0]') AS name_id, json_extract(value, '$[1]') AS value_id "
        "FROM json_each(:asked)",
        "among": "IN ",
        "end": "",
    },
    "postgresql": {
        "asked": "SELECT CAST(pair ->> 0 AS bigint) AS name_id, CAST(pair ->> 1 AS bigint) AS value_id "
        "FROM jsonb_array_elements(CAST(:asked AS jsonb)) AS pair",
        "among": "= ANY (ARRAY",
        "end": ")",
    },
}
_TYPES = [
    bindparam("hash", type_=LargeBinary),
    bindparam("name_id", type_=BigInteger),
    bindparam("asked_by", type_=BigInteger),
    bindparam("before", type_=Float),
]


@lru_cache
def _ranked(dialect: str) -> TextClause:
    return text(_NEAREST.format(**_WORDS[dialect])).bindparams(*_TYPES)


def _nearest(connection: Connection, key: EvaluationKey, name_id: int, asked_by: ExecutionId) -> EvaluationKey | None:
    """The evaluation that `MissContext.nearest` tells of, of the few hundred that fit best but for their previews."""
    asking = select(_execution.c.id, _execution.c.started).where(schema.same_id(_execution.c.uuid, asked_by))
    execution = connection.execute(asking).first()
    asked, previews = _asked(connection, key.arguments)
    bound = {
        "hash": key.eval_hash,
        "name_id": name_id,
        "asked_by": execution and execution.id,
        "before": execution and execution.started,
        "asked": json.dumps(asked),
        "most": max(_FEW, _OF_VALUES // max(1, len(asked))),
    }
    rows = list(connection.execute(_ranked(connection.dialect.name), bound))
    if not rows:
        return None
    score = {row.id: (row.recency is not None, row.equal, row.paths, row.replaced) for row in rows}
    best = max(score.values())
    tied = {row.id: (row.recency or 0.0, row.id) for row in rows if score[row.id] == best}
    alike = _count_alike(connection, tied, previews) if len(tied) > 1 else {}
    nearest = max(tied, key=lambda row: (alike.get(row, 0), tied[row]))
    return _key(connection, _keys().where(_evaluation.c.id == nearest))


_RESULTS = """
SELECT task.hash, evaluation.hash, value.hash, given.duration, given.recorded
FROM task CROSS JOIN evaluation CROSS JOIN evaluation_result AS given CROSS JOIN value
WHERE task.id IN ({tasks}) AND evaluation.id {among}(
        SELECT id FROM evaluation AS one WHERE one.task_id = task.id ORDER BY id DESC LIMIT :limit){end}
    AND given.evaluation_id = evaluation.id AND value.id = given.value_id
"""


def results_of(connection: Connection, tasks: Sequence[Digest], limit: int) -> Mapping[Digest, Sequence[Evaluation]]:
    """What the last evaluations of tasks gave, newest first."""
    words = _WORDS[connection.dialect.name]
    found: defaultdict[Digest, list[Evaluation]] = defaultdict(list)
    for start in range(0, len(tasks), _AT_ONCE):
        chunk = tasks[start : start + _AT_ONCE]
        alike = schema.prefix_of(_task.c.hash).in_([digest[: schema.PREFIX] for digest in chunk])
        rows = [
            str(row) for row in connection.execute(select(_task.c.id).where(alike, _task.c.hash.in_(chunk))).scalars()
        ]
        asked = text(_RESULTS.format(tasks=", ".join(rows) or "NULL", among=words["among"], end=words["end"]))
        for task, eval_hash, result, duration, recorded in connection.execute(asked, {"limit": limit}):
            found[task].append(Evaluation(eval_hash, result, duration, recorded))
    return {task: newest_results(results) for task, results in found.items()}


def _asked(
    connection: Connection, arguments: Sequence[Argument]
) -> tuple[list[tuple[int, int]], dict[tuple[int, str], int]]:
    """The arguments that are known, as rows of name and value, and their values' rows by name and preview."""
    names: dict[str, int] = {}
    values: dict[Digest, tuple[int, str]] = {}
    for start in range(0, len(arguments), _AT_ONCE):
        chunk = arguments[start : start + _AT_ONCE]
        words = select(_word.c.text, _word.c.id).where(_word.c.text.in_([each.name for each in chunk]))
        names.update((name, row) for name, row in connection.execute(words))
        digests = [each.value for each in chunk]
        alike = schema.prefix_of(_value.c.hash).in_(schema.prefixes(digests))
        held = select(_value.c.hash, _value.c.id, _value.c.preview).where(alike, _value.c.hash.in_(digests))
        values.update({digest: (row, preview) for digest, row, preview in connection.execute(held)})
    known = [
        (names[each.name], values[each.value]) for each in arguments if each.name in names and each.value in values
    ]
    return [(name, row) for name, (row, _) in known], {(name, preview): row for name, (row, preview) in known}


def _count_alike(
    connection: Connection, evaluations: Iterable[int], previews: Mapping[tuple[int, str], int]
) -> Counter[int]:
    """How many arguments of each evaluation are another value that looks the same as the one of that name here."""
    shown = (
        select(_argument.c.evaluation_id, _argument.c.name_id, _value.c.id, _value.c.preview)
        .select_from(_argument.join(_value, _value.c.id == _argument.c.value_id))
        .where(_argument.c.evaluation_id.in_(list(evaluations)))
    )
    return Counter(
        evaluation
        for evaluation, name, value, preview in connection.execute(shown)
        if previews.get((name, preview), value) != value
    )


def get_call(connection: Connection, call: Digest) -> CallNode | None:
    """One finished call, children and upstreams in order."""
    asked = (
        select(
            _call.c.id,
            schema.evaluation.c.hash.label("eval_hash"),
            _value.c.hash.label("result"),
            schema.task_set.c.hash.label("task_set"),
            _call.c.duration,
            _call.c.recorded,
        )
        .select_from(
            _call.join(schema.evaluation, schema.evaluation.c.id == _call.c.evaluation_id)
            .join(_value, _value.c.id == _call.c.value_id)
            .join(schema.task_set, schema.task_set.c.id == _call.c.set_id)
        )
        .where(schema.same_id(_call.c.hash, call))
    )
    row = connection.execute(asked).mappings().first()
    if row is None:
        return None
    edge = schema.call_edge
    children = (
        select(_call.c.hash)
        .select_from(edge.join(_call, _call.c.id == edge.c.child_id))
        .where(edge.c.parent_id == row["id"])
        .order_by(edge.c.position)
    )
    return CallNode(
        call_hash=call,
        eval_hash=row["eval_hash"],
        result=row["result"],
        children=tuple(connection.execute(children).scalars()),
        task_set=row["task_set"],
        duration=row["duration"],
        recorded=row["recorded"],
        upstreams=_upstreams(connection, row["id"]),
    )


def _upstreams(connection: Connection, call: int) -> tuple[Upstream, ...]:
    """Where a call's arguments came from; the call is given by row."""
    link = schema.call_upstream
    asked = (
        select(_word.c.text, _call.c.hash)
        .select_from(link.join(_word, _word.c.id == link.c.name_id).join(_call, _call.c.id == link.c.upstream_id))
        .where(link.c.call_id == call)
        .order_by(link.c.position)
    )
    return tuple(Upstream(name, upstream) for name, upstream in connection.execute(asked))
