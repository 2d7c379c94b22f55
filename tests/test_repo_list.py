"""Repositories named in a settings file: what else is in it stays as it is, and so do its rights."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from redux.errors import ConfigError
from redux.settings.layers import OtherRepo
from redux.settings.repo_list import add_repo, remove_repo
from redux.settings.shared_lines import remove_shared, set_shared

SETTINGS = """\
# ours
[run]
workers = 2

[repos.one]
url = "a"  # the first

# how long values are
# in the database
[store]
inline_limit = 4096
"""


def test_a_name_that_goes_takes_no_other_line_with_it(tmp_path: Path):
    path = tmp_path / "redux.toml"
    path.write_text(SETTINGS)
    add_repo(path, OtherRepo("two", "postgresql://host/x", "values"))
    add_repo(path, OtherRepo("three", 'odd "name"\\', None))
    remove_repo(path, "one")
    remove_repo(path, "two")
    remove_repo(path, "three")
    assert path.read_text() == SETTINGS.replace('[repos.one]\nurl = "a"  # the first\n\n', "")


def test_rights_and_links_stay_as_they_are(tmp_path: Path):
    kept, path = tmp_path / "kept.toml", tmp_path / "redux.toml"
    kept.write_text(SETTINGS)
    kept.chmod(0o640)
    path.symlink_to(kept)
    add_repo(path, OtherRepo("two", "postgresql://me:secret@host/x", "values"))
    assert path.is_symlink()
    assert stat.S_IMODE(kept.stat().st_mode) == 0o640
    assert "secret" in kept.read_text()
    assert {one.name for one in tmp_path.iterdir()} == {"kept.toml", "kept.toml.lock", "redux.toml"}


def test_a_value_is_found_whole_and_lines_end_as_they_did(tmp_path: Path):
    path = tmp_path / "redux.toml"
    path.write_bytes(b"[shared]\r\nurl = \"a#b\" # note\r\nmode = 'c # d'\r\n")
    set_shared(path, lambda: {"url": "e#f", "mode": "read-only", "epoch": 1})
    text = b'[shared]\r\nurl = "e#f" # note\r\nmode = "read-only"\r\nepoch = 1\r\n'
    assert path.read_bytes() == text
    add_repo(path, OtherRepo("two", "x", None))
    assert path.read_bytes() == text + b'\r\n[repos.two]\r\nurl = "x"\r\n'
    remove_repo(path, "two")
    remove_shared(path, ("epoch", "mode", "url"))
    assert path.read_bytes().strip() == b""
    path.write_text(text := '[shared]\nurl = """\nepoch = 1\n"""\n')
    with pytest.raises(ConfigError, match="by hand"):
        set_shared(path, lambda: {"url": "x"})
    assert path.read_text() == text


def test_what_cannot_be_changed_line_by_line_is_left_to_people(tmp_path: Path):
    path = tmp_path / "redux.toml"
    path.write_text(text := '[context]\nsaid = """\n[repos.one]\nwords\n"""\n' + SETTINGS)
    with pytest.raises(ConfigError, match="change it by hand"):
        remove_repo(path, "one")
    assert path.read_text() == text
