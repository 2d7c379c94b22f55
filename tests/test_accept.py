"""An accepted edit: what is remembered goes on to count, nothing says that the new code gave it; it can be undone."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

from redux.amending.accepting import accept, acceptances, find_accepted, propose, revoke
from redux.amending.forgetting import forget
from redux.amendments import Acceptance
from redux.diff import Origin, diff_executions
from redux.errors import UsageError
from redux.explain.asking import Explained
from redux.fsck.check import Check
from redux.repo import Repo, open_repo
from redux.report.gathering import gather
from redux.report.page import page
from redux.scheduler import Scheduler
from redux.scheduler.opening import read_code
from redux_backends.backend import ACCEPTS, JobView
from redux_backends.records import Batch, MissKind, Outcome, Tag, hash_task_set
from redux_valuestore.digest import Digest

from .conftest import load_workflow

Workflow = Callable[[str], Path]

FLOW = """\
from redux import task
redux_namespace = "edited"

def helper(x):
    return x * 10

@task
def inner(x):
    return helper(x)

@task
def pair(x):
    return [inner(x), inner(x + 1)]

@task(check_valid="shallow")
def shallow(x):
    return [inner(x), 1]

@task
async def awaited(x):
    return await inner(x) + 1

@task
def top(x):
    return [pair(x), shallow(x), awaited(x)]
"""
RESULT = [[10, 20], [10, 1], 11]


def edited(path: Path, old: str, new: str) -> ModuleType:
    """The workflow with another text in it."""
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))
    return load_workflow(path)


def run(repo: Repo, flow: ModuleType, expected: object = RESULT) -> set[str]:
    """Run `top(1)`; the names of the tasks that ran."""
    report = Scheduler(repo, folder=Path(str(flow.__file__)).parent).execute(flow.top(1))
    assert report.value == expected, report.failure
    assert report.storage_trouble is None
    return {name.partition(".")[2] for name, counts in report.counts.items() if counts.done}


def accepted(repo: Repo, flow: ModuleType, name: str = "inner", since: str | None = None) -> Acceptance:
    """A task of a workflow accepted, as it is now."""
    book = read_code(Path(str(flow.__file__)).parent, repo)
    record = book.record_of(book.find(f"edited.{name}").task_hash)
    return accept(repo.backend, propose(repo.backend, record, since), "ada", "only the text")


def jobs_of(repo: Repo, name: str) -> list[JobView]:
    """The jobs of a task in the newest execution."""
    (newest,) = repo.backend.executions(1)
    return list(repo.backend.jobs(execution=newest.id, task=f"edited.{name}"))


def assert_sound(repo: Repo) -> None:
    """Nothing is wrong with what is recorded."""
    assert [*Check(repo).findings()] == []


def test_results_of_the_old_version_count_for_the_new_one_and_stay_its_own(repo: Repo, workflow: Workflow):
    path = workflow(FLOW)
    assert run(repo, load_workflow(path)) == {"inner", "pair", "shallow", "awaited", "top"}
    flow = edited(path, "return helper(x)", "return 0 + helper(x)")
    said = accepted(repo, flow)
    assert (said.task, said.by, said.why, said.changed) == (
        "edited.inner", "ada", "only the text", ("task edited.inner changed",),
    )  # fmt: skip
    assert run(repo, flow) == set()
    taken = jobs_of(repo, "inner")
    assert {view.job.outcome for view in taken} == {Outcome.ACCEPTED}
    assert {view.job.task_hash for view in taken} == {said.new}
    calls = {view.job.call_hash for view in taken if view.job.call_hash}
    asked = repo.backend.evaluations_of(list(calls), [view.job.id for view in taken])
    assert {one.task_hash for one in asked.values()} == {said.old}
    assert [view.job.outcome for name in ("shallow", "awaited") for view in jobs_of(repo, name)] == [
        Outcome.ACCEPTED,
        Outcome.ACCEPTED,
    ]
    (newest,) = repo.backend.executions(1)
    counted = {one.fullname: one.count for one in repo.backend.accepted_in(newest.id)}
    assert counted == {"edited.awaited": 1, "edited.inner": 2, "edited.shallow": 1}
    assert not repo.backend.remembered("task", [said.new])
    assert_sound(repo)


def test_what_changes_after_the_acceptance_runs(repo: Repo, workflow: Workflow):
    path = workflow(FLOW)
    run(repo, load_workflow(path))
    flow = edited(path, "return helper(x)", "return 0 + helper(x)")
    accepted(repo, flow)
    assert run(repo, flow) == set()
    flow = edited(path, "return x * 10", "return x * 100")
    assert run(repo, flow, [[100, 200], [100, 1], 101]) == {"inner", "awaited"}
    assert {view.job.reason.kind for view in jobs_of(repo, "inner") if view.job.reason} == {MissKind.CODE_CHANGED}


def test_acceptances_go_on_from_version_to_version(repo: Repo, workflow: Workflow):
    path = workflow(FLOW)
    run(repo, load_workflow(path))
    for old, new in (("return helper(x)", "return 0 + helper(x)"), ("return 0 + helper(x)", "return helper(x) + 0")):
        flow = edited(path, old, new)
        accepted(repo, flow)
        assert run(repo, flow) == set()
    assert run(repo, edited(path, "return helper(x) + 0", "return helper(x)")) == set()
    assert_sound(repo)


def test_what_only_the_new_version_was_asked_runs_with_it(repo: Repo, workflow: Workflow):
    path = workflow(FLOW)
    run(repo, load_workflow(path))
    flow = edited(path, "return helper(x)", "return 0 + helper(x)")
    said = accepted(repo, flow)
    report = Scheduler(repo, folder=path.parent).execute(flow.inner(7))
    assert report.value == 70
    (job,) = [view.job for view in jobs_of(repo, "inner")]
    assert (job.outcome, job.task_hash) == (Outcome.RAN, said.new)
    assert job.reason is not None
    assert job.reason.kind is MissKind.NEW_ARGUMENTS
    assert Scheduler(repo, folder=path.parent).execute(flow.inner(7)).counts["edited.inner"].cached == 1


def test_revoked_it_runs_again_and_says_that_its_code_changed(repo: Repo, workflow: Workflow):
    path = workflow(FLOW)
    run(repo, load_workflow(path))
    flow = edited(path, "return helper(x)", "return 0 + helper(x)")
    said = accepted(repo, flow)
    assert run(repo, flow) == set()
    (gone,) = revoke(repo.backend, find_accepted(repo.backend, "edited.inner"), "bob", "I was wrong")
    assert (gone.new, gone.old, gone.by, gone.revoked) == (said.new, said.old, "bob", True)
    with pytest.raises(UsageError, match="no acceptance holds"):
        find_accepted(repo.backend, "edited.inner")
    assert run(repo, flow) == {"inner", "awaited"}
    reasons = {view.job.reason for view in jobs_of(repo, "inner")}
    assert {(one.kind, one.detail) for one in reasons if one} == {(MissKind.CODE_CHANGED, said.old.hex())}
    assert accepted(repo, flow).by == "ada"
    assert [one.revoked for one in acceptances(repo.backend)] == [False]
    assert_sound(repo)


def test_a_version_further_back_can_be_meant(repo: Repo, workflow: Workflow):
    path = workflow(FLOW)
    run(repo, load_workflow(path))
    first = repo.backend.known_tasks(["edited.inner"])["edited.inner"][0]
    flow = edited(path, "return helper(x)", "return 1 + helper(x)")
    run(repo, flow, [[11, 21], [11, 1], 12])
    flow = edited(path, "return 1 + helper(x)", "return 0 + helper(x)")
    assert accepted(repo, flow, since=first.hex()[:8]).old == first
    assert run(repo, flow) == set()


@pytest.mark.parametrize("since", [None, "0000", "same"])
def test_there_must_be_another_version(since: str | None, repo: Repo, workflow: Workflow):
    flow = load_workflow(workflow(FLOW))
    run(repo, flow)
    if since == "same":
        since = repo.backend.known_tasks(["edited.inner"])["edited.inner"][0].hex()
    with pytest.raises(UsageError, match=r"no other version|no version|is the version"):
        accepted(repo, flow, since=since)


def test_said_again_it_takes_the_place_of_what_was_said(repo: Repo, workflow: Workflow):
    path = workflow(FLOW)
    run(repo, load_workflow(path))
    flow = edited(path, "return helper(x)", "return 0 + helper(x)")
    first, second = accepted(repo, flow), accepted(repo, flow)
    assert first.tag != second.tag
    assert acceptances(repo.backend, "edited.inner") == [second]


VERSIONED = """\
from redux import task
redux_namespace = "edited"

@task(version="{version}")
def top(x):
    return x + {added}
"""


def test_versions_given_by_hand_can_be_accepted(repo: Repo, workflow: Workflow):
    path = workflow(VERSIONED.format(version=1, added=1))
    assert run(repo, load_workflow(path), 2) == {"top"}
    flow = load_workflow(workflow(VERSIONED.format(version=2, added=1)))
    said = accepted(repo, flow, "top")
    assert run(repo, flow, 2) == set()
    assert said.changed == ("version edited.top changed",)


FAILING = """\
from pathlib import Path
from redux import task
redux_namespace = "edited"

@task(cache=False)
def fails(x):
    if {fails}:
        raise ValueError("not now")
    return x

@task
def inner(x):
    return fails(x)

@task
def top(x):
    return [inner(x), inner(x)]
"""


def test_a_call_below_an_accepted_one_may_fail_and_come_right(repo: Repo, workflow: Workflow):
    path = workflow(FAILING.format(fails=False))
    run(repo, load_workflow(path), [1, 1])
    path = workflow(FAILING.format(fails=True))
    flow = edited(path, "return fails(x)", "return fails(x)  and fails(x)")
    flow = edited(path, "return fails(x)  and fails(x)", "it = fails(x)\n    return it")
    accepted(repo, flow)
    report = Scheduler(repo, folder=path.parent).execute(flow.top(1))
    assert "not now" in str(report.failure and report.failure.error)
    assert_sound(repo)
    flow = edited(path, "if True", "if False")
    assert run(repo, flow, [1, 1]) == {"fails"}
    assert_sound(repo)


def test_where_the_bytes_are_gone_the_new_code_runs(tmp_path: Path, workflow: Workflow):
    url, store = f"sqlite:///{tmp_path}/redux.db", tmp_path / "values"
    path = workflow(FLOW.replace("return helper(x)", "return 'a' * 500").replace(" + 1\n", "\n"))
    text = "a" * 500
    expected = [[text, text], [text, 1], text]
    repo = open_repo(url, str(store), 100)
    run(repo, load_workflow(path), expected)
    for one in store.rglob("*"):
        if one.is_file() and one.stat().st_size > 400:
            one.unlink()
    flow = edited(path, "return 'a' * 500", "return 500 * 'a'")
    said = accepted(repo, flow)
    run(repo, flow, expected)
    ran = [view.job for view in jobs_of(repo, "inner") if view.job.outcome is Outcome.RAN]
    assert ran
    asked = repo.backend.evaluations_of([], [job.id for job in ran])
    assert {one.task_hash for one in asked.values()} == {said.new}
    repo.close()


HANDLES = """\
from redux import Handle, task
redux_namespace = "edited"

class Table(Handle):
    def __init__(self, name):
        self.name = name

@task
def inner(table, n):
    return table

@task
def after(table):
    return 5

@task
def top(x):
    return after(inner(Table("t"), x))
"""


def test_what_was_done_to_a_handle_counts_as_well(repo: Repo, workflow: Workflow):
    path = workflow(HANDLES)
    assert run(repo, load_workflow(path), 5) == {"inner", "after", "top"}
    flow = edited(path, "    return table\n", "    it = table\n    return it\n")
    accepted(repo, flow)
    assert run(repo, flow, 5) == set()
    assert_sound(repo)


HELD = """\
from redux import task
redux_namespace = "edited"

@task
def inner(x):
    return x * 10

@task
def chosen(x):
    return inner

@task
def top(x):
    return chosen(x)
"""


def test_a_result_that_holds_the_task_counts_as_well(repo: Repo, workflow: Workflow):
    path = workflow(HELD)
    flow = load_workflow(path)
    Scheduler(repo, folder=path.parent).execute(flow.top(1))
    flow = edited(path, "return x * 10", "return 10 * x")
    accepted_before = Scheduler(repo, folder=path.parent).dry_run(flow.top(1)).would_run
    assert [(one.fullname, one.reason.kind) for one in accepted_before] == [("edited.chosen", MissKind.TASK_CHANGED)]
    book = read_code(path.parent, repo)
    record = book.record_of(book.find("edited.inner").task_hash)
    with pytest.raises(UsageError):  # it was never called, so no version of it is known
        propose(repo.backend, record)


def test_results_of_another_task_never_count_whatever_a_tag_says(repo: Repo, workflow: Workflow):
    path = workflow(FLOW)
    flow = load_workflow(path)
    run(repo, flow)
    book = read_code(Path(str(flow.__file__)).parent, repo)
    inner = book.find("edited.inner").task_hash
    flow = edited(path, "[inner(x), inner(x + 1)]", "[inner(x), inner(x + 2)]")
    changed = [[10, 30], [10, 1], 11]
    assert run(repo, flow, changed) == {"pair", "inner"}
    flow = edited(path, "inner(x + 2)]", "inner(x + 3)]")
    pair = read_code(path.parent, repo)
    forged = Tag("task", pair.find("edited.pair").task_hash, ACCEPTS, json.dumps({"old": inner.hex()}))
    repo.backend.record(Batch(tasks=[pair.record_of(Digest(forged.entity))]))
    repo.backend.record_tags([forged])
    assert run(repo, flow, [[10, 40], [10, 1], 11]) == {"pair", "inner"}


def test_what_was_forgotten_of_the_old_version_does_not_count(repo: Repo, workflow: Workflow):
    path = workflow(FLOW)
    run(repo, load_workflow(path))
    flow = edited(path, "return helper(x)", "return 0 + helper(x)")
    said = accepted(repo, flow)
    forget(repo.backend, repo.backend.remembered("task", [said.old]), "bob")
    assert run(repo, flow) == {"inner", "awaited"}
    reasons = {view.job.reason.kind for view in jobs_of(repo, "inner") if view.job.reason}
    assert reasons == {MissKind.FORGOTTEN}
    assert run(repo, flow) == set()
    assert hash_task_set((said.new,)) != hash_task_set((said.old,))
    assert_sound(repo)


@pytest.mark.parametrize("further", [False, True], ids=["of the version now", "of one between"])
def test_where_the_new_versions_own_is_forgotten_no_older_result_stands_in(
    further: bool, repo: Repo, workflow: Workflow
):
    path = workflow(FLOW)
    run(repo, load_workflow(path))
    flow = edited(path, "return helper(x)", "return 0 + helper(x)")
    assert run(repo, flow) == {"inner", "awaited"}
    said = accepted(repo, flow)
    if further:
        flow = edited(path, "return 0 + helper(x)", "return 0 + 0 + helper(x)")
        accepted(repo, flow)
    assert run(repo, flow) == set()
    own = [one for one in repo.backend.remembered("task", [said.new]) if one.kind == "call"]
    assert own
    forget(repo.backend, own, "bob")
    assert run(repo, flow) == {"inner", "awaited"}
    assert {view.job.reason.kind for view in jobs_of(repo, "inner") if view.job.reason} == {MissKind.FORGOTTEN}
    assert run(repo, flow) == set()
    assert_sound(repo)


def test_a_diff_names_the_code_that_gave_each_result(repo: Repo, workflow: Workflow):
    path = workflow(FLOW)
    run(repo, load_workflow(path))
    flow = edited(path, "return helper(x)", "return helper(x) + 1")
    said = accepted(repo, flow)
    run(repo, flow)
    revoke(repo.backend, [said], "ada")
    run(repo, flow, [[11, 21], [11, 1], 12])
    now, before = repo.backend.executions(2)
    found = diff_executions(repo, before, now)
    assert {(one.fullname, one.origin) for one in found.sources if one.origin is not Origin.UNSEEN} == {
        ("edited.inner", Origin.CODE)
    }
    (code,) = found.code
    assert (code.fullname, [piece.words for piece in code.pieces]) == ("edited.inner", ["task edited.inner changed"])


def test_a_report_says_what_older_code_gave_and_shows_that_code(repo: Repo, workflow: Workflow):
    path = workflow(FLOW)
    run(repo, load_workflow(path))
    flow = edited(path, "return helper(x)", "return 0 + helper(x)")
    said = accepted(repo, flow)
    run(repo, flow)
    (newest,) = repo.backend.executions(1)
    facts = gather(repo, newest)
    used = {one.task_hash: one.jobs for one in facts.code}
    assert used[said.old] == len(jobs_of(repo, "inner"))
    assert said.new not in used
    html = page(facts)
    assert "4 jobs took results of older code, which was accepted: edited.inner ×2" in html
    assert "return 0 + helper(x)" not in html


MANY = """\
from pathlib import Path
from redux import task
redux_namespace = "edited"

@task
def inner(x):
    return x

@task(cache=False)
def top(x):
    return [inner(int(one)) for one in Path(__file__).with_name("given.txt").read_text().split()]
"""


def test_what_an_accepted_call_stands_for_is_compared_with_no_other(repo: Repo, workflow: Workflow):
    path = workflow(MANY)
    given = path.with_name("given.txt")
    given.write_text("1 2 3")
    run(repo, load_workflow(path), [1, 2, 3])
    flow = edited(path, "    return x\n", "    return +x\n")
    accepted(repo, flow)
    given.write_text("1 2 4")
    assert run(repo, flow, [1, 2, 4]) == {"inner", "top"}
    (newest,) = repo.backend.executions(1)
    (ran,) = (view for view in jobs_of(repo, "inner") if view.job.outcome is Outcome.RAN)
    miss = Explained(repo.backend, newest).job(ran)
    assert miss is not None
    assert [(one.name, one.before, one.now) for one in miss.cause.arguments] == [("x", "3", "4")]
