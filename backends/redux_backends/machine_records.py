"""What the state machine records: few enough that they often name each other."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import strategies as st

from redux_backends.answers import TagFilter
from redux_backends.records import MissKind, Reason, Tag, Traits
from redux_backends.sample import (
    ELSEWHERE,
    GONE,
    call,
    execution,
    file_value,
    handle_value,
    holding_value,
    key,
    large_value,
    started,
    task,
    task_set,
    value,
    version,
)

ERROR = value("error", Traits.ERROR)
PARTS = [value("a"), value("b"), large_value("c"), file_value("/f", "1"), file_value("/f", "2"), ERROR]
TASKS = [task("add"), task("add", "return 2"), task("other")]
VERSIONS = [version(f"{at}", *map(str, {at // 2, (at * 5) % at})) for at in range(1, 16)]
HANDLES = [each.hash for each in VERSIONS]
VALUES = [*PARTS, holding_value("holder", PARTS[:4], TASKS[:2]), *map(handle_value, VERSIONS[4:6])]
KEYS = [key(of, *bound) for of in TASKS for bound in ((), (VALUES[0],), (VALUES[0], VALUES[1]), (VALUES[1],))]
SETS = [task_set(TASKS[0]), task_set(*TASKS)]
LEAVES = [
    call(of, result, tasks, at=at)
    for at, (of, result, tasks) in enumerate(zip(KEYS * 2, [*VALUES, *VALUES[::-1], *VALUES], SETS * 14, strict=False))
]
NODES = [
    call(KEYS[at], VALUES[at], SETS[1], children=LEAVES[at : at + 3], upstreams=LEAVES[5 : 5 + at], at=100 + at)
    for at in range(5)
]
CALLS = [*LEAVES, *NODES]
EXECUTIONS = [execution("here", 1), execution("gone", 2, GONE), execution("elsewhere", 3, ELSEWHERE)]
ROOTS = [started(f"root {at}", each, KEYS[at], at=at) for at, each in enumerate(EXECUTIONS)]
JOBS = ROOTS + [started(f"job {at}", EXECUTIONS[at % 3], KEYS[at], parent=ROOTS[at % 3], at=10 + at) for at in range(8)]
REASONS = [None, Reason(MissKind.NEW_TASK), Reason(MissKind.FILE_CHANGED, "/f")]
TAGS = [
    Tag(kind, entity, name, "1")
    for kind, entity in (
        ("value", VALUES[0].hash),
        ("task", TASKS[0].hash),
        ("job", JOBS[0].id),
        ("execution", EXECUTIONS[0].id),
        ("call", CALLS[0].call_hash),
    )
    for name in ("x", "y")
]
FILTERS = [(), (TagFilter("x"),), (TagFilter("y", "2"),), (TagFilter("z", "1"), TagFilter("x"))]
EDITED = [
    *TAGS,
    *(Tag(tag.kind, tag.entity, tag.key, value, (tag.hash,)) for tag in TAGS for value in ("2", None)),
    *(Tag(tag.kind, tag.entity, "z", "1", (tag.hash, other.hash)) for tag, other in pairwise(TAGS)),
]

EVALS = [each.eval_hash for each in KEYS]
HASHES = [each.hash for each in VALUES]
IDS = [*HASHES, *(each.call_hash for each in CALLS), *(each.id for each in (*JOBS, *EXECUTIONS))]


def some(choices: list) -> st.SearchStrategy[list]:
    """None, some or all of the choices, in any order."""
    return st.lists(st.sampled_from(choices), max_size=len(choices), unique=True)


def few(choices: list) -> st.SearchStrategy[list]:
    """At most five of the choices, in any order."""
    return st.lists(st.sampled_from(choices), max_size=5, unique=True)
