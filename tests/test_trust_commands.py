"""What `redux trust` and `redux cache epoch` say and do, as people read it."""

from __future__ import annotations

import io
import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from redux.cli.main import dispatch
from redux.settings import ownership, precedence
from redux.settings.layers import Sources
from redux.settings.precedence import user_file
from redux.trust.folders import FOLDERS, as_looked_at
from redux.trust.keys import SigningKey, public_text

from .commands import REDUX, environment
from .error_texts import compare, steady

KEYS = [SigningKey(bytes([number]) * 32) for number in range(4)]
Say = Callable[..., str]


@pytest.fixture
def say(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Say:
    """Runs a command in a folder of a user whose settings are in another; what it said and how it ended."""
    project = tmp_path / "project"
    project.mkdir()
    monkeypatch.chdir(project)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("LOGNAME", "ada")
    drawn = iter(bytes([number]) * 32 for number in range(10, 20))
    monkeypatch.setattr(SigningKey, "generate", lambda: SigningKey(next(drawn)))

    def run(*words: str) -> str:
        code = dispatch(words)
        said = capfd.readouterr()
        return f"{said.out}{said.err}[exit {code}]\n"

    return run


def story(say: Say, *commands: str) -> str:
    return "".join(f"$ redux {command}\n{say(*command.split())}" for command in commands)


def test_keys_and_lists_as_people_read_them(say: Say, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    ana, ben, machine, _ = (public_text(key.public) for key in KEYS)
    (tmp_path / "project" / "ben.pub").write_text(f"{ben}\n")
    monkeypatch.setattr(sys, "stdin", io.StringIO(machine))
    said = story(
        say,
        "trust list",
        "trust show",
        "trust keygen",
        "trust keygen --name ada",
        "trust show",
        f"trust add {ana} --name ana",
        "trust add ben.pub --name ben --tier ci-pr",
        "trust add - --name machine --tier ci-main --pickles",
        "trust list",
        f"trust add {ana} --name somebody",
        f"trust add {ana} --name ana --pickles",
        f"trust add {ana} --name ana --tier ci-main --no-pickles",
        f"trust add {ana} --name ana",
        f"trust add {ana} --name ana --tier c.i",
        "cache disown --signer machine",
        f"trust add {machine} --name machine --pickles",
        "cache disown --undo --signer machine",
        f"trust add {public_text(KEYS[3].public)} --name ana",
        f"trust add {public_text(KEYS[3].public)} --name a.b",
        "trust add nowhere.pub --name eve",
        "trust remove anna",
        "trust remove ana",
        f"trust remove {ben}",
        "trust keygen --force --name ada",
        "trust keygen --output ci.key --name ci",
        "trust keygen --output ci.key",
        "trust keygen --output other.key --force",
        "trust show",
        "trust list",
    )
    compare("trust_commands", steady(said, tmp_path))
    assert (tmp_path / "project" / "ci.key").stat().st_mode & 0o777 == 0o600
    assert (tmp_path / "project" / "ci.key").read_text().startswith("redux-secret-1:")


def test_a_key_that_is_made_late_is_told_what_it_can_sign_now(say: Say, tmp_path: Path):
    say("init")
    assert "push --all" not in say("trust", "keygen", "--force")
    (tmp_path / "config" / "redux" / "keys" / "default.key").unlink()
    settings = tmp_path / "project" / ".redux" / "redux.toml"
    settings.write_text('[shared]\nurl = "/srv/cache"\n')
    (settings.parent / "redux.db").touch()
    assert "`redux cache push --all` sends what is recorded here already" in say("trust", "keygen")


def test_a_tier_that_is_not_believed_is_said_to_be_none(say: Say, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("REDUX_BELIEVE", "ci-main")
    key = public_text(KEYS[0].public)
    assert "ana (51f1365add907c3d) is known now, but not believed" in say("trust", "add", key, "--name", "ana")
    assert "not believed, by the tier" in say("trust", "list")
    told = json.loads(say("trust", "list", "--json").splitlines()[0])
    assert told["schema"] == "redux.trust/1"
    assert (told["believe"], told["own"], told["folders"]) == (["ci-main"], None, [])
    (signer,) = told["signers"]
    assert signer == {
        "name": "ana", "tier": "team", "id": "51f1365add907c3d", "key": key,
        "own": False, "believed": False, "pickles": False, "disowned_since": None,
    }  # fmt: skip


def test_no_secret_is_ever_said(say: Say, tmp_path: Path):
    secret = KEYS[0].text
    bare = secret.partition(":")[2]
    (tmp_path / "project" / "mine.key").write_text(secret)
    said = story(
        say,
        f"trust add {secret} --name ana",
        f"trust add {bare} --name ana",
        "trust add mine.key --name ana",
        f"trust remove {secret}",
        f"trust remove {bare}",
        f"cache disown --signer {secret}",
        f"cache disown --signer {bare}",
    )
    answers = re.sub(r"^\$.*$", "", said, flags=re.MULTILINE)
    assert bare[:8] not in answers
    assert answers.count("[exit 2]") == 7


def test_keygen_never_loses_a_key(say: Say, tmp_path: Path):
    say("trust", "keygen")
    keys = tmp_path / "config" / "redux" / "keys"
    before = (keys / "default.key").read_text()
    assert "[exit 2]" in say("trust", "keygen")
    assert (keys / "default.key").read_text() == before
    assert "is now" in say("trust", "keygen", "--force")
    assert before in {one.read_text() for one in keys.glob("*.key")}
    assert (keys / "default.key").read_text() != before
    assert {one.stat().st_mode & 0o777 for one in keys.iterdir()} == {0o600}


def test_a_key_that_cannot_be_used_is_no_dead_end(say: Say, tmp_path: Path):
    say("trust", "keygen")
    key = tmp_path / "config" / "redux" / "keys" / "default.key"
    key.write_text("garbage")
    told = say("trust", "show")
    assert "; `redux trust keygen --force` puts it aside and makes another one\n[exit 4]" in told
    assert say("trust", "add", public_text(KEYS[0].public), "--name", "ana").endswith("in the tier team\n[exit 0]\n")
    said = say("trust", "list")
    assert said.startswith("ana ")
    assert f"redux: your own key cannot be used: {key} has no key to sign with: " in said
    assert said.endswith("[exit 0]\n")
    said = say("trust", "keygen", "--force")
    assert f"is now {key}.broken-1: it was no key that can be used" in said
    assert "[exit 0]" in said
    assert "[exit 0]" in say("trust", "show")


def test_a_secret_key_goes_into_a_file_that_was_meant(say: Say, tmp_path: Path):
    assert "a secret key is not printed" in say("trust", "keygen", "--output", "-")
    assert f"there is no folder {tmp_path}/none/deep" in say("trust", "keygen", "--output", f"{tmp_path}/none/deep/k")
    assert list((tmp_path / "project").iterdir()) == []
    assert not (tmp_path / "none").exists()


def test_names_that_mean_somebody_are_nobody_elses(say: Say):
    for name in ("myself", "unsigned", "myself-1"):
        assert "take another name\n[exit 2]" in say("trust", "add", public_text(KEYS[0].public), "--name", name)


def test_what_cannot_be_printed_is_told_in_a_line(tmp_path: Path):
    commands = ("trust list", "--help", "completion bash", "config --json", "log --help", "cache push --help")
    for words in (line.split() for line in commands):
        around = {**environment(), "PYTHONUNBUFFERED": "1" if words[-1] == "--help" else ""}
        with open("/dev/full", "wb") as full:
            done = subprocess.run([*REDUX, *words], cwd=tmp_path, env=around, stdout=full, stderr=subprocess.PIPE)
        told = "redux: standard output cannot be written: No space left on device; see to where it goes\n"
        assert (done.returncode, done.stderr.decode()) == (4, told)


# -- folders -----------------------------------------------------------------------------------------


@pytest.fixture
def strangers(monkeypatch: pytest.MonkeyPatch) -> None:
    """To settings, all that is on the disk belongs to somebody else than us."""
    for name in ("is_mine", "is_mine_or_roots"):
        monkeypatch.setattr(ownership, name, lambda owner: False)


def test_settings_of_others_count_once_one_looked_at_them(say: Say, tmp_path: Path, strangers: None):
    project = tmp_path / "project"
    (project / ".redux").mkdir(mode=0o700)
    settings = project / ".redux" / "redux.toml"
    settings.write_text("[run]\nworkers = 3\n")
    said = story(say, "config", "trust dir", "trust list")
    assert "workers" in say("config")
    settings.write_text("[run]\nworkers = 4\n")
    said += story(say, "log", "trust dir", "trust dir", "trust dir --remove", "trust dir --remove", "log")
    compare("trust_folders", re.sub(r"\(uid \d+\)|of uid \d+", "(uid <uid>)", steady(said, tmp_path)))


def test_a_folder_that_is_gone_can_be_distrusted(say: Say, tmp_path: Path, strangers: None):
    folder = tmp_path / "project" / ".redux"
    folder.mkdir(mode=0o700)
    say("trust", "dir")
    folder.rmdir()
    assert f"{folder} counts no longer" in say("trust", "dir", "--remove", str(folder.parent))
    assert "is not one of the folders that count" in say("trust", "dir", "--remove", str(folder))


def test_folders_named_as_caches_of_ones_own_are_listed_until_they_are_so_no_more(say: Say, tmp_path: Path):
    bucket = tmp_path / "bucket"
    say("cache", "add", str(bucket))
    assert f"while nobody else may enter them:\n  {bucket}\n" in say("trust", "list")
    bucket.rename(tmp_path / "elsewhere")
    bucket.mkdir(mode=0o700)
    assert f"{bucket}  is gone, or not the folder that was named" in say("trust", "list")
    assert json.loads(say("trust", "list", "--json").splitlines()[0])["caches"] == [
        {"path": str(bucket), "as_named": False}
    ]
    assert "counts by its signatures alone" in say("trust", "dir", "--remove", str(bucket))
    assert str(bucket) not in say("trust", "list")
    assert "is not one of the folders that count" in say("trust", "dir", "--remove", str(bucket))


def test_a_pyproject_of_others_counts_once_one_looked_at_it(say: Say, tmp_path: Path, strangers: None):
    pyproject = tmp_path / "project" / "pyproject.toml"
    pyproject.write_text("[tool.redux]\nrun.workers = 3\n")
    assert "redux trust dir" in say("config")
    assert "counts as it is now" in say("trust", "dir")
    assert "[exit 0]" in say("config")
    pyproject.write_text("[tool.redux]\nrun.workers = 4\n")
    assert "is not as you trusted it" in say("config")


@pytest.mark.parametrize("line", ['scheduler.setup = "../setup.py::f"', 'scheduler.context_file = "../context.toml"'])
def test_settings_of_others_lead_to_no_file_that_may_change_unseen(say: Say, strangers: None, line: str):
    settings = Path(".redux/redux.toml")
    settings.parent.mkdir(mode=0o700)
    Path("setup.py").write_text("1 / 0\n")
    for path, text in ((settings, line), (Path("pyproject.toml"), f"[tool.redux]\n{line.replace('../', '')}")):
        path.write_text(f"{text}\n")
        refused = say("trust", "dir", str(path.parent if path == settings else path))
        assert "which its owner may change unseen" in refused
        assert "belongs to another user" in say("config")
        looked = as_looked_at(path.parent if path == settings else path, path.read_bytes())
        FOLDERS.keep(user_file(), looked)
        assert "which its owner may change unseen" in say("config")
        path.unlink()
        if path == settings:
            path.parent.rmdir()


def test_what_was_looked_at_is_what_counts(say: Say, tmp_path: Path, strangers: None, monkeypatch: pytest.MonkeyPatch):
    project = tmp_path / "project"
    (project / ".redux").mkdir(mode=0o700)
    settings = project / ".redux" / "redux.toml"
    settings.write_text("[run]\nworkers = 3\n")
    say("trust", "dir")
    locate = precedence.locate_project

    def change(sources: Sources) -> Path | None:
        """Its owner changes it as soon as it was found to be as one trusted it."""
        found = locate(sources)
        settings.write_text("[run]\nworkers = 4\n")
        return found

    monkeypatch.setattr(precedence, "locate_project", change)
    assert "is not as you trusted it" in say("config")


def test_what_everybody_may_write_to_never_counts(say: Say, tmp_path: Path):
    say("init")
    folder = tmp_path / "project" / ".redux"
    for one, mode in ((folder, 0o777), (folder / "redux.toml", 0o666)):
        before = one.stat().st_mode
        one.chmod(mode)
        assert "can be written to by everybody" in say("log")
        assert "can be written to by everybody" in say("trust", "dir")
        one.chmod(before)
        assert "[exit 0]" in say("log")
    folder.chmod(0o1777)
    assert "can be written to by everybody" in say("log"), "anybody may have put a database there"


def test_a_history_that_another_user_left_in_ones_folder_does_not_count(say: Say, monkeypatch: pytest.MonkeyPatch):
    say("init")
    database = Path(".redux/redux.db").absolute()
    database.touch()
    about = ownership._about

    def not_ours(path: Path) -> os.stat_result | None:
        found = about(path)
        return found if path != database else os.stat_result([*list(found or ())[:4], os.geteuid() + 1, *[0] * 5])

    monkeypatch.setattr(ownership, "_about", not_ours)
    for words in (["log"], ["init"], ["config"]):
        said = say(*words)
        assert f"has a redux.db of another user (uid {os.geteuid() + 1})" in said
        assert "[exit 4]" in said
    database.parent.chmod(0o2770)
    assert "[exit 0]" in say("config"), "a group's folder has files of all of them"


# -- the epoch ---------------------------------------------------------------------------------------

SETTINGS = """\
# ours
[run]
workers = 2  # two

[shared]  # the team's
# what became of 3: see the wiki
epoch = 3   # for all
mode = "read-only"

[context]
epoch = 5
"""


def test_the_epoch_is_set_and_all_else_of_the_file_stays(say: Say, tmp_path: Path):
    say("init")
    path = tmp_path / "project" / ".redux" / "redux.toml"
    template = path.read_text()
    assert say("cache", "epoch").startswith("0\n")
    say("cache", "epoch", "+1")
    assert path.read_text() == f"{template}\n[shared]\nepoch = 1\n"
    path.write_text(SETTINGS)
    assert say("cache", "epoch").startswith("3\n")
    say("cache", "epoch", "+1")
    assert path.read_text() == SETTINGS.replace("epoch = 3   #", "epoch = 4   #")
    path.write_text(SETTINGS.replace("epoch = 3   # for all\n", ""))
    say("cache", "epoch", "7")
    assert path.read_text() == SETTINGS.replace("epoch = 3   # for all\n", "").replace(
        'mode = "read-only"\n', 'mode = "read-only"\nepoch = 7\n'
    )
    assert json.loads(say("cache", "epoch", "--json").splitlines()[0]) == {"schema": "redux.epoch/1", "epoch": 7}
    assert "what was shared under epoch 6 counts again, also what 7 was to make an end of" in say("cache", "epoch", "6")
    path.write_text("shared.epoch = 2\n")
    assert "by hand" in say("cache", "epoch", "+1")
    assert path.read_text() == "shared.epoch = 2\n"
    for word in ("-1", "1.5", "x", "+", "٣", "9" * 30):
        assert "is no epoch" in say("cache", "epoch", word)
    path.write_text(f"[shared]\nepoch = {2**53}\n")
    assert say("cache", "epoch").startswith(f"{2**53}\n")
    for word in ("+1", str(2**53 + 1)):
        assert "beyond the last epoch" in say("cache", "epoch", word)
    path.write_text(f"[shared]\nepoch = {2**53 + 1}\n")
    assert "must be a whole number up to" in say("cache", "epoch")
    assert sorted(os.listdir(path.parent)) == [".gitignore", "redux.toml", "redux.toml.lock"]
