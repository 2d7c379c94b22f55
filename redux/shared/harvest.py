"""What an execution made and others may want, in portions, each after what it names.

Only ids of all are held at once: the records of a portion are read when its turn comes.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import chain
from threading import Lock

from redux.border import came_from_elsewhere
from redux.shared.layout import SIGNER_TAG
from redux.shared.whose import Whose
from redux_backends.backend import Backend
from redux_backends.errors import AmbiguousId, UnknownId
from redux_backends.exchange import RecordId, RecordKind, Records, in_groups, named_first
from redux_backends.records import Evaluation, ExecutionId, Job, JobId, JobStatus, Seconds, Tag, ValueRecord
from redux_valuestore.digest import Digest

PORTION = 5_000
"""So many calls are read and sent at a time at most."""
PORTION_SIZE = 16 << 20
"""Bytes: a portion ends with the call whose small values, with those before it, are so many. What is made of them takes
some 160 MB, ten times that."""
_WEIGHED_AT_ONCE = 500

Asked = Callable[[Collection[Digest]], Collection[Digest]]
"""Which of some calls need not be sent."""

_K = RecordKind


@dataclass(slots=True)
class Harvest:
    """The calls that are worth reading, and what they name; `execution` was named, None where none was."""

    execution: ExecutionId | None
    calls: dict[Digest, Sequence[Digest]] = field(default_factory=dict[Digest, "Sequence[Digest]"])
    """the calls that each names"""
    there: set[Digest] = field(default_factory=set[Digest])
    """those named that need not be sent"""
    of_others: set[Digest] = field(default_factory=set[Digest])
    """those left out, since they came from others"""
    _jobs: defaultdict[Digest, list[JobId]] = field(default_factory=lambda: defaultdict[Digest, "list[JobId]"](list))
    _parents: dict[JobId, JobId | None] = field(default_factory=dict[JobId, "JobId | None"])

    def in_order(self) -> Sequence[Digest]:
        """The calls, those first that others name; of equal work in one order, whoever did it and when."""
        heights: dict[Digest, int] = {}
        for call in named_first(self.calls, self._named, set()):
            heights[call] = 1 + max((heights[named] for named in self._named(call) if named in heights), default=0)
        return sorted(heights, key=lambda call: (heights[call], call))

    def _named(self, call: Digest) -> Iterable[Digest]:
        return (each for each in self.calls[call] if each in self.calls)

    def held_back(self) -> set[Digest]:
        """The calls that came from others, and those that rest on them."""
        held = set(self.of_others)
        for call in self.in_order() if held else ():
            if not held.isdisjoint(self.calls[call]):
                held.add(call)
        return held

    def named_by(self, calls: Iterable[Digest]) -> set[Digest]:
        """What some of the calls name, and is none of them."""
        calls = set(calls)
        return {named for call in calls for named in self.calls[call]} - calls

    def jobs_of(self, calls: Iterable[Digest]) -> list[JobId]:
        """The jobs of some of the calls, and those that called these."""
        wanted = (job for call in calls for job in self._jobs.get(call, ()))
        return list(named_first(wanted, self._callers, set[JobId]()))

    def _callers(self, job: JobId) -> Sequence[JobId]:
        parent = self._parents.get(job)
        return () if parent is None else (parent,)

    def unknown_parents(self) -> set[JobId]:
        """The jobs that called others, and were not added themselves."""
        return {parent for parent in self._parents.values() if parent is not None and parent not in self._parents}

    def add_job(self, job: Job) -> bool:
        """Keep what matters of a job; whether it is a new one."""
        if job.id in self._parents:
            return False
        self._parents[job.id] = job.parent
        if job.call_hash is not None:
            self._jobs[job.call_hash].append(job.id)
        return True


def anything_ran(backend: Backend, execution: ExecutionId) -> bool:
    """Whether any job of an execution ran to its end; one statement says so. Raises `BackendError`."""
    return any(each.status is JobStatus.DONE for each in backend.count_jobs(execution))


class Left(Exception):
    """Nobody waits for the answer any more."""


class Gate:
    """What a thread passes to ask a database that others may close: once shut, nobody comes through."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._shut = False

    def __enter__(self) -> None:
        """Come in. Raises `Left` where it is shut."""
        self._lock.acquire()
        if self._shut:
            self._lock.release()
            raise Left

    def __exit__(self, *_: object) -> None:
        """Go out."""
        self._lock.release()

    def shut(self) -> None:
        """Wait until nobody is inside, and let nobody in any more."""
        with self._lock:
            self._shut = True


class Reaper:
    """Reads what executions made out of a database, a little at a time, each time through the `gate`.

    Values of up to `inline_limit` bytes are read with the calls that name them. `whose` tells which were made here.
    """

    def __init__(self, backend: Backend, gate: Gate, inline_limit: int, whose: Whose) -> None:
        self._backend = backend
        self._gate = gate
        self._inline_limit = inline_limit
        self._whose = whose

    def anything_ran(self, execution: ExecutionId) -> bool:
        """Whether any job of an execution ran to its end."""
        with self._gate:
            return anything_ran(self._backend, execution)

    def calls_of(self, execution: ExecutionId) -> set[Digest]:
        """The finished calls of an execution, whether they ran or were found."""
        with self._gate:
            ids = self._backend.job_ids_of(execution)
        return {job.call_hash for job in self._jobs(ids) if job.call_hash is not None}

    def look(self, execution: ExecutionId, there: Asked, *, everything: bool) -> Harvest:
        """The calls that an execution ran, but for those that are `there`, and those that they name and nobody has.

        With `everything` the calls that it found count as those that it ran. Of what it did not run itself only that is
        sent which ran here: what came from others is theirs to send, and so is what was put together of it.
        """
        harvest = Harvest(execution)
        here = not self._came(execution)  # whose it is says who named it
        ran: set[Digest] = set()
        found: set[Digest] = set()
        with self._gate:
            ids = self._backend.job_ids_of(execution)
        for job in self._jobs(ids):
            harvest.add_job(job)
            if job.call_hash is not None:
                (ran if here and job.status is JobStatus.DONE else found).add(job.call_hash)
        fresh = ran | found if everything else ran
        seen: set[Digest] = set()
        while fresh:
            seen |= fresh
            harvest.there.update(there(fresh))
            fresh -= harvest.there
            harvest.of_others |= self._of_others(harvest, fresh - ran)
            fresh -= harvest.of_others
            self._read_calls(harvest, fresh)
            fresh = {named for call in fresh for named in harvest.calls.get(call, ())} - seen
        self._read_callers(harvest)
        return harvest

    def look_at(self, calls: Collection[Digest]) -> Harvest:
        """These calls, with the jobs that made them; what came from others is left out, as in `look`."""
        harvest = Harvest(None)
        self._read_calls(harvest, set(calls) - self._of_others(harvest, set(calls)))
        self._read_callers(harvest)
        return harvest

    def find_call(self, prefix: bytes) -> Digest | None:
        """The call whose hash begins so, None where there is none, or more than one."""
        try:
            with self._gate:
                found = self._backend.resolve(prefix.hex())
        except (UnknownId, AmbiguousId):
            return None
        return Digest(found.id) if found.kind == "call" else None

    def portions(self, harvest: Harvest) -> Iterator[Sequence[Digest]]:
        """The calls of a harvest, those first that others name; what their values take is read as it goes on.

        Equal work gives equal portions, whoever did it and when, where values of the same size are inline.
        """
        portion: list[Digest] = []
        values: set[Digest] = set()
        taken = 0
        for group in in_groups(harvest.in_order(), _WEIGHED_AT_ONCE):
            named, sizes = self._weigh(group)
            for call in group:
                portion.append(call)
                taken += sum(sizes.get(value, 0) for value in named[call] - values)
                values |= named[call]
                if len(portion) >= PORTION or taken >= PORTION_SIZE:
                    yield portion
                    portion, values, taken = [], set(), 0
        if portion:
            yield portion

    def _weigh(self, calls: Collection[Digest]) -> tuple[dict[Digest, set[Digest]], dict[Digest, int]]:
        """The values that each of some calls was given and gave, and the sizes of those that are small."""
        found = [record.call for part in self._records(_K.CALL, calls) for record in part.calls]
        evals = dict.fromkeys(call.eval_hash for call in found)
        keys = [key for part in self._records(_K.EVALUATION, evals) for key in part.keys]
        given = {key.eval_hash: {each.value for each in key.arguments} for key in keys}
        named = {call.call_hash: given.get(call.eval_hash, set[Digest]()) | {call.result} for call in found}
        sizes: dict[Digest, int] = {}
        for group in in_groups(sorted(set[Digest]().union(*named.values()))):
            with self._gate:
                told = self._backend.describe_values(group)
            sizes.update((each.hash, each.size) for each in told.values() if each.size <= self._inline_limit)
        return named, sizes

    def records(self, harvest: Harvest, calls: Collection[Digest]) -> Records:
        """All that goes with some calls of a harvest."""
        of_calls = [record for each in self._records(RecordKind.CALL, calls) for record in each.calls]
        jobs = list(self._jobs(harvest.jobs_of(calls)))
        evals = {record.call.eval_hash for record in of_calls}
        evals.update(job.eval_hash for job in jobs if job.eval_hash is not None)
        keys = [key for part in self._records(_K.EVALUATION, evals) for key in part.keys]
        results = self._own_results(evals, jobs, harvest.execution)
        wanted = {argument.value for key in keys for argument in key.arguments}
        wanted.update(result.result for result in results)
        wanted.update(record.call.result for record in of_calls)
        values, gone = self._values(wanted)
        sets = self._records(_K.TASK_SET, {record.call.task_set for record in of_calls})
        task_sets = [each for part in sets for each in part.task_sets]
        hashes = {key.task_hash for key in keys} | {job.task_hash for job in jobs}
        hashes.update(task for each in task_sets for task in each.tasks)
        tasks = [task for part in self._records(_K.TASK, hashes) for task in part.tasks]
        executions = self._records(_K.EXECUTION, {job.execution for job in jobs})
        told = [each for part in executions for each in part.executions]
        tagged = (calls, (job.id for job in jobs), (each.id for each in told), hashes, values)
        tags = list(self._tags(chain.from_iterable(tagged)))
        found = list(values.values())
        return Records((), found, gone, tasks, keys, results, task_sets, of_calls, told, jobs, tags)

    # -- reading -----------------------------------------------------------------------------------

    def _read_calls(self, harvest: Harvest, calls: Collection[Digest]) -> None:
        for records in self._records(_K.CALL, calls):
            for record in records.calls:
                call = record.call
                harvest.calls[call.call_hash] = (*call.children, *(each.call for each in call.upstreams))

    def _read_callers(self, harvest: Harvest) -> None:
        """Read which jobs called those that are known, all the way up."""
        wanted = harvest.unknown_parents()
        while wanted:
            parents: set[JobId] = set()
            for job in self._jobs(wanted):
                if harvest.add_job(job) and job.parent is not None:
                    parents.add(job.parent)
            wanted = parents

    def _of_others(self, harvest: Harvest, calls: Collection[Digest]) -> set[Digest]:
        """Those of some calls that did not run here, or were signed elsewhere too; the jobs of the rest are added."""
        made: set[Digest] = set()
        for group in in_groups(sorted(calls)):
            with self._gate:
                behind = self._backend.jobs_behind(group)
            for job in self._ran_here(list(self._jobs(behind.values())), harvest.execution):
                assert job.call_hash is not None
                made.add(job.call_hash)
                harvest.add_job(job)
        signed = {tag.entity for tag in self._tags(sorted(made)) if tag.key == SIGNER_TAG}
        return {call for call in calls if call not in made or call in signed}

    def _signed(self, evals: Iterable[Digest]) -> dict[Digest, set[Digest]]:
        """Of some evaluations, the calls that came from a shared cache; those of which none did are left out."""
        found: dict[Digest, set[Digest]] = {}
        for group in in_groups(dict.fromkeys(evals)):
            with self._gate:
                calls = self._backend.find_calls(group)
            of = {one.call_hash: eval_hash for eval_hash, known in calls.items() for one in known}
            for tag in self._tags(of):
                if tag.key == SIGNER_TAG:
                    found.setdefault(of[Digest(tag.entity)], set()).add(Digest(tag.entity))
        return found

    def _ran_here(self, jobs: Sequence[Job], named: ExecutionId | None) -> list[Job]:
        """Those of some jobs that ran, in executions made here; of several people's, the one `named` counts."""
        own = self._own({job.execution for job in jobs}, named)
        return [job for job in jobs if job.status is JobStatus.DONE and job.execution in own]

    def _own(self, executions: Collection[ExecutionId], named: ExecutionId | None) -> set[ExecutionId]:
        """Those of some executions that were made here."""
        with self._gate:
            tags = self._backend.get_tags(sorted(executions))
        found = (each for part in self._records(_K.EXECUTION, sorted(executions)) for each in part.executions)
        told = ((each, tags.get(each.id, ())) for each in found)
        return {
            one.id
            for one, said in told
            if self._whose.is_own(one, said) or (one.id == named and not came_from_elsewhere(said))
        }

    def _came(self, execution: ExecutionId) -> bool:
        """Whether an execution came from elsewhere."""
        with self._gate:
            return came_from_elsewhere(self._backend.get_tags([execution]).get(execution, ()))

    def _jobs(self, ids: Collection[JobId]) -> Iterator[Job]:
        for records in self._records(_K.JOB, ids):
            yield from records.jobs

    def _tags(self, entities: Iterable[bytes]) -> Iterator[Tag]:
        for group in in_groups(entities):
            with self._gate:
                found = self._backend.get_tags(group)
            for tags in found.values():
                yield from tags

    def _own_results(
        self, evals: Collection[Digest], jobs: Sequence[Job], named: ExecutionId | None
    ) -> list[Evaluation]:
        """What evaluations gave here: of those that somebody else knows too, what they gave since they ran here.

        Of several results, which may have come otherwise, only what alone was given while one of the jobs ran.
        """
        results = list(self._results(evals))
        signed = self._signed([each.eval_hash for each in results])
        several = {of for of, many in Counter(each.eval_hash for each in results).items() if many > 1}
        if not signed and not several:
            return results
        ran = self._ran_here([job for job in jobs if job.eval_hash in signed or job.eval_hash in several], named)
        begun: dict[Digest | None, Seconds] = {}
        for job in ran:
            begun[job.eval_hash] = min(job.started, begun.get(job.eval_hash, job.started))
        given = _given_by(ran, [each for each in results if each.eval_hash in several])
        return [
            each
            for each in results
            if (each.eval_hash not in signed or each.recorded >= begun.get(each.eval_hash, math.inf))
            and (each.eval_hash not in several or (each.eval_hash, each.result) in given)
        ]

    def _results(self, evals: Collection[Digest]) -> Iterator[Evaluation]:
        """What evaluations gave; one that was asked for by jobs alone gave nothing."""
        for group in in_groups(evals):
            with self._gate:
                found = self._backend.check_cache(group)
            for each, candidates in found.items():
                for one in candidates:
                    yield Evaluation(each, one.value.hash, one.duration, one.recorded)

    def _values(self, wanted: Collection[Digest]) -> tuple[dict[Digest, ValueRecord], frozenset[Digest]]:
        """Values with those inside them, and which of them have no bytes."""
        found: dict[Digest, ValueRecord] = {}
        gone: set[Digest] = set()
        while wanted:
            inside: set[Digest] = set()
            for part in self._records(_K.VALUE, wanted):
                gone |= part.gone
                for value in part.values:
                    found[value.hash] = value
                    inside.update(value.subvalues)
            wanted = inside - found.keys()
        return found, frozenset(gone)

    def _records(self, kind: RecordKind, ids: Collection[bytes]) -> Iterator[Records]:
        for group in in_groups([RecordId(kind, id) for id in ids]):
            with self._gate:
                records = self._backend.get_records(group)
            yield records


def _given_by(jobs: Sequence[Job], results: Sequence[Evaluation]) -> set[tuple[Digest, Digest]]:
    """The results, with their evaluations, that were the only ones given while one of these jobs ran."""
    of: defaultdict[Digest | None, list[Evaluation]] = defaultdict(list)
    for one in results:
        of[one.eval_hash].append(one)
    found: set[tuple[Digest, Digest]] = set()
    for job in jobs:
        ended = math.inf if job.ended is None else job.ended
        mine = [one for one in of[job.eval_hash] if job.started <= one.recorded <= ended]
        found.update((one.eval_hash, one.result) for one in mine if len(mine) == 1)
    return found
