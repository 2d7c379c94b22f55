"""Scripts: what they make is remembered by their text and their files; what they say is passed on and kept."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from threading import Thread
from typing import IO, Any

import pytest

from redux import File, Scheduler, script, task
from redux.executors.executor import JobSpec, Outcome
from redux.executors.executor import execute as run_job
from redux.executors.processes import WorkerDied
from redux.executors.threads import ThreadBench
from redux.file import ContentFileSet, Dir, FileSet, StagingDir, StagingFile
from redux.functools import Literal, catch
from redux.repo import Repo
from redux.scheduler import Report
from redux.scripting import ScriptError, run_script
from redux.tasks.options import TaskError
from redux.words.jobs import short
from redux_valuestore.digest import digest_bytes

from . import commands

redux_namespace = "scripts"
Run = Callable[[Any], Any]


@pytest.fixture
def execute(sqlite_repo: Repo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[Any], Report]:
    """Runs an expression in a folder of its own; how it went."""
    monkeypatch.chdir(tmp_path)
    return lambda expression: Scheduler(sqlite_repo, folder=Path(__file__).parent).execute(expression)


@pytest.fixture
def run(execute: Callable[[Any], Report]) -> Run:
    """Runs an expression; its value."""
    return lambda expression: execute(expression).value


@task
def shout(text: str) -> str:
    return text.upper()


@task
def named(name: str) -> File:
    return File(name)


@task(script=True)
def count_lines(file: File) -> str:
    return f"wc -l < {file.path}"


@task(script=True, cache=False)
def greet(name: str) -> list[Any]:
    return ["echo", "hello", shout(name)]


@task(script=True, executor="processes")
def orphaned(fifo: str) -> str:
    return f"trap '' TERM; exec 3> {fifo}; echo ready >&3; kill -KILL $PPID; sleep 1000"


def ran(report: Report) -> int:
    counts = report.counts["redux.script"]
    return counts.done + counts.failed


# -- what a script gives, and when it runs again ---------------------------------------------------------


def test_standard_output_is_the_result_and_the_shell_stops_at_the_first_failure(run: Run):
    assert run(script("echo a; echo b")) == b"a\nb\n"
    assert run(script(["printf", "%s|", "a b", 3, File("x/y")])) == b"a b|3|x/y|"
    assert run(script("printf '%s' \"$0\" | tr -d '\\n' | tail -c 6")) == b"script"
    assert isinstance(run(catch(script("false; echo on"), ScriptError, lambda error: error)), ScriptError)
    assert isinstance(run(catch(script("false | true"), ScriptError, lambda error: error)), ScriptError)


def test_it_runs_again_when_its_text_or_an_input_changed_or_an_output_is_not_what_it_left(
    execute: Callable[[Any], Report],
):
    Path("in.txt").write_text("b\na\n")

    def once(text: str = "sort in.txt > out.txt") -> int:
        report = execute(script(text, [File("in.txt")], {"sorted": File("out.txt"), "said": [File("-")], "n": 3}))
        assert report.value == {"sorted": File("out.txt"), "said": [b""], "n": 3}
        return ran(report)

    assert [once(), once()] == [1, 0]
    assert once("\n        sort in.txt > out.txt\n      ") == 0, "indentation is no text"
    Path("in.txt").write_text("d\nc\n")
    assert [once(), once()] == [1, 0]
    assert Path("out.txt").read_text() == "c\nd\n"
    Path("out.txt").write_text("spoiled")
    assert [once(), once()] == [1, 0]
    Path("out.txt").unlink()
    assert [once(), once()] == [1, 0]
    assert once("sort -u in.txt > out.txt") == 1


def test_whoever_gives_a_script_does_not_run_again_for_its_outputs(execute: Callable[[Any], Report]):
    @task(name="give", version="1")
    def give() -> Any:
        return script("echo x > a.txt; mkdir -p d; touch d/1.csv", outputs=[File("a.txt"), Dir("d"), FileSet("d/*")])

    assert execute(give()).value == [File("a.txt"), Dir("d"), FileSet("d/*")]
    assert execute(give()).counts["scripts.give"].done == 0
    Path("d/2.csv").write_text("")
    assert ran(execute(give())) == 1


def test_everything_may_be_lazy_and_what_was_made_from_what_is_recorded(run: Run, sqlite_repo: Repo):
    Path("made.txt").write_text("y\n")
    text = Literal("cat {} -; echo {}").format("made.txt", shout("hi"))
    assert run(script(text, inputs=named("made.txt"))) == b"y\nHI\n"
    (job,) = sqlite_repo.backend.jobs(task="redux.script")
    call = sqlite_repo.backend.get_call(job.job.call_hash)  # pyright: ignore[reportArgumentType]
    assert [one.argument for one in call.upstreams] == ["command", "inputs"]  # pyright: ignore[reportOptionalMemberAccess]


def test_the_first_line_names_the_interpreter(run: Run):
    assert run(script("#!/usr/bin/env python3\nimport sys\nprint(sys.version_info >= (3,))")) == b"True\n"
    assert run(script("#!/bin/sh\nfalse\necho on")) == b"on\n"
    with pytest.raises(ScriptError, match=r"cannot be started \(No such file or directory: /no/such; is it installed"):
        run(script("#!/no/such thing\n"))


def test_a_fresh_folder_has_the_inputs_gives_the_outputs_and_is_gone(run: Run, tmp_path: Path):
    Path("data").mkdir()
    Path("data/in.txt").write_text("2\n1\n")
    text = "pwd; sort data/in.txt > out.txt; touch rubbish"
    said, out = run(script(text, File("data/in.txt"), [File("-"), File("out.txt")], tempdir=True))
    assert out.read() == "1\n2\n"
    assert not Path(said.decode().strip()).exists()
    assert {name for name in os.listdir(tmp_path) if "redux" not in name} == {"data", "out.txt"}


def test_files_are_brought_from_where_they_are_and_taken_to_where_they_belong(execute: Callable[[Any], Report]):
    shelf = Dir("memory://shelf")
    shelf.file("in.txt").write("b\na\n")
    inputs = {"one": [StagingFile("here.txt", "memory://shelf/in.txt")]}
    outputs = (StagingFile("out.txt", "memory://shelf/out.txt"), StagingFile("-", "memory://shelf/said.txt"))

    def once() -> int:
        report = execute(script("sort here.txt > out.txt; echo said", inputs, outputs, tempdir=True))
        assert report.value == (File("memory://shelf/out.txt"), File("memory://shelf/said.txt"))
        assert shelf.file("said.txt").read() == "said\n"
        return ran(report)

    assert [once(), once()] == [1, 0]
    shelf.file("in.txt").write("d\nc\n")
    assert [once(), once()] == [1, 0]
    assert shelf.file("out.txt").read() == "c\nd\n"
    shelf.file("out.txt").remove()
    assert [once(), once()] == [1, 0]
    assert not Path("here.txt").exists()


def test_what_is_mounted_is_copied_as_folders(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("redux.files.shell.MOUNTS", str(tmp_path / "mnt"))
    Path("mnt/bucket").mkdir(parents=True)
    Path("mnt/bucket/in.txt").write_text("b\na\n")
    inputs, outputs = StagingFile("in.txt", "memory://bucket/in.txt"), StagingFile("out.txt", "memory://bucket/out.txt")
    assert run(script("sort in.txt > out.txt", inputs, outputs, tempdir=True, as_mount=True)) == outputs.remote
    assert Path("mnt/bucket/out.txt").read_text() == "a\nb\n"


# -- script tasks ------------------------------------------------------------------------------------------


def test_a_script_task_gives_what_its_script_says_under_its_own_options(execute: Callable[[Any], Report]):
    Path("in.txt").write_text("b\na\n")
    first: Any = execute(count_lines(File("in.txt"))).value
    assert first.strip() == b"2"
    assert ran(execute(count_lines(File("in.txt")))) == 0
    assert [execute(greet("you")).value, ran(execute(greet("you")))] == [b"hello YOU\n", 1]


def test_scripts_run_in_processes_too(execute: Callable[[Any], Report]):
    Path("shelf").mkdir()
    Path("shelf/in.txt").write_text("b\na\n")
    inputs, outputs = StagingFile("in.txt", "shelf/in.txt"), {"out": StagingDir("out", "shelf/out")}
    report = execute(script("mkdir out; sort in.txt > out/1", inputs, outputs, tempdir=True, executor="processes"))
    assert report.value == {"out": Dir("shelf/out")}
    assert Path("shelf/out/1").read_text() == "a\nb\n"
    with pytest.raises(ScriptError, match="status 3") as caught:
        execute(script("echo no >&2; exit 3", executor="processes")).value  # noqa: B018 - it raises
    assert (caught.value.status, caught.value.log) == (3, "+ echo no\nno\n+ exit 3\n")


# -- what goes wrong ---------------------------------------------------------------------------------------

FAILED = """\
the script ended with status 2: sort missing.txt | cat
it said:
  + cat
  + sort missing.txt
  sort: cannot read: missing.txt: No such file or directory"""


def test_a_failure_says_what_the_shell_said(run: Run):
    with pytest.raises(ScriptError) as caught:
        run(script("sort missing.txt | cat"))
    first, heading, *said = str(caught.value).splitlines()
    assert "\n".join([first, heading, *sorted(said)]) == FAILED, "the two sides of a pipe begin in any order"
    assert caught.value.command == "sort missing.txt | cat\n"
    with pytest.raises(ScriptError, match="was ended by SIGKILL"):
        run(script("kill -KILL $$"))
    with pytest.raises(ScriptError, match=r"did not make its output out\.txt"):
        run(script("true", outputs=File("out.txt")))


def test_what_is_no_script_is_said_at_once(run: Run):
    with pytest.raises(TaskError, match="did you mean 'timeout'"):
        script("true", timeuot=3)
    with pytest.raises(TypeError, match="ContentFileSet"):
        script("true", outputs=ContentFileSet("*"))
    with pytest.raises(ValueError, match="needs a command"):
        script("  \n")
    with pytest.raises(TypeError, match="is neither"):
        run(script(shout("x").encode()))


def test_a_failing_script_is_tried_again(run: Run):
    assert run(script("echo x >> tries; [ $(wc -l < tries) = 3 ]", retries=2)) == b""


def test_a_script_ends_with_the_worker_that_ran_it(execute: Callable[[Any], Report]):
    os.mkfifo("fifo")
    with subprocess.Popen(["cat", "fifo"], stdout=subprocess.PIPE) as reader:
        assert isinstance(execute(orphaned("fifo")).failure.error, WorkerDied)  # pyright: ignore[reportOptionalMemberAccess]
        assert reader.communicate()[0] == b"ready\n", "its end comes when nobody has it open any more"


class Interrupted(ThreadBench):
    """Gives its job up as soon as the script says that it runs."""

    def __init__(self, run: Callable[[JobSpec], Outcome], said: IO[bytes]) -> None:
        super().__init__(run)
        self.watcher = Thread(target=lambda: (said.readline(), self.interrupt()))
        self.watcher.start()


def test_a_script_that_is_given_up_in_a_thread_is_ended_with_all_it_started(
    sqlite_repo: Repo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.chdir(tmp_path)
    os.mkfifo("fifo")
    text = "(exec 3> fifo; echo ready >&3; sleep 1000) & wait"
    spec = JobSpec("redux.script", digest_bytes(b""), run_script.run, (text, (), [], False, False), {})
    with subprocess.Popen(["cat", "fifo"], stdout=subprocess.PIPE) as reader:
        assert reader.stdout is not None
        bench = Interrupted(lambda spec: run_job(spec, sqlite_repo), reader.stdout)
        error = bench.run(spec).error
        bench.watcher.join()
        assert isinstance(error, ScriptError)
        assert error.status == -signal.SIGTERM
        assert reader.stdout.read() == b"", "its end comes when nobody has it open any more"


# -- what it says ------------------------------------------------------------------------------------------


def test_what_it_says_comes_line_by_line_and_is_kept(
    run: Run, sqlite_repo: Repo, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
):
    lines = 20_000
    talk = "#!/bin/sh\nprintf 'no end of line' >&2; seq 20000 | sed 's/$/ {}/' >&2\necho done"
    assert run([script(talk.format(who)) for who in "ab"]) == [b"done\n"] * 2
    said = capfd.readouterr().err.splitlines()
    assert len(said) == 2 * lines
    assert all(re.fullmatch(r"\[[0-9a-f]{8} printf\] (no end of line)?\d+ [ab]", line) for line in said)
    jobs = sqlite_repo.backend.jobs(task="redux.script")
    kept = [sqlite_repo.load(sqlite_repo.backend.get_value(job.result)).log for job in jobs]  # pyright: ignore
    assert [len(log.splitlines()) for log in kept] == [lines] * 2


FLOW = """
from redux import File, script, task

@task
def main(n: int):
    return script(f"echo said {n} >&2; seq {n}00 >&2; echo made; exit {n}")

@task
def wait(fifo: str):
    return script(f"exec 3> {fifo}; echo ready >&3; sleep 1000")
"""


def redux(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return commands.redux(folder, *words)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "flow.py").write_text(FLOW)
    return tmp_path


LOG = """\
  ScriptError: the script ended with status 60: echo said 60 >&2; seq 6000 >&2; echo made; exit 60

it said (6,005 lines; the last 50, `--json` has all)
  5953
"""


def test_the_log_shows_what_a_script_said_whether_it_failed_or_not(project: Path):
    assert redux(project, "run", "flow.py", "main", "--n", "0").stdout == "b'made\\n'\n"
    good = redux(project, "log", job_of(project))
    assert "\nit said (5 lines)\n  + echo said 0\n  said 0\n  + seq 000\n  + echo made\n  + exit 0\n" in good.stdout

    failed = redux(project, "run", "flow.py", "main", "--n", "60")
    assert failed.returncode == 1
    last = failed.stderr.splitlines()[-1]
    assert re.fullmatch(
        r"redux: task redux\.script failed \(job [0-9a-f]{8}\): "
        r"ScriptError: the script ended with status 60: echo said 60 .*exit 60",
        last,
    )
    assert failed.stderr.count("\n  6000\n") == 1, "in the error, besides the line that was passed on"
    said = redux(project, "log", job_of(project)).stdout
    assert LOG in said
    whole = json.loads(redux(project, "log", "--json", job_of(project)).stdout)["log"]
    assert whole.splitlines()[:2] == ["+ echo said 60", "said 60"], "all of it, though it is too large for the database"


def job_of(project: Path) -> str:
    jobs = json.loads(redux(project, "log", "--json", "--task", "redux.script").stdout)["jobs"]
    return short(bytes.fromhex(jobs[0]["job"]["id"]))


def test_a_dry_run_runs_no_script(sqlite_repo: Repo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    told = Scheduler(sqlite_repo).dry_run(script("touch made", outputs=File("made")))
    assert [one.fullname for one in told.would_run] == ["redux.script"]
    assert not Path("made").exists()


SHALLOW = """
from redux import task

@task(script=True)
def say(text):
    return ["echo", text]

@task(check_valid="shallow")
def main():
    return say("hello")
"""


def test_a_finished_call_is_taken_whole_and_a_task_that_becomes_a_script_is_another(tmp_path: Path):
    (tmp_path / "flow.py").write_text(SHALLOW)

    def run() -> tuple[str, int, int]:
        done = json.loads(redux(tmp_path, "run", "--json", "flow.py", "main").stdout)
        tasks = done["tasks"]
        return done["result"], sum(one["ran"] for one in tasks), sum(one["cached"] for one in tasks)

    assert [run(), run()] == [("b'hello\\n'", 3, 0), ("b'hello\\n'", 0, 1)]
    (tmp_path / "flow.py").write_text(SHALLOW.replace("(script=True)", ""))
    assert run() == ("['echo', 'hello']", 1, 1)


def test_a_run_left_at_once_leaves_no_script_behind(project: Path):
    os.mkfifo(project / "fifo")
    argv = [sys.executable, "-m", "redux", "run", "flow.py", "wait", "--fifo", "fifo"]
    with (
        subprocess.Popen(["cat", "fifo"], cwd=project, stdout=subprocess.PIPE) as reader,
        subprocess.Popen(argv, cwd=project, stderr=subprocess.PIPE, text=True) as process,
    ):
        assert reader.stdout is not None
        assert process.stderr is not None
        assert reader.stdout.readline() == b"ready\n"
        process.send_signal(signal.SIGINT)
        assert any("stopping; running tasks finish first" in line for line in process.stderr)
        process.send_signal(signal.SIGINT)
        assert process.wait() == 130
        assert reader.stdout.read() == b""


def test_a_script_is_given_neither_the_key_to_sign_with_nor_the_salt(run: Run, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("REDUX_SIGNING_KEY", "redux-secret-1:canary-of-the-key")
    monkeypatch.setenv("REDUX_SECRET_SALT", "canary-of-the-salt")
    monkeypatch.setenv("OF_ONES_OWN", "seen")
    said = run(script("env"))
    assert b"OF_ONES_OWN=seen" in said
    assert b"canary-of" not in said
