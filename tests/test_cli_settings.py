"""What is said of a run besides its task: tags, context, setup; and `redux config`, which shows what is in force."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest

from . import commands

WORKFLOW = '''\
from redux import apply_tags, get_context, task

redux_namespace = "weather"


@task(tags=[("team", "x")])
def read(region: str = get_context("region", "nowhere")) -> str:
    """Reads a region."""
    return region


@task
def main(n: int = 1) -> dict[str, object]:
    seen = apply_tags(read(), {"kind": "region"}, job_tags=[("n", n)])
    return {"region": seen, "port": get_context("database.port")}
'''

SETUP = """\
def configure(workers: int, region: str = "north", dry: bool = False):
    print("configuring")
    if dry:
        raise ValueError("dry as dust")
    return {"run": {"workers": workers}, "context": {"region": region}, "limits": {"db": workers}}


def wrong():
    return 3


def elsewhere():
    return {"database": {"url": "sqlite:///x.db"}}


def misspelt():
    return {"run": {"workrs": 3}}


def quiet():
    return None
"""

Redux = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "flow.py").write_text(WORKFLOW)
    (tmp_path / "setup.py").write_text(SETUP)
    return tmp_path


@pytest.fixture
def redux(project: Path) -> Redux:
    def run(*words: str, **changes: str) -> subprocess.CompletedProcess[str]:
        ours = {"XDG_CONFIG_HOME": str(project / "home"), "USER": "ann", "LOGNAME": "ann"}
        return commands.redux(project, *words, **{**ours, **changes})

    return run


def said(redux: Redux, *words: str, **changes: str) -> str:
    """What a command that ends well writes to standard output."""
    done = redux(*words, **changes)
    assert done.returncode == 0, done.stderr
    return done.stdout


def set_up_by(project: Path, function: str) -> None:
    (project / "pyproject.toml").write_text(f'[tool.redux.scheduler]\nsetup = "setup.py::{function}"\n')


# -- tags --------------------------------------------------------------------------------------------


def test_tags_of_a_run_are_shown_by_the_log(redux: Redux) -> None:
    said(redux, "run", "-t", "stage=raw", "--tag", 'n="3"', "--tag", "n=4", "--doc", "try it", "flow.py", "main")
    listed = said(redux, "log").splitlines()
    assert listed[1] == '          2 jobs: 2 ran  stage=raw, n="3", n=4, doc=try it'
    page = said(redux, "log", listed[0].split()[0])
    (tags,) = [line for line in page.splitlines() if line.startswith("  tags: ")]
    version = re.escape(said(redux, "--version").split()[1])
    assert re.fullmatch(
        rf'  tags: stage=raw, n="3", n=4, redux.version={version}, user=ann, project=weather, doc=try it', tags
    )
    (told,) = json.loads(said(redux, "log", "--json"))["executions"]
    assert told["tags"][:3] == [["stage", "raw"], ["n", "3"], ["n", 4]]


def test_a_tag_given_stands_instead_of_the_automatic_one(redux: Redux) -> None:
    said(redux, "run", "--tag", "project=mine", "flow.py", "main")
    (told,) = json.loads(said(redux, "log", "--json"))["executions"]
    assert [value for key, value in told["tags"] if key == "project"] == ["mine"]


def test_tags_of_the_workflow_are_shown_on_their_pages(redux: Redux) -> None:
    said(redux, "run", "flow.py", "main", "7")
    (job,) = json.loads(said(redux, "log", "--task", "weather.main", "--json"))["jobs"]
    assert "\n  tags: n=7\n" in said(redux, "log", job["job"]["id"])
    assert "\n  tags: team=x\n" in said(redux, "log", "read")
    (read,) = json.loads(said(redux, "log", "--task", "weather.read", "--json"))["jobs"]
    assert "\n  tags: team=x\n" in said(redux, "log", read["job"]["id"])
    assert "\n  tags: kind=region\n" in said(redux, "log", read["result"])
    assert "\n      tags: kind=region\n" in said(redux, "log", read["job"]["call_hash"])


def test_the_commit_of_the_workflow_is_a_tag(redux: Redux, project: Path) -> None:
    command = ["git", "-c", "user.name=n", "-c", "user.email=e@x"]
    subprocess.run([*command, "init", "-q"], cwd=project, check=True)
    subprocess.run([*command, "commit", "-q", "--allow-empty", "-m", "one"], cwd=project, check=True)
    said(redux, "run", "flow.py", "main")
    (told,) = json.loads(said(redux, "log", "--json"))["executions"]
    assert re.fullmatch("[0-9a-f]{40}", dict(told["tags"])["git_commit"])


# -- context -----------------------------------------------------------------------------------------


def test_the_context_comes_from_flags_over_files(redux: Redux, project: Path) -> None:
    run = ("run", "--quiet")
    assert said(redux, *run, "flow.py", "main") == "{'region': 'nowhere', 'port': None}\n"
    (project / "pyproject.toml").write_text('[tool.redux.context]\nregion = "south"\ndatabase.port = 1\n')
    assert said(redux, *run, "flow.py", "main") == "{'region': 'south', 'port': 1}\n"
    (project / "more.json").write_text('{"region": "east", "database": {"host": "h"}}')
    by_file = (*run, "--context-file", "more.json")
    assert said(redux, *by_file, "flow.py", "main") == "{'region': 'east', 'port': 1}\n"
    by_flag = (*by_file, "--context", "database.port=5432", "--context", "region=west")
    assert said(redux, *by_flag, "flow.py", "main") == "{'region': 'west', 'port': 5432}\n"
    again = redux("run", *by_flag[1:], "flow.py", "main")
    assert again.stderr == ""
    assert "cached" in redux("run", *by_flag[2:], "flow.py", "main").stderr
    shown = said(redux, "run", "flow.py", "read", "--help")
    assert shown.splitlines()[-1] == "  --region str  default: redux.get_context('region', 'nowhere')"


def test_another_context_is_a_reason_to_run_that_is_told(redux: Redux) -> None:
    redux("run", "--context", "region=north", "flow.py", "main")
    told = redux("run", "--context", "region=south", "flow.py", "main").stderr
    assert "  the context changed: {'region': 'north'} → {'region': 'south'}: weather.read\n" in told
    assert "2 jobs in " in told
    assert ": 1 ran, 1 cached" in told


# -- setup -------------------------------------------------------------------------------------------


def test_the_setup_function_says_further_settings(redux: Redux, project: Path) -> None:
    set_up_by(project, "configure")
    run = redux("run", "--setup", "workers=2", "--setup", "region=east", "flow.py", "main")
    assert (run.returncode, run.stdout) == (0, "{'region': 'east', 'port': None}\n")
    assert run.stderr.splitlines()[:2] == ["configuring", f"made {project / '.redux'}, where everything is kept"]
    flags = ("--setup", "workers=2", "--context", "region=west")
    assert said(redux, "run", "--quiet", *flags, "flow.py", "main") == "{'region': 'west', 'port': None}\n"
    set_up_by(project, "quiet")
    assert said(redux, "run", "--quiet", "flow.py", "main") == "{'region': 'nowhere', 'port': None}\n"


def test_a_script_asks_the_setup_function_too(redux: Redux, project: Path) -> None:
    set_up_by(project, "quiet")
    (project / "setup.py").write_text('def quiet(region="script"):\n    return {"context": {"region": region}}\n')
    script = "import redux, flow, sys\nprint(redux.run(flow.main(), tags={'a': 1}, context={'database': {'port': 2}}))"
    (project / "script.py").write_text(script)
    done = subprocess.run([sys.executable, "script.py"], cwd=project, capture_output=True, text=True, check=True)
    assert done.stdout == "{'region': 'script', 'port': 2}\n"
    (told,) = json.loads(said(redux, "log", "--json"))["executions"]
    tags = dict(told["tags"])
    assert (tags["a"], tags["project"]) == (1, "weather")


@pytest.mark.parametrize(
    ("function", "words", "says"),
    [
        ("configure", (), "setup.py::configure needs --setup workers=INT"),
        (
            "configure",
            ("--setup", "worker=2"),
            "setup.py::configure has no worker; did you mean 'workers'",
        ),
        ("configure", ("--setup", "workers=x"), "--setup workers must be a whole number, not 'x'"),
        ("configure", ("--setup", "workers"), "--setup workers gives nothing: write KEY=VALUE"),
        (
            "configure",
            ("--setup", "workers=1", "--setup", "workers=2"),
            "--setup workers must be given once, not '1' '2'",
        ),
        (
            "configure",
            ("--setup", "workers=0"),
            "setup.py::configure: run.workers = 0 must be a whole number",
        ),
        ("misspelt", (), "setup.py::misspelt: unknown setting 'run.workrs'; did you mean 'run.workers'"),
        ("wrong", (), "setup.py::wrong: gave int, where a table of settings as in redux.toml is wanted, or None"),
        ("elsewhere", (), "setup.py::elsewhere: says database.url, which commands that run nothing must know too"),
        ("nowhere", (), "setup.py defines no function nowhere"),
        ("quiet", ("--setup", "x=1"), "--setup x=1: setup.py::quiet has no x; it takes nothing"),
        (None, ("--setup", "x=1"), "--setup x=1 has nobody to take it: name a function in the settings"),
        (None, ("--tag", "stage"), "the tag 'stage' has no value: write stage=VALUE"),
        (None, ("--context", "a..b=1"), "--context a..b=1 gives nothing: write NAME=VALUE"),
        (None, ("--context-file", "none.json"), "none.json: No such file or directory; a context is a JSON object"),
    ],
)
def test_what_is_asked_wrongly_is_one_line(
    redux: Redux, project: Path, function: str | None, words: tuple[str, ...], says: str
) -> None:
    if function is not None:
        set_up_by(project, function)
    asked = redux("run", *words, "flow.py", "main")
    assert (asked.returncode, asked.stdout) == (2, "")
    last = asked.stderr.splitlines()[-1]
    assert last.startswith("redux: ")
    assert says in last
    assert "Traceback" not in asked.stderr
    assert not (project / ".redux").exists()


def test_a_setup_function_that_raises_shows_its_own_frames(redux: Redux, project: Path) -> None:
    set_up_by(project, "configure")
    failed = redux("run", "--setup", "workers=1", "--setup", "dry=true", "flow.py", "main")
    assert (failed.returncode, failed.stdout) == (1, "")
    frames = [line.split(", ", 1)[1] for line in failed.stderr.splitlines() if line.startswith("  File ")]
    assert frames == ["line 4, in configure"]
    last = failed.stderr.splitlines()[-1]
    assert last == "redux: the setup function setup.py::configure failed: ValueError: dry as dust"


# -- redux config ------------------------------------------------------------------------------------

CONFIG = """\
database.url = "sqlite:///{project}/.redux/redux.db"  # default
# database.password_command is not set  # default
store.location = "{project}/v"                        # the variable REDUX_STORE
store.inline_limit = 16384                            # default
store.shared = "no"                                   # default
run.executor = "threads"                              # default
# run.workers is not set                              # default
run.cache = false                                     # {project}/.redux/redux.toml
run.keep_going = true                                 # {project}/home/redux/redux.toml
# run.single_flight is not set                        # default
run.status_interval = 20.0                            # default
values.pickle = "refuse"                              # default
values.trust = "private"                              # default
values.allow = []                                     # default
# shared.url is not set                               # default
shared.mode = "read-write"                            # default
shared.offline = false                                # default
shared.wait = 10.0                                    # default
shared.timeout = 5.0                                  # default
shared.epoch = 0                                      # default
shared.verify_sample = 0.0                            # default
shared.unsigned = false                               # default
# shared.believe is not set                           # default
scheduler.setup = "{project}/setup.py::quiet"         # {project}/pyproject.toml
# scheduler.context_file is not set                   # default
context.region = "north"                              # {project}/pyproject.toml
context.since = 2026-01-31                            # {project}/pyproject.toml
limits.db = 3                                         # {project}/pyproject.toml
executors.gpu = {{type = "threads", "a b" = [1, 2.5]}}  # {project}/pyproject.toml
"""


def test_config_shows_what_is_in_force_and_where_it_comes_from(redux: Redux, project: Path) -> None:
    (project / "pyproject.toml").write_text(
        '[tool.redux]\nscheduler.setup = "setup.py::quiet"\nlimits.db = 3\n'
        'context = {region = "north", since = 2026-01-31}\nexecutors.gpu = {type = "threads", "a b" = [1, 2.5]}\n'
    )
    (project / "home" / "redux").mkdir(parents=True)
    (project / "home" / "redux" / "redux.toml").write_text("run.keep_going = true\nrun.cache = true\n")
    redux("init")
    (project / ".redux" / "redux.toml").write_text("[run]\ncache = false\n")
    shown = redux("config", "--show-origin", REDUX_STORE="v")
    told = [re.sub(r" +# ", "  # ", line) for line in shown.stdout.splitlines()]
    wanted = [re.sub(r" +# ", "  # ", line) for line in CONFIG.format(project=project).splitlines()]
    assert (shown.returncode, shown.stderr, told) == (0, "", wanted)
    plain = said(redux, "config", REDUX_STORE="v")
    assert plain.splitlines() == [line.rpartition("  # ")[0] for line in wanted]
    read = tomllib.loads(plain)
    assert (read["run"], read["executors"]) == (
        {"executor": "threads", "cache": False, "keep_going": True, "status_interval": 20.0},
        {"gpu": {"type": "threads", "a b": [1, 2.5]}},
    )
    told = json.loads(said(redux, "config", "--json", "--db", "sqlite:///x.db"))
    assert (told["schema"], told["project"]) == ("redux.config/1", str(project / ".redux"))
    assert told["settings"][0] == {
        "key": "database.url",
        "value": f"sqlite:///{project}/x.db",
        "origin": {"kind": "flag", "name": "--db"},
    }


def test_a_command_for_the_password_is_the_users_own(redux: Redux, project: Path) -> None:
    said_so = {"REDUX_DB_PASSWORD_COMMAND": "sh -c 'echo hush; exit 3'"}
    assert "REDUX_DB_PASSWORD_COMMAND" in redux("config", "--show-origin", **said_so).stdout
    refused = redux("log", "--db", "postgresql://me@localhost:1/x", **said_so)
    assert refused.returncode == 4
    assert refused.stderr.startswith("redux: cannot use the database postgresql://me@localhost:1/x: 'sh', which ")
    assert "hush" not in refused.stderr
    (project / "pyproject.toml").write_text("[tool.redux.database]\npassword_command = 'touch ran'\n")
    refused = redux("log")
    assert refused.returncode == 2
    assert "runs a program, which a project may not ask for; say it in your own settings file" in refused.stderr
    assert not (project / "ran").exists()


def test_a_variable_that_is_none_of_reduxs_is_told_where_it_looks_like_one(redux: Redux) -> None:
    names = ("REDUX_NOCACHE", "REDUX_DB", "REDUX_DATABASE_URL", "REDUX_COLOUR", "REDUX_TEST_PG_URL")
    assert redux("config", **dict.fromkeys(names, "1")).stderr.splitlines() == [
        f"redux: {name} is no variable of redux's, and ignored; did you mean {meant}?"
        for name, meant in (
            ("REDUX_DATABASE_URL", "REDUX_DB_URL"), ("REDUX_DB", "REDUX_DB_URL"), ("REDUX_NOCACHE", "REDUX_NO_CACHE"),
        )
    ]  # fmt: skip


def test_config_makes_nothing_and_names_what_is_wrong(redux: Redux, project: Path) -> None:
    assert said(redux, "config").startswith(f'database.url = "sqlite:///{project}/.redux/redux.db"\n')
    assert not (project / ".redux").exists()
    (project / "pyproject.toml").write_text("[tool.redux.run]\nworkrs = 3\n")
    wrong = redux("config")
    assert (wrong.returncode, wrong.stdout) == (2, "")
    start = f"redux: {project}/pyproject.toml: unknown setting 'run.workrs'; did you mean 'run.workers'"
    assert wrong.stderr.startswith(start)
    assert wrong.stderr.count("\n") == 1
