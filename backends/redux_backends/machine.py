"""A state machine for hypothesis: a backend and the memory backend hear the same and must say the same."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import replace

from hypothesis import strategies as st
from hypothesis.stateful import initialize, precondition, rule

from redux_backends.agreeing import Agreeing
from redux_backends.backend import Backend
from redux_backends.exchange import Records, in_groups
from redux_backends.machine_records import (
    CALLS,
    EDITED,
    EVALS,
    EXECUTIONS,
    HANDLES,
    JOBS,
    KEYS,
    LEAVES,
    REASONS,
    ROOTS,
    SETS,
    TAGS,
    TASKS,
    VALUES,
    VERSIONS,
    some,
)
from redux_backends.memory import MemoryBackend
from redux_backends.records import Batch, Evaluation, ExecutionId, JobStatus, Outcome, Reason, Rollback, Tag, Traits
from redux_backends.sample import done, ended, evaluation
from redux_valuestore.digest import Digest


def assert_same(records: Records, expected: Records) -> None:
    """Whether records are equal, each kind for itself; jobs that never ended have died with their execution."""
    for name in ("handles", "values", "gone", "tasks", "keys", "results", "task_sets", "calls", "executions", "tags"):
        assert getattr(records, name) == getattr(expected, name), name
    over = {each.id for each in expected.executions if each.ended is not None}
    died = [
        replace(each, status=JobStatus.DIED) if each.status is JobStatus.RUNNING and each.execution in over else each
        for each in expected.jobs
    ]
    assert records.jobs == died


class BackendMachine(Agreeing):
    """Records that may or may not know each other, in any order: subclass it and give it `make_backend`."""

    @abstractmethod
    def make_backend(self) -> Backend:
        """A backend with nothing in it."""

    @initialize(whole=st.booleans())
    def begin(self, whole: bool) -> None:
        self.moment = 0
        self.oracle: Backend = MemoryBackend()
        self.backend = self.make_backend()
        self.backend.load()
        self.claims: dict[Digest, ExecutionId] = {}
        for each in EXECUTIONS:
            self.both(lambda backend, each=each: backend.record_execution(each))
        if whole:
            self.record(Batch(values=VALUES, tasks=TASKS, keys=KEYS, task_sets=SETS))

    def record(self, batch: Batch) -> None:
        self.both(lambda backend: backend.record(batch))

    @rule(values=some(VALUES), stored=st.booleans(), foreign=st.booleans())
    def record_values(self, values: list, stored: bool, foreign: bool) -> None:
        more = Traits.FOREIGN if foreign else Traits.PLAIN
        data = {"data": None} if stored else {}
        self.record(Batch(values=[replace(each, traits=each.traits | more, **data) for each in values]))

    @rule(tasks=some(TASKS), keys=some(KEYS), sets=some(SETS))
    def record_questions(self, tasks: list, keys: list, sets: list) -> None:
        self.record(Batch(tasks=tasks, keys=keys, task_sets=sets))

    @rule(data=st.lists(st.tuples(st.sampled_from(KEYS), st.sampled_from(VALUES)), max_size=6))
    def record_results(self, data: list) -> None:
        # Moments differ, so that what is newest is never a matter of taste.
        results: list[Evaluation] = []
        for asked, result in data:
            self.moment += 1
            results.append(evaluation(asked, result, (self.moment * 7) % 1009))
        self.record(Batch(evaluations=results))

    @rule(calls=some(CALLS))
    def record_calls(self, calls: list) -> None:
        self.record(Batch(calls=calls))

    @rule(
        jobs=some(JOBS),
        status=st.sampled_from(JobStatus),
        outcome=st.sampled_from(Outcome),
        reason=st.sampled_from(REASONS),
        call=st.sampled_from([None, *CALLS]),
    )
    def record_jobs(self, jobs: list, status: JobStatus, outcome: Outcome, reason: Reason | None, call) -> None:
        ends = jobs if status is JobStatus.RUNNING else [done(each, call, status) for each in jobs]
        self.record(Batch(jobs=[replace(each, outcome=outcome, reason=reason) for each in ends]))

    @rule(
        versions=some(VERSIONS),
        back=st.lists(
            st.builds(Rollback, st.sampled_from(HANDLES), st.none() | st.frozensets(st.sampled_from(HANDLES))),
            max_size=2,
        ),
    )
    def move_handles(self, versions: list, back: list) -> None:
        self.record(Batch(handles=versions, rollbacks=back))

    @rule(tags=some(EDITED))
    def record_edited_tags(self, tags: list) -> None:
        self.record(Batch(tags=tags))

    @rule(tags=some(TAGS))
    def record_tags(self, tags: list) -> None:
        self.both(lambda backend: backend.record_tags(tags))

    @rule(
        tag=st.sampled_from(TAGS),
        keys=st.lists(st.sampled_from("xyz"), max_size=2, unique=True),
        pairs=st.lists(st.tuples(st.sampled_from("xyz"), st.sampled_from("123")), max_size=2),
        rename=st.booleans(),
    )
    def edit_tags(self, tag: Tag, keys: list, pairs: list, rename: bool) -> None:
        def edit(backend: Backend) -> object:
            if rename:
                return backend.update_tags(tag.kind, tag.entity, keys, pairs)
            return backend.delete_tags(tag.kind, tag.entity, pairs, keys)

        self.both(edit)

    @rule(value=st.sampled_from(VALUES))
    def adopt(self, value) -> None:
        self.both(lambda backend: backend.adopt_value(value.hash))

    @rule(value=st.sampled_from(VALUES))
    def forget(self, value) -> None:
        self.both(lambda backend: backend.forget_value(value.hash))

    @rule(execution=st.sampled_from(EXECUTIONS), over=st.booleans())
    def record_execution(self, execution, over: bool) -> None:
        self.both(lambda backend: backend.record_execution(ended(execution) if over else execution))

    @rule(
        values=some(VALUES),
        calls=some(LEAVES),
        jobs=some(JOBS),
        versions=some(VERSIONS),
        back=st.none() | st.sampled_from(HANDLES),
        over=some(EXECUTIONS),
        lost=some(VALUES),
    )
    def take_from_elsewhere(self, values, calls, jobs, versions, back, over, lost) -> None:
        elsewhere = MemoryBackend()
        for each in EXECUTIONS:
            elsewhere.record_execution(ended(each) if each in over else each)
        self.moment += 2
        results = [evaluation(KEYS[1], each, ((self.moment - at) * 7) % 1009) for at, each in enumerate(values[:2])]
        ends = [done(each, LEAVES[0]) for each in jobs]
        elsewhere.record(Batch(values=VALUES, tasks=TASKS, keys=KEYS, task_sets=SETS, evaluations=results))
        elsewhere.record(Batch(calls=LEAVES[:1] + calls, jobs=ROOTS + ends, handles=versions, tags=TAGS[:3]))
        if back is not None:
            elsewhere.record(Batch(rollbacks=[Rollback(back)]))
        for each in lost:
            elsewhere.forget_value(each.hash)
        missing = self.oracle.missing_records(list(elsewhere.iter_record_ids()))
        assert list(self.backend.missing_records(missing)) == list(missing)
        records = elsewhere.get_records(missing)
        self.both(lambda backend: backend.put_records(records))

    @rule()
    def goes_over_whole(self) -> None:
        ids = list(self.backend.iter_record_ids())
        assert set(ids) == set(self.oracle.iter_record_ids())
        target = MemoryBackend()
        for group in in_groups(ids, 5):
            target.put_records(self.backend.get_records(group))
        assert_same(target.get_records(ids), self.oracle.get_records(ids))

    @rule(execution=st.sampled_from(EXECUTIONS))
    def renew(self, execution) -> None:
        self.both(lambda backend: backend.renew_lease(execution.id))

    @rule(line=st.sampled_from(HANDLES[:3]), execution=st.sampled_from(EXECUTIONS))
    def claim(self, line, execution) -> None:
        self.same(lambda backend: backend.claim_line(line, execution.id))

    @rule(execution=st.sampled_from(EXECUTIONS))
    def release(self, execution) -> None:
        self.both(lambda backend: backend.release_lines(execution.id))

    @rule(evals=some(EVALS), execution=st.sampled_from(EXECUTIONS), at_most=st.integers(1, 9))
    def claim_evaluations(self, evals: list, execution, at_most: int) -> None:
        held = {each: self.claims[each] for each in evals if self.is_held(each, execution.id)}
        mine = [each for each in evals if each not in held][:at_most]
        assert self.backend.held_evaluations(evals, execution.id) == held
        claimed = self.backend.claim_evaluations(evals, execution.id, at_most)
        assert (list(claimed.mine), claimed.held) == (mine, held)
        if self.backend.shares_work:
            self.claims.update(dict.fromkeys(mine, execution.id))

    def is_held(self, evaluation: Digest, by_another_than: ExecutionId) -> bool:
        owner = self.claims.get(evaluation, by_another_than)
        if owner == by_another_than:
            return False
        known = self.oracle.get_execution(owner)
        return known is not None and known.status is JobStatus.RUNNING

    @rule(evals=st.none() | some(EVALS), execution=st.sampled_from(EXECUTIONS))
    def release_evaluations(self, evals: list | None, execution) -> None:
        self.backend.release_evaluations(execution.id, evals)
        self.oracle.release_evaluations(execution.id, evals)
        gone = self.claims.copy() if evals is None else evals
        self.claims = {each: owner for each, owner in self.claims.items() if owner != execution.id or each not in gone}

    @precondition(lambda self: self.moment % 3 == 0)
    @rule()
    def load_again(self) -> None:
        for each in EXECUTIONS:
            self.oracle.release_lines(each.id)
        self.claims.clear()
        self.backend.close()
        self.backend.load()

    def teardown(self) -> None:
        if hasattr(self, "backend"):
            self.says_the_same_to_people()
            self.backend.close()
