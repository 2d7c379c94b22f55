"""Tables change from one version to the next, and the history in them stays what it was."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from redux.cli.main import dispatch

from . import version_2
from .error_texts import compare

Redux = Callable[..., str]


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of the workflow that made the history, in which commands are run."""
    folder = tmp_path / "lines"
    folder.mkdir()
    for name in ("flow.py", "notes.txt"):
        shutil.copy(version_2.FROZEN / name, folder)
    monkeypatch.chdir(folder)
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    monkeypatch.setenv("TZ", "UTC")
    dispatch(("init",))
    return folder


def views(capfd: pytest.CaptureFixture[str], ids: Sequence[str], *where: str) -> str:
    """What all commands show that look at the history."""
    shown: list[str] = []
    for words in (*version_2.VIEWS, *(("log", id) for id in ids)):
        capfd.readouterr()
        code = dispatch((*words, *where))
        shown += [f"$ redux {' '.join(words)}", capfd.readouterr().out.rstrip(), f"exit {code}", ""]
    return "\n".join(shown)


def test_views(project: Path, capfd: pytest.CaptureFixture[str]) -> None:
    path = project / ".redux" / "redux.db"
    version_2.make_sqlite(path)
    compare("version_2_views", views(capfd, version_2.ids(path)))
