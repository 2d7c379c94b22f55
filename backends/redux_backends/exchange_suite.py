"""The part of the backend suite that takes records from one database to another."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import fields, replace
from pathlib import Path
from typing import Protocol

import pytest

from redux_backends.backend import Backend, BentRecord, UnknownReference
from redux_backends.exchange import HandleRecord, RecordId, RecordKind, Records, in_groups
from redux_backends.memory import MemoryBackend
from redux_backends.records import Batch, JobStatus, Place, Rollback, Tag
from redux_backends.sample import (
    ELSEWHERE,
    Story,
    call,
    done,
    ended,
    evaluation,
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

_K = RecordKind


def copy(source: Backend, target: Backend, roots: Sequence[RecordId] | None = None, size: int = 7) -> list[RecordId]:
    """What moved from one backend to another, in groups of so many."""
    moved: list[RecordId] = []
    for group in in_groups(source.iter_record_ids(roots), size):
        wanted = target.missing_records(group)
        target.put_records(source.get_records(wanted))
        moved += wanted
    return moved


class _Suite(Protocol):
    def make_backend(self, folder: Path) -> Backend: ...


class ExchangeSuite:
    """What `redux push` and `redux pull` ask; `BackendSuite` gives it its fixtures."""

    @pytest.fixture
    def other(self: _Suite, tmp_path: Path) -> Iterator[Backend]:
        (tmp_path / "other").mkdir()
        other = self.make_backend(tmp_path / "other")
        other.load()
        yield other
        other.close()

    @pytest.fixture
    def rich(self, backend: Backend, story: Story) -> Story:
        """A story with all that records can hold, some of it recorded before what it names."""
        part, held = large_value("large"), version("1", "0")
        holder = holding_value("holder", [value("inside"), part], [story.add])
        more = [file_value("/f", "1"), holder, value("inside"), part, handle_value(held), value("lost")]
        asked = key(story.add, holder, handle_value(held), value("lost"))
        node = call(asked, more[0], story.leaf_set, children=[story.add_calls[0]], upstreams=[story.main_call], at=7)
        backend.record(
            Batch(
                values=more,
                keys=[asked],
                evaluations=[evaluation(asked, more[0]), evaluation(asked, value("inside"), 5)],
                calls=[node],
                jobs=[done(started("rich", story.execution, asked, parent=story.root, at=50), node)],
                handles=[held, version("2", "1"), version("3", "2")],
            )
        )
        backend.record(Batch(rollbacks=[Rollback(version("2").hash)]))
        backend.forget_value(value("lost").hash)
        first = Tag("call", node.call_hash, "note", '"first"')
        backend.record_tags([first, Tag("execution", story.execution.id, "project", '"x"')])
        backend.record_tags([Tag("call", node.call_hash, "note", '"second"', (first.hash,))])
        backend.record_execution(ended(story.execution))
        return story

    def test_all_of_it_goes_over_and_answers_the_same(self, backend: Backend, other: Backend, rich: Story) -> None:
        del rich
        ids = list(backend.iter_record_ids())
        assert copy(backend, other) == ids
        assert other.get_records(ids) == backend.get_records(ids)
        assert set(other.iter_record_ids()) == set(ids)
        assert copy(backend, other) == copy(other, backend) == []

    def test_what_is_asked_or_given_twice_counts_once(self, backend: Backend, other: Backend, rich: Story) -> None:
        del rich
        ids = list(backend.iter_record_ids())
        once = backend.get_records(ids)
        assert backend.get_records([*ids, *ids]) == once
        kinds = [each.name for each in fields(Records) if each.name != "gone"]
        other.put_records(replace(once, **{kind: [*getattr(once, kind)] * 2 for kind in kinds}))
        assert other.get_records(ids) == once

    def test_each_id_comes_once_and_after_those_it_names(self, backend: Backend, rich: Story) -> None:
        del rich
        ids = list(backend.iter_record_ids())
        assert len(set(ids)) == len(ids)
        assert set(_K) == {each.kind for each in ids}
        target = MemoryBackend()
        for each in ids:
            target.put_records(backend.get_records([each]))
        # The memory refuses what names what is nowhere.
        assert list(target.missing_records(ids)) == []

    def test_what_comes_ahead_of_its_row_comes_after_what_it_names(self, backend: Backend, story: Story) -> None:
        keys = [key(story.add, value(name)) for name in ("one", "two", "three")]
        lowest = call(keys[0], story.total, story.leaf_set)
        middle = call(keys[1], story.total, story.leaf_set, children=[lowest])
        highest = call(keys[2], story.total, story.leaf_set, children=[middle])
        values = [value(name) for name in ("one", "two", "three")]
        backend.record(Batch(values=values, keys=keys, calls=[highest, lowest, middle]))
        target = MemoryBackend()
        for each in backend.iter_record_ids():
            target.put_records(backend.get_records([each]))

    def test_it_comes_in_pages_with_what_a_page_names_ahead_of_it(self, backend: Backend, other: Backend) -> None:
        many = Story(*(f"{n}" for n in range(2_300)))
        backend.record_execution(many.execution)
        backwards = replace(many.batch, calls=many.batch.calls[::-1], jobs=many.batch.jobs[::-1])
        backend.record(backwards)
        assert len(copy(backend, other, size=500)) == len(list(backend.iter_record_ids()))
        assert other.get_call(many.main_call.call_hash) == many.main_call

    def test_what_is_named_ahead_comes_after_what_it_names_itself(self, backend: Backend, story: Story) -> None:
        late = call(story.add_keys[0], value("late"), story.leaf_set)
        ahead = call(story.add_keys[1], value("ahead"), story.leaf_set, children=[late])
        first = call(story.main_key, value("first"), story.leaf_set, children=[ahead])
        values = [value(each) for each in ("late", "ahead", "first")]
        backend.record(Batch(values=values, calls=[first, late, ahead]))
        said = [each.id for each in backend.iter_record_ids() if each.kind is _K.CALL]
        assert said.index(late.call_hash) < said.index(ahead.call_hash) < said.index(first.call_hash)

    def test_roots_bring_what_they_name_and_what_is_below_them(
        self, backend: Backend, other: Backend, rich: Story
    ) -> None:
        beside = Story("four", name="beside", at=100, code="return 4")
        backend.record_execution(beside.execution)
        backend.record(beside.batch)
        copy(backend, other, [RecordId(_K.EXECUTION, rich.execution.id)])
        assert other.get_execution(beside.execution.id) is None
        assert other.get_task(beside.add.hash) is None
        assert other.jobs(execution=rich.execution.id) == backend.jobs(execution=rich.execution.id)
        assert other.valid_handles([version("3").hash, version("1").hash]) == {version("1").hash}
        assert copy(backend, other, [RecordId(_K.EXECUTION, rich.execution.id), RecordId(_K.JOB, b"x" * 16)]) == []

    def test_a_job_brings_those_above_and_below_it_but_none_beside(
        self, backend: Backend, other: Backend, story: Story
    ) -> None:
        copy(backend, other, [RecordId(_K.JOB, story.jobs[1].id)])
        assert {each.job.id for each in other.jobs(execution=story.execution.id)} == {story.root.id, story.jobs[1].id}
        copy(backend, other, [RecordId(_K.JOB, story.root.id)])
        assert len(other.jobs(execution=story.execution.id)) == 4

    def test_a_value_and_a_task_come_alone(self, backend: Backend, other: Backend, story: Story) -> None:
        roots = [RecordId(_K.VALUE, story.total.hash), RecordId(_K.TASK, story.add.hash)]
        assert [each.id for each in copy(backend, other, roots)] == [root.id for root in roots]

    def test_what_was_given_back_and_forth_is_kept_on_both_sides(self, backend: Backend, other: Backend) -> None:
        for each, result, at in ((backend, value("one"), 1.0), (other, value("two"), 2.0)):
            asked = key(task("add"), value("x"))
            each.record(
                Batch(values=[value("x"), result], tasks=[task("add")], keys=[asked]),
            )
            each.record(Batch(evaluations=[evaluation(asked, result, at)]))
        copy(backend, other)
        copy(other, backend)
        asked = key(task("add"), value("x")).eval_hash
        answers = [[found.value.hash for found in each.check_cache([asked])[asked]] for each in (backend, other)]
        assert answers == [[value("two").hash, value("one").hash]] * 2
        backend.record(Batch(evaluations=[evaluation(key(task("add"), value("x")), value("one"), 3.0)]))
        copy(backend, other)
        assert other.check_cache([asked])[asked][0].value.hash == value("one").hash

    @pytest.mark.parametrize("runs", [True, False])
    def test_an_execution_that_has_not_ended_runs_there_as_long_as_its_lease(
        self, backend: Backend, other: Backend, runs: bool
    ) -> None:
        story = Story("one")
        begun = replace(story.execution, lease=ELSEWHERE)
        backend.record_execution(begun)
        backend.record(replace(story.batch, jobs=[started("root", begun, story.main_key)]))
        if not runs:
            self.expire_lease(backend, begun)  # type: ignore[attr-defined] - the suite's
        copy(backend, other)
        said = other.get_execution(begun.id)
        assert said is not None
        assert said.status is (JobStatus.RUNNING if runs else JobStatus.DIED)
        assert [each.kind for each in copy(backend, other)] == [_K.EXECUTION] * runs
        backend.record_execution(ended(begun))
        backend.record(Batch(jobs=[done(started("root", begun, story.main_key), story.main_call)]))
        assert [each.kind for each in copy(backend, other)] == [_K.EXECUTION, _K.JOB]
        assert other.get_execution(begun.id) == ended(begun)
        assert [each.job.status for each in other.jobs()] == [JobStatus.DONE]

    def test_one_that_runs_here_goes_on_whatever_an_older_view_of_it_says(
        self, backend: Backend, other: Backend
    ) -> None:
        story = Story("one")
        begun = replace(story.execution, lease=ELSEWHERE)
        backend.record_execution(begun)
        backend.record(replace(story.batch, jobs=[started("root", begun, story.main_key)]))
        copy(backend, other)
        self.expire_lease(other, begun)  # type: ignore[attr-defined] - the suite's
        older = list(other.iter_record_ids())
        assert list(backend.missing_records(older)) == []
        died = other.get_records(older)
        backend.put_records(replace(died, jobs=[replace(each, status=JobStatus.DIED) for each in died.jobs]))
        assert backend.get_execution(begun.id) == begun
        assert [each.job.status for each in backend.jobs()] == [JobStatus.RUNNING]

    def test_between_an_executions_end_and_its_jobs_nothing_is_odd(self, backend: Backend, other: Backend) -> None:
        story = Story("one")
        backend.record_execution(story.execution)
        backend.record(replace(story.batch, jobs=[started("root", story.execution, story.main_key)]))
        copy(backend, other)
        backend.record_execution(ended(story.execution))
        only = RecordId(_K.EXECUTION, story.execution.id)
        other.put_records(backend.get_records([only]))
        assert list(other.integrity().odd_jobs()) == []
        assert [each.job.status for each in other.jobs()] == [JobStatus.DIED]

    def test_what_ended_here_does_not_run_again(self, backend: Backend, other: Backend) -> None:
        story = Story("one")
        for each in (backend, other):
            each.record_execution(story.execution)
            each.record(replace(story.batch, jobs=[started("root", story.execution, story.main_key)]))
        other.record_execution(ended(story.execution))
        other.record(Batch(jobs=[done(started("root", story.execution, story.main_key), story.main_call)]))
        other.put_records(backend.get_records(list(backend.iter_record_ids())))
        assert other.get_execution(story.execution.id) == ended(story.execution)
        assert [each.job.status for each in other.jobs()] == [JobStatus.DONE]

    def test_a_job_that_came_without_its_call_has_it_when_that_comes(self, backend: Backend, other: Backend) -> None:
        story = Story("one")
        root = done(started("root", story.execution, story.main_key), story.main_call)
        backend.record_execution(ended(story.execution))
        backend.record(replace(story.batch, jobs=[root]))
        records = backend.get_records(list(backend.iter_record_ids()))
        without = replace(root, call_hash=None)
        other.put_records(replace(records, calls=[], tags=[], jobs=[without]))
        other.put_records(replace(records, jobs=[replace(root, status=JobStatus.FAILED)]))
        assert [each.job for each in other.jobs()] == [without]
        other.put_records(replace(records, jobs=[replace(root, parent=None, place="elsewhere")]))
        assert [each.job for each in other.jobs()] == [root]

    def test_bytes_that_were_gone_come_back_and_none_are_lost(self, backend: Backend, other: Backend) -> None:
        kept, lost = value("kept"), value("lost")
        for each in (backend, other):
            each.record(Batch(values=[kept, lost]))
        backend.forget_value(kept.hash)
        other.forget_value(lost.hash)
        assert [each.id for each in copy(backend, other)] == [lost.hash]
        other.put_records(backend.get_records([RecordId(_K.VALUE, kept.hash)]))
        assert {each.place for each in other.get_values([kept.hash, lost.hash]).values()} == {Place.INLINE}

    def test_handles_stay_as_valid_as_they_are_here(self, backend: Backend, other: Backend) -> None:
        for each in (backend, other):
            each.record(Batch(handles=[version("1", "0"), version("2", "1")]))
        backend.record(Batch(handles=[version("3", "1")], rollbacks=[Rollback(version("1").hash)]))
        other.record(Batch(handles=[version("4", "2")]))
        copy(backend, other)
        assert other.valid_handles([version(each).hash for each in "0123"]) == {version(each).hash for each in "0123"}
        copy(other, backend)
        # Its parent was rolled back here.
        assert backend.valid_handles([version(each).hash for each in "24"]) == frozenset()

    def test_a_version_rests_on_its_own_parents_or_is_refused(self, backend: Backend) -> None:
        backend.record(Batch(handles=[version("8")]))
        for stranger in ("8", "9"):
            resting = HandleRecord(version("2", "1"), True, (version(stranger).hash,))
            with pytest.raises(BentRecord, match="handle"):
                backend.put_records(Records(handles=[HandleRecord(version("1"), True), resting]))
        assert backend.valid_handles([version("1").hash]) == frozenset()

    def test_a_tag_that_was_set_aside_stays_behind_with_what_superseded_it(
        self, backend: Backend, other: Backend, story: Story
    ) -> None:
        bent, whole = (Tag("execution", story.execution.id, "note", f'"{text}"') for text in ("bent", "whole"))
        backend.record_tags([bent, whole])
        later = Tag("execution", story.execution.id, "note", '"later"', (bent.hash,))
        backend.record_tags([later, Tag("execution", story.execution.id, "note", '"last"', (later.hash,))])
        (row,) = (each.row for page in backend.integrity().tags() for each in page if each.tag.value == bent.value)
        backend.integrity().set_aside("tag", row)
        copy(backend, other)
        assert [each.tag.value for each in other.tag_history(story.execution.id)] == [whole.value]
        assert [each.kind for each in copy(backend, other)] == [_K.EXECUTION]

    @pytest.mark.parametrize(
        "kind", ["value", "task", "evaluation", "arguments", "task set", "call", "call's evaluation", "tag"]
    )
    def test_a_bent_record_refuses_all_of_them(self, backend: Backend, other: Backend, story: Story, kind: str) -> None:
        whole = backend.get_records(list(backend.iter_record_ids()))
        with pytest.raises(BentRecord, match=kind.split("'", 1)[0].replace("arguments", "evaluation")) as refused:
            other.put_records(bent(whole, kind))
        assert refused.value.concerning in str(refused.value)
        assert list(other.iter_record_ids()) == []

    def test_what_names_what_is_nowhere_is_refused_whole(self, backend: Backend, other: Backend, story: Story) -> None:
        whole = backend.get_records(list(backend.iter_record_ids()))
        for lacking in ("values", "tasks", "keys", "task_sets", "calls", "executions"):
            with pytest.raises(UnknownReference):
                other.put_records(replace(whole, **{lacking: ()}))
        with pytest.raises(UnknownReference):
            other.put_records(Records(handles=[HandleRecord(version("2", "1"), True)]))
        assert list(other.iter_record_ids()) == []
        assert other.get_execution(story.execution.id) is None


def bent(records: Records, kind: str) -> Records:
    """The same records, one of which has not the hash that its parts make, or a value that is no JSON."""
    other = value("another").hash
    match kind:
        case "value":
            return replace(records, values=[*records.values[1:], replace(records.values[0], data=b"?")])
        case "task":
            return replace(records, tasks=[replace(records.tasks[0], fullname="other"), *records.tasks[1:]])
        case "evaluation":
            first, *rest = records.keys
            return replace(records, keys=[*rest, replace(first, args_hash=other)])
        case "arguments":
            *rest, last = records.keys
            return replace(records, keys=[*rest, replace(last, arguments=(*last.arguments, *last.arguments))])
        case "task set":
            *rest, last = records.task_sets
            return replace(records, task_sets=[*rest, replace(last, tasks=last.tasks[:1] * 3)])
        case "call":
            *rest, last = records.calls
            return replace(records, calls=[*rest, replace(last, call=replace(last.call, result=other))])
        case "tag":
            return replace(records, tags=[*records.tags, Tag("task", records.tasks[0].hash, "note", "{")])
    *rest, last = records.calls
    return replace(records, calls=[*rest, replace(last, call=replace(last.call, eval_hash=other))])
