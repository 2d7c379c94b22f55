"""Which records of opened packs go into the local repository, so that the evaluations asked for are known there."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from redux.shared.layout import UNSIGNED
from redux_backends.exchange import CallRecord, Records, named_first
from redux_backends.records import (
    Evaluation,
    EvaluationKey,
    Execution,
    ExecutionId,
    Job,
    JobId,
    JobStatus,
    Tag,
    TaskRecord,
    TaskSet,
    Traits,
    ValueRecord,
)
from redux_valuestore.digest import Digest


@dataclass(frozen=True, slots=True)
class Selection:
    """What of the packs at hand is taken: `records` that name nothing but each other, and calls that are here.

    `found` are the evaluations asked for that have a finished call among them. `lacking` are the calls that others name
    and that are neither here nor at hand: what depends on them is left out.
    """

    records: Records
    found: frozenset[Digest]
    lacking: frozenset[Digest]


def runs_code(value: ValueRecord) -> bool:
    """Whether a value runs code when it is decoded, and nothing says to be cautious with it."""
    return bool(value.traits & Traits.TRUST) and not value.traits & Traits.FOREIGN


class Shelf:
    """The records of opened packs, found by what names them; of equal ones the first that was put there counts.

    What no hash covers is believed for what the same pack, or another by its signer, has itself: the results of a call,
    the jobs of an execution, the tags of both.
    """

    def __init__(self) -> None:
        self._values: dict[Digest, ValueRecord] = {}
        self._gone: set[Digest] = set()
        self._holding = False
        self._tasks: dict[Digest, TaskRecord] = {}
        self._keys: dict[Digest, EvaluationKey] = {}
        self._results: dict[Digest, list[Evaluation]] = {}
        self._sets: dict[Digest, TaskSet] = {}
        self._calls: dict[Digest, CallRecord] = {}
        self._calls_of: defaultdict[Digest, list[Digest]] = defaultdict(list)
        self._signers: dict[Digest, tuple[str, ...]] = {}
        self._executions: dict[ExecutionId, Execution] = {}
        self._runners: dict[ExecutionId, str] = {}
        self._jobs: dict[JobId, Job] = {}
        self._jobs_of: defaultdict[Digest, list[Job]] = defaultdict(list)
        self._tags: defaultdict[tuple[str, bytes], dict[Tag, None]] = defaultdict(dict)

    def __len__(self) -> int:
        """How many calls there are."""
        return len(self._calls)

    def signers_of(self, call: Digest) -> tuple[str, ...]:
        """The ids of the keys that signed a pack with this call, or `unsigned`."""
        return self._signers.get(call, ())

    def runner_of(self, execution: ExecutionId) -> str:
        """The id of the key that signed what is told of an execution, or `unsigned`."""
        return self._runners[execution]

    def running_code(self, hashes: Iterable[Digest]) -> set[Digest]:
        """Those of some values that run code when they are decoded, and may, for they came from who may do that."""
        known = (self._values[hash] for hash in hashes if hash in self._values)
        return {value.hash for value in known if runs_code(value)}

    def add(self, records: Records, signer: str = UNSIGNED) -> None:
        """Put the records of one more pack there, which the key of this id signed."""
        new = self._new_of(records)
        for value in records.values:
            self._add_value(value, value.hash in records.gone)
        for task in records.tasks:
            self._tasks.setdefault(task.hash, task)
        for key in records.keys:
            self._keys.setdefault(key.eval_hash, key)
        for task_set in records.task_sets:
            self._sets.setdefault(task_set.hash, task_set)
        self._add_calls(records, signer)
        self._add_executions(records, signer)
        for tag in records.tags:
            if (tag.kind, tag.entity) in new:
                self._tags[tag.kind, tag.entity].setdefault(tag)

    def _new_of(self, records: Records) -> Collection[tuple[str, bytes]]:
        """What of a pack is not there yet, and may have tags of its own."""
        if not records.tags:
            return ()
        given: tuple[tuple[str, Iterable[bytes], Collection[bytes]], ...] = (
            ("value", (each.hash for each in records.values), self._values),
            ("task", (each.hash for each in records.tasks), self._tasks),
            ("call", (each.call.call_hash for each in records.calls), self._calls),
            ("execution", (each.id for each in records.executions), self._executions),
            ("job", (each.id for each in records.jobs), self._jobs),
        )
        return {(kind, id) for kind, ids, known in given for id in ids if id not in known}

    def _add_calls(self, records: Records, signer: str) -> None:
        results: defaultdict[Digest, list[Evaluation]] = defaultdict(list)
        for result in records.results:
            results[result.eval_hash].append(result)
        given = {(record.call.eval_hash, record.call.result) for record in records.calls} if results else set()
        for record in records.calls:
            call = record.call
            hash, of = call.call_hash, call.eval_hash
            known = self._signers.get(hash, ())
            if signer not in known:
                self._signers[hash] = (*known, signer)
            if hash not in self._calls:
                self._calls[hash] = record
                self._calls_of[of].append(hash)
                # What is the result of another call of this evaluation is that one's.
                self._results[hash] = [
                    each for each in results.get(of, ()) if each.result == call.result or (of, each.result) not in given
                ]

    def _add_executions(self, records: Records, signer: str) -> None:
        for execution in records.executions:
            known = self._executions.get(execution.id)
            runner = self._runners.setdefault(execution.id, signer)
            # While a run goes on its packs tell how far it has come; nobody else tells of it.
            if known is None or (runner == signer and known.ended is None):
                self._executions[execution.id] = execution
        for job in records.jobs:
            if job.id not in self._jobs and self._runners.get(job.execution) == signer:
                self._jobs[job.id] = job
                if job.call_hash is not None:
                    self._jobs_of[job.call_hash].append(job)

    def _add_value(self, value: ValueRecord, gone: bool) -> None:
        known = self._values.get(value.hash)
        if known is not None:
            if gone or value.hash not in self._gone:
                return
            # Whoever named it without its bytes is not believed more for these.
            value = replace(value, traits=value.traits | (known.traits & Traits.FOREIGN))
        self._values[value.hash] = value
        self._holding = self._holding or bool(value.subvalues)
        if gone:
            self._gone.add(value.hash)
        else:
            self._gone.discard(value.hash)

    def select(
        self,
        wanted: Iterable[Digest],
        here: Collection[Digest] = frozenset(),
        refused: Collection[Digest] = frozenset(),
    ) -> Selection:
        """What makes the `wanted` evaluations known: their calls, and all that these name or are explained by.

        The calls in `here` are in the local repository. What depends on a call that is neither there nor on the shelf,
        or is `refused`, is left out; whoever finds more packs adds them and asks again.
        """
        asked = frozenset(wanted)
        seeds = [call for each in asked for call in self._calls_of.get(each, ()) if call not in refused]
        whole, lacking = self.whole_calls(seeds, here, refused)
        found = asked.intersection(self._calls[call].call.eval_hash for call in whole)
        return Selection(self.records_of(whole, here), found, lacking)

    def whole_calls(
        self, seeds: Sequence[Digest], here: Collection[Digest], refused: Collection[Digest] = frozenset()
    ) -> tuple[list[Digest], frozenset[Digest]]:
        """These calls and those that they name, each after these, where all of it is here or on the shelf.

        Beside them are the calls that are nowhere. What names one that is `refused` is left out.
        """
        # One that is here and was asked for all the same may have lost its bytes.
        asked = frozenset(seeds)
        order = list(named_first(seeds, lambda call: self._not_here(call, here, asked), set(refused)))
        lacking = frozenset(call for call in order if call not in self._calls)
        unsound = self._depending(order, [*refused, *(call for call in order if not self._is_whole(call))])
        return [call for call in order if call not in unsound], lacking

    def records_of(self, calls: Sequence[Digest], here: Collection[Digest]) -> Records:
        """All that goes with these whole calls, but for the calls in `here`."""
        return _Picking(self, [self._calls[call] for call in calls], here).records()

    def _jobs_by_signers(self, call: Digest) -> Sequence[Job]:
        """The jobs of a call, as those tell who signed it."""
        signers = self._signers[call]
        return [job for job in self._jobs_of.get(call, ()) if self._runners[job.execution] in signers]

    def _not_here(self, call: Digest, here: Collection[Digest], asked: Collection[Digest]) -> list[Digest]:
        """The calls that a call names, but for those in `here` that nobody `asked` for."""
        return [each for each in self._named(call) if each in asked or each not in here]

    # -- what is whole -----------------------------------------------------------------------------

    def _named(self, call: Digest) -> Iterable[Digest]:
        """The calls that a call names."""
        record = self._calls.get(call)
        if record is None:
            return ()
        node = record.call
        return (*node.children, *(each.call for each in node.upstreams)) if node.upstreams else node.children

    def _is_whole(self, call: Digest) -> bool:
        """Whether all is on the shelf that a call names, but for other calls."""
        record = self._calls.get(call)
        if record is None:
            return False
        node = record.call
        tasks = self._sets.get(node.task_set)
        return (
            tasks is not None
            and self._tasks.keys() >= set(tasks.tasks)
            and self._has_key(node.eval_hash)
            and self._has_value(node.result)
        )

    def _has_key(self, eval_hash: Digest) -> bool:
        key = self._keys.get(eval_hash)
        if key is None or key.task_hash not in self._tasks:
            return False
        return all(self._has_value(argument.value) for argument in key.arguments)

    def _has_small_key(self, eval_hash: Digest) -> bool:
        """The same, and the bytes of all its arguments are in the records: nobody has to send or fetch them."""
        if not self._has_key(eval_hash):
            return False
        given = self._with_parts(argument.value for argument in self._keys[eval_hash].arguments)
        return all(self._values[each].data is not None for each in given)

    def _has_value(self, hash: Digest) -> bool:
        """Whether a value is here with all that it refers to."""
        if not self._holding or hash not in self._values:
            return hash in self._values
        return all(each in self._values for each in self._with_parts([hash]))

    def _with_parts(self, hashes: Iterable[Digest]) -> Iterable[Digest]:
        """Values, each after those that it refers to."""
        return named_first(hashes, self._parts, set()) if self._holding else dict.fromkeys(hashes)

    def _parts(self, hash: Digest) -> Sequence[Digest]:
        value = self._values.get(hash)
        return () if value is None else value.subvalues

    def _depending(self, order: Sequence[Digest], unsound: Sequence[Digest]) -> set[Digest]:
        """The calls that are `unsound`, and those that name them, all the way up."""
        if not unsound:
            return set()
        users: defaultdict[Digest, list[Digest]] = defaultdict(list)
        for call in order:
            for named in self._named(call):
                users[named].append(call)
        waiting, found = list(unsound), set(unsound)
        while waiting:
            for user in users[waiting.pop()]:
                if user not in found:
                    found.add(user)
                    waiting.append(user)
        return found


class _Picking:
    """All that goes with some calls of a shelf, in an order in which it can be put."""

    def __init__(self, shelf: Shelf, calls: Sequence[CallRecord], here: Collection[Digest]) -> None:
        self._shelf = shelf
        self._calls = calls
        self._picked = frozenset(record.call.call_hash for record in calls)
        self._here = here
        self._keys = {record.call.eval_hash: shelf._keys[record.call.eval_hash] for record in calls}
        self._jobs = self._jobs_and_parents()
        results = {
            (each.eval_hash, each.result): each
            for record in calls
            for each in shelf._results[record.call.call_hash]
            if shelf._has_value(each.result)
        }
        self._results = list(results.values())

    def records(self) -> Records:
        """The records."""
        shelf = self._shelf
        sets = {record.call.task_set: shelf._sets[record.call.task_set] for record in self._calls}
        tasks = {task: shelf._tasks[task] for task in self._task_hashes(sets.values())}
        values = [shelf._values[hash] for hash in shelf._with_parts(self._value_hashes())]
        executions = {job.execution: shelf._executions[job.execution] for job in self._jobs}
        return Records(
            values=values,
            gone=frozenset(shelf._gone.intersection(value.hash for value in values)),
            tasks=list(tasks.values()),
            keys=list(self._keys.values()),
            results=self._results,
            task_sets=list(sets.values()),
            calls=self._calls,
            executions=list(executions.values()),
            jobs=self._jobs,
            tags=list(self._tags(values, tasks, executions)),
        )

    def _jobs_and_parents(self) -> list[Job]:
        """The jobs that made these calls, each after the one that made it; a lost one is as if there was none."""
        shelf = self._shelf
        jobs = [job.id for record in self._calls for job in _makers(shelf._jobs_by_signers(record.call.call_hash))]
        there: dict[JobId, Job] = {}
        for id in named_first(jobs, self._parent, set[JobId]()):
            job = shelf._jobs.get(id)
            if job is not None and job.execution in shelf._executions and job.task_hash in shelf._tasks:
                there[id] = self._fitting(job, there)
        return list(there.values())

    def _parent(self, id: JobId) -> Sequence[JobId]:
        job = self._shelf._jobs.get(id)
        return () if job is None or job.parent is None else (job.parent,)

    def _fitting(self, job: Job, there: Collection[JobId]) -> Job:
        """A job without what it names and is nowhere: a parent, its call; its evaluation comes along if it is small."""
        key = None if job.eval_hash is None else self._key_of(job.eval_hash)
        parent = job.parent if job.parent in there else None
        known = job.call_hash in self._picked or job.call_hash in self._here
        call = job.call_hash if known and self._may_tell(job) else None
        eval_hash = None if key is None else key.eval_hash
        if parent == job.parent and call == job.call_hash and eval_hash == job.eval_hash:
            return job
        return replace(job, parent=parent, call_hash=call, eval_hash=eval_hash)

    def _may_tell(self, job: Job) -> bool:
        """Whether who tells of a job signed its call too, if that is on the shelf."""
        shelf = self._shelf
        assert job.call_hash is not None
        return job.call_hash not in shelf._calls or shelf._runners[job.execution] in shelf._signers[job.call_hash]

    def _key_of(self, eval_hash: Digest) -> EvaluationKey | None:
        key = self._keys.get(eval_hash)
        if key is None and self._shelf._has_small_key(eval_hash):
            key = self._keys[eval_hash] = self._shelf._keys[eval_hash]
        return key

    def _task_hashes(self, sets: Iterable[TaskSet]) -> Iterator[Digest]:
        for key in self._keys.values():
            yield key.task_hash
        for task_set in sets:
            yield from task_set.tasks
        for job in self._jobs:
            yield job.task_hash

    def _value_hashes(self) -> Iterator[Digest]:
        for key in self._keys.values():
            for argument in key.arguments:
                yield argument.value
        for result in self._results:
            yield result.result
        for record in self._calls:
            yield record.call.result

    def _tags(
        self, values: Iterable[ValueRecord], tasks: Iterable[Digest], executions: Iterable[ExecutionId]
    ) -> Iterator[Tag]:
        tags = self._shelf._tags
        if not tags:
            return
        tagged: tuple[tuple[str, Iterable[bytes]], ...] = (
            ("value", (value.hash for value in values)),
            ("task", tasks),
            ("call", (record.call.call_hash for record in self._calls)),
            ("job", (job.id for job in self._jobs)),
            ("execution", executions),
        )
        for kind, entities in tagged:
            for entity in entities:
                yield from tags.get((kind, entity), ())


def _makers(jobs: Sequence[Job]) -> Sequence[Job]:
    """The jobs that ran to make a call, or the first that came by it: who only found it made explains nothing."""
    if len(jobs) < 2:
        return jobs
    return [job for job in jobs if job.status is JobStatus.DONE] or [min(jobs, key=lambda job: job.started)]
