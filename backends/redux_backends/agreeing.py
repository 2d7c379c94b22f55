"""What a state machine asks of a backend and of the memory backend: they say the same."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from redux_backends.answers import GivenFilter, JobFilter
from redux_backends.backend import Backend, BackendError
from redux_backends.listing import CallFilter, ExecutionFilter
from redux_backends.machine_records import (
    CALLS,
    EVALS,
    EXECUTIONS,
    FILTERS,
    HANDLES,
    HASHES,
    IDS,
    JOBS,
    KEYS,
    NODES,
    ROOTS,
    SETS,
    TAGS,
    TASKS,
    VALUES,
    few,
)
from redux_backends.records import JobStatus, Traits
from redux_backends.sample import EPOCH


def _answer(ask: Callable[[], object]) -> object:
    """What is answered, or the kind of error."""
    try:
        return ask()
    except BackendError as error:
        return type(error)


class Agreeing(RuleBasedStateMachine):
    """Two backends that heard the same, and whatever people and the cache ask of them."""

    oracle: Backend
    backend: Backend

    def both(self, write) -> None:
        """Both give the same, or raise the same error."""
        given: list = []
        for backend in (self.oracle, self.backend):
            try:
                given.append(write(backend))
            except BackendError as error:
                given.append(type(error))
        assert given[0] == given[1]

    def same(self, ask: Callable[[Backend], object]) -> None:
        assert ask(self.backend) == ask(self.oracle)

    @invariant()
    def says_the_same_to_the_cache(self) -> None:
        for ask in (
            lambda backend: backend.check_cache(EVALS),
            lambda backend: backend.find_calls(EVALS),
            lambda backend: backend.known_evaluations(EVALS),
            lambda backend: backend.get_values(HASHES),
            lambda backend: [backend.values_below(each.call_hash, ~Traits.PLAIN) for each in NODES],
            lambda backend: backend.valid_handles(HANDLES),
        ):
            self.same(ask)

    @rule()
    def says_the_same_to_people(self) -> None:
        for ask in (
            lambda backend: backend.get_held(HASHES),
            lambda backend: backend.get_task_sets([each.hash for each in SETS]),
            lambda backend: backend.known_tasks(["sample.add", "sample.other"]),
            lambda backend: backend.task_versions("sample.add"),
            lambda backend: [backend.get_task(each.hash) for each in TASKS],
            lambda backend: backend.describe_values(HASHES),
            lambda backend: backend.executions(5),
            lambda backend: backend.executions(1, 1),
            lambda backend: [backend.get_execution(each.id) for each in EXECUTIONS],
            lambda backend: backend.name_calls([each.call_hash for each in CALLS]),
            lambda backend: backend.find_files("/f"),
            lambda backend: backend.disagreements(),
            lambda backend: backend.get_tags([tag.entity for tag in TAGS] + [each.hash for each in TASKS]),
            lambda backend: [backend.tag_history(tag.entity) for tag in TAGS[::2]],
            lambda backend: [backend.find_tagged(each) for each in FILTERS],
            lambda backend: backend.find_tagged(FILTERS[1], "task", limit=1),
            lambda backend: [backend.find_by_tag(named, text, limit=3) for named in "xz" for text in ("", "1", "2")],
            lambda backend: [backend.executions(5, tags=each) for each in FILTERS],
        ):
            self.same(ask)

    @rule(calls=few(CALLS), evals=few(EVALS), jobs=few(JOBS))
    def knows_the_same(self, calls: list, evals: list, jobs: list) -> None:
        for one in calls:
            self.same(lambda backend, one=one: backend.get_call(one.call_hash))
            self.same(lambda backend, one=one: backend.values_below(one.call_hash, ~Traits.PLAIN))
        for asked in evals:
            self.same(lambda backend, asked=asked: backend.get_key(asked))
        for job in jobs:
            self.same(lambda backend, job=job: backend.get_job(job.id))

    @rule(id=st.sampled_from(IDS), digits=st.integers(4, 12))
    def finds_the_same(self, id, digits: int) -> None:
        self.same(lambda backend: _answer(lambda: backend.resolve(id.hex()[:digits])))

    @rule()
    def looks_the_same_as_a_whole(self) -> None:
        for look in (
            lambda integrity: sorted(row.key.eval_hash for page in integrity.evaluations() for row in page),
            lambda integrity: sorted((row.hash, row.children) for page in integrity.calls() for row in page),
            lambda integrity: sorted((row.hash, row.pieces) for page in integrity.tasks() for row in page),
            lambda integrity: sorted((row.hash, sorted(row.tasks)) for page in integrity.task_sets() for row in page),
            lambda integrity: sorted(one.hash for page in integrity.inline_bytes() for one in page),
            lambda integrity: {each: set(integrity.values(each[0])) for each in HASHES},
            lambda integrity: integrity.remakable(HASHES),
            lambda integrity: sorted((one.eval_hash, one.result) for one in integrity.loose_results()),
            lambda integrity: sorted((one.id, one.why) for one in integrity.odd_jobs()),
            lambda integrity: [*integrity.dangling(), *integrity.gaps(), *integrity.twins()],
            lambda integrity: integrity.tally(),
            lambda integrity: integrity.unused(),
            lambda integrity: [sorted(integrity.usage(by), key=str) for by in ("execution", "task", "type")],
        ):
            self.same(lambda backend, look=look: look(backend.integrity()))

    @rule(
        run=st.sampled_from([None, *EXECUTIONS]),
        name=st.sampled_from([None, "sample.add", "sample.nobody"]),
        parent=st.sampled_from([None, None, *ROOTS]),
        call=st.sampled_from([None, None, *CALLS]),
        value=st.sampled_from([None, *VALUES[:2]]),
        argument=st.sampled_from([None, *VALUES[:2]]),
        status=st.sampled_from([None, *JobStatus]),
        roots=st.booleans(),
        missed=st.booleans(),
        tags=st.sampled_from(FILTERS),
        limit=st.sampled_from([2, 100]),
    )
    def says_the_same_of_jobs(
        self, run, name, parent, call, value, argument, status, roots, missed, tags, limit
    ) -> None:
        def ask(backend: Backend) -> object:
            return backend.jobs(
                execution=run and run.id,
                parent=parent and parent.id,
                task=name,
                call=call and call.call_hash,
                value=value and value.hash,
                argument=argument and argument.hash,
                status=status,
                roots=roots,
                missed=missed,
                tags=tags,
                limit=limit,
            )

        assert ask(self.backend) == ask(self.oracle)
        if run is not None:
            self.same(lambda backend: backend.miss_groups(run.id))
            self.same(lambda backend: backend.disagreements(execution=run.id, task=name, limit=limit))
            # Databases add durations up in an order of their own.
            self.same(
                lambda backend: [replace(each, seconds=round(each.seconds, 6)) for each in backend.count_jobs(run.id)]
            )

    @rule(
        run=st.sampled_from([None, *EXECUTIONS]),
        name=st.sampled_from([None, None, "sample.add"]),
        given=st.sampled_from([(), (GivenFilter((HASHES[0], HASHES[3]), "a0"),), (GivenFilter((HASHES[1],)),)]),
        results=st.sampled_from([None, None, (HASHES[0], HASHES[1])]),
        files=st.sampled_from([(), ("/f",), ("*",), ("/?", "x*")]),
        span=st.sampled_from([(None, None), (EPOCH + 1, None), (None, EPOCH + 2)]),
        status=st.sampled_from([None, *JobStatus]),
        tags=st.sampled_from(FILTERS),
        offset=st.sampled_from([0, 1]),
    )
    def lists_the_same(self, run, name, given, results, files, span, status, tags, offset) -> None:
        of = run and run.id
        jobs = JobFilter(of, task=name, status=status, tags=tags, given=given, results=results, files=files)
        jobs = replace(jobs, since=span[0], until=span[1])
        calls = CallFilter(of, name, given, results, files, span[0], span[1], tags)
        for ask in (
            lambda backend: backend.find_jobs(jobs, 3, offset),
            lambda backend: backend.list_calls(calls, 3, offset),
            lambda backend: backend.find_executions(ExecutionFilter(status, span[0], span[1], tags), 2, offset),
            lambda backend: backend.list_values(files, tags, 3, offset),
            lambda backend: backend.list_tasks(("sample.*d*", "*o*"), tags, 2, offset),
            lambda backend: backend.list_files(files, 3, offset),
            lambda backend: backend.list_tags(("x", "z") if name else (), 3, offset),
            lambda backend: backend.calls_of_task("sample.add"),
            lambda backend: backend.known_paths(["/f", "/g"]),
        ):
            self.same(ask)

    @rule(jobs=few(JOBS))
    def walks_the_same(self, jobs: list) -> None:
        for job in jobs:
            self.same(lambda backend, job=job: backend.callers_of_job(job.id))
        for run in EXECUTIONS:
            self.same(lambda backend, run=run: backend.job_ids_of(run.id))

    @rule(asked=st.sampled_from(KEYS), asked_by=st.sampled_from(EXECUTIONS))
    def explains_the_same(self, asked, asked_by) -> None:
        self.same(lambda backend: _answer(lambda: backend.explain_cache_miss(asked, asked_by.id)))

    @rule()
    def follows_data_the_same(self) -> None:
        calls = [each.call_hash for each in CALLS]
        files = [file for each in VALUES for file in each.files]
        for ask in (
            lambda backend: backend.makers_of(HASHES),
            lambda backend: backend.results_of([each.hash for each in TASKS], 1000),
            lambda backend: backend.users_of(HASHES),
            lambda backend: backend.fed_by(calls),
            lambda backend: backend.callers_of(calls),
            lambda backend: backend.parents_of(calls),
            lambda backend: backend.executions_of(calls),
            lambda backend: backend.containers_of(HASHES),
            lambda backend: backend.holders_of(files),
            lambda backend: backend.jobs_behind(calls),
        ):
            assert ask(self.backend) == ask(self.oracle)

    @rule(runs=few(EXECUTIONS), by=st.sampled_from([None, *EXECUTIONS]), before=st.integers(0, 20))
    def sets_jobs_beside_others_the_same(self, runs: list, by, before: int) -> None:
        names = ["sample.add", "sample.other"]
        self.same(lambda backend: backend.newest_before(names, EPOCH + before))
        self.same(lambda backend: backend.get_tasks([each.hash for each in TASKS]))
        self.same(lambda backend: backend.jobs_before([each.id for each in runs], names, by and by.id))
        for each in runs:
            self.same(lambda backend, each=each: backend.jobs_that_ran(each.id))

    @rule()
    def knows_the_same_of_what_people_said(self) -> None:
        calls, jobs = [each.call_hash for each in CALLS], [each.id for each in JOBS]
        for ask in (
            lambda backend: backend.tags_of(["x", "z"]),
            lambda backend: backend.evaluations_of(calls, jobs),
            lambda backend: [backend.have_below(calls, name) for name in "xyz"],
            lambda backend: backend.remembered("call", calls),
            lambda backend: backend.remembered("job", jobs),
            lambda backend: backend.remembered("task", [each.hash for each in TASKS]),
            lambda backend: [backend.accepted_in(each.id) for each in EXECUTIONS],
            lambda backend: [backend.remembered("execution", [each.id]) for each in EXECUTIONS],
        ):
            self.same(ask)
