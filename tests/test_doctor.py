"""`redux doctor`: each thing that is wrong with the surroundings is told, with what helps."""

from __future__ import annotations

import json
import os
import re
import subprocess
import tomllib
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest

from redux.cli.main import dispatch
from redux.doctor import machine
from redux.doctor.signs import Sign
from redux.repo import open_repo
from redux.settings.folder import make_project

from .commands import ROOT

TOML = """\
[run]
cache = false
executor = "nowhere"
workers = 4000

[values]
pickle = "allow"

[store]
inline_limit = 9000000

[limits]
db = 1

[executors.far]
type = "dask"

[executors.mine]
type = "futures"
factory = "no_such_module_here:make"

[executors.wrong]
type = "futures"

[executors.here]
type = "processes"

[executors.same]
type = "alias"
target = "here"

[executors.lost]
type = "alias"
target = "mien"

[executors.own]
type = "custom"
class = "no_such_package_here.Own"

[executors.boxed]
type = "docker"
image = "python"
command = "no-such-command-here"

[executors.registered]
type = "mine"
"""

Said = Callable[..., str]
USERS = ("cloudpickle", "numpy", "arrow", "pandas", "polars", "dask", "postgres", "graph", "templates")
"""extras that runs and commands have a use for"""


def test_the_libraries_it_looks_at_are_those_that_redux_uses() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]

    def named(lines: Iterable[str]) -> set[str]:
        return {re.split(r"[^a-z0-9]", line)[0] for line in lines}

    assert set(machine.NEEDED) == named(project["dependencies"])
    extras = project["optional-dependencies"]
    assert set(machine.EXTRAS) == {name for user in USERS for name in named(extras[user])}


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in [name for name in os.environ if name.startswith("REDUX_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "home"))
    folder = tmp_path / "project"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return folder


def doctor(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, list[dict[str, str]]]:
    code = dispatch(["doctor", "--json", *words])
    told = json.loads(capsys.readouterr().out)
    assert told["schema"] == "redux.doctor/1"
    assert told["fine"] == (code == 0)
    return code, told["findings"]


def unwell(findings: list[dict[str, str]]) -> dict[str, str]:
    """What is not fine, but for what this machine's own SQLite and disk may be told of."""
    passing = ("sqlite", "database: space", "store: space", "names")
    return {one["what"]: one["level"] for one in findings if one["level"] != "fine" and one["what"] not in passing}


WELL = """\
ok      redux: VERSION
ok      python: VERSION
ok      libraries: …
ok      settings: nothing unusual; `redux config --show-origin` shows them
ok      run.executor: threads
ok      database: file system: local
ok      database: access: 0700
ok      layout: HERE/.redux
ok      names: upper and lower case differ
ok      database: HERE/.redux/redux.db is not there yet; the first run makes it
"""


def test_a_new_project_is_well(project: Path, capsys: pytest.CaptureFixture[str]):
    make_project(project / ".redux")
    assert dispatch(["doctor"]) == 0
    text = capsys.readouterr().out.replace(str(project), "HERE")
    text = re.sub(r"(redux|python): [\d.]+", r"\1: VERSION", re.sub("libraries: .*", "libraries: …", text))
    lines = text.splitlines(keepends=True)
    told = [line for line in lines if not re.search("sqlite|space:|→|all is well|no trouble|^$", line)]
    assert "".join(told) == WELL
    assert not (project / ".redux" / "redux.db").exists(), "looking made a database"


def test_what_is_opened_is_looked_at_too(project: Path, capsys: pytest.CaptureFixture[str]):
    make_project(project / ".redux")
    open_repo(f"sqlite:///{project}/.redux/redux.db", f"{project}/.redux/values").close()
    code, findings = doctor(capsys)
    assert (code, unwell(findings)) == (0, {})
    told = {one["what"]: one["state"] for one in findings}
    assert told["database"] == "opened; nothing was run yet"
    assert told["store"] == f"{project}/.redux/values answers"
    assert told["clock of the disk"] == told["clock of the database"] == "agrees with this process's"
    assert sorted(os.listdir(project / ".redux")) == [".gitignore", "redux.db", "redux.db.lock", "redux.toml"]


def test_settings_that_are_odd_are_told_each_with_what_helps(project: Path, capsys: pytest.CaptureFixture[str]):
    folder = make_project(project / ".redux")
    (folder / "redux.toml").write_text(TOML)
    (folder / ".gitignore").unlink()
    (folder / "notes.txt").write_text("mine")
    for ours in ("outbox", "shared"):
        (folder / ours).mkdir()
    folder.chmod(0o770)
    code, findings = doctor(capsys, "--store", "nosuchprotocol://bucket")
    levels = unwell(findings)
    assert code == 4
    assert levels == {
        "run.cache": "note",
        "values.pickle": "note",
        "run.workers": "note",
        "store.inline_limit": "note",
        "places": "note",
        "run.executor": "trouble",
        "executors.mine": "trouble",
        "executors.wrong": "trouble",
        "executors.lost": "trouble",
        "executors.own": "trouble",
        "executors.boxed": "trouble",
        "executors.registered": "note",
        "database: access": "trouble",
        "layout": "note",
    }
    assert all(one["todo"] for one in findings if one["level"] != "fine")
    told = [one["state"] for one in findings if one["what"] == "layout"]
    assert told == [
        f"{folder} has what is not redux's: notes.txt",
        f"{folder} has no .gitignore, so that git may take in values",
    ]


def test_a_history_that_came_with_a_checkout_is_told_of(project: Path, capsys: pytest.CaptureFixture[str]):
    folder = make_project(project / ".redux")
    doctor(capsys)
    git = ["git", "-C", str(project)]
    subprocess.run([*git, "init", "-q"], check=True)
    subprocess.run([*git, "add", "-f", ".redux/redux.toml"], check=True)
    assert unwell(doctor(capsys)[1]) == {}
    (folder / "redux.db").touch()
    subprocess.run([*git, "add", "-f", ".redux/redux.db"], check=True)
    (folder / "redux.db").unlink()
    assert f"{folder}/redux.db is in git: its results" in str(doctor(capsys)[1])


def test_storage_that_cannot_be_used_is_told(project: Path, capsys: pytest.CaptureFixture[str]):
    folder = make_project(project / ".redux")
    (folder / "redux.db").write_bytes(b"no database at all" * 100)
    code, findings = doctor(capsys)
    assert code == 4
    assert unwell(findings) == {"database": "trouble"}
    (folder / "redux.db").unlink()
    open_repo(f"sqlite:///{folder}/redux.db", f"{folder}/values").close()
    code, findings = doctor(capsys, "--store", "nosuchprotocol://bucket")
    assert unwell(findings) == {"store": "trouble", "places": "note"}
    code, findings = doctor(capsys, "--db", "oracle://somewhere")
    assert (code, unwell(findings)) == (4, {"database": "trouble", "places": "note"})


def test_no_project_and_settings_that_cannot_be_read_are_told(project: Path, capsys: pytest.CaptureFixture[str]):
    code, findings = doctor(capsys)
    assert (code, unwell(findings)) == (0, {"project": "note"})
    (make_project(project / ".redux") / "redux.toml").write_text("[run]\nworkrs = 3\n")
    code, findings = doctor(capsys)
    assert (code, unwell(findings)) == (4, {"settings": "trouble"})
    (project / ".redux/redux.toml").write_text("[run\n")
    assert dispatch(["doctor"]) == 4
    said = capsys.readouterr().out
    assert "→ put it right there, or take it out: every setting has a default" in said
    assert "redux config" not in said


@pytest.mark.parametrize(
    ("sign", "level"),
    [
        (machine.judge_python((3, 10, 1)), "trouble"),
        (machine.judge_sqlite((3, 51, 2)), "note"),
        (machine.judge_sqlite((3, 51, 3)), "fine"),
        (machine.judge_libraries({"msgpack": None}, {}), "trouble"),
        (machine.judge_filesystem("database", "nfs4", True), "trouble"),
        (machine.judge_filesystem("store", "nfs4", False), "note"),
        (machine.judge_space("database", 50 << 20), "trouble"),
        (machine.judge_space("database", 1 << 30), "note"),
        (machine.judge_space("database", 5 << 30), "fine"),
        (machine.judge_access("database", 0o700, 98765432, True), "trouble"),
        (machine.judge_access("database", 0o770, os.geteuid(), True), "trouble"),
        (machine.judge_access("database", 0o755, os.geteuid(), True), "note"),
        (machine.judge_access("database", 0o500, os.geteuid(), False), "note"),
        (machine.judge_access("database", 0o700, os.geteuid(), True), "fine"),
        (machine.judge_clock("the disk", 1000.0, 1001.0), "fine"),
        (machine.judge_clock("the disk", 1000.0, 4600.0), "trouble"),
        (machine.judge_clock("the database", 4600.0, 1000.0), "trouble"),
    ],
    ids=lambda part: f"{part.what} {part.state}" if isinstance(part, Sign) else part,
)
def test_what_is_judged(sign: Sign, level: str):
    assert sign.level == level
    assert bool(sign.todo) == (level != "fine")


def test_a_disk_over_the_network_is_told(tmp_path: Path):
    mounts = tmp_path / "mounts"
    mounts.write_text(f"server:/x {tmp_path} nfs4 rw 0 0\n")
    signs = {one.what: one for one in machine.folder_signs(tmp_path, "database", locks=True, mount_table=mounts)}
    assert signs["database: file system"].level == "trouble"
    assert "nfs4" in signs["database: file system"].state


def test_names_that_differ_in_case_are_told_apart(tmp_path: Path):
    file = tmp_path / "redux.toml"
    assert machine.case_sign(file) is None
    file.write_text("")
    os.link(file, tmp_path / "REDUX.TOML")
    sign = machine.case_sign(file)
    assert sign is not None
    assert sign.level == "note"
