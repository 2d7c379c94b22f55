"""Settings come from flag, environment, project file, user file or default; the .redux folder is found upward."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from redux.cli.main import dispatch
from redux.cli.surroundings import Where, find_sources
from redux.errors import ConfigError, ProjectMissing, ProjectRefused, ProjectUnwritable
from redux.session import open_scheduler
from redux.settings.folder import (
    DATABASE_FILE,
    PROJECT_FILE,
    PROJECT_FOLDER,
    find_pyproject,
    locate_project,
    make_project,
)
from redux.settings.layers import SharedSettings
from redux.settings.precedence import Layer, Sources, explain_settings, needs_project, prepare_run, read_settings
from redux.settings.shared_lines import set_shared
from redux.trust import guarded
from redux.trust.folders import FOLDERS
from redux.trust.signers import parse_list
from redux.trust.trouble import TrustRefused


def sources(folder: Path, **changes: object) -> Sources:
    said: dict[str, object] = {"environment": {}, **changes}
    return Sources(folder, **said)  # pyright: ignore[reportArgumentType]


@pytest.fixture
def project(tmp_path: Path) -> Path:
    return make_project(tmp_path / PROJECT_FOLDER)


def test_what_is_said_first_counts(tmp_path: Path, project: Path) -> None:
    user_file = tmp_path / "user.toml"
    user_file.write_text('[run]\nexecutor = "processes"\nworkers = 1\nkeep_going = true\n')
    (project / PROJECT_FILE).write_text("[run]\nworkers = 2\ncache = true\n")
    said = sources(tmp_path, user_file=user_file)
    settings = read_settings(said)
    assert (settings.executor, settings.workers, settings.keep_going, settings.cache) == ("processes", 2, True, True)
    by_environment = sources(tmp_path, user_file=user_file, environment={"REDUX_NO_CACHE": "1"})
    assert read_settings(by_environment).cache is False
    by_flag = sources(tmp_path, environment={"REDUX_NO_CACHE": "1"}, flags=Layer(cache=True, workers=9))
    assert (read_settings(by_flag).cache, read_settings(by_flag).workers) == (True, 9)


def test_a_script_reads_the_users_own_file_as_the_command_line_does(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("platformdirs.user_config_path", lambda name: tmp_path / name)
    assert find_sources(Where(None, None, None)).user_file == tmp_path / "redux" / PROJECT_FILE
    (tmp_path / "redux").mkdir()
    (tmp_path / "redux" / PROJECT_FILE).write_text("[run]\nkeep_gogin = true\n")
    with pytest.raises(ConfigError, match="keep_going"), open_scheduler(tmp_path):
        pass


def test_without_a_word_everything_is_in_the_project(tmp_path: Path, project: Path) -> None:
    deep = tmp_path / "a" / "b"
    deep.mkdir(parents=True)
    settings = read_settings(sources(deep))
    assert settings.project == project
    assert settings.database == f"sqlite:///{project / DATABASE_FILE}"
    assert settings.store == str(project / "values")


def test_relative_places_are_taken_from_who_says_them(tmp_path: Path, project: Path) -> None:
    (project / PROJECT_FILE).write_text('[database]\nurl = "sqlite:///d.db"\n[store]\nlocation = "v"\n')
    settings = read_settings(sources(tmp_path))
    assert settings.database == f"sqlite:///{project / 'd.db'}"
    assert settings.store == str(project / "v")
    named = sources(tmp_path, environment={"REDUX_DB_URL": "sqlite:///e.db", "REDUX_STORE": "memory://x"})
    assert read_settings(named).database == f"sqlite:///{tmp_path / 'e.db'}"
    assert read_settings(named).store == "memory://x"


def test_the_environment_or_a_flag_names_the_project(tmp_path: Path, project: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    assert locate_project(sources(elsewhere, environment={"REDUX_DIR": str(project)})) == project
    other = make_project(tmp_path / "other")
    assert locate_project(sources(elsewhere, environment={"REDUX_DIR": str(project)}, project=other)) == other


def test_a_run_needs_a_project_unless_both_places_are_named(tmp_path: Path) -> None:
    assert needs_project(sources(tmp_path))
    assert needs_project(sources(tmp_path, environment={"REDUX_DB_URL": "sqlite:///x.db"}))
    both = {"REDUX_DB_URL": "sqlite:///x.db", "REDUX_STORE": "v"}
    assert not needs_project(sources(tmp_path, environment=both))
    make_project(tmp_path / PROJECT_FOLDER)
    assert not needs_project(sources(tmp_path))


def test_nothing_to_look_at_says_how_to_begin(tmp_path: Path) -> None:
    with pytest.raises(ProjectMissing, match="`redux run` makes one") as missing:
        read_settings(sources(tmp_path))
    assert str(tmp_path) in str(missing.value)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("[run]\nworkrs = 2\n", "unknown setting 'run.workrs'; did you mean 'run.workers'"),
        ("[run]\nworkers = 0\n", "run.workers = 0 must be a whole number from 1 on"),
        ("[run]\nworkers = true\n", "must be a whole number"),
        ('[run]\nstatus_interval = "often"\n', "run.status_interval = 'often' must be a number of seconds"),
        ("[shared]\ntimeout = 1e300\n", "must be a number of seconds from 0 to 86,400"),
        ("[shared]\nwait = nan\n", "must be a number of seconds from 0 to 86,400"),
        ("[run]\nexecutor = 3\n", "run.executor = 3 must be a text"),
        ('[run]\ncache = "yes"\n', "must be true or false"),
        ("[run\n", "cannot be read as TOML"),
        ("[limit]\ndb = 1\n", "unknown setting 'limit.db'; did you mean 'limits.db'?"),
        ("[limits]\ndb = 0\n", "limits.db = 0 must be a whole number from 1 on"),
        ("limits = 3\n", "limits = 3 must be a table"),
        ("[executors]\ngpu = 3\n", "executors.gpu = 3 must be a table"),
        ("[executors.gpu]\nmemory = 3\n", 'executors.gpu.type is missing: it must be a text such as "dask"'),
        ("[executors.gpu]\ntype = 3\n", "executors.gpu.type = 3: it must be a text"),
        ('context = "x"\n', "context = 'x' must be a table"),
        ('[scheduler]\nsetup = "setup.py"\n', "scheduler.setup = 'setup.py' must be file.py::function"),
    ],
)
def test_a_setting_that_cannot_be_is_named_with_its_file(tmp_path: Path, project: Path, text: str, says: str) -> None:
    (project / PROJECT_FILE).write_text(text)
    with pytest.raises(ConfigError, match=str(project / PROJECT_FILE)) as refused:
        read_settings(sources(tmp_path))
    assert says in str(refused.value)


def test_a_variable_that_is_neither_yes_nor_no_is_named(tmp_path: Path, project: Path) -> None:
    with pytest.raises(ConfigError, match="REDUX_NO_CACHE: 'perhaps' is neither yes nor no"):
        read_settings(sources(tmp_path, environment={"REDUX_NO_CACHE": "perhaps"}))


LAYERED = """\
[context]
region = "north"
database = {host = "a", port = 1}
[limits]
db = 2
[executors.gpu]
type = "threads"
units = ["a", "b"]
"""


def test_tables_of_the_users_own_are_laid_over_each_other_by_name(tmp_path: Path, project: Path) -> None:
    user_file = tmp_path / "user.toml"
    user_file.write_text('[limits]\ndb = 9\napi = 1\n[executors.gpu]\ntype = "x"\nmore = 1\n[context]\nuser = true\n')
    (project / PROJECT_FILE).write_text(LAYERED)
    flags = Layer(context={"database": {"port": 2}, "region": {"name": "east"}})
    settings = read_settings(sources(tmp_path, user_file=user_file, flags=flags))
    assert settings.limits == (("api", 1), ("db", 2))
    (gpu,) = settings.executors
    assert (gpu.name, gpu.type, gpu.options) == ("gpu", "threads", {"units": ("a", "b")})
    assert settings.context == {
        "region": {"name": "east"},
        "database": {"host": "a", "port": 2},
        "user": True,
    }
    for table in (settings.context, settings.context["database"], gpu.options):
        with pytest.raises(TypeError):
            table["new"] = 1  # pyright: ignore[reportIndexIssue] - that it cannot be done is what is shown


def test_a_context_file_comes_below_the_table_beside_it(tmp_path: Path, project: Path) -> None:
    (project / PROJECT_FILE).write_text('[scheduler]\ncontext_file = "more.json"\n[context]\na = 1\n')
    (project / "more.json").write_text('{"a": 2, "b": {"c": [3]}}')
    assert read_settings(sources(tmp_path)).context == {"a": 1, "b": {"c": (3,)}}
    (tmp_path / "flag.toml").write_text("[b]\nc = 4\n")
    by_flag = sources(tmp_path, flags=Layer(context_file=tmp_path / "flag.toml"))
    assert read_settings(by_flag).context == {"a": 1, "b": {"c": 4}}
    for text in ("[1]", "{"):
        (project / "more.json").write_text(text)
        with pytest.raises(ConfigError, match="a context is a JSON object, or TOML in a file"):
            read_settings(sources(tmp_path))


def test_pyproject_speaks_for_the_project_that_it_lies_in(tmp_path: Path) -> None:
    deep = tmp_path / "a" / "b"
    deep.mkdir(parents=True)
    pyproject = tmp_path / "pyproject.toml"
    pyproject.write_text('[tool.redux]\nstore.location = "v"\nrun = {workers = 3, executor = "processes"}\n')
    (tmp_path / "a" / "pyproject.toml").write_text('[project]\nname = "x"\n[tool.redux-like]\nof = "tool.redux"\n')
    assert prepare_run(sources(deep)) == tmp_path / PROJECT_FOLDER
    settings = read_settings(sources(deep))
    assert (settings.workers, settings.executor, settings.store) == (3, "processes", str(tmp_path / "v"))
    (tmp_path / PROJECT_FOLDER / PROJECT_FILE).write_text("[run]\nworkers = 4\n")
    assert read_settings(sources(deep)).workers == 4
    pyproject.write_text("[tool.redux.run\n")
    with pytest.raises(ConfigError, match="cannot be read as TOML"):
        read_settings(sources(deep))
    pyproject.write_text("[tool.redux.run]\nworkrs = 3\n")
    with pytest.raises(ConfigError, match=r"unknown setting 'run\.workrs'; did you mean 'run\.workers'") as refused:
        read_settings(sources(deep))
    assert str(refused.value).startswith(str(pyproject))


def test_the_nearer_project_counts_by_its_folder_or_its_pyproject(tmp_path: Path, project: Path) -> None:
    inner = project.parent / "inner"
    (inner / "deep").mkdir(parents=True)
    plain = '[project]\nname = "x"\n'
    (inner / "pyproject.toml").write_text(plain)
    assert locate_project(sources(inner / "deep")) == project
    (inner / "pyproject.toml").write_text(f"{plain}[tool.redux.run]\nworkers = 3\n")
    assert locate_project(sources(inner / "deep")) is None
    with pytest.raises(ProjectMissing, match=rf"no \.redux in {inner}, whose pyproject\.toml has a \[tool\.redux\],"):
        read_settings(sources(inner / "deep"))
    assert prepare_run(sources(inner / "deep")) == inner / ".redux"
    settings = read_settings(sources(inner / "deep"))
    assert (settings.project, settings.workers) == (inner / ".redux", 3)


def test_pyproject_of_another_user_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "pyproject.toml").write_text("[tool.redux]\n")
    owner = (tmp_path / "pyproject.toml").stat().st_uid
    monkeypatch.setattr(os, "geteuid", lambda: owner + 1)
    monkeypatch.setattr(Path, "stat", lambda path: os.stat_result((0o100644, 1, 1, 1, owner + 2, 0, 0, 0, 0, 0)))
    with pytest.raises(ConfigError, match="belongs to another user"):
        find_pyproject(tmp_path)


def test_the_shared_cache_is_said_by_files_and_whom_to_trust_only_by_oneself(tmp_path: Path, project: Path) -> None:
    (project / PROJECT_FILE).write_text('[shared]\nurl = "team"\nepoch = 3\nverify_sample = "1%"\n')
    user_file = tmp_path / "user.toml"
    user_file.write_text('[shared]\nbelieve = ["ci-main"]\n')
    environment = {"REDUX_SHARED": "s3://bucket/prefix", "REDUX_SHARED_MODE": "read-only", "REDUX_OFFLINE": "1"}
    said = sources(tmp_path, user_file=user_file, environment=environment)
    expected = SharedSettings(
        "s3://bucket/prefix", "read-only", True, epoch=3, verify_sample=0.01, believe=("ci-main",)
    )
    assert read_settings(said).shared == expected
    assert read_settings(sources(tmp_path)).shared.url == str(project / "team")
    for wrong in ({"REDUX_SHARED_MODE": "reed-only"}, {"REDUX_SHARED": "s3://"}, {"REDUX_SHARED": "s3:/bucket"}):
        with pytest.raises(ConfigError, match="must be"):
            read_settings(sources(tmp_path, environment=wrong))
    for line in ('believe = ["evil"]', "unsigned = true"):
        (project / PROJECT_FILE).write_text(f"[shared]\n{line}\n")
        with pytest.raises(ConfigError, match="which a project may not"):
            read_settings(sources(tmp_path))


def test_every_setting_says_where_it_comes_from(tmp_path: Path, project: Path) -> None:
    (project / PROJECT_FILE).write_text(LAYERED + '[scheduler]\ncontext_file = "more.json"\n')
    (project / "more.json").write_text('{"region": "south", "debug": true}')
    user_file = tmp_path / "user.toml"
    user_file.write_text("[run]\nworkers = 1\nkeep_going = true\n")
    said = sources(
        tmp_path,
        user_file=user_file,
        environment={"REDUX_NO_CACHE": "1"},
        flags=Layer(workers=5, context={"database": {"port": 2}}),
    )
    lines = {line.key: (line.value, line.origin.kind, line.origin.name) for line in explain_settings(said)}
    project_file = str(project / PROJECT_FILE)
    assert lines == {
        "database.url": (f"sqlite:///{project / DATABASE_FILE}", "default", ""),
        "store.location": (str(project / "values"), "default", ""),
        "database.password_command": (None, "default", ""),
        "store.inline_limit": (16384, "default", ""),
        "run.executor": ("threads", "default", ""),
        "run.workers": (5, "flag", "--workers"),
        "run.cache": (False, "environment", "REDUX_NO_CACHE"),
        "run.keep_going": (True, "user", str(user_file)),
        "run.single_flight": (None, "default", ""),
        "run.status_interval": (20.0, "default", ""),
        "store.shared": ("no", "default", ""),
        "values.pickle": ("refuse", "default", ""),
        "values.trust": ("private", "default", ""),
        "values.allow": ((), "default", ""),
        "shared.url": (None, "default", ""),
        "shared.mode": ("read-write", "default", ""),
        "shared.offline": (False, "default", ""),
        "shared.wait": (10.0, "default", ""),
        "shared.timeout": (5.0, "default", ""),
        "shared.epoch": (0, "default", ""),
        "shared.verify_sample": (0.0, "default", ""),
        "shared.unsigned": (False, "default", ""),
        "shared.believe": (None, "default", ""),
        "scheduler.setup": (None, "default", ""),
        "scheduler.context_file": (project / "more.json", "project", project_file),
        "context.region": ("north", "project", project_file),
        "context.debug": (True, "project", str(project / "more.json")),
        "context.database.host": ("a", "project", project_file),
        "context.database.port": (2, "flag", "--context"),
        "limits.db": (2, "project", project_file),
        "executors.gpu": ({"type": "threads", "units": ("a", "b")}, "project", project_file),
    }


def test_a_project_of_a_newer_redux_is_refused(tmp_path: Path, project: Path) -> None:
    (project / PROJECT_FILE).write_text("format = 2\n")
    with pytest.raises(ProjectRefused, match="newer than this redux reads"):
        read_settings(sources(tmp_path))


def test_a_folder_that_is_not_ours_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    strange = tmp_path / "strange" / PROJECT_FOLDER
    strange.mkdir(parents=True)
    (strange / "notes.txt").touch()
    with pytest.raises(ProjectRefused, match="is not a redux folder"):
        locate_project(sources(strange.parent))
    plain = tmp_path / "plain"
    plain.mkdir()
    (plain / PROJECT_FOLDER).touch()
    with pytest.raises(ProjectRefused, match="is not a folder"):
        locate_project(sources(plain))
    make_project(tmp_path / PROJECT_FOLDER)
    monkeypatch.setattr(os, "geteuid", lambda: os.getuid() + 1)
    with pytest.raises(ProjectRefused, match="belongs to another user"):
        locate_project(sources(tmp_path))


def test_a_project_is_made_whole_and_keeps_itself_out_of_git(tmp_path: Path) -> None:
    made = make_project(tmp_path / "deep" / PROJECT_FOLDER)
    assert sorted(path.name for path in made.iterdir()) == [".gitignore", PROJECT_FILE]
    assert (made / ".gitignore").read_text() == "*\n!redux.toml\n!.gitignore\n"
    assert [path.name for path in made.parent.iterdir()] == [PROJECT_FOLDER]
    assert read_settings(sources(made.parent)).executor == "threads"
    assert make_project(made) == made


def test_a_project_that_cannot_be_made_says_where_and_why(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ProjectUnwritable, match="cannot be made") as refused:
        make_project(tmp_path / "file" / PROJECT_FOLDER)
    assert refused.value.exit_code == 4


TELLING = (
    "shared.unsigned = true",
    'shared.believe = ["team"]',
    'values.trust = "writers"',
    'values.allow = ["os.*"]',
    'values.pickle = "allow"',
    'database.password_command = "pass db"',
    'scheduler.setup = "setup.py::setup"',
    '[executors.own]\nclass = "evil.Executor"',
    '[repos.other]\nurl = "sqlite:///other.db"\npassword_command = "pass other"',
)


@pytest.mark.parametrize("line", TELLING)
def test_ones_own_settings_say_whom_to_trust_only_where_nobody_else_writes_them(
    tmp_path: Path, project: Path, line: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    user_file = tmp_path / "config" / "redux.toml"
    user_file.parent.mkdir(mode=0o700)
    said = sources(tmp_path, user_file=user_file)
    user_file.write_text(f"{line}\n")
    for mode in (0o620, 0o602):
        user_file.chmod(mode)
        with pytest.raises(TrustRefused, match="since others can write to it"):
            read_settings(said)
    user_file.chmod(0o644)
    read_settings(said)
    user_file.parent.chmod(0o777)
    with pytest.raises(TrustRefused, match="may be replaced"):
        read_settings(said)
    user_file.parent.chmod(0o700)
    monkeypatch.setattr(guarded, "is_mine_or_roots", lambda owner: False)
    with pytest.raises(TrustRefused, match="belongs to another user"):
        read_settings(said)
    user_file.write_text("run.workers = 3\n")
    assert read_settings(said).workers == 3


REFUSED = (
    (Layer(shared_unsigned=True), "shared.unsigned"),
    (Layer(shared_believe=("all",)), "shared.believe"),
    (Layer(trust="writers"), "values.trust"),
    (Layer(allow=("os.*",)), "values.allow"),
    (Layer(password_command="pass db"), "database.password_command"),
)


@pytest.mark.parametrize(("said", "key"), REFUSED)
def test_a_setup_function_says_what_a_project_may_say(tmp_path: Path, project: Path, said: Layer, key: str) -> None:
    with pytest.raises(ConfigError, match=f"the setup function: {key}"):
        read_settings(sources(tmp_path, setup=said))


def test_what_leads_outside_is_more_the_users_to_say_than_the_setup_functions(tmp_path: Path, project: Path) -> None:
    setup = Layer(shared_url="s3://a/b", shared_mode="read-write", shared_offline=False, cache=True)
    around = {"REDUX_SHARED_MODE": "off", "REDUX_OFFLINE": "1", "REDUX_NO_CACHE": "1"}
    settings = read_settings(sources(tmp_path, setup=setup, environment=around))
    assert (settings.shared.mode, settings.shared.offline, settings.cache) == ("off", True, True)
    assert settings.shared.url == "s3://a/b"
    assert settings.shared.named_by_project
    user_file = tmp_path / "user.toml"
    user_file.write_text('shared.url = "s3://a/b"\n')
    assert not read_settings(sources(tmp_path, setup=setup, user_file=user_file)).shared.named_by_project


@pytest.mark.parametrize("command", ["config", "log", "trust list"])
def test_settings_that_cannot_be_looked_for_are_told_of(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], command: str
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / ("long" * 100)))
    assert dispatch(command.split()) == 2
    told = "redux.toml: cannot be read: File name too long; see to the path and its rights"
    assert told in capfd.readouterr().err
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    (make_project(tmp_path / PROJECT_FOLDER) / PROJECT_FILE).unlink()
    (tmp_path / PROJECT_FOLDER / PROJECT_FILE).symlink_to("long" * 100)
    assert dispatch(command.split()) == (0 if command == "trust list" else 2)
    assert (told in capfd.readouterr().err) == (command != "trust list")


BENT = {
    "lists": "a = " + "[" * 5_000 + "]" * 5_000,
    "open lists": "a = " + "[" * 5_000,
    "tables": "a = " + "{b = " * 3_000 + "1" + "}" * 3_000,
    "long key": ".".join("a" * 3_000) + " = 1",
}


@pytest.mark.parametrize("text", BENT.values(), ids=BENT.keys())
def test_settings_that_are_nested_without_end_are_told_of(tmp_path: Path, project: Path, text: str) -> None:
    user_file = tmp_path / "user.toml"
    for path in (project / PROJECT_FILE, tmp_path / "pyproject.toml", user_file):
        before = path.read_text() if path.exists() else None
        path.write_text(f"{text}\n# tool.redux")
        with pytest.raises(ConfigError, match="nested"):
            read_settings(sources(tmp_path, user_file=user_file))
        path.unlink() if before is None else path.write_text(before)
    user_file.with_name(FOLDERS.name).write_text(text)
    with pytest.raises(ConfigError, match="nested"):
        FOLDERS.read(user_file)
    with pytest.raises(ConfigError, match="nested"):
        parse_list(text, "trust.toml")
    (tmp_path / "bent.toml").write_text(text)
    with pytest.raises(ConfigError, match="another form"):
        set_shared(tmp_path / "bent.toml", lambda: {"epoch": 1})


@pytest.mark.parametrize("text", ["folder = 3", "folder = [3]", "[[folder]]\npath = 3", "[folder]\npath = 'a'"])
def test_a_bent_list_of_folders_is_told_of(tmp_path: Path, text: str) -> None:
    user_file = tmp_path / "redux.toml"
    user_file.with_name(FOLDERS.name).write_text(text)
    with pytest.raises(ConfigError, match="not as redux writes it"):
        FOLDERS.read(user_file)


@pytest.mark.parametrize("text", ["tool = 3", 'tool = ["redux"]', 'tool = "redux"', "[[tool]]\nredux = 1"])
def test_a_pyproject_whose_tool_is_no_table_is_not_ours(tmp_path: Path, text: str) -> None:
    (tmp_path / "pyproject.toml").write_text(f"{text}\n# redux")
    inner = tmp_path / "inner"
    inner.mkdir()
    assert find_pyproject(inner) is None
