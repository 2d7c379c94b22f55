"""The part of the backend suite that follows data from record to record."""

from __future__ import annotations

from dataclasses import replace

from redux_backends.backend import Backend
from redux_backends.records import Batch, FileFact, Outcome
from redux_backends.sample import (
    Story,
    call,
    digest,
    done,
    evaluation,
    execution,
    file_value,
    holding_value,
    key,
    started,
    task,
    value,
)
from redux_valuestore.digest import Digest

_NOWHERE = digest("nowhere")


class TracingSuite:
    """What `redux.graph` asks; `BackendSuite` gives it its fixtures."""

    def test_values_lead_to_the_calls_that_made_and_used_them(self, backend: Backend, story: Story) -> None:
        made = {each.hash: [made.call_hash] for each, made in zip(story.results, story.add_calls, strict=True)}
        assert backend.makers_of([*made, _NOWHERE]) == made
        used = {each.hash: [used.call_hash] for each, used in zip(story.inputs, story.add_calls, strict=True)}
        assert backend.users_of([*used, story.total.hash]) == used

    def test_tasks_lead_to_what_they_gave_last_first(self, backend: Backend) -> None:
        add, other = task("add"), task("other")
        keys = [key(add, value(f"{n}")) for n in range(4)]
        beside = key(other, value("0"))
        given = [evaluation(each, value("one"), at) for at, each in enumerate(keys[:3])]
        twice = evaluation(keys[1], value("two"), 9)
        backend.record(Batch(values=[value(f"{n}") for n in range(4)], tasks=[add, other], keys=[*keys, beside]))
        backend.record(Batch(values=[value("one"), value("two")], evaluations=[*given, twice]))
        asked = [add.hash, other.hash, _NOWHERE]
        assert backend.results_of(asked, 10) == {add.hash: [twice, *given[::-1]]}
        assert backend.results_of(asked, 2) == {add.hash: [given[2]]}

    def test_one_value_of_several_calls_leads_to_each(self, backend: Backend, story: Story) -> None:
        asked = [key(task("main", code), story.inputs[0]) for code in ("one", "two")]
        backend.record(Batch(tasks=[task("main", code) for code in ("one", "two")], keys=asked))
        calls = [call(each, story.results[0], story.leaf_set) for each in asked]
        backend.record(Batch(calls=calls))
        every = sorted(each.call_hash for each in (story.add_calls[0], *calls))
        assert backend.makers_of([story.results[0].hash]) == {story.results[0].hash: every}
        assert backend.users_of([story.inputs[0].hash]) == {story.inputs[0].hash: every}

    def test_calls_lead_to_what_they_fed_and_to_their_callers(self, backend: Backend, story: Story) -> None:
        asked = key(story.main, story.total)
        node = call(asked, value("fed"), story.all_tasks, upstreams=story.add_calls)
        backend.record(Batch(values=[value("fed")], keys=[asked], calls=[node]))
        calls = [each.call_hash for each in story.add_calls]
        assert backend.fed_by([*calls, _NOWHERE]) == {each: [node.call_hash] for each in calls}
        assert backend.callers_of([*calls, node.call_hash]) == {each: [story.main_call.call_hash] for each in calls}

    def test_calls_lead_to_what_they_are_children_of_and_to_their_executions(
        self, backend: Backend, story: Story
    ) -> None:
        calls = [each.call_hash for each in story.add_calls]
        assert backend.parents_of([*calls, _NOWHERE]) == {each: [story.main_call.call_hash] for each in calls}
        assert backend.parents_of([story.main_call.call_hash]) == {}
        assert backend.executions_of([*calls, _NOWHERE]) == {each: [story.execution.id] for each in calls}
        other = execution("other")
        backend.record_execution(other)
        again = done(started("elsewhere", other, story.add_keys[0]), story.add_calls[0])
        backend.record(Batch(jobs=[again]))
        assert backend.executions_of(calls[:1]) == {calls[0]: sorted([story.execution.id, other.id])}

    def test_parts_lead_to_what_they_are_in(self, backend: Backend) -> None:
        parts = [value("a"), value("b")]
        whole = [holding_value("one", parts, []), holding_value("other", parts[:1], [])]
        files = [file_value("/f", "1"), file_value("/f", "2"), file_value("/g")]
        backend.record(Batch(values=[*parts, *whole, *files]))
        assert backend.containers_of([each.hash for each in (*parts, *whole)]) == {
            parts[0].hash: sorted(each.hash for each in whole),
            parts[1].hash: [whole[0].hash],
        }
        asked = [*files[0].files, *files[2].files, FileFact("/h", None)]
        assert backend.holders_of(asked) == {
            files[0].files[0]: [files[0].hash],
            files[2].files[0]: [files[2].hash],
        }

    def test_the_job_behind_a_call_is_the_newest_that_ran(self, backend: Backend, story: Story) -> None:
        first, second, *_ = story.add_calls
        asked = story.add_keys[0]
        hit = done(started("hit", story.execution, asked, at=100), first)
        again = done(started("again", story.execution, asked, at=50), first)
        backend.record(Batch(jobs=[replace(hit, outcome=Outcome.SINGLE), again]))
        behind = backend.jobs_behind([first.call_hash, second.call_hash, _NOWHERE])
        assert behind == {first.call_hash: again.id, second.call_hash: story.jobs[1].id}

    def test_nothing_asked_is_nothing_found(self, backend: Backend) -> None:
        nothing: list[Digest] = []
        assert not any(
            ask(nothing)
            for ask in (
                backend.makers_of,
                backend.users_of,
                backend.fed_by,
                backend.callers_of,
                backend.parents_of,
                backend.executions_of,
                backend.containers_of,
            )
        )
        assert not backend.holders_of([])
        assert not backend.jobs_behind([])
