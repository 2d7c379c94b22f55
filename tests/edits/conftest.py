"""Where rows are played."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from redux.settings.folder import make_project

from .playing import Stage


@pytest.fixture
def stage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Iterator[Stage]:
    """An empty project."""
    folder = tmp_path / "project"
    folder.mkdir()
    make_project(folder / ".redux")
    monkeypatch.chdir(folder)
    monkeypatch.syspath_prepend(str(folder))
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    monkeypatch.delenv("REDUX_DIR", raising=False)
    made = Stage(folder, capsys)
    yield made
    made.close()
