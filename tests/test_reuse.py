"""When a remembered result is used, and when not."""

from __future__ import annotations

import os
from collections.abc import Callable
from itertools import count
from pathlib import Path
from types import ModuleType

import pytest

from redux.file import File
from redux.flow.catch import catch
from redux.repo import Repo
from redux.scheduler import Report, Scheduler
from redux.task import Task, task
from redux_backends.records import JobStatus, MissKind, Outcome
from redux_valuestore.digest import digest_bytes

redux_namespace = "test_reuse"

Load = Callable[[Path], ModuleType]
Workflow = Callable[[str], Path]


@task
def double(x: int) -> int:
    return 2 * x


@task(cache_scope="NONE")
def never_reused(x: int) -> int:
    return x


@task(cache=False)
def reused_within_an_execution(x: int) -> int:
    return x


@task(check_valid="shallow")
def shallow(n: int) -> object:
    return [double(i) for i in range(n)]


@task
def long_text(letter: str) -> str:
    return letter * 1000


@task
def shout(text: str) -> str:
    return text.upper()


@task
def measure(text: str) -> int:
    return len(text)


@task(config_args=["verbose"])
def configured(x: int, verbose: bool = False) -> int:
    return x


@task
def read(file: File) -> str:
    with file.open() as stream:
        return stream.read()


@task
def write(path: str, text: str) -> File:
    file = File(path)
    with file.open("w") as stream:
        stream.write(text)
    return file


def ran(report: Report, name: str) -> int:
    counts = report.counts.get(name if "." in name else f"test_reuse.{name}")
    return counts.done if counts else 0


def reasons(repo: Repo, report: Report) -> dict[str, MissKind]:
    return {group.fullname: group.reason.kind for group in repo.backend.miss_groups(report.execution_id)}


def test_repeated_calls_of_one_execution_run_once_and_each_has_its_job(repo: Repo):
    report = Scheduler(repo).execute([double(4), double(4), [double(4)]])
    assert report.value == [8, 8, [8]]
    jobs = repo.backend.jobs(execution=report.execution_id)
    assert [view.job.outcome for view in jobs].count(Outcome.RAN) == 1
    assert [view.job.outcome for view in jobs].count(Outcome.SAME_EXECUTION) == 2
    assert len({view.job.call_hash for view in jobs}) == 1


def test_how_far_a_hit_may_come_from(repo: Repo):
    calls = [never_reused(1), never_reused(1), reused_within_an_execution(1), reused_within_an_execution(1), double(1)]
    for expected in (1, 0):
        report = Scheduler(repo).execute(calls)
        assert ran(report, "never_reused") == 2
        assert ran(report, "reused_within_an_execution") == 1
        assert ran(report, "double") == expected


def test_without_the_cache_everything_runs_once_more_and_is_recorded(repo: Repo):
    Scheduler(repo).run(double(3))
    report = Scheduler(repo, use_cache=False).execute([double(3), double(3)])
    assert ran(report, "double") == 1
    assert reasons(repo, report) == {"test_reuse.double": MissKind.CACHE_OFF}


def test_shallow_reuse_does_not_visit_what_is_below(repo: Repo):
    Scheduler(repo).run(shallow(5))
    report = Scheduler(repo).execute(shallow(5))
    assert report.value == [0, 2, 4, 6, 8]
    assert [view.job.outcome for view in repo.backend.jobs(execution=report.execution_id)] == [Outcome.ULTIMATE]


SHALLOW_FLOW = """
from redux import task

redux_namespace = "flow"

def helper(x):
    return x + {constant}

@task
def leaf(x):
    return helper(x)

@task
def other(x):
    return x

@task(check_valid="shallow")
def top(x):
    return leaf(x) + other(x)
"""


def test_a_changed_helper_below_unmakes_a_shallow_hit_and_changing_back_hits_again(
    repo: Repo, workflow: Workflow, load: Load
):
    def execute(constant: int) -> Report:
        path = workflow(SHALLOW_FLOW.format(constant=constant))
        return Scheduler(repo, folder=path.parent).execute(load(path).top(1))

    assert execute(1).value == 3
    changed = execute(2)
    assert changed.value == 4
    assert (ran(changed, "flow.leaf"), ran(changed, "flow.other")) == (1, 0)
    assert reasons(repo, changed) == {"flow.leaf": MissKind.CODE_CHANGED}
    back = execute(1)
    assert back.value == 3
    assert sum(counts.done for counts in back.counts.values()) == 0


FAILING = """
from redux import catch, task

redux_namespace = "failing"

@task
def inner(x):
    {inner}

@task
def outer(x):
    return inner(x)

@task
def recover(error):
    return "recovered"

@task(check_valid="shallow")
def careful(x, which):
    return catch(outer(x), ValueError, recover)

@task
def main(x):
    return [careful(x, "first"), careful(x, "second")]
"""


def test_who_recovered_from_a_failure_of_an_equal_call_is_asked_again_once_it_is_mended(
    repo: Repo, workflow: Workflow, load: Load
):
    def run(inner: str) -> object:
        path = workflow(FAILING.format(inner=inner))
        return Scheduler(repo, folder=path.parent).run(load(path).main(1))

    assert run("raise ValueError(x)") == ["recovered", "recovered"]
    (last,) = repo.backend.executions(1)
    calls = {view.job.call_hash for view in repo.backend.jobs(execution=last.id) if view.fullname == "failing.outer"}
    assert len(calls) == 1
    assert run("return x") == [1, 1]


def test_config_arguments_do_not_count(repo: Repo):
    assert Scheduler(repo).run(configured(1)) == 1
    assert ran(Scheduler(repo).execute(configured(1, verbose=True)), "configured") == 0


def test_why_something_ran(repo: Repo):
    assert reasons(repo, Scheduler(repo).execute(double(1))) == {"test_reuse.double": MissKind.NEW_TASK}
    assert reasons(repo, Scheduler(repo).execute(double(2))) == {"test_reuse.double": MissKind.NEW_ARGUMENTS}


# -- files -------------------------------------------------------------------------------------------


def test_an_input_file_that_changed_runs_its_readers_again(repo: Repo, tmp_path: Path):
    path = tmp_path / "input.txt"
    path.write_text("one")
    assert Scheduler(repo).run(read(File(str(path)))) == "one"
    path.write_text("two")
    assert Scheduler(repo).run(read(File(str(path)))) == "two"
    path.write_text("one")
    assert ran(Scheduler(repo).execute(read(File(str(path)))), "read") == 0


@pytest.mark.parametrize("harm", ["changed", "gone"])
def test_an_output_file_that_changed_or_went_is_written_again(repo: Repo, tmp_path: Path, harm: str):
    path = tmp_path / "output.txt"
    call = read(write(str(path), "text"))
    assert Scheduler(repo).run(call) == "text"
    assert ran(Scheduler(repo).execute(call), "write") == 0
    if harm == "gone":
        path.unlink()
    else:
        path.write_text("something else")
    report = Scheduler(repo).execute(call)
    assert report.value == "text"
    assert path.read_text() == "text"
    assert (ran(report, "write"), ran(report, "read")) == (1, 0)
    assert reasons(repo, report) == {"test_reuse.write": MissKind.FILE_CHANGED}


# -- bytes that are gone -----------------------------------------------------------------------------


def test_a_result_whose_bytes_are_gone_is_made_again_when_somebody_needs_it(repo: Repo):
    first = Scheduler(repo).execute(long_text("a"))
    job = repo.backend.jobs(execution=first.execution_id)[0]
    assert job.result is not None
    repo.store.delete(job.result)
    nobody_needs_it = Scheduler(repo).execute(measure(long_text("a")))
    assert nobody_needs_it.value == 1000
    report = Scheduler(repo).execute([long_text("a"), shout(long_text("a"))])
    assert report.value == ["a" * 1000, "A" * 1000]
    healed = Scheduler(repo).execute(long_text("a"))
    assert healed.value == "a" * 1000
    assert ran(healed, "long_text") == 0


def test_a_lost_intermediate_is_made_again_and_its_users_go_on(repo: Repo):
    first = Scheduler(repo).execute(measure(shout(long_text("b"))))
    for view in repo.backend.jobs(execution=first.execution_id):
        if view.result is not None and repo.store.has(view.result):
            repo.store.delete(view.result)
    report = Scheduler(repo).execute(shout(shout(long_text("b"))))
    assert report.value == "B" * 1000
    assert ran(report, "long_text") == 1
    again = [view for view in repo.backend.jobs(execution=report.execution_id) if view.job.outcome is Outcome.RAN]
    kinds = {view.job.reason.kind for view in again if view.job.reason}
    assert MissKind.VALUE_GONE in kinds
    assert all(view.job.status is not JobStatus.RUNNING for view in again)


@pytest.mark.parametrize("shape", ["operations", "containers", "both"])
def test_one_lost_value_that_many_need_is_made_again_once(repo: Repo, shape: str):
    text = long_text("e")
    parts = {
        "operations": [text[0], text[1], text[2]],
        "containers": [shout(f"x{i}") if i < 0 else same_text([text, str(i)]) for i in range(3)],
        "both": [text[0], same_text([text, "1"]), text, measure(text)],
    }[shape]
    first = Scheduler(repo).execute(parts)
    for view in repo.backend.jobs(execution=first.execution_id):
        if view.result is not None and view.job.outcome is Outcome.RAN and repo.store.has(view.result):
            repo.store.delete(view.result)
    report = Scheduler(repo).execute(parts)
    assert report.value == first.value
    assert ran(report, "long_text") == 1


@task
def same_text(parts: list[str]) -> str:
    return "".join(parts)


_dice = count(1)


@task(version="1")
def other_each_time(x: int) -> str:
    return str(next(_dice)) * 1000


def test_a_value_made_again_differently_is_used_under_its_own_hash(repo: Repo):
    first = Scheduler(repo).execute(measure(shout(other_each_time(1))))
    for view in repo.backend.jobs(execution=first.execution_id):
        if view.result is not None and repo.store.has(view.result):
            repo.store.delete(view.result)
    report = Scheduler(repo).execute([same_text([other_each_time(1), "!"])])
    used = report.value[0][:-1]
    assert Scheduler(repo).run(same_text([used, "!"])) == used + "!"
    previous = str(int(used[: len(used) // 1000]) - 1) * 1000
    fresh = Scheduler(repo).execute(same_text([previous, "!"]))
    assert fresh.value == previous + "!"


def test_a_file_that_changes_before_its_reader_reads_it_is_not_remembered_as_it_was(repo: Repo, tmp_path: Path):
    path = tmp_path / "input.txt"
    path.write_text("old")
    assert Scheduler(repo).run(replaced_and_read(File(str(path)), "new")) == "new"
    path.write_text("old")
    assert Scheduler(repo).run(replaced_and_read(File(str(path)), "new")) == "new"
    assert path.read_text() == "new"


@task
def replaced_and_read(file: File, text: str) -> str:
    file.write(text)
    return file.read()


@task(check_valid="shallow", version="1")
def read_as_it_was(file: File, broken: bool) -> str:
    path = Path(file.path)
    swap = path.with_suffix(".swap")
    if swap.exists():
        swap.replace(path)
    if broken and path.read_text() == "new":
        raise ValueError("new")
    return path.read_text()


@task(check_valid="shallow", version="1")
def recovers_from_reading(file: File, broken: bool) -> object:
    return catch(read_as_it_was(file, broken), ValueError, tell)


@task(version="1")
def tell(error: ValueError) -> str:
    return str(error)


@pytest.mark.parametrize(
    ("reader", "broken"), [(read_as_it_was, False), (recovers_from_reading, False), (recovers_from_reading, True)]
)
def test_what_read_a_changed_file_is_not_taken_whole_for_the_file_that_it_was_given(
    repo: Repo, tmp_path: Path, reader: Task[..., str], broken: bool
):
    path = tmp_path / "input.txt"
    path.write_text("old")
    path.with_suffix(".swap").write_text("new")
    assert Scheduler(repo).run(reader(File(str(path)), broken)) == "new"
    path.write_text("old")
    assert Scheduler(repo).run(reader(File(str(path)), broken)) == "old"


@task(version="1")
def puts_a_pipe_there(file: File) -> str:
    os.remove(file.path)
    os.mkfifo(file.path)
    return "result"


def test_an_input_that_cannot_be_read_any_more_costs_no_result(repo: Repo, tmp_path: Path):
    path = tmp_path / "input.txt"
    path.write_text("text")
    assert Scheduler(repo).run(puts_a_pipe_there(File(str(path)))) == "result"


def test_equal_values_are_kept_once(repo: Repo):
    Scheduler(repo).run([long_text("c"), shout("c" * 1000), shout("C" * 1000)])
    assert len(list(repo.store.iterate())) == 2


def test_a_value_is_named_by_the_digest_of_its_bytes(repo: Repo):
    report = Scheduler(repo).execute(long_text("d"))
    result = repo.backend.jobs(execution=report.execution_id)[0].result
    assert result is not None
    assert digest_bytes(bytes(repo.store.get(result))) == result
