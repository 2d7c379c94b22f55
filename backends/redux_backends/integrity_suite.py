"""The part of the backend suite that looks at soundness and sizes."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from dataclasses import replace
from itertools import chain
from typing import TypeVar

from redux_backends.backend import Backend
from redux_backends.integrity import (
    NOTHING,
    SHARDS,
    AsideKind,
    Bytes,
    CallRow,
    KeptValue,
    LooseResult,
    OddJob,
    Tally,
    TaskRow,
    Usage,
)
from redux_backends.records import NO_TASKS, Batch, JobStatus, Place, TaskSet
from redux_backends.sample import (
    Story,
    call,
    digest,
    ended,
    evaluation,
    execution,
    holding_value,
    key,
    large_value,
    started,
    value,
)

_T = TypeVar("_T")


def _all(pages: Iterable[Sequence[_T]]) -> list[_T]:
    return list(chain.from_iterable(pages))


class IntegritySuite:
    """What `redux fsck` and `redux du` ask; `BackendSuite` gives it its fixtures."""

    def test_what_was_recorded_is_sound(self, backend: Backend, story: Story) -> None:
        integrity = backend.integrity()
        assert list(integrity.complaints()) == []
        for found in (
            integrity.dangling(),
            integrity.gaps(),
            integrity.twins(),
            integrity.odd_jobs(),
            integrity.loose_results(),
        ):
            assert list(found) == []
        integrity.rebuild_indexes()
        assert abs(integrity.clock() - time.time()) < 60

    def test_records_come_whole_in_pages(self, backend: Backend) -> None:
        many = Story(*(f"{n}" for n in range(2_300)))
        backend.record_execution(many.execution)
        backend.record(many.batch)
        integrity = backend.integrity()
        keys = {one.key.eval_hash: one.key for one in _all(integrity.evaluations())}
        assert keys == {each.eval_hash: each for each in (many.main_key, *many.add_keys)}
        calls = {one.hash: replace(one, row=0) for one in _all(integrity.calls())}
        assert len(calls) == 2_301
        node, asked = many.main_call, many.main_key
        assert calls[node.call_hash] == CallRow(
            0, node.call_hash, asked.task_hash, asked.args_hash, node.result, node.children, 2_300, True
        )
        tasks = [replace(one, row=0) for one in _all(integrity.tasks())]
        assert tasks == [
            TaskRow(0, each.hash, each.fullname, tuple((one.kind, one.name, one.hash) for one in each.pieces))
            for each in (many.main, many.add)
        ]
        sets = {one.hash: set(one.tasks) for one in _all(integrity.task_sets())}
        assert sets == {each.hash: set(each.tasks) for each in (many.leaf_set, many.all_tasks)}
        rows = [one.row for one in chain(_all(integrity.evaluations()), _all(integrity.calls()))]
        assert len(set(rows)) == 2_301, "rows name records"

    def test_a_call_that_is_never_taken_whole_needs_no_tasks(self, backend: Backend, story: Story) -> None:
        result = value("never whole")
        lone = call(story.add_keys[0], result, TaskSet(NO_TASKS, ()))
        backend.record(Batch(values=[result], task_sets=[TaskSet(NO_TASKS, ())], calls=[lone]))
        pages = _all(backend.integrity().calls())
        assert [one.has_own_task for one in pages if one.hash == lone.call_hash] == [True]
        assert next(one.tasks for one in _all(backend.integrity().task_sets()) if one.hash == NO_TASKS) == ()

    def test_values_come_by_their_first_byte_with_what_is_kept_of_them(self, backend: Backend) -> None:
        small, large, gone = value("small"), large_value("large"), value("gone")
        backend.record(Batch(values=[small, large, gone]))
        backend.forget_value(gone.hash)
        integrity = backend.integrity()
        found = {one.hash: one for shard in range(SHARDS) for one in integrity.values(shard)}
        assert found == {
            small.hash: KeptValue(small.hash, 5, Place.INLINE, 5),
            large.hash: KeptValue(large.hash, 10**9, Place.STORE, None),
            gone.hash: KeptValue(gone.hash, 4, Place.MISSING, None),
        }
        assert [one.hash for one in integrity.values(large.hash[0])] == [large.hash]
        assert _all(integrity.inline_bytes()) == [Bytes(small.hash, 5, b"small")]

    def test_results_and_what_is_in_them_can_be_made_again(self, backend: Backend, story: Story) -> None:
        part, inside, alone = value("part"), value("inside"), value("alone")
        middle = holding_value("middle", [part], [])
        whole = holding_value("whole", [inside, middle], [])
        backend.record(Batch(values=[part, inside, alone, middle, whole]))
        backend.record(Batch(evaluations=[evaluation(story.add_keys[0], whole, 5)]))
        asked = [part.hash, inside.hash, alone.hash, story.total.hash, story.inputs[0].hash, digest("unknown")]
        assert backend.integrity().remakable(asked) == {part.hash, inside.hash, story.total.hash}

    def test_jobs_that_cannot_be_are_told(self, backend: Backend, story: Story) -> None:
        other = execution("other", 5)
        backend.record_execution(other)
        first, asked = story.jobs[0], story.add_keys[1]
        jobs = {
            "runs on": started("runs on", other, asked),
            "no result": replace(first, id=digest("no result")[:16], call_hash=None),
            "never ended": replace(first, id=digest("never ended")[:16], ended=None),
            "other evaluation": replace(first, id=digest("other evaluation")[:16], eval_hash=asked.eval_hash),
            "other execution": replace(first, id=digest("other execution")[:16], execution=other.id),
        }
        backend.record(Batch(jobs=list(jobs.values())))  # pyright: ignore[reportArgumentType]
        del_running = jobs.pop("runs on")
        expected = {OddJob(job.id, job.status, why) for why, job in jobs.items()}  # pyright: ignore[reportArgumentType]
        assert set(backend.integrity().odd_jobs()) == expected
        backend.record_execution(ended(other))
        told = OddJob(del_running.id, JobStatus.RUNNING, "runs on")
        assert set(backend.integrity().odd_jobs()) == expected | {told}

    def test_a_remembered_result_that_no_call_has_is_told(self, backend: Backend, story: Story) -> None:
        asked, lone, other = story.add_keys[0], value("lone"), key(story.add, story.total)
        backend.record(Batch(values=[lone], evaluations=[evaluation(asked, lone, 5)]))
        backend.record(Batch(keys=[other], evaluations=[evaluation(other, lone, 5)]))
        found = [replace(one, row=0) for one in backend.integrity().loose_results()]
        assert found == [LooseResult(0, asked.eval_hash, lone.hash)]
        backend.record_call_node(call(asked, lone, story.leaf_set, at=5))
        assert list(backend.integrity().loose_results()) == []

    def test_what_is_set_aside_is_found_by_nobody_and_can_be_recorded_anew(
        self, backend: Backend, story: Story
    ) -> None:
        backend.record_value(NOTHING)
        backend.forget_value(NOTHING.hash)
        first, second, third = story.add_keys

        def aside(kind: AsideKind, row: int) -> None:
            backend.integrity().set_aside(kind, row)

        evaluations = {one.key.eval_hash: one.row for one in _all(backend.integrity().evaluations())}
        calls = {one.hash: one.row for one in _all(backend.integrity().calls())}
        aside("evaluation", evaluations[first.eval_hash])
        assert backend.check_cache([first.eval_hash]) == {}
        assert backend.find_calls([first.eval_hash]) == {}
        aside("call", calls[story.add_calls[1].call_hash])
        assert len(backend.check_cache([second.eval_hash])) == 1
        usable = backend.find_calls([second.eval_hash]).get(second.eval_hash, ())
        assert [one for one in usable if one.value.place is not Place.MISSING] == []
        sets = {one.hash: one.row for one in _all(backend.integrity().task_sets())}
        aside("task set", sets[story.leaf_set.hash])
        usable = backend.find_calls([third.eval_hash]).get(third.eval_hash, ())
        assert [one for one in usable if one.value.place is not Place.MISSING] == []
        aside("task", _all(backend.integrity().tasks())[0].row)
        kept = backend.get_task(story.main.hash)
        assert kept is not None
        assert (kept.fullname, kept.pieces) == (story.main.fullname, ())
        assert len(backend.jobs(execution=story.execution.id)) == 1 + len(story.jobs)

    def test_sizes_by_who_has_them(self, backend: Backend, story: Story) -> None:
        large, alone = large_value("large"), value("alone")
        later = Story("three", "four", name="later", at=1000)
        backend.record_execution(later.execution)
        backend.record(later.batch)
        backend.record(Batch(values=[large, alone], evaluations=[evaluation(later.add_keys[1], large, 2000)]))
        integrity = backend.integrity()
        records = {one.hash: one for one in (*story.batch.values, *later.batch.values, alone)}
        inline = sum(one.size for one in records.values())
        assert integrity.tally() == Tally(len(records), inline, 1, 10**9)
        assert integrity.tally().values == len(records) + 1
        assert integrity.unused() == Tally(1, alone.size, 0, 0)
        by_type = {one.name: one for one in integrity.usage("type")}
        assert by_type["str"] == Usage("str", len(records), inline, 0, 0, 0)
        assert by_type["numpy.ndarray"] == Usage("numpy.ndarray", 1, 0, 10**9, 0, 0)
        tasks = {one.name: one for one in integrity.usage("task")}
        totals = story.total.size + later.total.size
        assert tasks["sample.main"] == Usage("sample.main", 2, totals, 0, 0, 0)
        assert tasks["sample.add"] == Usage("sample.add", len(records) - 2, inline - totals - alone.size, 10**9, 0, 0)
        runs = {one.name: one for one in integrity.usage("execution")}
        own = later.inputs[1].size + later.results[1].size
        # Both called `main()`, so each result of that call is a result of both.
        shared = later.inputs[0].size + later.results[0].size + totals
        assert runs[later.execution.id.hex()] == Usage(later.execution.id.hex(), 7, own, 10**9, shared, 0)
        assert integrity.bytes_on_disk() >= inline
