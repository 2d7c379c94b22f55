"""The part of the backend suite that asks what people said of records, and which records it concerns."""

from __future__ import annotations

from dataclasses import replace

from redux_backends.amending import AcceptedJobs, Asked
from redux_backends.backend import ACCEPTS, FORGOTTEN, Backend
from redux_backends.records import Batch, JobStatus, Outcome, Tag
from redux_backends.sample import EPOCH, Story, call, digest, done, evaluation, key, started, task, value

_NOWHERE = digest("nowhere")


class AmendingSuite:
    """What runs heed of what people said; `BackendSuite` gives it its fixtures."""

    def test_current_tags_are_found_by_their_keys(self, backend: Backend, story: Story) -> None:
        accepts = Tag("task", story.main.hash, ACCEPTS, '"older"')
        first = Tag("call", story.add_calls[0].call_hash, FORGOTTEN, "1")
        again = replace(first, value="2", parents=(first.hash,))
        other = Tag("call", story.add_calls[1].call_hash, "redux.forgotten.not", "1")
        backend.record(Batch(tags=[accepts, first, other]))
        backend.record(Batch(tags=[again]))
        assert backend.tags_of([FORGOTTEN, ACCEPTS]) == (accepts, again)
        backend.record(Batch(tags=[replace(first, value=None, parents=(again.hash,))]))
        assert backend.tags_of([FORGOTTEN, ACCEPTS, "unknown"]) == (accepts,)
        assert backend.tags_of([]) == ()

    def test_calls_and_jobs_tell_what_was_called(self, backend: Backend, story: Story) -> None:
        node, job, asked = story.add_calls[0], story.jobs[1], story.add_keys[0]
        found = backend.evaluations_of([node.call_hash, _NOWHERE], [job.id])
        assert found[node.call_hash] == Asked(asked.eval_hash, asked.task_hash)
        assert job.eval_hash is not None
        assert found[job.id].eval_hash == job.eval_hash
        assert set(found) == {node.call_hash, job.id}
        assert backend.evaluations_of([], []) == {}

    def test_calls_know_whether_one_below_has_a_tag(self, backend: Backend, story: Story) -> None:
        leaf, top = story.add_calls[0], story.main_call
        asked = key(story.main, value("above"))
        above = call(asked, value("above"), story.all_tasks, children=[top])
        backend.record(Batch(values=[value("above")], keys=[asked], calls=[above]))
        calls = [leaf.call_hash, top.call_hash, above.call_hash, _NOWHERE]
        assert backend.have_below(calls, FORGOTTEN) == frozenset()
        said = Tag("call", leaf.call_hash, FORGOTTEN, "1")
        backend.record(Batch(tags=[said, Tag("call", top.call_hash, ACCEPTS, "1")]))
        assert backend.have_below(calls, FORGOTTEN) == {top.call_hash, above.call_hash}
        backend.record(Batch(tags=[replace(said, value=None, parents=(said.hash,))]))
        assert backend.have_below(calls, FORGOTTEN) == frozenset()
        assert backend.have_below(calls, ACCEPTS) == {above.call_hash}

    def test_what_is_remembered_is_found_by_whatever_names_it(self, backend: Backend, story: Story) -> None:
        node, asked = story.add_calls[0], story.add_keys[0]
        named = {
            "call": [node.call_hash],
            "job": [job.id for job in story.jobs if job.eval_hash == asked.eval_hash],
            "task": [asked.task_hash],
            "execution": [story.execution.id],
        }
        for kind, ids in named.items():
            found = {one.entity: one for one in backend.remembered(kind, [*ids, _NOWHERE])}
            assert found[node.call_hash].eval_hash == asked.eval_hash
            assert found[node.call_hash].fullname == "sample.add"
        assert len(backend.remembered("call", [node.call_hash])) == 1
        assert len(backend.remembered("task", [asked.task_hash])) == len(story.add_calls)
        assert not backend.remembered("task", [])
        assert not backend.remembered("call", [_NOWHERE])

    def test_jobs_that_took_results_of_older_code_are_counted(self, backend: Backend, story: Story) -> None:
        newer = task("add", "return 1 + 0")
        asked = story.add_keys[0]
        job = replace(started("accepted", story.execution, asked, at=70), task_hash=newer.hash)
        taken = replace(done(job, story.add_calls[0], JobStatus.CACHED), outcome=Outcome.ACCEPTED)
        backend.record(Batch(tasks=[newer], jobs=[taken]))
        expected = [AcceptedJobs("sample.add", newer.hash, story.add.hash, 1)]
        assert backend.accepted_in(story.execution.id) == expected
        assert backend.evaluations_of([], [taken.id]) == {taken.id: Asked(asked.eval_hash, story.add.hash)}

    def test_a_job_that_came_to_no_call_stands_for_its_results(self, backend: Backend, story: Story) -> None:
        asked = key(story.main, story.total)
        job = started("cut short", story.execution, asked, at=90)
        backend.record(Batch(keys=[asked], jobs=[replace(done(job, None), status=JobStatus.CANCELLED)]))
        assert not backend.remembered("job", [job.id])
        backend.record(Batch(evaluations=[evaluation(asked, story.results[0], 91)]))
        (one,) = backend.remembered("job", [job.id])
        assert (one.kind, one.entity, one.eval_hash, one.recorded) == ("job", job.id, asked.eval_hash, EPOCH + 91)
        hit = done(started("hit", story.execution, story.add_keys[0], at=95), story.add_calls[0])
        backend.record(Batch(jobs=[replace(hit, outcome=Outcome.SINGLE)]))
        assert job.id in {each.entity for each in backend.remembered("execution", [story.execution.id])}
