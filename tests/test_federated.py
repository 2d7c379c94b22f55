"""Tasks of another project: called by the name of an entrypoint, with that project's code, settings and storage."""

from __future__ import annotations

import os
import select
import subprocess
import sys
from pathlib import Path

import pytest

from redux.errors import ConfigError, UsageError
from redux.federated_tasks import LaunchFailed, federated_task, launch_federated_task
from redux.functools import catch, subrun
from redux.repo import Repo, open_repo
from redux.session import open_scheduler
from redux.settings.precedence import Layer, Sources, explain_settings
from redux.task import task
from redux.tasks.options import TaskError
from redux_backends.records import ExecutionId, JobStatus

redux_namespace = "test_federated"

OTHER = """
import os
from redux import get_context, task
import helpers

redux_namespace = "other"

@task
def leaf(x):
    open("ran", "a").write("x")
    return x

@task
def tell(x, y=0, place=get_context("place")):
    return [leaf(x + y), place, helpers.WHOSE, os.getcwd(), os.getpid()]

@task
def refuse(text):
    raise LookupError(text)

@task
def wait(begun, go):
    open(begun, "w").close()
    return open(go).read()
"""


@pytest.fixture
def projects(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Path, Path]:
    """Two projects with modules of the same names; the first one knows tasks of the second."""
    ours, theirs = tmp_path / "ours", tmp_path / "theirs"
    for folder in (ours, theirs):
        folder.mkdir()
        (folder / "helpers.py").write_text(f"WHOSE = {folder.name!r}\n")
    (theirs / "flow.py").write_text(OTHER)
    (theirs / "pyproject.toml").write_text('[tool.redux.context]\nplace = "theirs"\n')
    (ours / "flow.py").write_text("")
    (ours / "pyproject.toml").write_text(
        '[tool.redux.context]\nplace = "ours"\n'
        + "".join(
            f'[tool.redux.federated_tasks.{name}]\nnamespace = "other"\ntask_name = "{name}"\n'
            f'load_module = "{module}"\nconfig_dir = "../theirs"\nexecutor = "{executor}"\n'
            for name, module, executor in (
                ("tell", "flow.py", "processes"),
                ("refuse", "flow", "threads"),
                ("wait", "flow", "threads"),
                ("missing", "flow", "threads"),
                ("lost", "nowhere", "threads"),
            )
        )
    )
    monkeypatch.chdir(ours)
    monkeypatch.syspath_prepend(str(ours))
    # They lead here, and not to the other project.
    monkeypatch.setenv("REDUX_STORE", str(tmp_path / "our_values"))
    return ours, theirs


def repo_of(folder: Path) -> Repo:
    return open_repo(f"sqlite:///{folder}/.redux/redux.db", f"{folder}/.redux/values")


@task
def double(x: int) -> int:
    return 2 * x


@task
def forgive(error: LookupError) -> str:
    return f"forgiven: {error}"


def test_it_runs_as_the_other_project_would_run_it(projects: tuple[Path, Path]):
    ours, theirs = projects
    with open_scheduler(ours) as scheduler:
        first, again = (scheduler.execute(federated_task("tell", double(4), y=1)) for _ in range(2))
    for report in (first, again):
        answer, place, whose, folder, process = report.value
        assert (answer, place, whose, folder) == (9, "theirs", "theirs", str(theirs))
        assert process != os.getpid()
    assert (theirs / "ran").read_text() == "x", "what it remembers is remembered there"
    mine, other = repo_of(ours), repo_of(theirs)
    (outer,) = mine.backend.jobs(execution=first.execution_id, task="redux.elsewhere")
    executions = other.backend.executions(5)
    assert len(executions) == 2
    (caller,) = (tag for tag in other.backend.get_tags([executions[1].id])[executions[1].id] if tag.key == "caller")
    assert caller.value == f'"{first.execution_id.hex()}/{outer.job.id.hex()}"'
    (argument,) = mine.backend.jobs(execution=first.execution_id, task="test_federated.double")
    call = mine.backend.get_call(outer.job.call_hash)
    assert [upstream.call for upstream in call.upstreams] == [argument.job.call_hash], (
        "where arguments came from is kept"
    )
    mine.close()
    other.close()


def test_errors_are_the_task_s_own_and_wrong_names_are_told(projects: tuple[Path, Path]):
    ours, theirs = projects
    with open_scheduler(ours) as scheduler:
        assert scheduler.run(catch(federated_task("refuse", "no"), LookupError, forgive)) == "forgiven: no"
        report = scheduler.execute(federated_task("refuse", "no"))
        assert report.failure is not None
        assert f'File "{theirs}/flow.py", line' in report.failure.traceback_text
        assert ", far=<project /" in report.failure.chain[-1][1]
        with pytest.raises(UsageError, match=r"no \[federated_tasks.tel\] is in the settings; did you mean 'tell'"):
            scheduler.run(federated_task("tel", 1))
        with pytest.raises(UsageError, match=r"flow of .*theirs has no task other\.missing"):
            scheduler.run(federated_task("missing"))
        with pytest.raises(TypeError, match=r"^task other\.refuse\(text\): missing a required argument: 'text'"):
            scheduler.run(federated_task("refuse"))
        with pytest.raises(ModuleNotFoundError, match="No module named 'nowhere'") as raised:
            scheduler.run(federated_task("lost"))
        (note,) = raised.value.__notes__
        assert note.endswith("theirs: see to the load_module of [federated_tasks.lost]")


def test_a_subrun_takes_place_in_the_project_that_config_dir_names(projects: tuple[Path, Path]):
    ours, theirs = projects
    (ours / "flow.py").write_text(
        "from redux import task\n@task(namespace='other')\ndef tell(x, y=0, place=None):\n    return 'ours'\n"
    )
    script = (
        "import sys; sys.path.insert(0, '.')\nimport redux, flow\nfrom redux.functools import subrun\n"
        "print(redux.run(subrun(flow.tell(1, 2, 'here'), 'threads', config_dir='../theirs')))\n"
    )
    said = subprocess.run([sys.executable, "-c", script], cwd=ours, text=True, capture_output=True, check=True).stdout
    assert said.startswith(f"[3, 'here', 'theirs', '{theirs}', ")
    with open_scheduler(ours) as scheduler:
        wrong = subrun(double(1), "threads", config_dir=str(theirs), load_modules=[])
        with pytest.raises(TaskError, match="no task is named test_federated"):
            scheduler.run(wrong)
        believing = subrun(double(1), "threads", {"shared": {"unsigned": True}}, config_dir=str(theirs))
        with pytest.raises(ConfigError, match=r"the config of subrun: shared\.unsigned says whom you trust"):
            scheduler.run(believing)


def test_launched_tasks_go_on_by_themselves(projects: tuple[Path, Path]):
    ours, theirs = projects
    for fifo in ("begun", "go"):
        os.mkfifo(ours / fifo)
    id = launch_federated_task("wait", [str(ours / "begun")], {"go": str(ours / "go")})
    assert not (ours / ".redux").exists(), "nothing is made here"
    assert (ours / "begun").read_text() == ""
    repo = repo_of(theirs)
    execution = ExecutionId(bytes.fromhex(id))
    standing = repo.backend.get_execution(execution)
    assert standing is not None
    assert (standing.status, standing.argv[0]) == (JobStatus.RUNNING, "launch_federated_task")
    assert standing.lease.pid != os.getpid()
    watched = os.pidfd_open(standing.lease.pid)
    (ours / "go").write_text("gone on")
    select.select([watched], [], [])
    os.close(watched)
    assert repo.backend.get_execution(execution).status is JobStatus.DONE
    (job,) = repo.backend.jobs(execution=execution)
    assert (job.fullname, job.result_preview) == ("other.wait", "'gone on'")
    repo.close()


def test_what_cannot_be_launched_is_told_at_once(projects: tuple[Path, Path]):
    _, theirs = projects
    with pytest.raises(LaunchFailed, match=r"missing was not begun: flow of .*theirs has no task other\.missing"):
        launch_federated_task("missing")
    (theirs / "flow.py").write_text("import nowhere_to_be_found\n")
    with pytest.raises(LaunchFailed, match="ModuleNotFoundError: No module named 'nowhere_to_be_found'"):
        launch_federated_task("wait", ["a", "b"])


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ("task_name = 3", "federated_tasks.one.task_name = 3 must be a text"),
        ('task_name = "a.b"', "federated_tasks.one.load_module is missing; it and task_name say which task that is"),
        ('task_nam = "a.b"', "unknown setting federated_tasks.one.task_nam; did you mean 'task_name'"),
    ],
)
def test_entrypoints_are_checked_where_they_are_said(tmp_path: Path, said: str, why: str):
    (tmp_path / "pyproject.toml").write_text(f"[tool.redux.federated_tasks.one]\n{said}\n")
    with pytest.raises(ConfigError, match=why), open_scheduler(tmp_path):
        pass


def test_config_shows_entrypoints(projects: tuple[Path, Path]):
    ours, theirs = projects
    said = Sources(ours, {}, None, Layer())
    lines = {line.key: line for line in explain_settings(said) if line.key.startswith("federated_tasks")}
    assert lines["federated_tasks.tell"].value == {
        "task_name": "other.tell", "load_module": "flow.py", "config_dir": str(theirs), "executor": "processes",
    }  # fmt: skip
    assert lines["federated_tasks.tell"].origin.name == str(ours / "pyproject.toml")
