"""A small history for the tests of the shared cache's format, always the same, with some of all that may be shared."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from redux_backends.exchange import CallRecord, HandleRecord, Records
from redux_backends.records import CallNode, EvaluationKey, JobStatus, MissKind, Reason, Tag, Traits, ValueRecord
from redux_backends.sample import (
    ELSEWHERE,
    call,
    done,
    ended,
    evaluation,
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

TASKS = [task("add"), task("add", "return 2"), task("main")]
ONE, TWO, BIG, HERE, GONE = (
    value("1"),
    value("2", Traits.FOREIGN),
    large_value("big"),
    file_value("/data/é\udc80.csv"),
    replace(value("gone"), data=None),
)
HOLDER = holding_value("holder", [ONE, BIG], TASKS[:1])
VALUES = [ONE, TWO, BIG, HERE, GONE, HOLDER]
KEYS = [key(TASKS[0], ONE), key(TASKS[0], TWO, HERE), key(TASKS[2], HOLDER), key(TASKS[1])]
SETS = [task_set(TASKS[0]), task_set(TASKS[0], TASKS[2])]
LEAVES = [call(KEYS[0], TWO, SETS[0], at=1), call(KEYS[1], BIG, SETS[0], at=2)]
LATER = call(KEYS[0], HOLDER, SETS[0], upstreams=LEAVES[1:], at=3)
ROOT = call(KEYS[2], HERE, SETS[1], children=[*LEAVES, LATER], at=4)
CALLS = [*LEAVES, LATER, ROOT]
RUNS = [ended(execution("first", 1, ELSEWHERE)), execution("second", 5, ELSEWHERE)]
TOP = done(started("top", RUNS[0], KEYS[2], at=1), ROOT)
JOBS = [
    TOP,
    replace(done(started("leaf", RUNS[0], KEYS[0], parent=TOP, at=2), LEAVES[0]), reason=Reason(MissKind.NEW_TASK)),
    replace(done(started("other", RUNS[0], KEYS[1], parent=TOP, at=2), LEAVES[1]), place="pool"),
    done(started("later", RUNS[0], KEYS[0], parent=TOP, at=3), LATER),
    replace(done(started("again", RUNS[1], KEYS[0], at=6), LEAVES[0]), status=JobStatus.CACHED),
    started("waiting", RUNS[1], KEYS[3], at=7),
]
PLAIN = [
    Tag("call", ROOT.call_hash, "owner", '"ana"', (), 1.7e9),
    Tag("value", ONE.hash, "unit", '"m"'),
    Tag("execution", RUNS[0].id, "redux.version", '"1.0"', (), 1.7e9),
    Tag("job", TOP.id, "note", "[1, null]"),
]
HEEDED = [
    Tag("task", TASKS[0].hash, "redux.accepts", f'"{TASKS[1].hash.hex()}"'),
    Tag("call", ROOT.call_hash, "redux.forgotten", "true"),
    Tag("call", ROOT.call_hash, "owner", '"ben"', (PLAIN[0].hash,)),
    Tag("call", ROOT.call_hash, "owner", None, (PLAIN[0].hash,)),
]
HANDLE = handle_value(version("1"))
"""A value that nobody can be given, and what has to do with it."""
AT_HOME = [key(TASKS[0], HANDLE), key(TASKS[1], ONE), key(TASKS[1], TWO)]
ERROR = value("error", Traits.ERROR)
KEPT = [
    call(AT_HOME[0], ONE, SETS[0], at=8),
    call(AT_HOME[1], HANDLE, SETS[0], at=9),
    call(AT_HOME[2], ERROR, SETS[0], at=10),
]
ABOVE = call(KEYS[3], ONE, SETS[1], children=KEPT[:1], at=11)
"""A call that could be shared, if the one below it could."""


def history(*, everything: bool = False) -> Records:
    """The records of it: those that may be shared, or `everything`."""
    calls = [*CALLS, *KEPT, ABOVE] if everything else CALLS
    return Records(
        handles=[HandleRecord(version("1"), True)] if everything else [],
        values=[*VALUES, HANDLE, ERROR] if everything else VALUES,
        gone=frozenset({GONE.hash}),
        tasks=TASKS,
        keys=[*KEYS, *AT_HOME] if everything else KEYS,
        results=[evaluation(of, result) for of, result in ((KEYS[0], TWO), (KEYS[0], HOLDER), (KEYS[1], BIG))],
        task_sets=SETS,
        calls=call_records(calls, [*KEYS, *AT_HOME]),
        executions=RUNS,
        jobs=JOBS,
        tags=[*PLAIN, *HEEDED] if everything else PLAIN,
    )


def call_records(calls: Sequence[CallNode], keys: Sequence[EvaluationKey]) -> list[CallRecord]:
    """Calls as an exchange has them."""
    known = {each.eval_hash: each for each in keys}
    return [CallRecord(each, known[each.eval_hash].task_hash, known[each.eval_hash].args_hash) for each in calls]


def many_calls(count: int, size: int = 1) -> Records:
    """So many calls of one task, each with an argument and a result of some bytes."""
    values = [value(f"{number:0{size}}") for number in range(count + 1)]
    keys = [key(TASKS[0], given) for given in values[:-1]]
    calls = [call(of, result, SETS[0], at=at) for at, (of, result) in enumerate(zip(keys, values[1:], strict=True))]
    return Records(
        values=values,
        tasks=TASKS[:1],
        keys=keys,
        results=[evaluation(of, result) for of, result in zip(keys, values[1:], strict=True)],
        task_sets=SETS[:1],
        calls=call_records(calls, keys),
    )


def by_hash(values: Sequence[ValueRecord]) -> set[bytes]:
    """The hashes of values."""
    return {each.hash for each in values}
