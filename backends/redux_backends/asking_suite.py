"""The part of the backend suite that asks afterwards: executions, jobs, misses, versions and files."""

from __future__ import annotations

from dataclasses import replace

import pytest

from redux_backends.backend import (
    NONDETERMINISTIC,
    AmbiguousId,
    Backend,
    BackendError,
    Claimed,
    Found,
    GivenBy,
    GivenResult,
    TagFilter,
    TaskCounts,
    UnknownId,
)
from redux_backends.records import (
    Batch,
    Evaluation,
    EvaluationKey,
    ExecutionId,
    JobId,
    JobStatus,
    MissKind,
    Outcome,
    Reason,
    Rollback,
    Traits,
    new_id,
)
from redux_backends.sample import (
    EPOCH,
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
    key,
    started,
    task,
    value,
    version,
)
from redux_valuestore.digest import Digest


class AskingSuite:
    """What people ask of a backend; `BackendSuite` gives it its fixtures."""

    def test_executions_are_listed_newest_first(self, backend: Backend) -> None:
        runs = [execution(f"{at}", at) for at in (3, 1, 4, 2)]
        for each in runs:
            backend.record_execution(each)
        newest = sorted(runs, key=lambda each: -each.started)
        assert backend.executions(10) == newest
        assert backend.executions(2, offset=1) == newest[1:3]

    def test_jobs_are_found_by_every_filter(self, backend: Backend, story: Story) -> None:
        later = Story("one", "four", name="later", at=1000)
        backend.record_execution(later.execution)
        hit = replace(later.jobs[0], status=JobStatus.CACHED, outcome=Outcome.SINGLE, reason=None)
        failed = replace(later.jobs[1], status=JobStatus.FAILED, call_hash=None)
        backend.record(replace(later.batch, jobs=[later.root, hit, failed]))
        first, second = story.execution.id, later.execution.id

        def found(**filters: object) -> list[object]:
            return [view.job for view in backend.jobs(**filters)]  # pyright: ignore[reportArgumentType]

        assert found() == [failed, hit, later.root, *reversed(story.jobs), story.root]
        assert found(limit=2) == [failed, hit]
        assert found(execution=first) == [story.root, *story.jobs]
        assert found(execution=first, limit=2) == [story.root, story.jobs[0]]
        assert found(parent=later.root.id) == [hit, failed]
        assert found(task="sample.main") == [later.root, story.root]
        assert found(call=story.add_calls[0].call_hash) == found(value=story.results[0].hash) == [hit, story.jobs[0]]
        assert found(argument=value("one").hash) == [hit, story.jobs[0]]
        assert found(status=JobStatus.FAILED) == [failed]
        assert found(roots=True, execution=second) == [later.root]
        assert found(missed=True, execution=second) == [later.root, failed]
        assert found(task="sample.add", status=JobStatus.DONE, argument=value("two").hash) == [story.jobs[1]]
        assert backend.count_jobs(second) == [
            TaskCounts("sample.add", JobStatus.CACHED, 1, story.add_calls[0].duration),
            TaskCounts("sample.add", JobStatus.FAILED, 1, 0.25),
            TaskCounts("sample.main", JobStatus.DONE, 1, 9.0),
        ]

    def test_jobs_are_found_by_calls_of_their_own_evaluation_alone(self, backend: Backend, story: Story) -> None:
        odd = done(started("odd", story.execution, story.main_key), story.add_calls[0])
        backend.record(Batch(jobs=[odd]))
        assert odd.id in {one.job.id for one in backend.jobs(execution=story.execution.id)}
        for found in (backend.jobs(call=story.add_calls[0].call_hash), backend.jobs(value=story.add_calls[0].result)):
            assert [one.job.id for one in found] == [story.jobs[0].id]

    def test_misses_are_grouped_by_task_and_reason(self, backend: Backend) -> None:
        story = Story(*"abcde")
        backend.record_execution(story.execution)
        reasons = [Reason(MissKind.FILE_CHANGED, path) for path in ("/x", "/y", "/x", "/y", "/x")]
        jobs = [replace(job, reason=reason) for job, reason in zip(story.jobs, reasons, strict=True)]
        jobs[3] = replace(jobs[3], outcome=Outcome.SINGLE)
        backend.record(replace(story.batch, jobs=[replace(story.root, reason=None), *jobs]))
        groups = [
            (each.fullname, each.task_hash, each.reason.detail, each.count, each.seconds, each.example)
            for each in backend.miss_groups(story.execution.id)
        ]
        assert groups == [
            ("sample.add", story.add.hash, "/x", 3, 0.75, jobs[0].id),
            ("sample.add", story.add.hash, "/y", 1, 0.25, jobs[1].id),
        ]

    def test_a_miss_is_explained_by_the_nearest_evaluation(self, backend: Backend) -> None:
        old, new, other = task("add", "return 0"), task("add", "return 1"), task("other")
        a, b, c = value("a"), value("b"), value("c")
        keys = [key(old, a, b), key(old, a, c), key(old, c, c), key(other, a, b)]
        backend.record(Batch(values=[a, b, c], tasks=[old, other], keys=keys))
        asking = execution()
        with pytest.raises(BackendError, match=r"task .* is named"):
            backend.explain_cache_miss(key(new, a, b), asking.id)
        backend.record(Batch(tasks=[new]))
        asked = (key(new, a, b), key(old, b, a), keys[0], keys[3])
        nearest = [backend.explain_cache_miss(one, asking.id).nearest for one in asked]
        assert nearest == [keys[0], keys[2], keys[1], None]

    def test_a_miss_in_a_fan_out_is_explained_by_the_call_that_it_stands_in_for(self, backend: Backend) -> None:
        clean = task("clean")
        before, after = value("cleaner before"), value("cleaner after")
        files = [file_value(path, "1") for path in ("/m00", "/m03", "/zz")]
        edited = file_value("/m03", "2")
        shown = [replace(value(each), preview="<frame>") for each in ("frame", "frame again")]
        names = ("first", "second", "again", "third")
        first, second, again, third = (execution(name, at) for at, name in enumerate(names))
        runs = [
            (first, [*(key(clean, file, before) for file in files), key(clean, shown[0], before)]),
            (second, [key(clean, file, after) for file in files]),
            (third, [key(clean, edited, after), key(clean, shown[1], after), key(clean, files[0], files[0])]),
        ]
        backend.record(Batch(values=[before, after, *files, edited, *shown], tasks=[clean]))
        for run, keys in runs:
            backend.record_execution(run)
            jobs = [started(f"{run.argv} {at}", run, each, at=at) for at, each in enumerate(keys)]
            backend.record(Batch(keys=keys, jobs=jobs))
        backend.record_execution(again)
        backend.record(Batch(jobs=[started("reused", again, runs[0][1][1])]))

        def nearest(at: int, number: int) -> object:
            run, keys = runs[at]
            return backend.explain_cache_miss(keys[number], run.id).nearest

        assert [nearest(1, number) for number in range(3)] == runs[0][1][:3]
        assert nearest(2, 0) == runs[1][1][1]
        assert nearest(2, 1) == runs[1][1][2]
        assert nearest(2, 2) == runs[1][1][0]
        assert backend.explain_cache_miss(key(clean, edited, edited), third.id).nearest == runs[0][1][1]
        assert backend.explain_cache_miss(key(clean, shown[1], edited), third.id).nearest == runs[0][1][3]
        assert nearest(0, 0) is not None

    def test_of_equally_near_calls_the_one_that_is_not_asked_for_again_is_the_one_replaced(
        self, backend: Backend
    ) -> None:
        step = task("step")
        rows, changed = [value(f"row {at}") for at in range(5)], value("row changed")
        runs = [execution("first", 1), execution("second", 2)]
        asked = [rows, [*rows[:2], changed, *rows[3:]]]
        for run, of in zip(runs, asked, strict=True):
            keys = [key(step, row) for row in of]
            jobs = [started(f"{run.argv} {at}", run, each, at=at) for at, each in enumerate(keys)]
            backend.record_execution(run)
            backend.record(Batch(tasks=[step], values=of, keys=keys, jobs=jobs))
        assert backend.explain_cache_miss(key(step, changed), runs[1].id).nearest == key(step, rows[2])

    def test_a_prefix_stands_for_the_one_record_that_it_starts(self, backend: Backend, story: Story) -> None:
        records = {
            "execution": story.execution.id,
            "job": story.jobs[0].id,
            "call": story.main_call.call_hash,
            "task": story.add.hash,
            "value": story.total.hash,
        }
        for kind, id in records.items():
            for prefix in (id.hex(), id.hex()[:9], id.hex()[:12].upper()):
                assert backend.resolve(prefix) == Found(kind, id)
        twin = replace(value("twin"), hash=Digest(story.total.hash[:20] + bytes(12)))
        backend.record_value(twin)
        with pytest.raises(AmbiguousId, match=r"value .*, value "):
            backend.resolve(story.total.hash.hex()[:11])
        assert backend.resolve(twin.hash.hex()[:41]) == Found("value", twin.hash)
        for unknown in (digest("unknown").hex(), story.execution.id.hex() + "00", "abc", "no id", "", "0" * 65):
            with pytest.raises(UnknownId):
                backend.resolve(unknown)

    def test_a_tasks_versions_come_newest_first(self, backend: Backend) -> None:
        versions = [task("add", f"return {n}") for n in range(3)]
        backend.record(Batch(tasks=versions[:2]))
        backend.record(Batch(tasks=[versions[2], versions[0], task("other")]))
        assert backend.task_versions("sample.add") == versions[::-1]
        assert backend.known_tasks(["sample.add"]) == {"sample.add": [each.hash for each in versions[::-1]]}

    def test_files_are_found_by_path_newest_first(self, backend: Backend) -> None:
        files = [file_value("/data", f"{n}") for n in range(4)]
        backend.record(Batch(values=[*files[:2], file_value("/data/more"), *files[2:]]))
        assert backend.find_files("/data") == [each.hash for each in reversed(files)]
        assert backend.find_files("/data", limit=2) == [files[3].hash, files[2].hash]

    # -- handles -----------------------------------------------------------------------------------

    def test_what_descends_from_a_version_is_rolled_back_and_the_version_stays(self, backend: Backend) -> None:
        line = [version("f", "root"), version("r", "f"), version("f2", "r"), version("r2", "f2")]
        beside = [version("g", "root"), version("s", "g")]
        backend.record(Batch(handles=[*line, *beside]))
        backend.record(Batch(handles=[*line, *beside]))
        everything = [one.hash for one in (*line, *beside)]
        unknown = digest("version unknown")
        assert backend.valid_handles([*everything, unknown]) == set(everything)
        backend.rollback_handle(unknown)
        for _ in range(2):
            backend.rollback_handle(line[1].hash)
            assert backend.valid_handles(everything) == {each.hash for each in (line[0], line[1], *beside)}
        backend.advance_handle(line[3])
        assert not backend.is_valid_handle(line[3].hash), "it descends from what was rolled back"
        backend.record(Batch(handles=line[2:]))
        assert backend.valid_handles(everything) == set(everything)

    def test_a_line_is_for_one_execution_until_it_lets_go(self, backend: Backend) -> None:
        line, other = digest("line"), digest("another line")
        mine, theirs = ExecutionId(new_id()), ExecutionId(new_id())
        for _ in range(2):
            assert backend.claim_line(line, mine) is None
        assert backend.claim_line(line, theirs) == mine
        assert backend.claim_line(other, theirs) is None
        backend.release_lines(theirs)
        assert backend.claim_line(line, theirs) == mine
        backend.release_lines(mine)
        assert backend.claim_line(line, theirs) is None
        assert backend.claim_line(other, mine) is None
        backend.close()
        backend.load()
        assert backend.claim_line(line, mine) is None

    def test_a_roll_back_comes_before_the_versions_of_its_batch(self, backend: Backend) -> None:
        line = [version("f", "root"), version("r", "f"), version("f2", "r")]
        backend.record(Batch(handles=line))
        backend.record(Batch(rollbacks=[Rollback(line[0].hash)], handles=[line[1]]))
        assert backend.valid_handles([each.hash for each in line]) == {line[0].hash, line[1].hash}

    def test_an_evaluation_is_claimed_by_one_living_execution(self, backend: Backend) -> None:
        mine, theirs, dead = execution("claims"), execution("asks"), execution("died", lease=GONE)
        for each in (mine, theirs, dead):
            backend.record_execution(each)
        evals = [digest(f"evaluation {at}") for at in range(10_000)]
        whole = backend.claim_evaluations(evals, mine.id, 20_000)
        assert (whole.mine, whole.held) == (evals, {})
        if not backend.shares_work:
            assert backend.held_evaluations(evals, theirs.id) == {}
            return
        few, free = evals[:3], [digest("free"), digest("free as well")]
        assert backend.claim_evaluations([*few, *free], theirs.id, 1) == Claimed(
            [free[0]], dict.fromkeys(few, mine.id), True
        )
        assert backend.held_evaluations([*few, *free], mine.id) == {free[0]: theirs.id}
        assert backend.claim_evaluations(few, theirs.id, 3).moved is False
        backend.release_evaluations(mine.id, few[:1])
        assert backend.claim_evaluations(few, theirs.id, 3) == Claimed(few[:1], dict.fromkeys(few[1:], mine.id), True)
        assert backend.held_evaluations(evals, theirs.id) == dict.fromkeys(evals[1:], mine.id)
        backend.record_execution(ended(mine))
        assert backend.held_evaluations(evals, theirs.id) == {}
        assert backend.claim_evaluations(few[1:], dead.id, 2).mine == few[1:]
        assert backend.claim_evaluations(few, theirs.id, 3).mine == few
        backend.release_evaluations(theirs.id)
        assert backend.held_evaluations(evals, mine.id) == {}

    def test_what_is_kept_stays_with_its_line_and_so_do_merges(self, backend: Backend) -> None:
        kept, other = version("kept", "root"), version("other", "root")
        below = [version("below kept", "kept"), version("below other", "other")]
        merged = version("merged", "root", "below kept")
        backend.record(Batch(handles=[kept, other, *below, merged]))
        backend.rollback_handle(version("root").hash, keep=frozenset({kept.hash, digest("version unknown")}))
        alive = {kept.hash, below[0].hash, merged.hash}
        assert backend.valid_handles([each.hash for each in (kept, other, *below, merged)]) == alive
        backend.rollback_handle(version("kept").hash)
        assert backend.valid_handles(list(alive)) == {kept.hash}, "a merge descends from each of its parents"

    def test_a_value_comes_back_with_the_versions_that_it_holds(self, backend: Backend) -> None:
        merged, foreign = version("merged", "b", "a"), version("foreign", "b")
        values = [handle_value(merged), handle_value(foreign)]
        backend.record(Batch(values=values, handles=[merged]))
        hashes = [each.hash for each in values]
        assert backend.get_held(hashes) == {each.hash: replace(each, data=None) for each in values}
        assert backend.is_valid_handle(merged.hash)
        assert not backend.is_valid_handle(foreign.hash), "nobody recorded how it came about"
        later = handle_value(version("a", "before a"))
        backend.record(Batch(values=[later]))
        assert backend.get_held([later.hash]) == {later.hash: replace(later, data=None)}
        assert backend.is_valid_handle(version("a").hash), "it was the beginning of a line"
        backend.rollback_handle(version("before a").hash)
        assert not backend.is_valid_handle(merged.hash)

    def test_disagreements_are_told_with_their_results_and_who_gave_them(self, backend: Backend, story: Story) -> None:
        later = Story("one", "four", name="later", at=1000)
        backend.record_execution(later.execution)
        backend.record(replace(later.batch, jobs=[], evaluations=[]))
        drawn = [replace(value(f"drawn {n}"), type_name="float") for n in range(12)]
        calls = [call(later.add_keys[0], each, later.leaf_set, at=1000 + at) for at, each in enumerate(drawn)]
        jobs = [
            done(started(f"draw {at}", later.execution, later.add_keys[0], at=1000 + at), calls[at])
            for at in range(len(drawn))
        ]
        other = replace(jobs[0], id=JobId(digest("open")[:16]), eval_hash=later.add_keys[1].eval_hash, call_hash=None)
        given = [
            Evaluation(later.add_keys[0].eval_hash, each.hash, 0.5, job.ended or 0.0)
            for each, job in zip(drawn, jobs, strict=True)
        ]
        expressions = [value(f"expression {n}", Traits.EXPRESSIONS) for n in range(2)]
        lazy = [Evaluation(later.add_keys[1].eval_hash, each.hash, 0.5, EPOCH + 2000) for each in expressions]
        lazy[0] = replace(lazy[0], recorded=other.ended or 0.0)
        backend.record(
            Batch(values=[*drawn, *expressions], calls=calls, jobs=[*jobs, other], evaluations=[*given, *lazy])
        )
        backend.forget_value(drawn[-1].hash)
        undecided, many = backend.disagreements()
        assert [each.key for each in (undecided, many)] == [later.add_keys[1], later.add_keys[0]]
        assert (many.fullname, many.previews, many.count) == ("sample.add", ("'one'",), 13)
        by = [GivenBy(job.id, later.execution.id, job.ended or 0.0) for job in jobs]
        assert many.results == tuple(
            GivenResult(drawn[at].hash, "float", drawn[at].preview, at == 11, by[at].ended, 0.5, (by[at],))
            for at in range(11, 1, -1)
        )
        unknown, known = undecided.results
        assert (unknown.result, unknown.given_by) == (expressions[1].hash, ())
        assert [one.job for one in known.given_by] == [other.id]

    def test_disagreements_are_found_by_task_and_execution(self, backend: Backend, story: Story) -> None:
        second = Story("one", name="second", at=1000)
        backend.record_execution(second.execution)
        again = [value("one otherwise"), value("total otherwise")]
        asked = [story.add_keys[0], story.main_key]
        given = [evaluation(of, one, 2000 + at) for at, (of, one) in enumerate(zip(asked, again, strict=True))]
        backend.record(replace(second.batch, values=[*second.batch.values, *again], jobs=[second.root, second.jobs[0]]))
        backend.record(Batch(evaluations=given))

        newest = [one.id for one in backend.find_tagged([TagFilter(NONDETERMINISTIC)])]
        assert newest == sorted((story.main.hash, story.add.hash), reverse=True), "both tags came with one group"

        def found(**filters: object) -> list[EvaluationKey]:
            return [each.key for each in backend.disagreements(**filters)]  # pyright: ignore[reportArgumentType]

        assert found() == [story.main_key, story.add_keys[0]]
        assert found(limit=1) == found(task="sample.main") == [story.main_key]
        assert found(task="sample.unknown") == found(execution=execution("unknown").id) == []
        assert found(execution=second.execution.id) == [story.main_key, story.add_keys[0]]
        third = execution("third", 3000)
        backend.record_execution(third)
        backend.record(Batch(jobs=[started("third", third, story.add_keys[0], at=3000)]))
        assert found(execution=third.id) == [story.add_keys[0]]
        assert found(execution=third.id, task="sample.main") == []
