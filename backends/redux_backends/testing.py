"""What every backend must keep to, as tests for pytest; `redux_backends.machine` has a state machine for hypothesis."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from redux_backends.amending_suite import AmendingSuite
from redux_backends.asking_suite import AskingSuite
from redux_backends.backend import Backend, BackendError, CallCandidate, Candidate, TaskCounts
from redux_backends.exchange_suite import ExchangeSuite
from redux_backends.forerunning_suite import ForerunningSuite
from redux_backends.integrity_suite import IntegritySuite
from redux_backends.kinds import CONTEXT, NONDETERMINISTIC
from redux_backends.listing_suite import ListingSuite
from redux_backends.records import (
    Batch,
    CodePiece,
    Execution,
    JobStatus,
    MissKind,
    Place,
    Reason,
    StoredValue,
    Tag,
    TaskRecord,
    Traits,
    Upstream,
    ValueRecord,
)
from redux_backends.sample import (
    ELSEWHERE,
    GONE,
    Story,
    call,
    digest,
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
    value,
    version,
)
from redux_backends.tag_suite import TagSuite
from redux_backends.tracing_suite import TracingSuite


def _stored(record: ValueRecord) -> StoredValue:
    place = Place.STORE if record.data is None else Place.INLINE
    return StoredValue(record.hash, record.data, place, record.traits)


def _described(record: ValueRecord) -> ValueRecord:
    return replace(record, data=None)


class BackendSuite(
    AskingSuite,
    TagSuite,
    IntegritySuite,
    ExchangeSuite,
    TracingSuite,
    ForerunningSuite,
    ListingSuite,
    AmendingSuite,
):
    """Subclass it and give it `make_backend` and `expire_lease`."""

    @abstractmethod
    def make_backend(self, folder: Path) -> Backend:
        """A backend with nothing in it, which may keep its records in this folder."""

    @abstractmethod
    def expire_lease(self, backend: Backend, execution: Execution) -> None:
        """Let the backend's clock show a moment after the end of an execution's lease."""

    @pytest.fixture
    def backend(self, tmp_path: Path) -> Iterator[Backend]:
        backend = self.make_backend(tmp_path)
        backend.load()
        yield backend
        backend.close()

    @pytest.fixture
    def story(self, backend: Backend) -> Story:
        story = Story("one", "two", "three")
        backend.record_execution(story.execution)
        backend.record(story.batch)
        return story

    # -- writing -----------------------------------------------------------------------------------

    def test_everything_recorded_comes_back_as_it_was(self, backend: Backend, story: Story) -> None:
        values = {each.hash: each for each in story.batch.values}
        assert backend.get_values(list(values)) == {hash: _stored(each) for hash, each in values.items()}
        assert backend.describe_values(list(values)) == {hash: _described(each) for hash, each in values.items()}
        assert backend.get_task(story.add.hash) == story.add
        assert backend.get_key(story.add_keys[1].eval_hash) == story.add_keys[1]
        assert backend.get_call(story.main_call.call_hash) == story.main_call
        assert backend.get_task_sets([each.hash for each in story.batch.task_sets]) == {
            each.hash: frozenset(each.tasks) for each in story.batch.task_sets
        }
        assert backend.get_execution(story.execution.id) == story.execution
        view = backend.get_job(story.jobs[1].id)
        assert view is not None
        assert view.job == story.jobs[1]
        assert view.fullname == "sample.add"
        assert view.arguments == ((story.add_keys[1].arguments[0], "'two'"),)
        assert (view.result, view.result_preview, view.result_type) == (
            story.results[1].hash,
            "'two added'",
            "str",
        )

    def test_what_nobody_recorded_is_nowhere(self, backend: Backend, story: Story) -> None:
        unknown = digest("unknown")
        assert backend.get_value(unknown) is None
        assert backend.get_call(unknown) is backend.get_key(unknown) is backend.get_task(unknown) is None
        assert backend.get_job(started("unknown", story.execution, story.main_key).id) is None
        assert backend.get_execution(execution("unknown").id) is None
        assert backend.check_cache([unknown]) == backend.find_calls([unknown]) == {}
        assert backend.known_evaluations([unknown, story.main_key.eval_hash]) == {story.main_key.eval_hash}
        assert backend.known_tasks(["sample.unknown", "sample.main"]) == {"sample.main": [story.main.hash]}
        assert backend.get_task_sets([unknown]) == backend.get_tags([unknown]) == {}
        assert backend.task_versions("sample.unknown") == backend.find_files("/unknown") == []
        assert backend.jobs(task="sample.unknown") == backend.jobs(value=unknown) == []

    def test_recording_again_changes_nothing(self, backend: Backend, story: Story) -> None:
        again = replace(story.batch, values=[replace(each, preview="other") for each in story.batch.values])
        backend.record(again)
        backend.record(replace(again, values=[*again.values, *again.values], calls=[*again.calls, *again.calls]))
        assert backend.get_held([story.total.hash])[story.total.hash].preview == story.total.preview
        assert len(backend.check_cache([story.main_key.eval_hash])[story.main_key.eval_hash]) == 1
        assert len(backend.find_calls([story.main_key.eval_hash])[story.main_key.eval_hash]) == 1
        assert [view.job for view in backend.jobs(execution=story.execution.id)] == [story.root, *story.jobs]

    @pytest.mark.parametrize(
        "part", ["values", "tasks", "keys", "task_sets", "calls", "jobs"], ids=lambda part: f"without {part}"
    )
    def test_a_batch_that_names_the_unknown_is_refused_whole(self, backend: Backend, part: str) -> None:
        story = Story("one", "two")
        backend.record_execution(story.execution)
        lacking = replace(story.batch, **{part: ()})
        if part == "jobs":
            lacking = replace(lacking, jobs=story.jobs)
        with pytest.raises(BackendError, match="is named but neither recorded nor in the batch"):
            backend.record(lacking)
        hashes = [each.hash for each in story.batch.values]
        assert backend.get_values(hashes) == {}
        assert backend.known_tasks(["sample.main", "sample.add"]) == {}
        assert backend.jobs(execution=story.execution.id) == []
        backend.record(story.batch)
        assert len(backend.get_values(hashes)) == len(hashes)

    def test_a_call_keeps_the_calls_its_arguments_came_from(self, backend: Backend) -> None:
        many = Story(*(f"{n}" for n in range(2_300)))
        backend.record_execution(many.execution)
        asked, result = key(many.main, many.inputs[0]), value("from many")
        behind = call(asked, result, many.all_tasks, upstreams=many.add_calls[::-1], at=200)
        listed = replace(behind, upstreams=(*behind.upstreams, Upstream("rest[0]", many.main_call.call_hash)))
        part = Batch(values=[result], keys=[asked], calls=[listed])
        backend.record(replace(many.batch, calls=(), jobs=()))
        with pytest.raises(BackendError, match=r"call .* is named but neither recorded nor in the batch"):
            backend.record(part)
        backend.record(many.batch)
        backend.record(part)
        backend.record(replace(part, calls=[replace(listed, upstreams=())]))
        assert backend.get_call(listed.call_hash) == listed
        assert backend.get_call(many.main_call.call_hash) == many.main_call
        named = backend.name_calls([each.call for each in listed.upstreams] + [digest("unknown")])
        assert named == {
            **{each.call_hash: "sample.add" for each in many.add_calls},
            many.main_call.call_hash: "sample.main",
        }

    def test_jobs_of_unknown_executions_and_tags_of_unknown_records_are_refused(self, backend: Backend) -> None:
        story = Story("one")
        with pytest.raises(BackendError, match=r"execution .* is named"):
            backend.record(story.batch)
        for kind in ("execution", "job", "call", "task", "value", "thing"):
            with pytest.raises(BackendError, match=rf"{kind} .* is named"):
                backend.record_tags([Tag(kind, digest("unknown"), "key", "1")])

    def test_a_job_is_brought_up_to_date(self, backend: Backend, story: Story) -> None:
        begun = started("later", story.execution, story.add_keys[0], parent=story.root, at=50)
        backend.record_job_start(begun)
        view = backend.get_job(begun.id)
        assert view is not None
        assert view.job == begun
        finished = replace(done(begun, story.add_calls[0]), reason=Reason(MissKind.VALUE_GONE, "which"))
        backend.record(Batch(jobs=[begun, finished]))
        view = backend.get_job(begun.id)
        assert view is not None
        assert view.job == finished

    def test_texts_and_numbers_of_every_kind_come_back(self, backend: Backend) -> None:
        odd = "\udcff lone, \0 nothing, 漢字, \N{PILE OF POO} " + "x" * 10_000
        part = value("part")
        file = file_value(odd, "content")
        strange = TaskRecord(digest("strange"), odd, "1.0", (CodePiece(digest("p"), "task", odd, odd),))
        holder = holding_value("holder", [part, part, file], [strange])
        big = replace(value("big"), data=bytes(300_000), size=300_000, type_name=odd, preview=odd)
        empty = replace(value(""), data=b"")
        values = [part, file, holder, big, empty, file_value("gone"), large_value("array")]
        asked = replace(key(strange, part), arguments=(replace(key(strange, part).arguments[0], name=odd),))
        backend.record(Batch(values=values, tasks=[strange], keys=[asked], evaluations=[evaluation(asked, big)]))
        hashes = [each.hash for each in values]
        assert backend.get_values(hashes) == {each.hash: _stored(each) for each in values}
        assert backend.get_held(hashes) == {each.hash: _described(each) for each in values}
        assert backend.get_task(strange.hash) == strange
        assert backend.task_versions(odd) == [strange]
        assert backend.known_tasks([odd]) == {odd: [strange.hash]}
        assert backend.get_key(asked.eval_hash) == asked
        assert backend.find_files(odd) == [file.hash]
        (candidate,) = backend.check_cache([asked.eval_hash])[asked.eval_hash]
        assert candidate.value.data == big.data
        backend.record_tags([Tag("task", strange.hash, odd, odd)])
        assert backend.get_tags([strange.hash]) == {strange.hash: (Tag("task", strange.hash, odd, odd),)}

    def test_any_thread_may_record_and_ask(self, backend: Backend) -> None:
        stories = [Story(*(f"{n}" for n in range(at, at + 20)), name=f"thread {at}") for at in range(0, 40, 5)]

        def play(story: Story) -> None:
            backend.record_execution(story.execution)
            for _ in range(3):
                backend.record(story.batch)
            assert set(backend.check_cache([each.eval_hash for each in story.add_keys])) == {
                each.eval_hash for each in story.add_keys
            }

        with ThreadPoolExecutor(4) as threads:
            list(threads.map(play, stories))
        assert len(backend.jobs(limit=1000)) == 8 * 21
        assert len(backend.jobs(task="sample.add", argument=value("12").hash)) == 3

    # -- the cache's questions ---------------------------------------------------------------------

    def test_a_whole_wave_is_answered_at_once(self, backend: Backend) -> None:
        story = Story(*(f"{n}" for n in range(2_300)))
        backend.record_execution(story.execution)
        backend.record(story.batch)
        wave = [each.eval_hash for each in story.add_keys]
        unknown = [digest(f"unknown {n}") for n in range(700)]
        found = backend.check_cache(unknown + wave)
        assert len(found) == len(wave)
        for asked, result, leaf, each in zip(
            story.add_keys, story.results, story.add_calls, story.evaluations, strict=True
        ):
            assert found[asked.eval_hash] == [
                Candidate(_stored(result), each.duration, leaf.call_hash, story.leaf_set.hash, each.recorded)
            ]
        assert len(backend.find_calls(wave + unknown)) == len(wave)
        assert backend.known_evaluations(wave + unknown) == set(wave)

    def test_differing_results_of_one_evaluation_are_kept_newest_first(self, backend: Backend, story: Story) -> None:
        asked = story.add_keys[0]
        newer, older = value("newer"), value("older")
        backend.record(
            Batch(values=[newer, older], evaluations=[evaluation(asked, newer, 30), evaluation(asked, older, -5)])
        )

        def results() -> list[bytes]:
            return [each.value.hash for each in backend.check_cache([asked.eval_hash])[asked.eval_hash]]

        assert results() == [newer.hash, story.results[0].hash, older.hash]
        backend.set_eval_cache(asked, evaluation(asked, older, 40))
        assert results() == [older.hash, newer.hash, story.results[0].hash]
        backend.set_eval_cache(asked, evaluation(asked, older, 35))
        assert results() == [older.hash, newer.hash, story.results[0].hash]

    def test_a_task_whose_results_disagree_is_tagged_nondeterministic(self, backend: Backend, story: Story) -> None:
        asked = story.add_keys[0]
        changing = [file_value("/f", "1"), file_value("/f", "2"), value("error", Traits.ERROR)]
        changing += [value(f"hooked {n}", Traits.HOOKS) for n in range(2)]
        changing += [handle_value(version("one")), handle_value(version("two"))]
        changing += [holding_value(f"of {of.hash!r}", [], [of]) for of in (story.add, story.main)]
        backend.record(Batch(values=changing, evaluations=[evaluation(asked, each, 5) for each in changing]))
        backend.forget_value(story.results[0].hash)
        other = value("other")
        backend.record(Batch(values=[other], evaluations=[evaluation(asked, other, 6)]))
        assert backend.get_tags([story.add.hash]) == {}
        assert backend.disagreements() == []
        another = value("another")
        backend.record(Batch(values=[another], evaluations=[evaluation(asked, another, 7)]))
        tag = Tag("task", story.add.hash, NONDETERMINISTIC, "true")
        assert backend.get_tags([story.add.hash, story.main.hash]) == {story.add.hash: (tag,)}
        assert [each.key for each in backend.disagreements()] == [asked]

    def test_results_that_hold_the_same_files_disagree_where_they_differ_otherwise(
        self, backend: Backend, story: Story
    ) -> None:
        same, first, second = file_value("/f", "1"), story.add_keys[0], story.add_keys[1]
        noted = [replace(value(f"{n}", same.traits), files=same.files) for n in range(2)]
        moved = [same, replace(noted[0], hash=digest("moved"), files=file_value("/f", "2").files)]
        backend.record(Batch(values=[*noted, *moved], evaluations=[evaluation(first, each, 5) for each in moved]))
        assert backend.disagreements() == []
        backend.record(Batch(evaluations=[evaluation(second, noted[0], 5)]))
        backend.record(Batch(evaluations=[evaluation(second, noted[1], 6)]))
        assert [each.key for each in backend.disagreements()] == [second]

    def test_a_call_keeps_the_contexts_it_was_made_in(self, backend: Backend, story: Story) -> None:
        call_hash = story.main_call.call_hash
        for name in ("here", "there", "here"):
            backend.record_call_node_context(call_hash, value(name))
        named = [f'"{value(name).hash.hex()}"' for name in ("here", "there")]
        tags = backend.get_tags([call_hash])[call_hash]
        assert [(tag.kind, tag.key, tag.value) for tag in tags] == [("call", CONTEXT, each) for each in named]
        assert backend.get_value(value("there").hash) == _stored(value("there"))
        with pytest.raises(BackendError, match=r"call .* is named"):
            backend.record_call_node_context(digest("unknown"), value("nowhere"))
        assert backend.get_value(value("nowhere").hash) is None

    def test_a_forgotten_value_is_missing_until_it_is_recorded_again(self, backend: Backend, story: Story) -> None:
        lost, kept = story.results[0], story.results[1]
        backend.forget_value(lost.hash)
        backend.forget_value(digest("unknown"))
        missing = StoredValue(lost.hash, None, Place.MISSING, lost.traits)
        assert backend.get_value(lost.hash) == missing
        asked = story.add_keys[0].eval_hash
        assert backend.check_cache([asked])[asked][0].value == missing
        assert backend.find_calls([asked])[asked][0].value == missing
        assert backend.get_held([lost.hash]) == {lost.hash: _described(lost)}
        backend.record(Batch(values=[replace(lost, data=None), replace(kept, data=None)]))
        assert backend.get_value(lost.hash) == replace(missing, place=Place.STORE)
        assert backend.get_value(kept.hash) == _stored(kept)
        backend.forget_value(lost.hash)
        backend.record_value(lost)
        assert backend.get_value(lost.hash) == _stored(lost)

    def test_a_foreign_value_is_ones_own_once_it_was_made_here(self, backend: Backend) -> None:
        foreign, other = (value(name, Traits.FOREIGN | Traits.TRUST) for name in ("came", "other"))
        backend.record(Batch(values=[foreign, other]))
        backend.adopt_value(digest("unknown"))
        backend.adopt_value(foreign.hash)
        assert backend.get_value(foreign.hash) == _stored(replace(foreign, traits=Traits.TRUST))
        assert backend.get_value(other.hash) == _stored(other)

    def test_finished_calls_come_newest_first_and_failed_ones_never(self, backend: Backend, story: Story) -> None:
        asked = story.add_keys[0]
        newer, error = value("newer"), value("error", Traits.ERROR)
        calls = [
            call(asked, newer, story.all_tasks, children=[story.add_calls[1]], at=30),
            call(asked, error, story.leaf_set, at=40),
        ]
        backend.record(Batch(values=[newer, error], calls=calls))
        assert backend.find_calls([asked.eval_hash])[asked.eval_hash] == [
            CallCandidate(each.call_hash, _stored(result), each.task_set, each.duration)
            for each, result in ((calls[0], newer), (story.add_calls[0], story.results[0]))
        ]

    def test_values_below_a_call_are_found_by_their_traits(self, backend: Backend, story: Story) -> None:
        holding, hooked, plain = file_value("/below"), value("hooked", Traits.HOOKS), value("plain")
        keys = [key(story.main, given) for given in (plain, holding, hooked)]
        bottom = call(keys[1], plain, story.leaf_set)
        middle = call(keys[0], hooked, story.leaf_set, children=[bottom, bottom])
        top = call(keys[2], holding, story.leaf_set, children=[middle, bottom])
        backend.record(Batch(values=[holding, hooked, plain], keys=keys, calls=[bottom, middle, top]))
        assert backend.values_below(top.call_hash, Traits.FILES) == {holding.hash}
        assert backend.values_below(top.call_hash, Traits.FILES | Traits.HOOKS) == {holding.hash, hooked.hash}
        assert backend.values_below(middle.call_hash, Traits.HOOKS) == frozenset()
        assert backend.values_below(digest("unknown"), Traits.FILES) == frozenset()

    def test_only_a_call_without_children_is_a_leaf(self, backend: Backend, story: Story) -> None:
        asked = story.main_key.eval_hash
        (candidate,) = backend.check_cache([asked])[asked]
        assert (candidate.leaf, candidate.leaf_set) == (None, None)
        leaf = call(story.main_key, story.total, story.leaf_set, at=120)
        backend.record_call_node(leaf)
        (candidate,) = backend.check_cache([asked])[asked]
        assert (candidate.leaf, candidate.leaf_set) == (leaf.call_hash, story.leaf_set.hash)

    # -- who lives ---------------------------------------------------------------------------------

    def test_what_died_shows_as_died(self, backend: Backend) -> None:
        runs = [execution("here", 1), execution("gone", 2, GONE), execution("elsewhere", 3, ELSEWHERE)]
        first = task("main")
        backend.record(Batch(tasks=[first], keys=[key(first)]))
        for each in runs:
            backend.record_execution(each)
            backend.record_job_start(started(f"{each.argv}", each, key(first), at=each.started))

        def standing() -> list[JobStatus]:
            return [each.status for each in reversed(backend.executions(10))]

        running, died = JobStatus.RUNNING, JobStatus.DIED
        assert standing() == [running, died, running]
        assert backend.get_execution(runs[1].id) == replace(runs[1], status=died)
        assert [view.job.execution for view in backend.jobs(status=died)] == [runs[1].id]
        self.expire_lease(backend, runs[2])
        assert standing() == [running, died, died]
        assert [view.job.execution for view in backend.jobs(status=running)] == [runs[0].id]
        assert backend.count_jobs(runs[2].id) == [TaskCounts("sample.main", died, 1, 0.0)]
        backend.renew_lease(runs[2].id)
        assert standing() == [running, died, running]
        backend.record_execution(ended(runs[0]))
        assert backend.get_execution(runs[0].id) == ended(runs[0])
        assert [view.job.status for view in backend.jobs(execution=runs[0].id)] == [died]

    def test_a_closed_backend_can_be_loaded_again(self, backend: Backend, story: Story) -> None:
        backend.close()
        backend.load()
        backend.record(story.batch)
        assert len(backend.jobs(execution=story.execution.id)) == 1 + len(story.jobs)
