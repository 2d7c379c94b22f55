"""`redux run`: what it prints where, what it exits with, what bad input gets."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner

from redux.cli.group import group
from redux.cli.main import dispatch

from . import commands

WORKFLOW = '''\
from helpers import scale
from redux import File, task


@task
def double(x: int) -> int:
    """Twice a number."""
    print("doubling", x)
    return scale(x)


@task
def total(xs: list[int]) -> int:
    return sum(xs)


@task
def main(n: int = 3) -> int:
    """Doubles the first `n` numbers and adds them up."""
    return total([double(i) for i in range(n)])


@task
def fraction(x: int) -> float:
    return 1 / x


@task
def outer(x: int) -> float:
    return fraction(x)


@task
def hold(path: str) -> int:
    """Waits until somebody has written into a pipe."""
    with open(path) as pipe:
        return len(pipe.read())


@task
def held(path: str) -> int:
    return hold(path)
'''

LISTED = """\
Tasks of flow.py:

  double(x: int) -> int
      Twice a number.
  total(xs: list[int]) -> int
  main(n: int = 3) -> int
      Doubles the first `n` numbers and adds them up.
  fraction(x: int) -> float
  outer(x: int) -> float
  hold(path: str) -> int
      Waits until somebody has written into a pipe.
  held(path: str) -> int
"""

Redux = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "flow.py").write_text(WORKFLOW)
    (tmp_path / "helpers.py").write_text("def scale(x):\n    return x * 2\n")
    return tmp_path


@pytest.fixture
def redux(project: Path) -> Redux:
    def run(*words: str, cwd: Path = project, **changes: str) -> subprocess.CompletedProcess[str]:
        return commands.redux(cwd, *words, **changes)

    return run


def plain(text: str) -> str:
    """The text with ids, durations and places that differ from run to run named by what they are."""
    text = re.sub(r"\b[0-9a-f]{8}\b", "<id>", text)
    text = re.sub(r"\d+(\.\d+)? (ms|s)\b", "<time>", text)
    return re.sub(r" +<time>", " <time>", text)


def test_a_first_run_makes_its_folder_and_a_second_runs_nothing(redux: Redux, project: Path) -> None:
    first = redux("run", "flow.py", "main", "--n", "4")
    assert first.returncode == 0
    assert first.stdout == "12\n"
    lines = plain(first.stderr).splitlines()
    assert lines[0] == f"made {project / '.redux'}, where everything is kept"
    assert sorted(line for line in lines if line.startswith("doubling")) == [f"doubling {n}" for n in range(4)]
    summary = [line for line in lines[1:] if not line.startswith("doubling")]
    assert sorted(summary[1:4]) == [
        "double    4       · <time>",
        "main      1       · <time>",
        "total     1       · <time>",
    ]
    assert summary[4:] == [
        "6 jobs in <time>: 6 ran",
        "why they ran:",
        summary[6],
        "execution <id>: `redux log <id>` shows it",
    ]
    assert summary[6].startswith("  never run before: ")

    second = redux("run", "flow.py", "main", "--n", "4")
    assert (second.returncode, second.stdout) == (0, "12\n")
    assert "doubling" not in second.stderr
    assert "6 jobs in <time>: 6 cached" in plain(second.stderr)
    assert "why they ran" not in second.stderr


def test_an_edited_helper_is_named_and_shown(redux: Redux, project: Path) -> None:
    redux("run", "flow.py", "main")
    (project / "helpers.py").write_text("def scale(x):\n    return x + x\n")
    again = redux("run", "flow.py", "main")
    assert again.stdout == "6\n"
    assert "  function helpers.scale changed: double ×3" in again.stderr
    assert "5 jobs in <time>: 3 ran, 2 cached" in plain(again.stderr)
    explained = redux("explain-miss")
    assert "-    return x * 2\n    +    return x + x\n" in explained.stdout
    assert explained.stderr == ""


def test_a_failed_task_shows_its_own_traceback_and_the_calls_that_led_there(redux: Redux) -> None:
    failed = redux("run", "flow.py", "outer", "0")
    assert failed.returncode == 1
    assert failed.stdout == ""
    assert re.search(r'flow.py", line \d+, in fraction\n    return 1 / x', failed.stderr)
    assert "called through:\n  outer(x=0)\n  fraction(x=0)\n" in failed.stderr
    assert "redux/" not in failed.stderr
    last = plain(failed.stderr).splitlines()[-1]
    assert last == "redux: task fraction failed (job <id>): ZeroDivisionError: division by zero"


TROUBLED = """\
from redux import File, task


@task
def apply(f, *rest):
    return f


@task
def of_lambda():
    return apply(len, 1, {"f": lambda x: x})


@task
def invert(x):
    return 1 / x


@task
def all_of_them():
    return [invert(0), invert(0.0), invert(2)]


@task
def text_of():
    return f"twice {invert(2)}"


class Cleaner:
    def __init__(self):
        self.high, self.low, self.parts, self._hidden = 30, "a", [], 1

    def __repr__(self):
        raise RuntimeError("ran the object's own code")


@task
def cleaner():
    return Cleaner()
"""


def test_what_cannot_be_encoded_is_said_once_and_whole(redux: Redux, project: Path) -> None:
    (project / "troubled.py").write_text(TROUBLED)
    failed = redux("run", "troubled.py", "of_lambda")
    assert failed.stderr.count("cannot be encoded") == 1
    last = failed.stderr.splitlines()[-1]
    assert "CannotEncode: argument rest[1]['f'] of apply cannot be encoded: function is a lambda" in last
    assert last.endswith("it is (in) the result of task of_lambda")


def test_several_failures_are_counted_and_lead_to_their_list(redux: Redux, project: Path) -> None:
    (project / "troubled.py").write_text(TROUBLED)
    failed = redux("run", "--keep-going", "troubled.py", "all_of_them")
    told = re.search(r"redux: 3 jobs failed; `redux (log [0-9a-f]+ --failed)` lists them\n", failed.stderr)
    assert told is not None
    assert len(redux(*told[1].split()).stdout.splitlines()) == 3
    assert "jobs failed" not in redux("run", "flow.py", "outer", "0").stderr


def test_an_expression_in_an_f_string_is_an_error_that_names_it(redux: Redux, project: Path) -> None:
    (project / "troubled.py").write_text(TROUBLED)
    failed = redux("run", "troubled.py", "text_of").stderr
    assert failed.splitlines()[-1].partition("TypeError: ")[2].startswith("invert(2) has no text before it runs: ")


def test_a_plain_object_shows_its_simple_attributes_without_its_code(redux: Redux, project: Path) -> None:
    (project / "troubled.py").write_text(TROUBLED)
    redux("run", "troubled.py", "cleaner")
    (job,) = json.loads(redux("log", "--task", "cleaner", "--json").stdout)["jobs"]
    assert job["result_preview"] == "Cleaner(high=30, low='a', …)"


def test_a_file_that_cannot_be_parsed_shows_the_line_alone(redux: Redux, project: Path) -> None:
    (project / "broken.py").write_text("import json\ndef (\n")
    told = redux("run", "broken.py", "main").stderr.splitlines()
    assert told[0] == f'  File "{project / "broken.py"}", line 2'
    assert told[1].strip() == "def ("
    assert told[-1].startswith("redux: broken.py could not be imported: SyntaxError: ")


def test_reasons_are_whole_where_no_terminal_is(redux: Redux, project: Path) -> None:
    names = [f"{'long_' * 8}{number}" for number in range(3)]
    text = "from redux import task\n" + "".join(f"\n@task\ndef {name}():\n    return 1\n" for name in names)
    text += f"\n@task\ndef main():\n    return [{', '.join(f'{name}()' for name in names)}]\n"
    (project / "long.py").write_text(text)
    ran = redux("run", "long.py", "main").stderr
    logged = redux("log", ran.partition("`redux log ")[2][:8]).stdout
    for told in (ran, logged):
        (reasons,) = [line for line in told.splitlines() if line.startswith("  never run before: ")]
        assert all(name in reasons for name in names)


def test_json_tells_the_same(redux: Redux) -> None:
    done = redux("run", "--json", "--quiet", "flow.py", "main")
    told = json.loads(done.stdout)
    assert (told["schema"], told["status"], told["result"], told["error"]) == ("redux.run/1", "done", "6", None)
    assert {task["fullname"]: task["ran"] for task in told["tasks"]} == {"main": 1, "double": 3, "total": 1}
    assert told["misses"][0]["cause"]["kind"] == "new_task"
    assert set(done.stderr.split()) <= {"doubling", "0", "1", "2"}
    again = json.loads(redux("run", "--json", "--quiet", "flow.py", "main").stdout)
    logged = json.loads(redux("log", again["execution"], "--json").stdout)
    for row in again["tasks"]:
        (same,) = [one for one in logged["tasks"] if one["fullname"] == row["fullname"]]
        assert same == pytest.approx(row)
        assert same["saved_task_seconds"] > 0
    failed = json.loads(redux("run", "--json", "flow.py", "outer", "0").stdout)
    assert (failed["status"], failed["result"]) == ("failed", None)
    assert "ZeroDivisionError" in failed["error"]


def test_what_is_warned_of_code_is_one_line_in_whatever_process_it_runs(redux: Redux, project: Path) -> None:
    text = "import random, warnings\nfrom redux import task\n\nDICE = random.Random()\n\n@task\ndef main():\n"
    text += "    warnings.warn('of the user', stacklevel=1)\n    return DICE is None or {number}\n"
    for number, executor in enumerate(("threads", "processes"), 1):
        (project / "chance.py").write_text(text.format(number=number))
        run = ("run", "--no-cache", "--quiet", "--executor", executor, "chance.py", "main")
        told = redux(*run).stderr.splitlines()
        assert told[0].startswith("redux: task main uses chance.DICE (random.Random), which has no content to hash")
        assert [line for line in told[1:] if "UserWarning: of the user" in line]
        assert not [line for line in (*told[1:], *redux(*run).stderr.splitlines()) if "DICE" in line]


def test_help_goes_to_the_task_and_the_list_of_tasks_to_the_file(redux: Redux, project: Path) -> None:
    shown = redux("run", "flow.py", "main", "--help")
    assert shown.stdout.startswith("Usage: redux run flow.py main [--n N]\n\n  main(n: int = 3) -> int\n")
    listed = redux("run", "flow.py", "--help")
    assert (listed.stdout, listed.stderr) == (LISTED, "")
    assert redux("run", "flow.py", "help").stdout == LISTED
    bare = redux("run", "flow.py")
    last = "redux: name the task to run: redux run flow.py TASK; with --help after it, what it takes\n"
    assert (bare.returncode, bare.stdout, bare.stderr) == (2, "", LISTED + last)
    assert not (project / ".redux").exists()


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("runn",), "there is no command 'runn'; did you mean 'run'?"),
        (("run", "--no-cash", "flow.py", "main"), "no such option '--no-cash'; did you mean '--no-cache'"),
        (("run", "folw.py", "main"), "there is no file folw.py; did you mean 'flow.py'"),
        (("run", "flowx", "main"), "there is no file or module flowx; did you mean 'flow'"),
        (("run", "flow.py", "mian"), "flow.py has no task 'mian'; did you mean 'main'?"),
        (("run", "flow.py"), "name the task to run: redux run flow.py TASK"),
        (("run", "flow.py", "main", "--m", "3"), "task main has no option --m; did you mean '--n'?"),
        (("run", "flow.py", "main", "--n", "x"), "--n of task main must be a whole number, not 'x'"),
        (("run", "flow.py", "double"), "task double needs --x int"),
        (("run", "flow.py", "--no-cache", "main"), "--no-cache stands where the task's name goes"),
        (("log",), "no .redux in "),
    ],
)
def test_asked_wrongly_is_one_line_and_leaves_nothing(
    project: Path,
    words: tuple[str, ...],
    says: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(project)
    monkeypatch.setattr(sys, "path", list(sys.path))
    for module in ("flow", "helpers"):
        monkeypatch.delitem(sys.modules, module, raising=False)
    code = dispatch(words)
    asked = capsys.readouterr()
    assert code == 2
    assert asked.out == ""
    last = asked.err.splitlines()[-1]
    assert last.startswith("redux: ")
    assert says in last
    assert "Traceback" not in asked.err
    assert not (project / ".redux").exists()


def test_a_file_that_does_not_import_shows_the_frames_of_the_user_alone(redux: Redux, project: Path) -> None:
    (project / "broken.py").write_text("import json\n\ndef read():\n    return json.loads('{')\n\nDATA = read()\n")
    failed = redux("run", "broken.py", "main")
    assert failed.returncode == 1
    frames = [line.split(", ", 1)[1] for line in failed.stderr.splitlines() if line.startswith("  File ")]
    assert frames == ["line 6, in <module>", "line 4, in read"]
    assert failed.stderr.splitlines()[-1].startswith("redux: broken.py could not be imported: json.decoder.JSON")
    assert not (project / ".redux").exists()


def test_a_module_is_imported_from_here_by_its_name(redux: Redux, project: Path) -> None:
    package = project / "flows"
    package.mkdir()
    (package / "__init__.py").touch()
    (package / "one.py").write_text("from . import two\nfrom redux import task\n\n@task\ndef f():\n    return two.X\n")
    (package / "two.py").write_text("X = 7\n")
    assert redux("run", "flows.one", "f").stdout == "7\n"
    as_file = redux("run", "flows/one.py", "f")
    assert as_file.returncode == 1
    assert as_file.stderr.splitlines()[-1].endswith("name it as a module, package.module, instead of as a file")


def test_a_file_that_would_hide_a_module_is_refused(redux: Redux, project: Path) -> None:
    (project / "inspect.py").write_text(WORKFLOW)
    refused = redux("run", "inspect.py", "main")
    assert refused.returncode == 2
    assert "would hide the module 'inspect'" in refused.stderr


def test_a_database_of_an_unknown_kind_is_asked_wrongly(redux: Redux) -> None:
    for words in (("run", "flow.py", "main"), ("log",)):
        refused = redux(*words, REDUX_DB_URL="mysql://host/name")
        assert (refused.returncode, refused.stdout) == (2, "")
        assert refused.stderr.count("\n") == 1
        assert "'mysql://host/name'; the known schemes are sqlite" in refused.stderr


def test_where_nothing_can_be_written_the_result_comes_all_the_same(redux: Redux, project: Path) -> None:
    (project / "file").touch()
    run = redux("run", "flow.py", "main", REDUX_DIR=str(project / "file" / ".redux"))
    assert (run.returncode, run.stdout) == (4, "6\n")
    assert run.stderr.count("redux: nothing of this run will be kept: ") == 1
    assert "redux log" not in run.stderr
    failed = redux("run", "flow.py", "outer", "0", REDUX_DIR=str(project / "file" / ".redux"))
    assert "(job " not in failed.stderr


def test_a_run_that_could_not_be_recorded_points_at_no_record(redux: Redux, project: Path) -> None:
    (project / "filling.py").write_text(
        "import resource\nfrom redux import task\n\n@task\ndef main(x):\n"
        "    resource.setrlimit(resource.RLIMIT_FSIZE, (0, resource.RLIM_INFINITY))\n    return 6 // x\n"
    )
    run = redux("run", "filling.py", "main", "1")
    assert (run.returncode, run.stdout) == (4, "6\n")
    assert run.stderr.count("not all of it could be recorded: ") == 1
    assert "redux log" not in run.stderr
    failed = redux("run", "filling.py", "main", "0").stderr
    assert "redux log" not in failed
    assert "(job " not in failed


def test_a_call_that_failed_before_it_could_be_looked_up_is_recorded(redux: Redux, project: Path) -> None:
    (project / "far.py").write_text("from redux import File, task\n@task\ndef count(file: File): return 1\n")
    told = redux("run", "far.py", "count", "--file", "nowhere-known://x").stderr.splitlines()[-1]
    assert told.startswith("redux: task count failed (job ")
    assert "failed" in redux("log", told.partition("(job ")[2][:8]).stdout
    assert "nothing missed, but it failed: `redux log " in redux("explain-miss").stdout


def test_a_damaged_database_is_named_with_the_remedy(redux: Redux, project: Path) -> None:
    redux("init")
    (project / ".redux" / "redux.db").write_bytes(b"not a database, but long enough to be read as one" * 100)
    for words in (("run", "flow.py", "main"), ("log",)):
        refused = redux(*words)
        assert (refused.returncode, refused.stdout) == (4, "")
        assert str(project / ".redux" / "redux.db") in refused.stderr.splitlines()[-1]
        assert "Traceback" not in refused.stderr
    remedy = refused.stderr.partition("to do so: ")[2]
    assert remedy
    subprocess.run(remedy, shell=True, check=True)
    assert redux("run", "flow.py", "main").stdout == "6\n"


@pytest.mark.parametrize(("number", "times"), [(signal.SIGINT, 1), (signal.SIGTERM, 1), (signal.SIGINT, 2)])
def test_a_signal_lets_running_tasks_finish_and_a_second_one_leaves_at_once(
    redux: Redux, project: Path, number: int, times: int
) -> None:
    pipe = project / "pipe"
    os.mkfifo(pipe)
    command = [*commands.REDUX, "run", "flow.py", "held", str(pipe)]
    with subprocess.Popen(
        command, cwd=project, env=commands.environment(), stderr=subprocess.PIPE, text=True
    ) as process:
        told = signal_and_release(process, pipe, number, times)
    assert process.returncode == 130
    if times == 2:
        assert "redux: left at once" in told
        return
    assert "redux: stopped before its end" in told
    logged = redux("log").stdout
    assert logged.split()[1] == "stopped"
    assert "2 jobs in <time>: 1 ran, 1 unfinished" in plain(told)
    assert "2 jobs: 1 ran, 1 unfinished" in logged
    again = redux("run", "flow.py", "held", str(pipe))
    assert (again.stdout, again.returncode) == ("4\n", 0)


def signal_and_release(process: subprocess.Popen[str], pipe: Path, number: int, times: int) -> str:
    """Signal a run whose task waits for the pipe; after one signal the task gets what it waits for."""
    assert process.stderr is not None
    told = ""
    writer = os.open(pipe, os.O_WRONLY)  # opens when the task has opened it to read
    for _ in range(times):
        process.send_signal(number)
        while "redux: " not in (line := process.stderr.readline()):
            assert line, "the run ended without a word"
        told += line
    if times == 1:
        os.write(writer, b"four")
        os.close(writer)
        return told + process.stderr.read()
    told += process.stderr.read()
    os.close(writer)
    return told


def test_programs_that_tasks_start_print_to_standard_error(redux: Redux, project: Path) -> None:
    (project / "loud.py").write_text(
        "import os, sys\nfrom redux import task\n\n@task\ndef main():\n"
        "    os.system('echo from a shell')\n    print('from Python')\n    return 'quiet'\n"
    )
    run = redux("run", "loud.py", "main")
    assert run.stdout == "'quiet'\n"
    assert "from a shell\n" in run.stderr
    assert "from Python\n" in run.stderr


def test_help_imports_neither_the_parser_nor_anything_heavy() -> None:
    script = (
        "import sys, io\nfrom redux.cli.main import main\n"
        "try:\n    main(['--help'])\nexcept SystemExit as end:\n    code = end.code\n"
        "heavy = {'click', 'rich', 'sqlalchemy', 'fsspec', 'networkx', 'numpy', 'pandas', 'pyarrow', 'msgpack'}\n"
        "print(code, sorted(heavy & set(sys.modules)))"
    )
    shown = subprocess.run([sys.executable, "-P", "-c", script], capture_output=True, text=True, timeout=60, check=True)
    assert shown.stdout.splitlines()[0] == "Usage: redux COMMAND [options]"
    assert shown.stdout.splitlines()[-1] == "0 []"


def test_help_is_the_same_text_however_it_is_asked_for(redux: Redux) -> None:
    asked = redux("--help").stdout
    assert asked == redux().stdout
    for name in ("init", "run", "log", "explain-miss", "config", "completion"):
        assert f"\n  {name} " in asked
        with pytest.raises(SystemExit):
            group.main([name, "--help"])
    assert CliRunner().invoke(group, ["--help", "--help"]).output == asked
