"""Records as lines of JSON: every record has one, which comes back as that record, and no other line is read."""

from __future__ import annotations

import dataclasses
import json
import types
from enum import Enum, IntFlag
from typing import Any, Union, get_args, get_origin, get_type_hints

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from redux_backends import sample
from redux_backends.exchange import CallRecord, HandleRecord
from redux_backends.record_json import BentLine, form_of
from redux_backends.records import (
    CallNode,
    Evaluation,
    EvaluationKey,
    Execution,
    ExecutionId,
    Job,
    JobId,
    Tag,
    TaskRecord,
    TaskSet,
    ValueRecord,
)
from redux_valuestore.digest import Digest

from .error_texts import hold_to_golden

KINDS = [
    HandleRecord, ValueRecord, TaskRecord, EvaluationKey, Evaluation, TaskSet, CallNode, CallRecord, Execution, Job,
    Tag,
]  # fmt: skip

TEXTS = st.text() | st.text(st.sampled_from('\0\n"\\\u2028\ud83d\ude00\ufdd0d8😀')) | st.just("\ufdd0d83d")
_WHOLE = st.integers(-(2**63) + 1, 2**63 - 1)
_PLAIN: dict[Any, st.SearchStrategy[Any]] = {
    Digest: st.binary(min_size=32, max_size=32),
    ExecutionId: st.binary(min_size=16, max_size=16),
    JobId: st.binary(min_size=16, max_size=16),
    bytes: st.binary(min_size=16, max_size=16) | st.binary(min_size=32, max_size=32),
    bytes | None: st.none() | st.binary(),
    str: TEXTS,
    bool: st.booleans(),
    int: _WHOLE,
    float: st.floats(allow_nan=False, allow_infinity=False),
}


def anything(hint: Any) -> st.SearchStrategy[Any]:
    """Whatever a field with this annotation may hold."""
    if hint in _PLAIN:
        return _PLAIN[hint]
    if get_origin(hint) in (Union, types.UnionType):
        return st.one_of([st.none() if each is types.NoneType else anything(each) for each in get_args(hint)])
    if get_origin(hint) is tuple:
        return st.lists(anything(get_args(hint)[0]), max_size=3).map(tuple)
    if dataclasses.is_dataclass(hint):
        hints = get_type_hints(hint)
        return st.builds(hint, **{each.name: anything(hints[each.name]) for each in dataclasses.fields(hint)})  # pyright: ignore
    if issubclass(hint, IntFlag):
        return st.integers(0, sum(hint)).map(hint)
    assert issubclass(hint, Enum)
    return st.sampled_from(list(hint))


patient = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_every_record_comes_back_from_its_line(kind: type[Any]):
    form = form_of(kind)

    @patient
    @given(anything(kind))
    def comes_back(record: Any):
        line = form.line(record)
        assert form.record(line) == record
        assert line.count(b"\n") == 1
        plain = json.loads(line)
        assert list(plain) == [each.name for each in dataclasses.fields(kind)]
        json.dumps(plain, ensure_ascii=False).encode()  # no lone surrogate: any program can read it

    comes_back()


def test_a_line_reads_like_its_record():
    value = dataclasses.replace(sample.file_value("/data/in.csv", "1"), data=b"\0\xff")
    assert json.loads(form_of(ValueRecord).line(value)) == {
        "hash": value.hash.hex(),
        "type_name": "redux.File",
        "size": 14,
        "data": "AP8=",
        "preview": "'/data/in.csv=1'",
        "traits": ["FILES"],
        "files": [{"path": "/data/in.csv", "content": sample.digest("1").hex()}],
        "subvalues": [],
        "tasks": [],
        "handles": [],
    }
    without = form_of(ValueRecord, frozenset({"data"}))
    assert b'"data"' not in without.line(value)
    assert without.record(without.line(value)) == dataclasses.replace(value, data=None)


STORY = sample.Story("x")
JOB = form_of(Job).line(STORY.root).decode()
TASK = form_of(TaskRecord).line(STORY.main).decode()
VALUE = form_of(ValueRecord).line(STORY.inputs[0]).decode()
HASH = STORY.main.hash.hex()
WRONG: dict[str, tuple[type[Any], str]] = {
    "no JSON": (Job, "{"),
    "no object": (Job, "[]\n"),
    "two objects": (Job, JOB * 2),
    "too deep": (Job, "[" * 200_000),
    "unknown field": (Job, JOB.replace('"id"', '"id":"00","eval"', 1)),
    "missing field": (Job, JOB.replace('"parent":null,', "")),
    "field twice": (Job, JOB.replace('"parent":null', '"parent":null,"parent":null')),
    "other order": (Job, json.dumps(dict(reversed(json.loads(JOB).items())))),
    "spaces": (Job, json.dumps(json.loads(JOB)) + "\n"),
    "no end": (Job, JOB.rstrip()),
    "short id": (Job, JOB.replace('"id":"', '"id":"00')),
    "no hex": (TaskRecord, TASK.replace(HASH, "g" * 64)),
    "hash of another length": (TaskRecord, TASK.replace(HASH, HASH[:-2])),
    "hash is a number": (TaskRecord, TASK.replace(f'"{HASH}"', "1")),
    "upper case": (TaskRecord, TASK.replace(HASH, HASH.upper())),
    "wrong inside": (TaskRecord, TASK.replace('"kind":"task"', '"kind":null')),
    "an object for a list": (ValueRecord, VALUE.replace('"files":[]', '"files":{}')),
    "unknown status": (Job, JOB.replace('"DONE"', '"GREAT"')),
    "unknown trait": (ValueRecord, VALUE.replace('"traits":[', '"traits":["NEW"')),
    "traits in another order": (ValueRecord, VALUE.replace('"traits":[', '"traits":["TRUST","FILES"')),
    "truth for a number": (ValueRecord, VALUE.replace('"size":1', '"size":true')),
    "a fraction": (ValueRecord, VALUE.replace('"size":1', '"size":1.0')),
    "a number too large": (ValueRecord, VALUE.replace('"size":1', f'"size":{2**64}')),
    "a number far too large": (ValueRecord, VALUE.replace('"size":1', '"size":' + "9" * 10_000)),
    "a moment too large": (Job, JOB.replace("1700000000.0", "1e999")),
    "a whole moment": (Job, JOB.replace("1700000000.0", "17")),
    "not a number": (Job, JOB.replace("1700000000.0", "NaN")),
    "no base64": (ValueRecord, VALUE.replace('"eA=="', '"é"')),
    "a mark for nothing": (ValueRecord, VALUE.replace('"str"', '"\ufdd00041"')),
    "no UTF-8": (Job, "{\ud83d}"),
}  # fmt: skip
"""Lines that are those of no record, or not the one of theirs."""


def test_no_other_line_is_read():
    attempts = {
        name: lambda kind=kind, line=line: form_of(kind).record(line.encode(errors="surrogatepass"))
        for name, (kind, line) in WRONG.items()
    }
    hold_to_golden("line_errors", attempts)


@patient
@given(
    st.binary()
    | st.text().map(str.encode)
    | st.recursive(st.none() | st.text(), st.lists).map(json.dumps).map(str.encode)
)
def test_whatever_else_comes_is_refused_in_words(line: bytes):
    for kind in KINDS:
        with pytest.raises(BentLine):
            form_of(kind).record(line)
