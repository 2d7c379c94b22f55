"""The part of the backend suite that sets the jobs of an execution beside earlier ones."""

from __future__ import annotations

from dataclasses import replace

import pytest

from redux_backends.backend import AskedJob, Backend
from redux_backends.records import Batch, Outcome, Seconds
from redux_backends.sample import EPOCH, Story, call, digest, done, ended, execution, file_value, key, started, value


def _ids(jobs: tuple[AskedJob, ...]) -> list[bytes]:
    return [job.id for job in jobs]


class ForerunningSuite:
    """What `redux explain-miss` asks; `BackendSuite` gives it its fixtures."""

    def test_jobs_that_ran_come_with_all_they_asked_and_got(self, backend: Backend, story: Story) -> None:
        files = file_value("/f", "1")
        asked = key(story.add, files, story.inputs[0])
        node = call(asked, value("fed"), story.leaf_set, upstreams=story.add_calls[:2])
        fed = done(started("fed", story.execution, asked, parent=story.jobs[0], at=50), node, seconds=0.5)
        known = done(started("known", story.execution, asked, parent=story.root, at=51), node)
        known = replace(known, outcome=Outcome.SINGLE, reason=None)
        backend.record(Batch(values=[files, value("fed")], keys=[asked], calls=[node], jobs=[fed, known]))
        found = backend.jobs_that_ran(story.execution.id)
        assert _ids(found.jobs) == _ids_of(story.root, *story.jobs, fed)
        assert found.jobs[-1] == AskedJob(
            fed.id, story.execution.id, story.jobs[0].id, "sample.add", story.add.hash, asked.eval_hash,
            node.call_hash, node.result, Outcome.RAN, fed.reason, fed.started, 0.5, asked.arguments, node.upstreams,
        )  # fmt: skip
        assert found.files == {files.hash: files.files}

    @pytest.mark.parametrize("outcome", [Outcome.SINGLE, Outcome.ULTIMATE, Outcome.ACCEPTED])
    def test_callers_come_along_though_they_did_not_run(self, backend: Backend, story: Story, outcome: Outcome) -> None:
        again = execution("again", 200)
        backend.record_execution(again)
        root = done(started("again/root", again, story.main_key, at=200), story.main_call)
        root = replace(root, outcome=Outcome.SINGLE, reason=None)
        below = done(started("again/below", again, story.add_keys[0], parent=root, at=201), story.add_calls[0])
        other = done(started("again/other", again, story.add_keys[1], parent=root, at=202), story.add_calls[1])
        backend.record(Batch(jobs=[root, below, replace(other, outcome=outcome, reason=None)]))
        assert _ids(backend.jobs_that_ran(again.id).jobs) == _ids_of(root, below)
        # Those that it found known stand in for nothing.
        before = backend.jobs_before([story.execution.id], ["sample.add"], again.id).jobs
        assert _ids(before) == _ids_of(story.root, *[job for job in story.jobs if job is not story.jobs[1]])
        assert not before[-1].upstreams
        every = backend.jobs_before([story.execution.id, again.id], ["sample.add"], None).jobs
        assert _ids(every) == _ids_of(story.root, *story.jobs, root, below, other)
        assert not backend.jobs_before([story.execution.id], ["sample.nobody"], None).jobs

    def test_the_newest_execution_of_a_task_before_a_moment(self, backend: Backend, story: Story) -> None:
        later = Story("x", name="later", at=500, code="return 2")
        backend.record_execution(ended(later.execution))
        backend.record(later.batch)

        def newest(before: Seconds) -> object:
            return backend.newest_before(["sample.add", "sample.main", "sample.nobody"], EPOCH + before)

        of_first = {"sample.add": story.execution.id, "sample.main": story.execution.id}
        of_later = {"sample.add": later.execution.id, "sample.main": later.execution.id}
        assert newest(0) == {}
        assert newest(500) == of_first
        assert newest(501) == {**of_first, "sample.main": later.execution.id}
        assert newest(1e6) == of_later

    def test_tasks_with_their_code(self, backend: Backend, story: Story) -> None:
        found = backend.get_tasks([story.add.hash, story.main.hash, digest("nowhere")])
        assert found == {story.add.hash: story.add, story.main.hash: story.main}
        assert backend.get_tasks([]) == {}


def _ids_of(*jobs: object) -> list[bytes]:
    return [job.id for job in jobs]  # pyright: ignore[reportAttributeAccessIssue]
