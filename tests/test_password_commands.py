"""A command that gives a server's password is heeded by every command, and is the user's own to name."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from redux.errors import ConfigError, UnknownId
from redux.lineage.networks import graph
from redux.settings.folder import PROJECT_FILE, make_project
from redux.settings.layers import Sources
from redux.settings.precedence import explain_settings, read_settings
from redux_backends.sample import Story
from redux_backends.sql import open_backend

from . import commands, postgres_server
from .postgres_server import GUARDED
from .version_2 import ask

SECRET = "p/s:s@ %w"


@pytest.fixture
def empty_url() -> Iterator[str]:
    with postgres_server.shared().empty_database() as url:
        yield url


@pytest.fixture
def guarded_url(empty_url: str) -> Iterator[str]:
    """A database whose role has a password."""
    server = postgres_server.shared()
    server.execute(f"CREATE ROLE {GUARDED} LOGIN PASSWORD '{SECRET}'")
    try:
        ask(empty_url, f"GRANT CREATE ON SCHEMA public TO {GUARDED}")
        yield f"postgresql://{GUARDED}@{empty_url.partition('@')[2]}"
    finally:
        ask(empty_url, f"DROP OWNED BY {GUARDED}")
        server.execute(f"DROP ROLE {GUARDED}")


@pytest.fixture
def give(tmp_path: Path) -> str:
    """The command."""
    give = tmp_path / "give"
    give.write_text(f"#!/bin/sh\necho '{SECRET}'\n")
    give.chmod(0o700)
    return str(give)


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a .redux, where the user's own settings are in `home`."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "home"))
    (tmp_path / "home" / "redux").mkdir(parents=True)
    make_project(tmp_path / ".redux")
    return tmp_path


def own_settings(project: Path) -> Path:
    return project / "home" / "redux" / PROJECT_FILE


@pytest.fixture
def redux(capsys: pytest.CaptureFixture[str]) -> Callable[..., str]:
    def call(*words: str) -> str:
        printed = commands.ended(capsys, words)
        return f"{printed.code}: {printed.out}{printed.err}"

    return call


def test_the_database_itself_is_looked_at_with_it(
    project: Path, redux: Callable[..., str], guarded_url: str, give: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert redux("db", "info", "--db", guarded_url).startswith("4: ")
    monkeypatch.setenv("REDUX_DB_PASSWORD_COMMAND", give)
    assert redux("db", "info", "--db", guarded_url).startswith("0: ")
    assert "password" not in redux("doctor", "--db", guarded_url)


def test_the_graph_is_read_with_it(project: Path, guarded_url: str, give: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REDUX_DB_URL", guarded_url)
    monkeypatch.setenv("REDUX_DB_PASSWORD_COMMAND", give)
    with pytest.raises(UnknownId, match="nothing was run here yet"):
        graph()


def test_another_repository_is_opened_with_its_own(
    project: Path, redux: Callable[..., str], guarded_url: str, give: str
) -> None:
    with closing(open_backend(f"sqlite:///{project}/.redux/redux.db")) as backend:
        backend.load()
        story = Story("one")
        backend.record_execution(story.execution)
        backend.record(story.batch)
    assert redux("repo", "add", "team", guarded_url, "--store", "shared").startswith("0: ")
    assert redux("push", "team").startswith("4: ")
    own_settings(project).write_text(
        f"[repos.team]\nurl = '{guarded_url}'\npassword_command = '{give}'\nstore = 'elsewhere'\n"
    )
    assert "pushed to team: 1 execution" in redux("push", "team")
    with closing(open_backend(guarded_url, give)) as backend:
        backend.load()
        assert backend.get_execution(story.execution.id) is not None


def test_one_exchanges_with_a_server_of_ones_own(
    project: Path, redux: Callable[..., str], guarded_url: str, give: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_project(project / "other" / ".redux")
    redux("repo", "add", "laptop", str(project / "other"))
    monkeypatch.setenv("REDUX_DB_PASSWORD_COMMAND", give)
    assert "has no records yet" in redux("pull", "laptop", "--db", guarded_url)


def test_a_project_names_none_and_gets_none_for_a_server_of_its_choice(project: Path) -> None:
    in_project, own = project / ".redux" / PROJECT_FILE, own_settings(project)
    sources = Sources(project, {}, own)
    own.write_text("[repos.team]\nurl = 'postgresql://me@host/x'\npassword_command = 'pass show x'\n")
    (team,) = read_settings(sources).repos
    assert team.password_command == "pass show x"
    in_project.write_text("[repos.team]\nurl = 'postgresql://me@host/x'\nstore = '/s'\n")
    (team,) = read_settings(sources).repos
    assert (team.store, team.password_command) == ("/s", "pass show x")
    lines = {line.key: line.origin.name for line in explain_settings(sources) if line.key.startswith("repos.")}
    assert lines["repos.team.password_command"] == str(own)
    in_project.write_text("[repos.team]\nurl = 'postgresql://me@elsewhere/x'\nstore = '/s'\n")
    (team,) = read_settings(sources).repos
    assert team.password_command is None
    in_project.write_text("[repos.team]\nurl = 'postgresql://me@host/x'\npassword_command = 'touch ran'\n")
    with pytest.raises(ConfigError, match=r"repos\.team\.password_command runs a program, which a project may not"):
        read_settings(sources)
