"""`redux log` and `redux explain-miss`: what they say of executions, jobs, calls, tasks, values and files."""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from redux.cli.completion import complete_tasks
from redux.cli.main import dispatch
from redux.cli.miss_text import argument_changes
from redux.explain import ArgumentChange, Cause
from redux_backends.records import MissKind

from . import commands

WORKFLOW = '''\
from redux import File, task


def trim(line):
    return line.strip()


@task
def count(source: File, extra: int = 1) -> int:
    """Lines of a file."""
    return len([trim(line) for line in source.read().splitlines()]) + extra


@task
def write(path: str, n: int) -> File:
    written = File(path)
    written.write(f"lines,{n}\\\\n")
    return written


@task
def main(source: File, out: str = "result.csv") -> File:
    return write(out, count(source))


@task
def bad(x: int) -> float:
    return 1 / x


@task
def many(n: int) -> list[int]:
    return [twice(i) for i in range(n)]


@task
def listed(path: str) -> dict[str, File]:
    return {"it": File(path)}


@task
def size(file: File) -> int:
    return len(file.read())


@task
def sizes(files: dict[str, File]) -> list[int]:
    return [size(file) for file in files.values()]


@task
def folder(path: str) -> list[int]:
    return sizes(listed(path))


@task
def total(xs: list[int], offset: int) -> int:
    return sum(xs) + offset


@task
def later(i: int) -> int:
    return thrice(i)


@task
def thrice(i: int) -> int:
    return 3 * i


@task
def sums(n: int) -> int:
    return total([thrice(i) for i in range(n)], later(50) + 1)


@task
def twice(i: int) -> int:
    return 2 * i
'''

Said = Callable[..., str]
Told = Callable[..., Any]


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project in which things were run: first, again, with a changed input, with changed code; and failed."""
    folder = tmp_path_factory.mktemp("recorded")
    (folder / "flow.py").write_text(WORKFLOW)
    (folder / "in.txt").write_text("a\nb\n")
    (folder / "other.txt").write_text("a text of 23 characters")

    def redux(*words: str) -> None:
        done = commands.redux(folder, "run", "--quiet", "flow.py", *words)
        assert (done.returncode == 0) == (words[0] != "bad"), done.stderr

    redux("main", "in.txt")
    redux("main", "in.txt")
    (folder / "in.txt").write_text("a\nb\nc\n")
    redux("main", "in.txt")
    (folder / "flow.py").write_text(WORKFLOW.replace("line.strip()", 'line.strip(" ")'))
    redux("main", "in.txt")
    redux("folder", "other.txt")
    redux("sums", "5")
    redux("many", "9")
    redux("bad", "0")
    return folder


@pytest.fixture
def said(recorded: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Said:
    """What a command writes to standard output; it must end well and say nothing else."""
    monkeypatch.chdir(recorded)

    def run(*words: str) -> str:
        written = commands.ended(capsys, words)
        assert (written.code, written.err) == (0, "")
        return written.out

    return run


@pytest.fixture
def told(said: Said) -> Told:
    """The JSON that a command writes."""
    return lambda *words: json.loads(said(*words, "--json"))


def plain(text: str) -> str:
    """The text with ids, durations, moments and places that differ from run to run named by what they are."""
    text = re.sub(r"\b[0-9a-f]{64}\b|\b[0-9a-f]{32}\b|\b[0-9a-f]{8}\b", "<id>", text)
    text = re.sub(r"just now|\d+ (s|min) ago", "<ago>", text)
    text = re.sub(r"\d+(\.\d+)? (ms|s)\b", "<time>", text)
    text = re.sub(r"started .* in /.*", "started …", text)
    return re.sub(r"  +(?=<(time|ago)>)", "  ", text)


def executions(told: Told) -> list[str]:
    """The ids of the executions, oldest first."""
    return [line["execution"]["id"] for line in reversed(told("log")["executions"])]


def job_id(told: Told, task: str, number: int = 0) -> str:
    """The id of a task's newest job, or of an earlier one."""
    return told("log", "--task", task)["jobs"][number]["job"]["id"]


# -- executions and jobs -----------------------------------------------------------------------------


def test_the_log_lists_executions_newest_first(said: Said) -> None:
    lines = plain(said("log", "--limit", "3")).splitlines()
    assert lines == [
        "<id>  failed  <ago>  <time>  redux run --quiet flow.py bad 0",
        "          1 job: 1 failed",
        "<id>  done  <ago>  <time>  redux run --quiet flow.py many 9",
        "          10 jobs: 10 ran",
        "<id>  done  <ago>  <time>  redux run --quiet flow.py sums 5",
        "          9 jobs: 9 ran",
        "executions 1 to 3; --offset 3 shows the next",
    ]


def test_an_execution_shows_tasks_reasons_and_jobs(said: Said, told: Told) -> None:
    shown = plain(said("log", executions(told)[6][:8]))
    head, _, jobs = shown.partition("\n\n<id>")
    assert "\n10 jobs: 10 ran\n\nwhy they ran (`redux explain-miss` shows more)\n  never run before: " in head
    assert jobs.splitlines()[0].endswith("  many(n=9)")
    assert jobs.splitlines()[-1].strip() == "and 6 more of twice, done"
    assert jobs.count("twice(i=") == 3


def test_a_job_shows_its_call_and_who_called_it(said: Said, told: Told) -> None:
    shown = plain(said("log", job_id(told, "count")[:10]))
    assert shown.splitlines()[0] == "job <id>  done in <time>, <ago>"
    assert "\n  count\n    source = File('in.txt')  <id>\n" in shown
    assert "\n    extra  = 1  <id>\n    → 4  int <id>\n" in shown
    assert "\nit ran: function flow.trim changed\n" in shown
    assert re.search(
        r"\ncalled by  <id>  main\(source=.*\)\ncall       <id>\ncode       task <id>\nexecution  <id>", shown
    )


def test_a_failed_job_shows_its_traceback_without_running_code(said: Said, told: Told) -> None:
    assert [view["result_preview"] for view in told("log", "--failed")["jobs"]] == [
        "ZeroDivisionError: division by zero"
    ]
    shown = said("log", job_id(told, "bad"))
    assert "    return 1 / x\n" in shown
    assert "ZeroDivisionError: division by zero" in shown
    assert "flow" not in sys.modules or sys.modules["flow"].__file__ != str(Path("flow.py").resolve())


def test_a_reused_job_names_the_one_that_ran(said: Said, told: Told) -> None:
    cached = [view["job"]["id"] for view in told("log", executions(told)[1])["jobs"]]
    shown = plain(said("log", cached[-1]))
    assert "it did not run: its result was known; job <id> ran it <ago>" in shown


def test_filters_choose_jobs(told: Told) -> None:
    assert len(told("log", "--task", "twice", "--limit", "4")["jobs"]) == 4
    assert {view["fullname"] for view in told("log", executions(told)[0], "--task", "count")["jobs"]} == {"count"}


# -- tasks, calls, values, files ---------------------------------------------------------------------


def test_a_task_shows_its_code_and_versions(said: Said, told: Told) -> None:
    shown = plain(said("log", "count"))
    assert shown.startswith("task <id>  count\n\ntask count\n  @task\n  def count(")
    assert '\nfunction flow.trim\n  def trim(line):\n      return line.strip(" ")\n' in shown
    assert "\nother versions: <id>\n" in shown
    by_hash = told("log", told("log", "count")["task"]["hash"][:6])
    assert by_hash["schema"] == "redux.task/1"
    assert len(by_hash["versions"]) == 2


def test_a_call_shows_what_it_called(said: Said, told: Told) -> None:
    call = told("log", job_id(told, "many"))["job"]["job"]["call_hash"]
    shown = plain(said("log", call[:12]))
    assert shown.startswith("call <id>\n\n  many\n    n = 9  <id>\n    → [0, 2, 4, 6, 8, 10, 12, 14, 16]  list <id>\n")
    assert "\nit called  twice ×9\n" in shown


def test_a_file_leads_to_the_call_the_code_and_the_arguments_that_made_it(said: Said) -> None:
    shown = plain(said("log", "result.csv"))
    assert shown.startswith("result.csv is as it was recorded\n")
    assert "\nmade by    write(path='result.csv', n=4)\n           job <id>, <ago> in <time>\n" in shown
    assert re.search(r"\ncode       task <id>\n           task write, .*\nexecution  <id>", shown)
    assert "\nfrom\n  path = 'result.csv'  ← given\n  n = 4  ← count  job <id>\n" in shown
    assert "\n    source = File('in.txt')  ← given, file in.txt\n" in shown
    assert "    extra = 1  ← made by the code of main" in shown


def test_an_argument_made_of_results_names_the_calls_behind_it(said: Said, told: Told) -> None:
    job = told("log", "--task", "total")["jobs"][0]
    shown = plain(said("log", job["result"]))
    assert shown.partition("\n\nfrom\n")[2].partition("\n\n")[0] == (
        "  xs = [0, 3, 6, 9, 12]  ← made of thrice ×5\n"
        "    0  ← thrice  job <id>\n"
        "      i = 0  ← made by the code of sums\n"
        "        n = 5  ← given\n"
        "    3  ← thrice  job <id>\n"
        "      i = 1  ← made by the code of sums\n"
        "    6  ← thrice  job <id>\n"
        "      i = 2  ← made by the code of sums\n"
        "    and 2 more of thrice\n"
        "  offset = 151  ← made of later\n"
        "    150  ← thrice  job <id> in later\n"
        "      i = 50  ← made by the code of sums\n"
    )
    page = told("log", job["result"])
    nodes = page["upstream"]["nodes"]
    assert sorted({node["task"] for node in nodes if node["kind"] == "call"}) == ["later", "sums", "thrice", "total"]
    for words in (job["job"]["id"], job["job"]["call_hash"]):
        shown = plain(said("log", words))
        assert "\n    xs     = [0, 3, 6, 9, 12]  <id>  ← thrice ×5, such as call <id>\n" in shown
        assert "\n    offset = 151  <id>  ← later, call <id>\n" in shown


def test_a_file_that_was_part_of_an_argument_leads_to_the_call_that_found_it(said: Said, told: Told) -> None:
    shown = plain(said("log", told("log", "--task", "size")["jobs"][0]["result"]))
    assert shown.partition("\n\nfrom\n")[2] == (
        "  file = File('other.txt')  ← file other.txt\n"
        "    {'it': File('other.txt')}  ← listed  job <id>\n"
        "      path = 'other.txt'  ← given\n"
    )


def test_a_file_is_found_however_its_path_is_written(told: Told) -> None:
    page = told("log", "result.csv")
    assert page["schema"] == "redux.file/1"
    assert told("log", "./result.csv")["content"] == told("log", os.path.abspath("result.csv"))["content"]


def test_a_file_that_is_not_what_was_recorded_is_said_to_be_so(said: Said) -> None:
    kept = Path("result.csv").read_bytes()
    try:
        Path("result.csv").write_text("by hand")
        assert said("log", "result.csv").startswith("result.csv has changed since it was recorded;")
        Path("result.csv").unlink()
        assert said("log", "result.csv").startswith("result.csv is gone;")
    finally:
        Path("result.csv").write_bytes(kept)


def test_an_input_file_shows_who_read_it(said: Said) -> None:
    shown = plain(said("log", "in.txt"))
    assert "no recorded call made it" in shown
    assert re.search(r"\nused by\n  <id>  done .*(count|main)\(source=", shown)


FOLDERS = """\
from redux.file import Dataset, Dir, File, FileSet, IDir
from redux import task


@task
def copied(source: Dir, out: IDir) -> Dir:
    return source.copy_to(Dir(out.path))


@task
def count(files: FileSet) -> int:
    return len(files.files)


@task
def main(source: Dir, out: IDir) -> list:
    return [copied(source, out), count(FileSet(source.path + "/*"))]


@task
def others() -> list:
    return [read(FileSet("deep/**/*.txt")), read(Dataset("more", "csv"))]


@task
def read(given) -> int:
    return 1
"""


def test_folders_and_patterns_are_told_by_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("flow.py").write_text(FOLDERS)
    Path("in").mkdir()

    def redux(*words: str) -> str:
        return commands.told(tmp_path, *words)

    for file in ("more/x.csv", "deep/d/y.txt"):
        Path(file).parent.mkdir(parents=True)
        Path(file).write_text("a\n")
    assert redux("run", "flow.py", "others") == "[1, 1]\n"
    Path("in/a").write_text("1")
    assert redux("run", "flow.py", "main", "in", "out") == "[Dir('out'), 1]\n"
    Path("in/b").write_text("2")
    assert redux("run", "flow.py", "main", "in", "out") == "[Dir('out'), 2]\n"
    Path("out/a").unlink()
    assert redux("run", "flow.py", "main", "in", "out") == "[Dir('out'), 2]\n"
    for words, says in {
        ("explain-miss", "count"): "\n  files: the content of files in/* changed: in/b added\n",
        ("explain-miss",): "folder out is not what was recorded\n  1 job ran for it, <time>\n  copied, job <id>\n",
        ("log", "in"): "folder in is as it was recorded\n  content <id>, one of 2 known\n",
        ("log", "in/*"): "files in/* are as they were recorded\n  content <id>, one of 2 known\n",
        ("log", "more/x.csv"): "files more/**/*.csv are as they were recorded\n",
        ("log", f"{tmp_path}/deep/d/y.txt"): "files deep/**/*.txt are as they were recorded\n",
        (
            "log",
            f"{tmp_path}/out/b",
        ): "known\n\nmade by    copied(source=Dir('in'), out=IDir('out'))\n",
    }.items():
        assert dispatch(words) == 0
        assert says in plain(capsys.readouterr().out)


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (
            ("log", "cont"),
            "'cont' starts no id, and names no recorded file; no task is known as 'cont'; did you mean 'count'?",
        ),
        (("log", "no/such.csv"), "no recorded call read or wrote the file no/such.csv"),
        (("log", "--task", "cuont"), "no task is known as 'cuont'; did you mean 'count'?"),
        (("log", "0123456789abcdef", "--failed"), "'0123456789abcdef' starts no id"),
        (("explain-miss", "cuont"), "did you mean 'count'?"),
    ],
)
def test_what_is_not_known_is_one_line(
    recorded: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    words: tuple[str, ...],
    says: str,
) -> None:
    monkeypatch.chdir(recorded)
    assert dispatch(words) == 2
    written = capsys.readouterr()
    assert written.out == ""
    assert written.err.startswith("redux: ")
    assert written.err.count("\n") == 1
    assert says in written.err


# -- misses ------------------------------------------------------------------------------------------


def test_changed_code_is_shown_as_a_diff_of_the_helper(said: Said, told: Told) -> None:
    shown = plain(said("explain-miss", executions(told)[3]))
    assert shown == (
        "execution <id>  redux run --quiet flow.py main in.txt\n"
        "\n"
        "function flow.trim changed\n"
        "  1 job ran for it, <time>\n"
        "  count, job <id>\n"
        "\n"
        "    --- flow.trim (before)\n"
        "    +++ flow.trim (now)\n"
        "    @@ -1,2 +1,2 @@\n"
        "     def trim(line):\n"
        "    -    return line.strip()\n"
        '    +    return line.strip(" ")\n'
    )


def test_changed_inputs_are_named(said: Said, told: Told) -> None:
    shown = plain(said("explain-miss", executions(told)[2]))
    assert "\nin.txt changed\n  3 jobs ran for it, <time> of task time\n" in shown
    assert "\n  write, job <id>, through count\n" in shown


def test_long_values_are_shown_where_they_begin_to_differ() -> None:
    before, now = str([*range(60), 7, *range(60)]), str([*range(60), 8, *range(60)])
    cause = Cause(MissKind.NEW_ARGUMENTS, "", (), (ArgumentChange("xs", before, now), ArgumentChange("n", "1", "2")))
    long, short = argument_changes(cause, 60)
    assert len(long) <= 60
    assert re.fullmatch(r"xs: ….*59, 7, .*… → ….*59, 8, .*…", long)
    assert short == "n: 1 → 2"


def test_a_task_stands_for_its_last_miss(said: Said, told: Told) -> None:
    assert "it ran: function flow.trim changed" in said("explain-miss", "count")
    assert told("explain-miss", "count")["cause"]["code"][0]["name"] == "flow.trim"


def test_what_was_reused_did_not_miss(said: Said, told: Told) -> None:
    again = executions(told)[1]
    assert said("explain-miss", again).endswith("nothing missed: every call was known\n")
    job = told("log", again)["jobs"][0]["job"]["id"]
    assert said("explain-miss", job).endswith("it did not miss: its result was known\n")


def test_without_a_word_the_last_execution_is_explained(said: Said) -> None:
    assert "never run before" in said("explain-miss")


# -- how it is written -------------------------------------------------------------------------------


def test_colour_is_for_terminals_and_for_those_who_force_it(said: Said, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("FORCE_COLOR", raising=False)
    assert "\x1b[" not in said("log")
    monkeypatch.setenv("FORCE_COLOR", "1")
    assert "\x1b[" in said("log")
    monkeypatch.setenv("NO_COLOR", "1")
    assert "\x1b[" not in said("log")


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_prints_a_script(shell: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert dispatch(("completion", shell)) == 0
    assert "_REDUX_COMPLETE" in capsys.readouterr().out


def test_completion_knows_the_tasks_of_a_file_without_importing_it(tmp_path: Path) -> None:
    (tmp_path / "flow.py").write_text(WORKFLOW + "raise SystemExit('imported')\n")
    assert complete_tasks(str(tmp_path / "flow.py"), "m") == ["main", "many"]
    assert complete_tasks(str(tmp_path / "none.py"), "") == []


def test_a_task_is_the_version_that_was_at_work_last(tmp_path: Path) -> None:
    text = "from redux import task\n\n@task\ndef main():\n    return {}\n"
    for number in (1, 2, 1):
        (tmp_path / "flow.py").write_text(text.format(number))
        commands.told(tmp_path, "run", "flow.py", "main")
    assert "    return 1\n" in commands.told(tmp_path, "log", "main")


def test_the_task_of_another_workflow_under_the_same_name_is_told_apart(
    tmp_path: Path,
) -> None:
    text = "from redux import task\n\n@task\ndef main():\n    return {}\n"

    def why(name: str, number: int) -> str:
        (tmp_path / name).write_text(text.format(number))
        for words in (("run", name, "main"), ("explain-miss", "main")):
            said = commands.told(tmp_path, *words)
        return said.splitlines()[1]

    assert why("a.py", 1) == "it ran: never run before"
    named = (
        "it ran: main of b.py is not the main of a.py that ran before: a redux_namespace in each file keeps them apart"
    )
    assert why("b.py", 2) == named
    assert why("b.py", 3) == "it ran: task main changed"
