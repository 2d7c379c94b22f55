"""Made-up records that name each other, for the tests of backends: equal names give equal records."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from redux_backends.liveness import this_process
from redux_backends.records import (
    Argument,
    Batch,
    CallNode,
    CodePiece,
    Evaluation,
    EvaluationKey,
    Execution,
    ExecutionId,
    FileFact,
    HandleVersion,
    Job,
    JobId,
    JobStatus,
    Lease,
    MissKind,
    Outcome,
    Reason,
    Seconds,
    TaskFact,
    TaskRecord,
    TaskSet,
    Traits,
    Upstream,
    ValueRecord,
    hash_arguments,
    hash_call,
    hash_evaluation,
    hash_task,
    hash_task_set,
)
from redux_valuestore.digest import Digest, digest_bytes

EPOCH: Seconds = 1.7e9
ELSEWHERE = Lease(host="elsewhere", boot="another boot", pid=1, process_started="1")
GONE = replace(this_process(), pid=2**22 + 1, process_started="1")
"""A process of this machine that cannot be: no process id is that high."""


def digest(name: str) -> Digest:
    """A digest that stands for a name."""
    return digest_bytes(name.encode(errors="surrogatepass"))


def value(name: str, traits: Traits = Traits.PLAIN) -> ValueRecord:
    """A small value that holds nothing."""
    data = name.encode(errors="surrogatepass")
    return ValueRecord(digest_bytes(data), "str", len(data), data, repr(name), traits)


def large_value(name: str) -> ValueRecord:
    """A value whose bytes are in the store."""
    return ValueRecord(digest(name), "numpy.ndarray", 10**9, None, f"<{name}>")


def file_value(path: str, content: str | None = None) -> ValueRecord:
    """A value that is a File."""
    fact = FileFact(path, None if content is None else digest(content))
    return replace(value(f"{path}={content}", Traits.FILES), type_name="redux.File", files=(fact,))


def holding_value(name: str, parts: Sequence[ValueRecord], tasks: Sequence[TaskRecord]) -> ValueRecord:
    """A value that refers to other values and to tasks."""
    return replace(
        value(name, Traits.SUBVALUES | Traits.TASKS),
        subvalues=tuple(part.hash for part in parts),
        tasks=tuple(TaskFact(task.fullname, task.hash) for task in tasks),
    )


def version(name: str, *parents: str) -> HandleVersion:
    """A version of the handle `Conn('sample')` that descends from others."""
    return HandleVersion(
        digest(f"version {name}"), "Conn('sample')", tuple(digest(f"version {one}") for one in parents)
    )


def handle_value(of: HandleVersion) -> ValueRecord:
    """A value that is a handle at some version."""
    return replace(value(f"handle {of.hash.hex()}", Traits.HANDLES), handles=(of,))


def task(name: str, code: str = "return 1") -> TaskRecord:
    """A task of the namespace `sample`, with a helper that all tasks share."""
    own = CodePiece(digest(f"{name}: {code}"), "task", name, f"def {name}():\n    {code}\n")
    helper = CodePiece(digest("helper"), "function", "helper", "def helper(): ...\n")
    covered = ((piece.kind, piece.name, piece.hash) for piece in (own, helper))
    return TaskRecord(hash_task(f"sample.{name}", covered), f"sample.{name}", None, (own, helper))


def key(of: TaskRecord, *arguments: ValueRecord) -> EvaluationKey:
    """What is asked of the cache: arguments are called `a0`, `a1`, …"""
    bound = tuple(Argument(f"a{at}", argument.hash) for at, argument in enumerate(arguments))
    args_hash = hash_arguments((each.name, each.value) for each in bound)
    return EvaluationKey(hash_evaluation(of.hash, args_hash), of.hash, args_hash, bound)


def evaluation(of: EvaluationKey, result: ValueRecord, at: Seconds = 0.0) -> Evaluation:
    """The result of one reduction, recorded `at` seconds after the epoch of these records."""
    return Evaluation(of.eval_hash, result.hash, 0.1 + at / 3, EPOCH + at)


def task_set(*tasks: TaskRecord) -> TaskSet:
    """A set of tasks."""
    hashes = tuple(each.hash for each in tasks)
    return TaskSet(hash_task_set(hashes), hashes)


def call(
    of: EvaluationKey,
    result: ValueRecord,
    tasks: TaskSet,
    *,
    children: Sequence[CallNode] = (),
    upstreams: Sequence[CallNode] = (),
    at: Seconds = 0.0,
) -> CallNode:
    """A finished call, its argument `a0` made from the results of upstream calls."""
    below = tuple(child.call_hash for child in children)
    call_hash = hash_call(of.task_hash, of.args_hash, result.hash, below)
    behind = tuple(Upstream("a0", one.call_hash) for one in upstreams)
    return CallNode(call_hash, of.eval_hash, result.hash, below, tasks.hash, 0.1 + at / 7, EPOCH + at, behind)


def execution(name: str = "execution", at: Seconds = 0.0, lease: Lease | None = None) -> Execution:
    """An execution that runs, in this process unless another is given."""
    id = ExecutionId(digest(name)[:16])
    return Execution(id, ("redux", "run", name), "somebody", "/somewhere", EPOCH + at, lease or this_process())


def ended(of: Execution, status: JobStatus = JobStatus.DONE) -> Execution:
    """An execution that ended."""
    return replace(of, ended=of.started + 9.5, status=status)


def started(name: str, in_: Execution, of: EvaluationKey, *, parent: Job | None = None, at: Seconds = 0.0) -> Job:
    """A job that runs."""
    return Job(
        id=JobId(digest(name)[:16]),
        execution=in_.id,
        parent=parent and parent.id,
        task_hash=of.task_hash,
        eval_hash=of.eval_hash,
        status=JobStatus.RUNNING,
        outcome=Outcome.RAN,
        started=EPOCH + at,
        reason=Reason(MissKind.NEW_ARGUMENTS),
        place="threads",
    )


def done(job: Job, call: CallNode | None, status: JobStatus = JobStatus.DONE, seconds: Seconds = 0.25) -> Job:
    """A job that ended."""
    return replace(job, ended=job.started + seconds, status=status, call_hash=call and call.call_hash)


class Story:
    """One execution: `main()` calls `add(x)` for each of some values; all of it is in `batch`."""

    def __init__(self, *inputs: str, name: str = "story", at: Seconds = 0.0, code: str = "return 1") -> None:
        self.execution = execution(name, at)
        self.main, self.add = task("main"), task("add", code)
        self.inputs = [value(each) for each in inputs]
        self.results = [value(f"{each} added") for each in inputs]
        self.total = value(f"total of {inputs}")
        self.main_key = key(self.main)
        self.add_keys = [key(self.add, each) for each in self.inputs]
        self.leaf_set, self.all_tasks = task_set(self.add), task_set(self.main, self.add)
        moments = range(1, len(inputs) + 1)
        pairs = list(zip(self.add_keys, self.results, moments, strict=True))
        self.add_calls = [call(each, result, self.leaf_set, at=at + moment) for each, result, moment in pairs]
        self.main_call = call(self.main_key, self.total, self.all_tasks, children=self.add_calls, at=at + 99)
        self.root = done(started(f"{name}/root", self.execution, self.main_key, at=at), self.main_call, seconds=9.0)
        self.jobs = [
            done(
                started(f"{name}/{moment}", self.execution, each, parent=self.root, at=at + moment),
                self.add_calls[moment - 1],
            )
            for each, _, moment in pairs
        ]
        self.evaluations = [evaluation(each, result, at + moment) for each, result, moment in pairs]
        self.batch = Batch(
            values=[*self.inputs, *self.results, self.total],
            tasks=[self.main, self.add],
            keys=[self.main_key, *self.add_keys],
            evaluations=[*self.evaluations, evaluation(self.main_key, self.total, at + 99)],
            task_sets=[self.leaf_set, self.all_tasks],
            calls=[*self.add_calls, self.main_call],
            jobs=[self.root, *self.jobs],
        )
