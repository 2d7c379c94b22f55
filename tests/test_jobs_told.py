"""What a task may be told of its job, what of it is kept silent, and which packages count as its code."""

from __future__ import annotations

from pathlib import Path

import pytest

from redux import Scheduler, task
from redux.flow.prov import no_prov
from redux.repo import Repo, open_repo
from redux.task import get_task_registry
from redux.tasks.job_info import JobInfo

redux_namespace = "told"
asked: list[JobInfo] = []
ran: list[str] = []


@pytest.fixture
def repo(tmp_path: Path) -> Repo:
    asked.clear()
    ran.clear()
    return open_repo(f"sqlite:///{tmp_path}/redux.db", str(tmp_path / "values"))


@task(memory=4, version="1")
def who(name: str, info: JobInfo = JobInfo()) -> str:
    asked.append(info)
    return name


@task(version="1")
def note(text: str) -> str:
    ran.append(text)
    return text


@task(version="1")
def two(text: str) -> list[str]:
    return [note(text + "1"), note(text + "2")]


@task(prov=False, version="1")
def hidden(text: str) -> list[str]:
    return two(text)


@task(version="1")
def shown(text: str) -> list[str]:
    return hidden(text)


def test_a_task_is_told_its_job_and_that_does_not_count_in_the_key(repo: Repo):
    report = Scheduler(repo).execute(who("a"))
    (view,) = repo.backend.jobs()
    (info,) = asked
    assert (info.job_id, info.execution_id) == (view.job.id.hex(), report.execution_id.hex())
    assert view.job.eval_hash is not None
    assert info.eval_hash == view.job.eval_hash.hex()
    assert (info.attempt, dict(info.options)) == (1, {"memory": 4})
    assert [argument.name for argument, _ in view.arguments] == ["name"]
    Scheduler(repo).run([who("a"), who("a", JobInfo(job_id="other")), who.options(memory=8)("a")])
    assert len(asked) == 1


def test_a_worker_process_is_told_too(repo: Repo):
    report = Scheduler(repo, executor="processes").execute(told_there())
    assert report.value == report.execution_id.hex()


@task(version="1")
def told_there(info: JobInfo = JobInfo()) -> str:
    return info.execution_id


def test_a_silent_call_and_all_below_it_leave_no_job_and_are_not_reused(repo: Repo):
    assert Scheduler(repo).run(hidden("a")) == ["a1", "a2"]
    assert repo.backend.jobs() == []
    assert Scheduler(repo).run([hidden("a"), no_prov(two("a"))]) == [["a1", "a2"]] * 2
    assert ran == ["a1", "a2"] * 3


def test_what_called_it_is_recorded_and_reused(repo: Repo):
    assert Scheduler(repo).run(shown("b")) == ["b1", "b2"]
    assert [view.fullname for view in repo.backend.jobs()] == ["told.shown"]
    shallow = shown.options(check_valid="shallow")
    assert Scheduler(repo).run(shallow("b")) == ["b1", "b2"]
    assert ran == ["b1", "b2"]
    (call,) = {view.job.call_hash for view in repo.backend.jobs()}
    assert call is not None
    known = repo.backend.get_call(call)
    assert known is not None
    members = repo.backend.get_task_sets([known.task_set])[known.task_set]
    names = {"told.shown", "told.hidden", "told.two", "told.note"}
    assert len(members) == len(names), "a change of a silent task makes it another call"


def test_only_a_call_can_be_silenced():
    with pytest.raises(TypeError, match="no_prov takes a call of a task, not 3"):
        Scheduler().run(no_prov(3))


def test_the_versions_of_named_packages_are_code(monkeypatch: pytest.MonkeyPatch, repo: Repo):
    from importlib import metadata

    versions = {"numpy": "1.0"}
    installed = metadata.version
    monkeypatch.setattr(metadata, "version", lambda name: versions.get(name) or installed(name))

    @task(packages=["numpy"], namespace="told", version="1")
    def pinned() -> int:
        ran.append("pinned")
        return 1

    for version in ("1.0", "1.0", "2.0", "1.0"):
        versions["numpy"] = version
        Scheduler(repo).run(pinned())
    assert ran == ["pinned", "pinned"]


def test_a_package_that_is_not_there_is_told():
    @task(packages=["no-such-package"], namespace="told")
    def lost() -> int:
        return 1

    try:
        with pytest.raises(Exception, match="packages= names no-such-package, which is not installed here; install it"):
            Scheduler().run(lost())
    finally:
        get_task_registry()._tasks.pop("told.lost")
