"""The part of the backend suite that lists records: pages, and every filter of them."""

from __future__ import annotations

from dataclasses import replace

from redux_backends.answers import GivenFilter, JobFilter, TagFilter
from redux_backends.backend import Backend
from redux_backends.listing import CallFilter, ExecutionFilter, FileLine, TagLine, TaskLine
from redux_backends.records import Batch, JobStatus, Tag
from redux_backends.sample import (
    EPOCH,
    Story,
    call,
    digest,
    done,
    ended,
    execution,
    file_value,
    key,
    started,
    task,
    task_set,
    value,
)


class ListingSuite:
    """What `redux log` lists; `BackendSuite` gives it its fixtures."""

    def test_executions_are_found_by_status_and_span(self, backend: Backend) -> None:
        runs = [execution(f"{at}", at) for at in (1, 2, 3)]
        ran = [runs[0], ended(runs[1]), ended(runs[2], JobStatus.FAILED)]
        for each in ran:
            backend.record_execution(each)

        def found(limit: int = 10, offset: int = 0, **filters: object) -> object:
            return backend.find_executions(ExecutionFilter(**filters), limit, offset)  # pyright: ignore

        assert found() == ran[::-1]
        assert found(1, 1) == [ran[1]]
        assert found(status=JobStatus.FAILED) == [ran[2]]
        assert found(status=JobStatus.RUNNING) == [ran[0]]
        assert found(since=EPOCH + 2) == [ran[2], ran[1]]
        assert found(since=EPOCH + 1, until=EPOCH + 2) == [ran[0]]

    def test_jobs_of_many_executions_are_counted_at_once(self, backend: Backend, story: Story) -> None:
        later = Story("one", name="later", at=1000)
        backend.record_execution(later.execution)
        backend.record(later.batch)
        ids = [story.execution.id, later.execution.id]
        assert backend.count_jobs_of([*ids, execution("none").id]) == {id: backend.count_jobs(id) for id in ids}

    def test_jobs_are_found_by_what_they_were_given_and_gave(self, backend: Backend, story: Story) -> None:
        file, other = file_value("/data/a.csv", "1"), file_value("/data/b[1].csv", "1")
        read, write = task("read"), task("write")
        keys = [key(read, file, value("one")), key(write, value("one"))]
        calls = [
            call(keys[0], value("one"), task_set(read), at=50),
            call(keys[1], other, task_set(write), at=60),
        ]
        run = execution("files", 2000)
        jobs = [
            done(started(f"file {at}", run, asked, at=2000 + at), made)
            for at, (asked, made) in enumerate(zip(keys, calls, strict=True))
        ]
        backend.record_execution(run)
        sets = [task_set(read), task_set(write)]
        values = [file, other, value("one")]
        backend.record(Batch(values=values, tasks=[read, write], keys=keys, task_sets=sets, calls=calls, jobs=jobs))
        reader, writer = jobs
        one, three = value("one").hash, digest("nowhere")

        def found(limit: int = 10, offset: int = 0, **filters: object) -> list[object]:
            return [view.job for view in backend.find_jobs(JobFilter(**filters), limit, offset)]  # pyright: ignore

        assert found(given=(GivenFilter((one, three)),)) == [writer, reader, story.jobs[0]]
        assert found(given=(GivenFilter((one,), "a1"),)) == [reader]
        assert found(given=(GivenFilter((one,), "a1"), GivenFilter((file.hash,), "a0"))) == [reader]
        assert found(given=(GivenFilter((three,)),)) == found(results=()) == []
        assert found(results=(one, other.hash)) == [writer, reader]
        assert found(files=("/data/*.csv",)) == [writer, reader]
        assert found(files=("/data/?.csv",)) == found(files=("/data/a.csv", "x*")) == [reader]
        assert found(files=("/data/b[1].*",)) == found(files=("*[1].csv",)) == [writer]
        assert found(files=("/DATA/*",)) == found(files=("/data",)) == []
        assert found(since=reader.started) == [writer, reader]
        assert found(since=reader.started, until=writer.started) == [reader]
        assert found(1, 1) == [reader]
        assert found(1, 1, task="sample.add") == [story.jobs[-2]]
        assert found(2, 1, execution=story.execution.id) == story.jobs[:2]

        def calls_found(limit: int = 10, offset: int = 0, **filters: object) -> list[object]:
            found = backend.list_calls(CallFilter(**filters), limit, offset)  # pyright: ignore
            return [view.call_hash for view in found]

        added = [each.call_hash for each in story.add_calls]
        hashes = [each.call_hash for each in calls]
        assert calls_found(2) == hashes[::-1]
        assert calls_found(1, 1) == hashes[:1]
        assert calls_found(task="sample.add") == added[::-1]
        assert calls_found(1, 1, task="sample.add") == [added[-2]]
        assert calls_found(given=(GivenFilter((one,)),)) == [*hashes[::-1], added[0]]
        assert calls_found(given=(GivenFilter((one,)),), task="sample.add") == [added[0]]
        assert calls_found(results=(other.hash,)) == calls_found(files=("*b*",)) == hashes[1:]
        assert calls_found(execution=run.id) == hashes[::-1]
        assert calls_found(since=EPOCH + 50, until=EPOCH + 60) == hashes[:1]
        (view,) = backend.list_calls(CallFilter(results=(other.hash,)), 10)
        assert (view.fullname, view.result, view.duration) == ("sample.write", other.hash, calls[1].duration)
        assert [(bound.name, shown) for bound, shown in view.arguments] == [("a0", value("one").preview)]

        assert backend.list_values(files=("/data/*",)) == [other.hash, file.hash]
        assert backend.list_values(limit=1, offset=1) == [file.hash]
        lines = [FileLine("/data/a.csv", 1, file.hash), FileLine("/data/b[1].csv", 1, other.hash)]
        assert backend.list_files() == lines
        assert backend.list_files(["*b*"]) == backend.list_files(limit=1, offset=1) == lines[1:]

    def test_a_file_counts_its_contents(self, backend: Backend) -> None:
        versions = [file_value("/f", content) for content in ("1", "2", None)]
        backend.record(Batch(values=[versions[0], value("x"), *versions[1:]]))
        assert backend.list_files() == [FileLine("/f", 2, versions[2].hash)]
        assert backend.known_paths(["/f", "/*", "/g"]) == {"/f"}

    def test_jobs_lead_to_their_callers(self, backend: Backend, story: Story) -> None:
        inner = started("inner", story.execution, story.add_keys[0], parent=story.jobs[0], at=3)
        backend.record(Batch(jobs=[inner]))
        assert [view.job for view in backend.callers_of_job(inner.id)] == [story.root, story.jobs[0]]
        assert [view.job for view in backend.callers_of_job(inner.id, limit=1)] == [story.jobs[0]]
        assert backend.callers_of_job(story.root.id) == []
        of = backend.job_ids_of(story.execution.id)
        assert set(of) == {inner.id, *(each.id for each in (story.root, *story.jobs))}
        assert of[0] == story.root.id

    def test_a_task_leads_to_its_calls(self, backend: Backend, story: Story) -> None:
        assert backend.calls_of_task("sample.add") == sorted(each.call_hash for each in story.add_calls)
        assert backend.calls_of_task("sample.nobody") == []

    def test_tasks_are_listed_by_name(self, backend: Backend, story: Story) -> None:
        newer, other = task("add", "return 2"), task("zip")
        backend.record(Batch(tasks=[newer, other]))
        add, main = TaskLine("sample.add", 2, newer.hash), TaskLine("sample.main", 1, story.main.hash)
        every = [add, main, TaskLine("sample.zip", 1, other.hash)]
        assert backend.list_tasks() == every
        assert backend.list_tasks(["sample.a*", "*zip"]) == [every[0], every[2]]
        assert backend.list_tasks(limit=1, offset=1) == [main]
        backend.record_tags([Tag("task", story.add.hash, "stage", "1")])
        assert backend.list_tasks(tags=[TagFilter("stage")]) == [add]

    def test_tags_are_counted(self, backend: Backend, story: Story) -> None:
        jobs = [Tag("job", each.id, "stage", '"raw"') for each in story.jobs[:2]]
        own = Tag("execution", story.execution.id, "team", "1")
        backend.record_tags([*jobs, own, Tag("task", story.add.hash, "stage", '"raw"')])
        backend.delete_tags("job", story.jobs[0].id, keys=["stage"])
        every = [TagLine("stage", '"raw"', "job", 1), TagLine("stage", '"raw"', "task", 1)]
        every.append(TagLine("team", "1", "execution", 1))
        assert backend.list_tags() == every
        assert backend.list_tags(["team"]) == backend.list_tags(limit=1, offset=2) == every[2:]
        assert backend.list_values(tags=[TagFilter("stage")]) == []

    def test_calls_and_values_are_found_by_their_tags(self, backend: Backend, story: Story) -> None:
        made = story.add_calls[0]
        backend.record_tags([Tag("call", made.call_hash, "n", "1"), Tag("value", made.result, "n", "1")])
        wanted = (TagFilter("n", "1"),)
        assert [each.call_hash for each in backend.list_calls(CallFilter(tags=wanted), 10)] == [made.call_hash]
        assert backend.list_values(tags=wanted) == [made.result]
        both = CallFilter(tags=wanted, task="sample.main")
        assert backend.list_calls(both, 10) == backend.list_calls(replace(both, task="sample.nobody"), 10) == []
