"""What stands here already, and stays as it is whatever packs say: evaluations, calls, executions and their jobs."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from math import inf

from redux.border import CACHE_TAG
from redux.shared.layout import SIGNER_TAG, signer_of
from redux.shared.selecting import Shelf, runs_code
from redux_backends.backend import Backend, CallCandidate, Candidate
from redux_backends.exchange import CallRecord, RecordId, RecordKind, Records, in_groups
from redux_backends.records import ExecutionId, Job, JobId, Seconds, Tag, Traits
from redux_valuestore.digest import Digest

KNOWN = -inf
"""The stage of what is here, however far it has come."""


@dataclass(slots=True)
class Standing:
    """Looks in a database at what packs bring. Nothing from there counts as given later than `since`.

    So what this process makes is always the later one, whatever moments a signer says.
    """

    backend: Backend
    since: Seconds

    def missing(self, kind: RecordKind, ids: Iterable[bytes]) -> set[bytes]:
        """Those of these records that are not here."""
        return {each.id for each in self.backend.missing_records([RecordId(kind, id, KNOWN) for id in ids])}

    def known_calls(self, calls: Iterable[Digest]) -> frozenset[Digest]:
        """Those of these calls that are here."""
        wanted = list(calls)
        return frozenset(wanted).difference(self.missing(RecordKind.CALL, wanted))

    def running_code(self, values: Iterable[Digest]) -> set[Digest]:
        """Those of these values that are here, and may run code when they are decoded."""
        ids = [RecordId(RecordKind.VALUE, hash) for hash in values]
        return {value.hash for value in self.backend.get_records(ids).values if runs_code(value)} if ids else set()

    # -- what is not taken -------------------------------------------------------------------------

    def contradicting(self, records: Records, asked: Collection[Digest]) -> frozenset[Digest]:
        """The calls among records that say something else of an evaluation than what stands here.

        Not those of the evaluations `asked` for: nothing that stands here can be used for these.
        """
        others = [record for record in records.calls if record.call.eval_hash not in asked]
        known = self.backend.known_evaluations([record.call.eval_hash for record in others]) if others else ()
        doubtful = [record for record in others if record.call.eval_hash in known]
        here = self.known_calls(record.call.call_hash for record in doubtful)
        doubtful = [record for record in doubtful if record.call.call_hash not in here]
        if not doubtful:
            return frozenset()
        evals = [record.call.eval_hash for record in doubtful]
        results, calls = self.backend.check_cache(evals), self.backend.find_calls(evals)
        said: defaultdict[Digest, set[Digest]] = defaultdict(set)
        for result in records.results:
            said[result.eval_hash].add(result.result)
        return frozenset(
            record.call.call_hash
            for record in doubtful
            for of in (record.call.eval_hash,)
            if _contradicts(record, said[of], results.get(of, ()), calls.get(of, ()))
        )

    # -- what is taken -----------------------------------------------------------------------------

    def beside(self, records: Records, shelf: Shelf, cache: str) -> Records:
        """The same records without what would change what is here; what is new is tagged by who signed it.

        `cache` is where they come from.
        """
        known = self.known_calls(record.call.call_hash for record in records.calls)
        calls = [self._in_its_time(record) for record in records.calls]
        new = {record.call.call_hash for record in calls} - known
        evals = {record.call.eval_hash for record in calls if record.call.call_hash in new}
        untold = self.missing(RecordKind.EXECUTION, [each.id for each in records.executions])
        executions = self._tellable(records, untold, shelf)
        jobs = self._jobs(records, executions, new, shelf)
        tags = [*self._own_tags(records, new, untold, jobs)]
        tags += [_signed("call", call, signer) for call in sorted(new) for signer in shelf.signers_of(call)]
        for execution in sorted(untold):
            tags.append(_signed("execution", execution, shelf.runner_of(ExecutionId(execution))))
            tags.append(Tag("execution", execution, CACHE_TAG, json.dumps(cache)))
        return replace(
            records,
            calls=calls,
            results=[
                replace(each, recorded=min(each.recorded, self.since))
                for each in records.results
                if each.eval_hash in evals
            ],
            executions=[each for each in records.executions if each.id in executions],
            jobs=jobs,
            tags=tags,
        )

    def _in_its_time(self, record: CallRecord) -> CallRecord:
        call = record.call
        return record if call.recorded <= self.since else replace(record, call=replace(call, recorded=self.since))

    def _tellable(self, records: Records, untold: Collection[bytes], shelf: Shelf) -> set[ExecutionId]:
        """The executions of which packs may tell: new ones, and those that the same signer told of."""
        here = [each.id for each in records.executions if each.id not in untold]
        tags = self.backend.get_tags(here) if here else {}
        told = {id for id in here if any(signer_of(tag) == shelf.runner_of(id) for tag in tags.get(id, ()))}
        return told.union(each.id for each in records.executions if each.id in untold)

    def _jobs(
        self, records: Records, executions: Collection[ExecutionId], new: Collection[Digest], shelf: Shelf
    ) -> list[Job]:
        """The jobs that are of these executions and no others here, as they fit to what is taken."""
        jobs = [job for job in records.jobs if job.execution in executions]
        here = {job.id for job in jobs}.difference(self.missing(RecordKind.JOB, [job.id for job in jobs]))
        of: dict[JobId, ExecutionId] = {}
        for group in in_groups([RecordId(RecordKind.JOB, id) for id in sorted(here)]):
            of.update({job.id: job.execution for job in self.backend.get_records(group).jobs})
        jobs = [job for job in jobs if of.get(job.id, job.execution) == job.execution]
        named = {job.call_hash for job in jobs if job.call_hash is not None and job.call_hash not in new}
        signers = self._signers_here(named)
        there: set[JobId] = set()
        found: list[Job] = []
        for job in jobs:
            there.add(job.id)
            parent = job.parent if job.parent in there else None
            mine = job.call_hash in new or shelf.runner_of(job.execution) in signers.get(job.call_hash, ())
            call = job.call_hash if mine else None
            same = parent == job.parent and call == job.call_hash
            found.append(job if same else replace(job, parent=parent, call_hash=call))
        return found

    def _signers_here(self, calls: Collection[Digest]) -> dict[Digest | None, set[str]]:
        """Who signed calls that are here; those made here are left out."""
        found: defaultdict[Digest | None, set[str]] = defaultdict(set)
        for group in in_groups(sorted(calls)):
            for call, tags in self.backend.get_tags(group).items():
                found[Digest(call)].update(signer for tag in tags if (signer := signer_of(tag)) is not None)
        return found

    def _own_tags(
        self, records: Records, new: Collection[Digest], untold: Collection[bytes], jobs: Sequence[Job]
    ) -> Iterable[Tag]:
        """The tags of what is new here: nobody adds to what stands."""
        fresh: dict[str, Callable[[], Collection[bytes]]] = {
            "call": lambda: new,
            "execution": lambda: untold,
            "job": lambda: self.missing(RecordKind.JOB, [job.id for job in jobs]),
            "value": lambda: self.missing(RecordKind.VALUE, [value.hash for value in records.values]),
            "task": lambda: self.missing(RecordKind.TASK, [task.hash for task in records.tasks]),
        }
        kinds = {tag.kind for tag in records.tags}
        known = {kind: look() for kind, look in fresh.items() if kind in kinds}
        return (tag for tag in records.tags if tag.entity in known.get(tag.kind, ()))


def _contradicts(
    record: CallRecord, said: Collection[Digest], results: Sequence[Candidate], calls: Sequence[CallCandidate]
) -> bool:
    call = record.call
    known = {each.value.hash for each in results if not each.value.traits & Traits.ERROR}
    if known:
        lazy = any(each.value.traits & Traits.EXPRESSIONS for each in results)
        # What expressions come to may change with the code below; what they are may not.
        if not known.issuperset(said) or not (lazy or call.result in known):
            return True
    return any(each.task_set == call.task_set and each.value.hash != call.result for each in calls)


def _signed(kind: str, entity: bytes, signer: str) -> Tag:
    return Tag(kind, entity, SIGNER_TAG, json.dumps(signer))
