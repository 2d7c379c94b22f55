"""A context of its own for a call, and for all below it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from redux import Scheduler, get_context, task
from redux.cli.lookup import contexts_of
from redux.functools import catch
from redux.repo import Repo
from redux.task import TaskError
from redux_backends.backend import CONTEXT, JobView
from redux_backends.records import ExecutionId

from . import commands

redux_namespace = "context_of_calls"
NAME = get_context("place.name", "nowhere")
SIZE = get_context("size")


@task
def show(value: Any) -> Any:
    return value


@task
def by_default(value: Any = NAME) -> Any:
    return value


@task
def below() -> list[Any]:
    return [by_default(), show(get_context("place.name")), show(get_context("size", 0))]


@task
def refuse(value: Any = SIZE) -> Any:
    raise ValueError(value)


def test_a_call_sees_the_context_it_is_given_and_so_does_all_below_it():
    scheduler = Scheduler(context={"place": {"name": "home", "number": 1}})
    there = below.update_context({"place": {"name": "away"}}, size=3)
    here = ["home", "home", 0]
    assert scheduler.run([below(), there(), below()]) == [here, ["away", "away", 3], here]


def test_default_arguments_are_evaluated_in_the_calls_own_context():
    scheduler = Scheduler(context={"place": {"name": "home"}})
    away = by_default.update_context(place={"name": "away"})
    assert scheduler.run([by_default(), away(), away("given"), by_default()]) == ["home", "away", "given", "home"]
    with pytest.raises(ValueError, match="7"):
        scheduler.run(refuse.update_context(size=7)())
    assert scheduler.run(catch(refuse.update_context(size=8)(), ValueError, str)) == "8"


def test_contexts_are_laid_over_each_other_and_take_plain_values():
    twice = below.update_context(size=1).update_context(place={"name": "there"})
    assert Scheduler().run(twice()) == ["there", "there", 1]
    with pytest.raises(TaskError, match="takes plain values; pass expressions as arguments"):
        below.update_context(size=show(1))


# -- what is recorded of it ------------------------------------------------------------------------

AWAY = {"place": {"name": "away"}}
HOME = {"place": {"name": "home"}}


def shown(repo: Repo, view: JobView) -> list[str]:
    return [one.preview for one in contexts_of(repo.backend, (view.job,))]


def rows(repo: Repo, execution: ExecutionId) -> int:
    """How many tags say in which context something was."""
    named = [execution, *(view.job.id for view in repo.backend.jobs(execution=execution, limit=10_000))]
    found = repo.backend.get_tags(named).values()
    return sum(tag.key == CONTEXT for tags in found for tag in tags)


def test_every_job_shows_the_context_it_was_called_in(repo: Repo):
    scheduler = Scheduler(repo, context=HOME)
    here = scheduler.execute([show(1), below.update_context(AWAY)()]).execution_id
    for view in repo.backend.jobs(execution=here):
        of_below = view.fullname.endswith(("below", "by_default")) or view.job.parent is not None
        assert shown(repo, view) == [str(AWAY if of_below else HOME)]
    # One row for the execution, however many its jobs; one for each job of another context.
    assert rows(repo, here) == 1 + 4
    again = scheduler.execute([show(1), show(2), below.update_context(AWAY)()]).execution_id
    assert rows(repo, again) == 1 + 4
    (one,) = [
        view for view in repo.backend.jobs(execution=again, task="context_of_calls.show") if view.job.parent is None
    ][:1]
    assert shown(repo, one) == [str(HOME)]
    none = Scheduler(repo).execute([show(1), show(3)]).execution_id
    assert rows(repo, none) == 0
    plain = repo.backend.jobs(execution=none)[0]
    assert shown(repo, plain) == []
    assert plain.job.call_hash is not None
    behind = repo.backend.jobs(call=plain.job.call_hash)
    assert {each.preview for each in contexts_of(repo.backend, [view.job for view in behind])} == {str(HOME)}


def test_an_execution_that_is_continued_in_another_context_tells_so_of_its_further_jobs(repo: Repo):
    first = Scheduler(repo, context=HOME).execute(show(1)).execution_id
    assert rows(repo, first) == 1
    Scheduler(repo, context=HOME).extend_run(show(2), first.hex())
    assert rows(repo, first) == 1
    Scheduler(repo, context=AWAY).extend_run(show(3), first.hex())
    Scheduler(repo).extend_run(show(4), first.hex())
    assert rows(repo, first) == 3
    jobs = repo.backend.jobs(execution=first)
    assert [shown(repo, view) for view in jobs] == [[str(HOME)], [str(HOME)], [str(AWAY)], ["{}"]]


def test_a_context_that_has_no_encoding_is_not_told_and_costs_nothing_else(repo: Repo):
    report = Scheduler(repo, context={**HOME, "lock": lambda: None}).execute(below())
    assert report.value == ["home", "home", 0]
    assert report.storage_trouble is None
    assert rows(repo, report.execution_id) == 0


SUBRUN = """\
from redux import get_context, task
from redux.functools import subrun

redux_namespace = "sub"


@task
def show(where: str = get_context("region")) -> str:
    return where


@task
def main() -> list:
    return [subrun(show(), executor="processes"), subrun(show.update_context(region="away")(), executor="processes")]
"""


def test_jobs_of_subruns_in_other_processes_tell_where_theirs_is_another(tmp_path: Path):
    (tmp_path / "flow.py").write_text(SUBRUN)

    def redux(*words: str) -> Any:
        return commands.told(tmp_path, *words)

    assert redux("run", "--quiet", "--context", "region=home", "flow.py", "main") == "['home', 'away']\n"
    jobs = json.loads(redux("log", "--task", "sub.show", "--json"))["jobs"]
    pages = [json.loads(redux("log", one["job"]["id"], "--json")) for one in jobs]
    told = {page["job"]["result_preview"]: [one["preview"] for one in page["within"]] for page in pages}
    assert told == {"'home'": ["{'region': 'home'}"], "'away'": ["{'region': 'away'}"]}
    (call,) = {page["job"]["job"]["call_hash"] for page in pages if page["job"]["result_preview"] == "'away'"}
    assert "context    {'region': 'away'}" in redux("log", call)
    newest = json.loads(redux("log", "--json"))["executions"][0]
    assert newest["tags"] == [each for each in newest["tags"] if each[0] != CONTEXT]
    assert "  context    {'region': 'home'}" in redux("log", newest["execution"]["id"])
