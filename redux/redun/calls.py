"""Redun's call nodes: the same graph under hashes of ours, from the leaves up."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence

from redux.redun.order import Kind, take_all
from redux.redun.source import AMONG, Row
from redux.redun.taking import Taking, hash_tag, moment
from redux.redun.tasks import NO_PARAMETERS, Parameters, parameters_of, tasks_of
from redux_backends.exchange import CallRecord, Records
from redux_backends.records import (
    NO_TASKS,
    Argument,
    CallNode,
    EvaluationKey,
    Seconds,
    TaskSet,
    Upstream,
    hash_arguments,
    hash_call,
    hash_evaluation,
    hash_task_set,
)
from redux_valuestore.digest import DIGEST_SIZE, Digest
from redux_valuestore.frozen import frozen

_COLUMNS = "SELECT call_hash, task_name, task_hash, value_hash, timestamp FROM call_node"
_ALL = f"{_COLUMNS} ORDER BY timestamp, call_hash"
_ARGUMENTS = f"SELECT call_hash, arg_hash, value_hash, arg_position, arg_key FROM argument WHERE call_hash {AMONG}"
_UPSTREAMS = f"""
SELECT a.call_hash, r.arg_hash, r.result_call_hash FROM argument_result r JOIN argument a ON a.arg_hash = r.arg_hash
WHERE a.call_hash {AMONG}
"""
_CHILDREN = (
    f"SELECT parent_id, child_id FROM call_edge WHERE parent_id {AMONG} ORDER BY parent_id, call_order, child_id"
)
_TASKS = f"SELECT call_hash, task_hash FROM call_subtree_task WHERE call_hash {AMONG}"
_TIMES = f"SELECT call_hash, start_time, end_time FROM job WHERE call_hash {AMONG} AND NOT cached"


@frozen
class _Argument:
    value: str
    position: int | None
    key: str | None
    upstreams: tuple[str, ...]


@frozen
class _Call:
    """A call node as redun has it, with what it is connected with."""

    key: str
    names: frozenset[str]
    task_name: str
    task: str
    result: str
    recorded: Seconds
    arguments: tuple[_Argument, ...]
    children: tuple[str, ...]
    tasks: tuple[str, ...]
    duration: Seconds


def take_calls(taking: Taking) -> None:
    """Record all call nodes, with what was called."""
    kind = Kind("calls", "call_node", [_ALL], f"{_COLUMNS} WHERE call_hash {AMONG}", _enriched, _record)
    taking.counts.one_call = take_all(taking, kind, taking.book.calls) - taking.book.calls.count()


def calls_of(taking: Taking, calls: Sequence[str]) -> Mapping[str, tuple[Digest, Digest]]:
    """Our hashes of redun's call nodes: the call hash, and the eval hash; unknown ones are left out."""
    found = taking.book.calls.find(calls)
    return {key: (Digest(both[:DIGEST_SIZE]), Digest(both[DIGEST_SIZE:])) for key, both in found.items()}


# -- reading -----------------------------------------------------------------------------------------


def _enriched(taking: Taking, rows: Sequence[Row]) -> list[_Call]:
    read, hashes = taking.source.read, [row[0] for row in rows]
    upstreams: defaultdict[str, list[str]] = defaultdict(list)
    named: defaultdict[str, set[str]] = defaultdict(set)
    for call, argument, upstream in read(_UPSTREAMS, hashes):
        upstreams[argument].append(upstream)
        named[call].add(upstream)
    arguments: defaultdict[str, list[_Argument]] = defaultdict(list)
    for call, argument, value, position, key in read(_ARGUMENTS, hashes):
        arguments[call].append(_Argument(value, position, key, tuple(sorted(upstreams[argument]))))
    children: defaultdict[str, list[str]] = defaultdict(list)
    for call, child in read(_CHILDREN, hashes):
        children[call].append(child)
        named[call].add(child)
    tasks: defaultdict[str, list[str]] = defaultdict(list)
    for call, task in read(_TASKS, hashes):
        tasks[call].append(task)
    durations = _durations(taking, hashes)
    return [
        _Call(
            hash,
            frozenset(named[hash]),
            task_name,
            task,
            result,
            moment(recorded) or 0.0,
            tuple(arguments[hash]),
            tuple(children[hash]),
            tuple(tasks[hash]),
            durations.get(hash, 0.0),
        )
        for hash, task_name, task, result, recorded in rows
    ]


def _durations(taking: Taking, calls: Sequence[str]) -> Mapping[str, Seconds]:
    """How long the first job of each call took that ran it."""
    first: dict[str, tuple[Seconds, Seconds]] = {}
    for call, started, ended in taking.source.read(_TIMES, calls):
        began, end = moment(started), moment(ended)
        if began is not None and end is not None and (call not in first or began < first[call][0]):
            first[call] = began, end
    return {call: max(end - began, 0.0) for call, (began, end) in first.items()}


# -- recording ---------------------------------------------------------------------------------------


def _record(taking: Taking, calls: Sequence[_Call]) -> None:
    values = taking.values_of(
        {call.result for call in calls} | {argument.value for call in calls for argument in call.arguments}
    )
    named: dict[str, str | None] = {task: None for call in calls for task in call.tasks}
    named.update({call.task: call.task_name for call in calls})
    tasks = tasks_of(taking, named)
    parameters = parameters_of(taking, {call.task for call in calls})
    ours = dict(calls_of(taking, sorted({name for call in calls for name in call.names})))
    keys: dict[Digest, EvaluationKey] = {}
    sets: dict[Digest, TaskSet] = {}
    nodes: dict[Digest, CallRecord] = {}
    for call in calls:
        arguments, upstreams = _named(call, parameters.get(call.task, NO_PARAMETERS), values, ours)
        task_set = _task_set(call, tasks)
        key = _key(tasks[call.task], arguments)
        children = tuple(ours[child][0] for child in call.children if child in ours)
        call_hash = hash_call(key.task_hash, key.args_hash, values[call.result], children)
        keys[key.eval_hash] = key
        sets[task_set.hash] = task_set
        node = CallNode(
            call_hash, key.eval_hash, values[call.result], children, task_set.hash, call.duration, call.recorded,
            upstreams,
        )  # fmt: skip
        nodes.setdefault(call_hash, CallRecord(node, key.task_hash, key.args_hash))
        ours[call.key] = call_hash, key.eval_hash
    tags = [hash_tag("call", ours[call.key][0], call.key) for call in calls]
    taking.put(Records(keys=list(keys.values()), task_sets=list(sets.values()), calls=list(nodes.values()), tags=tags))
    taking.book.calls.add((call.key, b"".join(ours[call.key])) for call in calls)


def _named(
    call: _Call,
    parameters: Parameters,
    values: Mapping[str, Digest],
    ours: Mapping[str, tuple[Digest, Digest]],
) -> tuple[tuple[Argument, ...], tuple[Upstream, ...]]:
    """The arguments of a call by the names of its task's parameters, in their order, and where they came from."""
    placed = sorted(
        (
            (*parameters.name(argument.position, argument.key), values[argument.value], argument.upstreams)
            for argument in call.arguments
        ),
        key=lambda one: one[:2],
    )
    arguments = tuple(Argument(name, value) for _, name, value, _ in placed)
    upstreams = tuple(
        Upstream(name, ours[upstream][0]) for _, name, _, behind in placed for upstream in behind if upstream in ours
    )
    return arguments, tuple(dict.fromkeys(upstreams))


def _key(task: Digest, arguments: tuple[Argument, ...]) -> EvaluationKey:
    args_hash = hash_arguments((argument.name, argument.value) for argument in arguments)
    return EvaluationKey(hash_evaluation(task, args_hash), task, args_hash, arguments)


def _task_set(call: _Call, tasks: Mapping[str, Digest]) -> TaskSet:
    """The tasks below a call; where redun does not know them, it is one that is never taken whole."""
    if not call.tasks:
        return TaskSet(NO_TASKS, ())
    members = tuple(sorted({tasks[task] for task in (*call.tasks, call.task)}))
    return TaskSet(hash_task_set(members), members)
