"""A state machine for hypothesis: a backend and the memory backend hear the same and must say the same."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from redux_backends.answers import GivenFilter, JobFilter
from redux_backends.backend import Backend, BackendError, TagFilter
from redux_backends.exchange import Records, in_groups
from redux_backends.listing import CallFilter, ExecutionFilter
from redux_backends.memory import MemoryBackend
from redux_backends.records import Batch, Evaluation, JobStatus, MissKind, Outcome, Reason, Rollback, Tag, Traits
from redux_backends.sample import (
    ELSEWHERE,
    EPOCH,
    GONE,
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

_ERROR = value("error", Traits.ERROR)
_PARTS = [value("a"), value("b"), large_value("c"), file_value("/f", "1"), file_value("/f", "2"), _ERROR]
_TASKS = [task("add"), task("add", "return 2"), task("other")]
_VERSIONS = [version(f"{at}", *map(str, {at // 2, (at * 5) % at})) for at in range(1, 16)]
_HANDLES = [each.hash for each in _VERSIONS]
_VALUES = [*_PARTS, holding_value("holder", _PARTS[:4], _TASKS[:2]), *map(handle_value, _VERSIONS[4:6])]
_KEYS = [key(of, *bound) for of in _TASKS for bound in ((), (_VALUES[0],), (_VALUES[0], _VALUES[1]), (_VALUES[1],))]
_SETS = [task_set(_TASKS[0]), task_set(*_TASKS)]
_LEAVES = [
    call(of, result, tasks, at=at)
    for at, (of, result, tasks) in enumerate(
        zip(_KEYS * 2, [*_VALUES, *_VALUES[::-1], *_VALUES], _SETS * 14, strict=False)
    )
]
_NODES = [
    call(_KEYS[at], _VALUES[at], _SETS[1], children=_LEAVES[at : at + 3], upstreams=_LEAVES[5 : 5 + at], at=100 + at)
    for at in range(5)
]
_CALLS = [*_LEAVES, *_NODES]
_EXECUTIONS = [execution("here", 1), execution("gone", 2, GONE), execution("elsewhere", 3, ELSEWHERE)]
_ROOTS = [started(f"root {at}", each, _KEYS[at], at=at) for at, each in enumerate(_EXECUTIONS)]
_JOBS = _ROOTS + [
    started(f"job {at}", _EXECUTIONS[at % 3], _KEYS[at], parent=_ROOTS[at % 3], at=10 + at) for at in range(8)
]
_REASONS = [None, Reason(MissKind.NEW_TASK), Reason(MissKind.FILE_CHANGED, "/f")]
_TAGS = [
    Tag(kind, entity, name, "1")
    for kind, entity in (
        ("value", _VALUES[0].hash),
        ("task", _TASKS[0].hash),
        ("job", _JOBS[0].id),
        ("execution", _EXECUTIONS[0].id),
        ("call", _CALLS[0].call_hash),
    )
    for name in ("x", "y")
]
_FILTERS = [(), (TagFilter("x"),), (TagFilter("y", "2"),), (TagFilter("z", "1"), TagFilter("x"))]
_EDITED = [
    *_TAGS,
    *(Tag(tag.kind, tag.entity, tag.key, value, (tag.hash,)) for tag in _TAGS for value in ("2", None)),
    *(Tag(tag.kind, tag.entity, "z", "1", (tag.hash, other.hash)) for tag, other in pairwise(_TAGS)),
]

_evals = [each.eval_hash for each in _KEYS]
_hashes = [each.hash for each in _VALUES]


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


_IDS = [*_hashes, *(each.call_hash for each in _CALLS), *(each.id for each in (*_JOBS, *_EXECUTIONS))]


def _answer(ask: Callable[[], object]) -> object:
    """What is answered, or the kind of error."""
    try:
        return ask()
    except BackendError as error:
        return type(error)


def _some(choices: list) -> st.SearchStrategy[list]:
    return st.lists(st.sampled_from(choices), max_size=len(choices), unique=True)


def _few(choices: list) -> st.SearchStrategy[list]:
    return st.lists(st.sampled_from(choices), max_size=5, unique=True)


class BackendMachine(RuleBasedStateMachine):
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
        for each in _EXECUTIONS:
            self._both(lambda backend, each=each: backend.record_execution(each))
        if whole:
            self.record(Batch(values=_VALUES, tasks=_TASKS, keys=_KEYS, task_sets=_SETS))

    def record(self, batch: Batch) -> None:
        self._both(lambda backend: backend.record(batch))

    def _both(self, write) -> None:
        """Both give the same, or raise the same error."""
        given: list = []
        for backend in (self.oracle, self.backend):
            try:
                given.append(write(backend))
            except BackendError as error:
                given.append(type(error))
        assert given[0] == given[1]

    @rule(values=_some(_VALUES), stored=st.booleans())
    def record_values(self, values: list, stored: bool) -> None:
        self.record(Batch(values=[replace(each, data=None) if stored else each for each in values]))

    @rule(tasks=_some(_TASKS), keys=_some(_KEYS), sets=_some(_SETS))
    def record_questions(self, tasks: list, keys: list, sets: list) -> None:
        self.record(Batch(tasks=tasks, keys=keys, task_sets=sets))

    @rule(data=st.lists(st.tuples(st.sampled_from(_KEYS), st.sampled_from(_VALUES)), max_size=6))
    def record_results(self, data: list) -> None:
        # Moments differ, so that what is newest is never a matter of taste.
        results: list[Evaluation] = []
        for asked, result in data:
            self.moment += 1
            results.append(evaluation(asked, result, (self.moment * 7) % 1009))
        self.record(Batch(evaluations=results))

    @rule(calls=_some(_CALLS))
    def record_calls(self, calls: list) -> None:
        self.record(Batch(calls=calls))

    @rule(
        jobs=_some(_JOBS),
        status=st.sampled_from(JobStatus),
        outcome=st.sampled_from(Outcome),
        reason=st.sampled_from(_REASONS),
        call=st.sampled_from([None, *_CALLS]),
    )
    def record_jobs(self, jobs: list, status: JobStatus, outcome: Outcome, reason: Reason | None, call) -> None:
        ends = jobs if status is JobStatus.RUNNING else [done(each, call, status) for each in jobs]
        self.record(Batch(jobs=[replace(each, outcome=outcome, reason=reason) for each in ends]))

    @rule(
        versions=_some(_VERSIONS),
        back=st.lists(
            st.builds(Rollback, st.sampled_from(_HANDLES), st.none() | st.frozensets(st.sampled_from(_HANDLES))),
            max_size=2,
        ),
    )
    def move_handles(self, versions: list, back: list) -> None:
        self.record(Batch(handles=versions, rollbacks=back))

    @rule(tags=_some(_EDITED))
    def record_edited_tags(self, tags: list) -> None:
        self.record(Batch(tags=tags))

    @rule(tags=_some(_TAGS))
    def record_tags(self, tags: list) -> None:
        self._both(lambda backend: backend.record_tags(tags))

    @rule(
        tag=st.sampled_from(_TAGS),
        keys=st.lists(st.sampled_from("xyz"), max_size=2, unique=True),
        pairs=st.lists(st.tuples(st.sampled_from("xyz"), st.sampled_from("123")), max_size=2),
        rename=st.booleans(),
    )
    def edit_tags(self, tag: Tag, keys: list, pairs: list, rename: bool) -> None:
        def edit(backend: Backend) -> object:
            if rename:
                return backend.update_tags(tag.kind, tag.entity, keys, pairs)
            return backend.delete_tags(tag.kind, tag.entity, pairs, keys)

        self._both(edit)

    @rule(value=st.sampled_from(_VALUES))
    def forget(self, value) -> None:
        self._both(lambda backend: backend.forget_value(value.hash))

    @rule(execution=st.sampled_from(_EXECUTIONS), over=st.booleans())
    def record_execution(self, execution, over: bool) -> None:
        self._both(lambda backend: backend.record_execution(ended(execution) if over else execution))

    @rule(
        values=_some(_VALUES),
        calls=_some(_LEAVES),
        jobs=_some(_JOBS),
        versions=_some(_VERSIONS),
        back=st.none() | st.sampled_from(_HANDLES),
        over=_some(_EXECUTIONS),
        lost=_some(_VALUES),
    )
    def take_from_elsewhere(self, values, calls, jobs, versions, back, over, lost) -> None:
        elsewhere = MemoryBackend()
        for each in _EXECUTIONS:
            elsewhere.record_execution(ended(each) if each in over else each)
        self.moment += 2
        results = [evaluation(_KEYS[1], each, ((self.moment - at) * 7) % 1009) for at, each in enumerate(values[:2])]
        ends = [done(each, _LEAVES[0]) for each in jobs]
        elsewhere.record(Batch(values=_VALUES, tasks=_TASKS, keys=_KEYS, task_sets=_SETS, evaluations=results))
        elsewhere.record(Batch(calls=_LEAVES[:1] + calls, jobs=_ROOTS + ends, handles=versions, tags=_TAGS[:3]))
        if back is not None:
            elsewhere.record(Batch(rollbacks=[Rollback(back)]))
        for each in lost:
            elsewhere.forget_value(each.hash)
        missing = self.oracle.missing_records(list(elsewhere.iter_record_ids()))
        assert list(self.backend.missing_records(missing)) == list(missing)
        records = elsewhere.get_records(missing)
        self._both(lambda backend: backend.put_records(records))

    @rule()
    def goes_over_whole(self) -> None:
        ids = list(self.backend.iter_record_ids())
        assert set(ids) == set(self.oracle.iter_record_ids())
        target = MemoryBackend()
        for group in in_groups(ids, 5):
            target.put_records(self.backend.get_records(group))
        assert_same(target.get_records(ids), self.oracle.get_records(ids))

    @rule(execution=st.sampled_from(_EXECUTIONS))
    def renew(self, execution) -> None:
        self._both(lambda backend: backend.renew_lease(execution.id))

    @rule(line=st.sampled_from(_HANDLES[:3]), execution=st.sampled_from(_EXECUTIONS))
    def claim(self, line, execution) -> None:
        self._same(lambda backend: backend.claim_line(line, execution.id))

    @rule(execution=st.sampled_from(_EXECUTIONS))
    def release(self, execution) -> None:
        self._both(lambda backend: backend.release_lines(execution.id))

    @precondition(lambda self: self.moment % 3 == 0)
    @rule()
    def load_again(self) -> None:
        for each in _EXECUTIONS:
            self.oracle.release_lines(each.id)
        self.backend.close()
        self.backend.load()

    @invariant()
    def says_the_same_to_the_cache(self) -> None:
        for ask in (
            lambda backend: backend.check_cache(_evals),
            lambda backend: backend.find_calls(_evals),
            lambda backend: backend.known_evaluations(_evals),
            lambda backend: backend.get_values(_hashes),
            lambda backend: [backend.values_below(each.call_hash, ~Traits.PLAIN) for each in _NODES],
            lambda backend: backend.valid_handles(_HANDLES),
        ):
            self._same(ask)

    def _same(self, ask: Callable[[Backend], object]) -> None:
        assert ask(self.backend) == ask(self.oracle)

    @rule()
    def says_the_same_to_people(self) -> None:
        for ask in (
            lambda backend: backend.get_held(_hashes),
            lambda backend: backend.get_task_sets([each.hash for each in _SETS]),
            lambda backend: backend.known_tasks(["sample.add", "sample.other"]),
            lambda backend: backend.task_versions("sample.add"),
            lambda backend: [backend.get_task(each.hash) for each in _TASKS],
            lambda backend: backend.describe_values(_hashes),
            lambda backend: backend.executions(5),
            lambda backend: backend.executions(1, 1),
            lambda backend: [backend.get_execution(each.id) for each in _EXECUTIONS],
            lambda backend: backend.name_calls([each.call_hash for each in _CALLS]),
            lambda backend: backend.find_files("/f"),
            lambda backend: backend.disagreements(),
            lambda backend: backend.get_tags([tag.entity for tag in _TAGS] + [each.hash for each in _TASKS]),
            lambda backend: [backend.tag_history(tag.entity) for tag in _TAGS[::2]],
            lambda backend: [backend.find_tagged(each) for each in _FILTERS],
            lambda backend: backend.find_tagged(_FILTERS[1], "task", limit=1),
            lambda backend: [backend.find_by_tag(named, text, limit=3) for named in "xz" for text in ("", "1", "2")],
            lambda backend: [backend.executions(5, tags=each) for each in _FILTERS],
        ):
            self._same(ask)

    @rule(calls=_few(_CALLS), evals=_few(_evals), jobs=_few(_JOBS))
    def knows_the_same(self, calls: list, evals: list, jobs: list) -> None:
        for one in calls:
            self._same(lambda backend, one=one: backend.get_call(one.call_hash))
            self._same(lambda backend, one=one: backend.values_below(one.call_hash, ~Traits.PLAIN))
        for asked in evals:
            self._same(lambda backend, asked=asked: backend.get_key(asked))
        for job in jobs:
            self._same(lambda backend, job=job: backend.get_job(job.id))

    @rule(id=st.sampled_from(_IDS), digits=st.integers(4, 12))
    def finds_the_same(self, id, digits: int) -> None:
        self._same(lambda backend: _answer(lambda: backend.resolve(id.hex()[:digits])))

    @rule()
    def looks_the_same_as_a_whole(self) -> None:
        for look in (
            lambda integrity: sorted(row.key.eval_hash for page in integrity.evaluations() for row in page),
            lambda integrity: sorted((row.hash, row.children) for page in integrity.calls() for row in page),
            lambda integrity: sorted((row.hash, row.pieces) for page in integrity.tasks() for row in page),
            lambda integrity: sorted((row.hash, sorted(row.tasks)) for page in integrity.task_sets() for row in page),
            lambda integrity: sorted(one.hash for page in integrity.inline_bytes() for one in page),
            lambda integrity: {each: set(integrity.values(each[0])) for each in _hashes},
            lambda integrity: integrity.remakable(_hashes),
            lambda integrity: sorted((one.eval_hash, one.result) for one in integrity.loose_results()),
            lambda integrity: sorted((one.id, one.why) for one in integrity.odd_jobs()),
            lambda integrity: [*integrity.dangling(), *integrity.gaps(), *integrity.twins()],
            lambda integrity: integrity.tally(),
            lambda integrity: integrity.unused(),
            lambda integrity: [sorted(integrity.usage(by), key=str) for by in ("execution", "task", "type")],
        ):
            self._same(lambda backend, look=look: look(backend.integrity()))

    @rule(
        run=st.sampled_from([None, *_EXECUTIONS]),
        name=st.sampled_from([None, "sample.add", "sample.nobody"]),
        parent=st.sampled_from([None, None, *_ROOTS]),
        call=st.sampled_from([None, None, *_CALLS]),
        value=st.sampled_from([None, *_VALUES[:2]]),
        argument=st.sampled_from([None, *_VALUES[:2]]),
        status=st.sampled_from([None, *JobStatus]),
        roots=st.booleans(),
        missed=st.booleans(),
        tags=st.sampled_from(_FILTERS),
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
            self._same(lambda backend: backend.miss_groups(run.id))
            self._same(lambda backend: backend.disagreements(execution=run.id, task=name, limit=limit))
            # Databases add durations up in an order of their own.
            self._same(
                lambda backend: [replace(each, seconds=round(each.seconds, 6)) for each in backend.count_jobs(run.id)]
            )

    @rule(
        run=st.sampled_from([None, *_EXECUTIONS]),
        name=st.sampled_from([None, None, "sample.add"]),
        given=st.sampled_from([(), (GivenFilter((_hashes[0], _hashes[3]), "a0"),), (GivenFilter((_hashes[1],)),)]),
        results=st.sampled_from([None, None, (_hashes[0], _hashes[1])]),
        files=st.sampled_from([(), ("/f",), ("*",), ("/?", "x*")]),
        span=st.sampled_from([(None, None), (EPOCH + 1, None), (None, EPOCH + 2)]),
        status=st.sampled_from([None, *JobStatus]),
        tags=st.sampled_from(_FILTERS),
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
            self._same(ask)

    @rule(jobs=_few(_JOBS))
    def walks_the_same(self, jobs: list) -> None:
        for job in jobs:
            self._same(lambda backend, job=job: backend.callers_of_job(job.id))
        for run in _EXECUTIONS:
            self._same(lambda backend, run=run: backend.job_ids_of(run.id))

    @rule(asked=st.sampled_from(_KEYS), asked_by=st.sampled_from(_EXECUTIONS))
    def explains_the_same(self, asked, asked_by) -> None:
        self._same(lambda backend: _answer(lambda: backend.explain_cache_miss(asked, asked_by.id)))

    @rule()
    def follows_data_the_same(self) -> None:
        calls = [each.call_hash for each in _CALLS]
        files = [file for each in _VALUES for file in each.files]
        for ask in (
            lambda backend: backend.makers_of(_hashes),
            lambda backend: backend.users_of(_hashes),
            lambda backend: backend.fed_by(calls),
            lambda backend: backend.callers_of(calls),
            lambda backend: backend.containers_of(_hashes),
            lambda backend: backend.holders_of(files),
            lambda backend: backend.jobs_behind(calls),
        ):
            assert ask(self.backend) == ask(self.oracle)

    @rule(runs=_few(_EXECUTIONS), by=st.sampled_from([None, *_EXECUTIONS]), before=st.integers(0, 20))
    def sets_jobs_beside_others_the_same(self, runs: list, by, before: int) -> None:
        names = ["sample.add", "sample.other"]
        self._same(lambda backend: backend.newest_before(names, EPOCH + before))
        self._same(lambda backend: backend.get_tasks([each.hash for each in _TASKS]))
        self._same(lambda backend: backend.jobs_before([each.id for each in runs], names, by and by.id))
        for each in runs:
            self._same(lambda backend, each=each: backend.jobs_that_ran(each.id))

    def teardown(self) -> None:
        if hasattr(self, "backend"):
            self.says_the_same_to_people()
            self.backend.close()
