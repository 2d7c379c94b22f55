"""Names that workflows bring from redun: nested values, keys of several values, the key of a call, kinds of record."""

from __future__ import annotations

from collections import OrderedDict, deque
from dataclasses import dataclass
from importlib.metadata import version as installed
from typing import NamedTuple

import pytest

import redux
from redux import Scheduler, task
from redux.backends.base import TagEntity
from redux.scheduler import JobInfo
from redux.task import SchedulerTask, TaskError, hash_args_eval, scheduler_task
from redux.utils import MultiMap, iter_nested_value, map_nested_value
from redux.value import get_type_registry
from redux_backends.records import Tag

redux_namespace = "doors"


@dataclass(frozen=True)
class Plan:
    """A record."""

    name: str
    steps: list[int]


class Range(NamedTuple):
    """A tuple with names."""

    low: int
    high: int


NESTED = [1, (2, {"a": 3}), Plan("p", [4]), Range(5, 6), deque([7], 2), OrderedDict(b=8), "text"]


def test_leaves_are_met_in_order_and_are_what_is_mapped():
    assert list(iter_nested_value(NESTED)) == [1, 2, "a", 3, "p", 4, 5, 6, 7, "b", 8, "text"]
    mapped = map_nested_value(lambda leaf: leaf * 2, NESTED)
    assert mapped == [2, (4, {"aa": 6}), Plan("pp", [8]), Range(10, 12), deque([14]), OrderedDict(bb=16), "texttext"]
    assert [type(part) for part in mapped] == [type(part) for part in NESTED]
    assert map_nested_value(lambda leaf: leaf, NESTED) is NESTED
    assert map_nested_value(len, {frozenset({"ab"}): {"c"}}) == {frozenset({2}): {1}}


@pytest.mark.parametrize("leaf", [3, "text", b"bytes", int, slice(1, 2), None], ids=repr)
def test_what_is_no_container_is_a_leaf(leaf: object):
    assert list(iter_nested_value(leaf)) == [leaf]
    assert map_nested_value(lambda value: [value], leaf) == [leaf]


def test_a_key_may_have_several_values():
    tags = MultiMap([("a", 1), ("b", 2), ("a", 3)])
    assert (tags["a"], tags.get("b"), tags.get("c"), tags.get("c", None)) == ([1, 3], [2], [], None)
    assert (list(tags), len(tags)) == ([("a", 1), ("a", 3), ("b", 2)], 3)
    assert (list(tags.keys()), list(tags.values()), list(tags.items())) == (["a", "b"], [1, 3, 2], list(tags))
    assert ("a" in tags, "c" in tags, tags.has_item("a", 3), tags.has_item("b", 3)) == (True, False, True, False)
    assert tags == MultiMap([("a", 3), ("a", 1), ("b", 2)]) == {"b": [2], "a": [3, 1]}
    assert tags.as_dict() == {"a": [1, 3], "b": [2]}
    assert tags == [("b", 2), ("a", 1), ("a", 3)]
    assert tags not in (MultiMap([("a", 1), ("b", 2)]), MultiMap([*tags, ("a", 1)]), 3)
    assert repr(tags) == "MultiMap([('a', 1), ('a', 3), ('b', 2)])"
    with pytest.raises(KeyError):
        tags["c"]


def test_the_key_of_a_call_is_known_without_running_it():
    @task(config_args=["threads"])
    def work(n: int, /, *rest: int, threads: int = 1, job: JobInfo = JobInfo(), scale: float = 2.0) -> JobInfo:
        return job

    (job,) = [Scheduler().run(work(1, 2, 3, threads=4))]
    assert isinstance(job, JobInfo)
    registry = get_type_registry()
    assert hash_args_eval(registry, work, (1, 2, 3), {"scale": 2.0}) == (job.eval_hash, job.args_hash)
    assert hash_args_eval(registry, work, (1, 2), {}) != (job.eval_hash, job.args_hash)
    with pytest.raises(TaskError, match=r"argument rest\[0\] of task doors.work is an expression"):
        hash_args_eval(registry, work, (1, work(1)), {})


def test_a_scheduler_task_says_what_it_is_registered_under():
    @scheduler_task
    def first(values):
        """The first of several."""
        found = yield values[0]
        return found

    assert isinstance(first, SchedulerTask)
    assert (first.name, first.namespace, first.fullname) == ("first", "doors", "doors.first")
    assert (first.__doc__, repr(first)) == ("The first of several.", "<scheduler task doors.first>")
    assert Scheduler().run(first([3, 1 / 2])) == 3
    with pytest.raises(TypeError, match="first: "):
        first()


def test_kinds_of_records_are_those_of_tags():
    assert Tag(TagEntity.CallNode, b"", "k", "1") == Tag("call", b"", "k", "1")
    assert [str(kind) for kind in TagEntity] == ["execution", "job", "call", "task", "value"]


def test_the_version_is_that_of_what_is_installed():
    assert redux.version == installed("redux-cache")
