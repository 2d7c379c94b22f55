"""Tags: as text and as data, on executions, jobs and values, from the workflow and from whoever runs it."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from redux import Scheduler, task
from redux.checkout import Checkout, find_checkout
from redux.default_tags import default_tags
from redux.functools import apply_tags
from redux.repo import Repo
from redux.tags import (
    ANY_VALUE,
    TagError,
    as_tags,
    format_tag_key_value,
    format_tag_value,
    parse_tag_key_value,
    parse_tag_value,
)
from redux.task import TaskError
from redux.value import hash_value
from redux_backends.records import Job
from redux_valuestore.urls import without_login, without_password, without_password_of

redux_namespace = "tagged"
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
)


# -- as text -----------------------------------------------------------------------------------------


@given(JSON)
def test_what_is_shown_is_read_back(value: object) -> None:
    assert parse_tag_value(format_tag_value(value)) == value


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("raw", "raw"),
        ("3", 3),
        ('"3"', "3"),
        ("1.5", 1.5),
        ("true", True),
        ("null", None),
        ("[1, 2]", [1, 2]),
        ("[1, 2", "[1, 2"),
        ("NaN", "NaN"),
        ("", ""),
        ("two words", "two words"),
    ],
)
def test_a_value_is_json_where_it_can_be_read_so(text: str, value: object) -> None:
    assert parse_tag_value(text) == value
    assert type(parse_tag_value(text)) is type(value)
    assert parse_tag_key_value(f"key={text}") == ("key", value)


def test_keys_stand_before_the_first_equals_sign() -> None:
    assert parse_tag_key_value("url=a=b") == ("url", "a=b")
    assert parse_tag_key_value("key", value_required=False) == ("key", ANY_VALUE)
    assert format_tag_key_value("key", ANY_VALUE) == "key"
    assert format_tag_key_value("n", "3") == 'n="3"'
    assert format_tag_key_value("doc", "a long text", max_length=10) == "doc=a lon…"
    for text, says in {"key": "write key=VALUE", "=3": "'=3' is no tag", " k=3": "write key=value"}.items():
        with pytest.raises(TagError, match=says):
            parse_tag_key_value(text)


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ([("k", {1})], "the tag 'k' cannot be written as JSON"),
        ({"k": float("nan")}, "the tag 'k' cannot be written as JSON"),
        ({"": 1}, "'' is no key of a tag"),
        (["stage=raw"], "'stage=raw' is no tag: give pairs of key and value, or a dict"),
    ],
)
def test_what_is_no_tag_is_refused(given: Any, says: str) -> None:
    with pytest.raises(TagError, match=says) as refused:
        as_tags(given)
    assert refused.value.exit_code == 2


# -- recorded ----------------------------------------------------------------------------------------


@task
def make(n: int) -> list[int]:
    return list(range(n))


@task
def tagged(n: int) -> list[int]:
    return apply_tags(make(n), {"kind": "list"}, job_tags=[("size", n)], execution_tags={"seen": [n]})


@task
def added(n: int) -> int:
    return apply_tags(make(n)[0] + 1, [("kind", "sum"), ("kind", "number")])


def tags_of(repo: Repo, *records: bytes) -> list[tuple[str, str, object]]:
    found = repo.backend.get_tags(records)
    return [(tag.kind, tag.key, json.loads(tag.value)) for record in records for tag in found.get(record, ())]


def job_of(repo: Repo, name: str) -> Job:
    (newest,) = repo.backend.jobs(task=name, limit=1)
    return newest.job


def test_a_workflow_tags_its_values_its_jobs_and_its_execution(repo: Repo) -> None:
    for n in (3, 3):  # the second time all results are known
        report = Scheduler(repo).execute(tagged(n), tags={"who": "me"})
        assert report.value == [0, 1, 2]
        assert sorted(tags_of(repo, report.execution_id)) == [("execution", "seen", [3]), ("execution", "who", "me")]
        assert tags_of(repo, job_of(repo, "tagged.tagged").id) == [("job", "size", 3)]
        assert tags_of(repo, hash_value([0, 1, 2])) == [("value", "kind", "list")]
    assert Scheduler(repo).run(added(2)) == 1
    assert tags_of(repo, hash_value(1)) == [("value", "kind", "sum"), ("value", "kind", "number")]


def test_a_value_that_no_call_gave_is_recorded_with_its_tags(repo: Repo) -> None:
    report = Scheduler(repo).execute(
        [apply_tags("given", {"a": 1}), apply_tags({"x": make(1)}, execution_tags={"b": 2})]
    )
    assert report.value == ["given", {"x": [0]}]
    assert tags_of(repo, hash_value("given"), report.execution_id) == [("value", "a", 1), ("execution", "b", 2)]
    assert report.storage_trouble is None


@task
def tagged_wrongly(tags: Any) -> Any:
    return apply_tags(make(1), tags)


def test_what_is_wrong_with_tags_is_the_tasks_failure(repo: Repo) -> None:
    with pytest.raises(TagError, match="give pairs of key and value"):
        Scheduler(repo).run(tagged_wrongly("stage"))
    with pytest.raises(TagError, match="job_tags outside of any job"):
        Scheduler(repo).run(apply_tags(make(1), job_tags={"a": 1}))
    with pytest.raises(TagError, match="cannot be written as JSON"):
        Scheduler(repo).execute(make(1), tags={"a": object()})


def test_tags_that_redux_reads_itself_are_given_by_nobody_else(repo: Repo) -> None:
    with pytest.raises(TaskError, match=r"the tag 'redux\.secret' is redux's own"):
        task(tags=[("redux.secret", True)])(make.func)
    with pytest.raises(TagError, match=r"the tag 'redux\.secret' is redux's own"):
        Scheduler(repo).run(tagged_wrongly({"redux.secret": True}))


# -- what is known without being told ----------------------------------------------------------------


def git(folder: Path, *words: str) -> str:
    command = ["git", "-c", "user.name=n", "-c", "user.email=e@x", "-c", "init.defaultBranch=main", *words]
    return subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True).stdout.strip()


def test_the_checkout_is_read_as_git_reads_it(tmp_path: Path) -> None:
    assert find_checkout(tmp_path) is None
    source = tmp_path / "source"
    deep = source / "a"
    deep.mkdir(parents=True)
    git(source, "init")
    assert find_checkout(deep) == Checkout(None, None)
    git(source, "remote", "add", "origin", "https://name:secret@host.example/x.git")
    git(source, "commit", "--allow-empty", "-m", "one")
    commit = git(source, "rev-parse", "HEAD")
    there = Checkout(commit, "https://host.example/x.git")
    assert find_checkout(deep) == there
    git(source, "pack-refs", "--all")
    assert find_checkout(deep) == there
    git(source, "worktree", "add", "../beside", "-b", "other")
    git(tmp_path / "beside", "commit", "--allow-empty", "-m", "two")
    assert find_checkout(tmp_path / "beside") == Checkout(git(tmp_path / "beside", "rev-parse", "HEAD"), there.origin)
    git(source, "checkout", "--detach")
    assert find_checkout(source) == there
    (source / ".git" / "HEAD").unlink()
    assert find_checkout(source) is None


def test_no_secret_of_an_origin_is_kept() -> None:
    assert without_login("https://token@host/x.git") == "https://host/x.git"
    assert without_login("ssh://git:word@host/x.git") == "ssh://git@host/x.git"
    for plain in ("git@host:x/y.git", "ssh://git@host/x.git", "/a/path", "https://host/x@y"):
        assert without_login(plain) == without_password(plain) == plain
    assert without_password("https://token@host/x.git") == "https://…@host/x.git"
    assert without_password("https://name:to/ken@host/x.git") == "https://…@host/x.git"
    assert without_password_of("https://token@host/x", "no host for token at https://token@host/x") == (
        "no host for … at https://…@host/x"
    )


def test_every_execution_knows_its_version_user_project_and_doc(tmp_path: Path) -> None:
    said = default_tags(tmp_path, "name.space.task", "what for")
    assert list(said) == ["redux.version", "user", "project", "doc"]
    assert (said["project"], said["doc"]) == ("name.space", "what for")
    assert list(default_tags(tmp_path, "task")) == ["redux.version", "user"]
