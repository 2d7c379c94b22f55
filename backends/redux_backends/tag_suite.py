"""The part of the backend suite that is about tags: recorded, edited by several at once, and what has which."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace

import pytest

from redux_backends.backend import Backend, BackendError, Found, TagFilter, UnknownTag
from redux_backends.records import Batch, Tag
from redux_backends.sample import Story, digest


def _entities(story: Story) -> dict[str, bytes]:
    """One record of each kind that has tags."""
    return {
        "execution": story.execution.id,
        "job": story.root.id,
        "call": story.main_call.call_hash,
        "task": story.main.hash,
        "value": story.total.hash,
    }


class TagSuite:
    """Tags and their history; `BackendSuite` gives it its fixtures."""

    def test_equal_tags_are_one(self, backend: Backend, story: Story) -> None:
        entities = _entities(story)
        tags = [Tag(kind, id, "stage", text) for kind, id in entities.items() for text in ('"a"', '"b"')]
        backend.record_tags(tags)
        backend.record_tags([*tags[::-1], Tag("job", story.root.id, "more", "1")])
        found = backend.get_tags([*entities.values(), digest("unknown")])
        assert [tag for id in entities.values() for tag in found[id] if tag.key == "stage"] == tags
        assert len(found) == len(entities)
        assert found[story.root.id][-1] == Tag("job", story.root.id, "more", "1")

    def test_what_a_tag_supersedes_is_no_longer_current(self, backend: Backend, story: Story) -> None:
        first = Tag("job", story.root.id, "stage", '"raw"')
        clean = replace(first, value='"clean"', parents=(first.hash,))
        final = replace(first, key="state", value='"final"', parents=(clean.hash, first.hash))
        backend.record(Batch(tags=[clean, first]))
        assert backend.get_tags([story.root.id]) == {story.root.id: (clean,)}
        backend.record(Batch(tags=[first, final]))
        found = backend.get_tags([story.root.id])[story.root.id]
        assert found == (replace(final, parents=tuple(sorted(final.parents))),)
        assert [tag.hash for tag in found] == [final.hash]
        backend.record(Batch(tags=[Tag("job", story.root.id, "state", None, (final.hash,)), first, final]))
        assert backend.get_tags([story.root.id]) == {}
        with pytest.raises(BackendError):
            backend.record(Batch(tags=[Tag("job", story.root.id, "n", "1", (digest("unknown"),))]))
        assert backend.get_tags([story.root.id]) == {}

    def test_people_edit_tags_and_nothing_is_lost(self, backend: Backend, story: Story) -> None:
        for kind, id in _entities(story).items():
            first, second = (Tag(kind, id, "stage", value) for value in ('"raw"', '"old"'))
            assert backend.record_tags([first, second, first]) == (first, second)
            assert backend.record_tags([second]) == ()
            final = Tag(kind, id, "stage", '"final"', tuple(sorted((first.hash, second.hash))))
            assert backend.update_tags(kind, id, ["stage"], [("stage", '"final"')]) == (final,)
            assert backend.update_tags(kind, id, ["stage"], [("stage", '"final"')]) == ()
            state = Tag(kind, id, "state", '"final"', (final.hash,))
            assert backend.update_tags(kind, id, ["stage"], [("state", '"final"')]) == (state,)
            removal = Tag(kind, id, "state", None, (state.hash,))
            assert backend.delete_tags(kind, id, keys=["state"]) == (removal,)
            assert backend.get_tags([id]) == {}
            # A run says what it always said, and people's word stays.
            backend.record(Batch(tags=[first]))
            assert backend.get_tags([id]) == {}
            back = replace(first, parents=(first.hash,))
            assert backend.record_tags([first]) == (back,)
            assert backend.record_tags([first]) == ()
            assert backend.get_tags([id]) == {id: (back,)}
            history = backend.tag_history(id)
            assert [one.tag for one in history] == [first, second, final, state, removal, back]
            assert [one.current for one in history] == [False] * 5 + [True]
            told = [(final.hash, back.hash), (final.hash,), (state.hash,), (removal.hash,), (), ()]
            assert [one.superseded_by for one in history] == told
            assert all(abs(time.time() - (one.tag.recorded or 0)) < 600 for one in history)

    def test_a_key_that_is_renamed_keeps_what_is_beside_it(self, backend: Backend, story: Story) -> None:
        kind, id = "job", story.root.id
        old = [Tag(kind, id, key, f"{at}") for at, key in enumerate("abc")]
        backend.record_tags(old)
        made = backend.update_tags(kind, id, ["a", "b"], [("b", "7"), ("d", "8")])
        both = tuple(sorted((old[0].hash, old[1].hash)))
        assert made == (Tag(kind, id, "b", "7", both), Tag(kind, id, "d", "8", (old[0].hash,)))
        assert backend.get_tags([id]) == {id: (old[2], *made)}

    def test_tags_that_are_not_there_cannot_be_replaced_or_removed(self, backend: Backend, story: Story) -> None:
        kind, id = "value", story.total.hash
        kept = Tag(kind, id, "n", "1"), Tag(kind, id, "n", "2"), Tag(kind, id, "m", "1")
        backend.record_tags(kept)
        for edit in (
            lambda: backend.update_tags(kind, id, ["n", "absent"], [("n", "3")]),
            lambda: backend.delete_tags(kind, id, [("n", "1"), ("n", "3")]),
            lambda: backend.delete_tags(kind, id, [("n", "1")], ["absent"]),
            lambda: backend.delete_tags(kind, digest("unknown"), keys=["n"]),
        ):
            with pytest.raises(UnknownTag):
                edit()
        assert backend.get_tags([id]) == {id: kept}
        backend.delete_tags(kind, id, [("n", "1")])
        with pytest.raises(UnknownTag, match=f"{id.hex()} has no tag n=1 now; it has n=2, m=1; `redux tag log"):
            backend.delete_tags(kind, id, [("n", "1")])
        assert backend.get_tags([id]) == {id: kept[1:]}
        with pytest.raises(BackendError):
            backend.record_tags([Tag(kind, digest("unknown"), "n", "1")])

    def test_a_value_that_is_no_json_is_told_as_it_is(self, backend: Backend, story: Story) -> None:
        backend.record_tags([Tag("execution", story.execution.id, "n", "04")])
        with pytest.raises(UnknownTag, match="it has n=04"):
            backend.delete_tags("execution", story.execution.id, [("n", "{")])

    def test_those_who_edit_at_once_lose_nothing(self, backend: Backend, story: Story) -> None:
        id, editors = story.execution.id, range(8)
        backend.record_tags([Tag("execution", id, "stage", "0")])
        removed: list[int] = []

        def edit(who: int) -> None:
            for step in range(5):
                backend.record_tags([Tag("execution", id, "by", f"{who}"), Tag("execution", id, "all", "1")])
                backend.update_tags("execution", id, ["stage"], [("stage", f"{who}{step}")])
            with suppress(UnknownTag):
                backend.delete_tags("execution", id, [("all", "1")])
                removed.append(who)

        with ThreadPoolExecutor(len(editors)) as pool:
            list(pool.map(edit, editors))
        history = backend.tag_history(id)
        stages = [one.tag for one in history if one.tag.key == "stage"]
        # One line, in which each edit has the one before as its parent.
        assert [tag.parents for tag in stages] == [(), *((tag.hash,) for tag in stages[:-1])]
        assert {tag.value for tag in stages} == {"0", *(f"{who}{step}" for who in editors for step in range(5))}
        current = [(tag.key, tag.value) for tag in backend.get_tags([id])[id]]
        assert sorted(current) == sorted([("stage", stages[-1].value), *(("by", f"{who}") for who in editors)])
        assert removed
        assert len([one for one in history if one.tag.value is None]) == len(removed)

    def test_what_has_a_tag_is_found_by_it(self, backend: Backend, story: Story) -> None:
        entities = _entities(story)
        long = '"' + "x" * 5000
        for at, (kind, id) in enumerate(entities.items()):
            backend.record_tags([Tag(kind, id, "all", "1"), Tag(kind, id, "at", f"{at}"), Tag(kind, id, long, long)])
        found = [Found(kind, id) for kind, id in entities.items()][::-1]
        assert backend.find_tagged([TagFilter("all")]) == backend.find_tagged([]) == found
        assert backend.find_tagged([TagFilter("all", "1"), TagFilter("at", "3")]) == [found[1]]
        assert backend.find_tagged([TagFilter("all")], "job") == [Found("job", story.root.id)]
        assert backend.find_tagged([TagFilter("all")], limit=2) == found[:2]
        assert backend.find_tagged([TagFilter(long, long)], limit=1) == found[:1]
        assert backend.find_tagged([TagFilter(long, long + "x")]) == backend.find_tagged([TagFilter("a")]) == []
        backend.delete_tags("task", story.main.hash, keys=["all"])
        assert Found("task", story.main.hash) not in backend.find_tagged([TagFilter("all")])

    def test_executions_and_jobs_are_found_by_their_tags(self, backend: Backend, story: Story) -> None:
        later = Story("one", "four", name="later", at=1000)
        backend.record_execution(later.execution)
        backend.record(later.batch)
        job = story.jobs[0]
        backend.record_tags(
            [
                Tag("execution", story.execution.id, "stage", "1"),
                Tag("execution", later.execution.id, "stage", "2"),
                Tag("job", job.id, "size", "1"),
                Tag("task", story.add.hash, "kind", "1"),
            ]
        )
        found = [one.id for one in backend.executions(5, tags=[TagFilter("stage")])]
        assert found == [later.execution.id, story.execution.id]
        stage = [TagFilter("stage", "1")]
        assert [one.id for one in backend.executions(5, tags=stage)] == [story.execution.id]
        assert backend.executions(5, tags=[*stage, TagFilter("n")]) == backend.executions(5, 1, tags=stage) == []
        of_task = {one.id for each in (story, later) for one in each.jobs if one.task_hash == story.add.hash}
        assert {one.job.id for one in backend.jobs(tags=[TagFilter("kind")])} == of_task
        both = [TagFilter("kind", "1"), TagFilter("size")]
        assert [one.job.id for one in backend.jobs(tags=both)] == [job.id]
        assert backend.jobs(tags=both, execution=later.execution.id) == backend.jobs(tags=stage) == []
        backend.update_tags("job", job.id, ["size"], [("size", "2")])
        assert backend.jobs(tags=[TagFilter("size", "1")]) == []

    def test_records_are_found_by_how_a_tag_begins(self, backend: Backend, story: Story) -> None:
        said = {"1a": story.root.id, "1b2": story.execution.id, "1b3": story.root.id, "2": story.root.id}
        kinds = {story.root.id: "job", story.execution.id: "execution"}
        tags = [Tag(kinds[id], id, "hash", f'"{text}"') for text, id in said.items()]
        backend.record_tags([*tags, Tag("job", story.root.id, "other", '"1"')])
        backend.record(Batch(tags=[replace(tags[0], value=None, parents=(tags[0].hash,))]))
        assert [found.id for found in backend.find_by_tag("hash", '"1')] == [said["1b2"], said["1b3"]]
        assert [found.kind for found in backend.find_by_tag("hash", '"1b3"')] == ["job"]
        assert len(backend.find_by_tag("hash", "", limit=2)) == 2
        assert not backend.find_by_tag("hash", '"3')
