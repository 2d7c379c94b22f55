"""`redux cache` as people type it: what it says, what programs read, how it ends."""

from __future__ import annotations

import json
import os
import re
import shutil
import sys
import tarfile
from pathlib import Path
from typing import Any

import pytest

from redux.cli.main import dispatch
from redux.trust.keys import SigningKey, key_id, public_text

from .error_texts import compare

ANA, BEN = (SigningKey(bytes([number]) * 32) for number in (1, 2))

FLOW = """
from redux import task

@task()
def one(i: int) -> int:
    return i * 7

@task()
def total(xs: list) -> int:
    return sum(xs)

@task()
def large(n: int) -> str:
    return "x" * n

@task()
def main(n: int = 5) -> int:
    return total([one(i) for i in range(n)])
"""


class Desk:
    """Somebody's project, in which commands are typed."""

    def __init__(self, folder: Path, capfd: pytest.CaptureFixture[str], patch: pytest.MonkeyPatch) -> None:
        self.folder = folder
        self._capfd = capfd
        self._patch = patch
        self.around = capfd, patch
        folder.mkdir()
        (folder / "flow.py").write_text(FLOW)

    def type(self, *words: str, key: SigningKey | None = None, **around: str) -> tuple[int, str, str]:
        """The exit code, what was printed, and what was told."""
        with self._patch.context() as patch:
            patch.chdir(self.folder)
            patch.setattr(sys, "path", [*sys.path])
            patch.delitem(sys.modules, "flow", raising=False)
            for name in [name for name in os.environ if name.startswith("REDUX_")]:
                patch.delenv(name)
            patch.setenv("HOME", str(self.folder))
            patch.setenv("XDG_CONFIG_HOME", str(self.folder / "config"))
            if key is not None:
                patch.setenv("REDUX_SIGNING_KEY", key.text)
            for name, value in around.items():
                patch.setenv(name, value)
            self._capfd.readouterr()
            code = dispatch(words)
            said = self._capfd.readouterr()
        return code, said.out, said.err

    def json(self, *words: str, key: SigningKey | None = None) -> Any:
        """What a command says as JSON."""
        return json.loads(self.type(*words, "--json", key=key)[1])


@pytest.fixture
def ana(tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Desk:
    (tmp_path / "bucket").mkdir(mode=0o750)
    return Desk(tmp_path / "ana", capfd, monkeypatch)


@pytest.fixture
def ben(tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Desk:
    return Desk(tmp_path / "ben", capfd, monkeypatch)


def shared(ana: Desk, ben: Desk) -> None:
    """Ana has run the flow, and Ben believes her."""
    assert ana.type("cache", "add", "../bucket", key=ANA)[0] == 0
    assert ana.type("run", "flow.py", "main", key=ANA)[0] == 0
    assert ana.type("run", "flow.py", "large", "--n", "100000", key=ANA)[0] == 0
    assert ben.type("cache", "add", "../bucket", key=BEN)[0] == 0
    assert ben.type("trust", "add", public_text(ANA.public), "--name", "ana", key=BEN)[0] == 0


def plain(text: str, folder: Path) -> str:
    """A text without what differs from run to run."""
    text = text.replace(str(folder), "HERE")
    text = re.sub(r"\b\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\b", "MOMENT", text)
    text = re.sub(r"\b[0-9a-f]{8}\b(?=  MOMENT|  since)", "EXECUTION", text)
    text = re.sub(r"[\d,.]+ (bytes|kB)", "SIZE", text)
    return re.sub(r"[0-9a-f]{64}", "DIGEST", text)


def test_what_people_read(ana: Desk, ben: Desk, tmp_path: Path):
    pages: list[str] = []

    def page(desk: Desk, *words: str, key: SigningKey | None = None, **around: str) -> None:
        code, out, err = desk.type(*words, key=key, **around)
        said = plain(err + out, tmp_path).rstrip("\n")
        pages.append(f"{desk.folder.name}$ redux {' '.join(words)}\n{said}\n-> {code}\n")

    page(ana, "cache", "push")
    page(ana, "init", ".")
    page(ana, "cache", "status")
    page(ana, "cache", "add", "../bucket")
    page(ana, "cache", "push", "--all")
    page(ana, "cache", "add", "../bucket", key=ANA)
    ana.type("run", "flow.py", "main", REDUX_OFFLINE="1", key=ANA)
    page(ana, "cache", "push", key=ANA)
    page(ana, "cache", "push", "-", key=ANA)
    page(ana, "cache", "push", key=ANA)
    ana.type("run", "flow.py", "main", "--n", "2", REDUX_SHARED_MODE="off", key=ANA)
    page(ana, "cache", "push", key=ANA)
    page(ana, "cache", "push", "--all", key=ANA)
    page(ana, "cache", "push", "-", key=ANA, REDUX_OFFLINE="1")
    page(ana, "cache", "push", "-", "--all", key=ANA)
    page(ana, "cache", "push", "nothing", key=ANA)
    page(ana, "cache", "status", key=ANA)
    page(ben, "cache", "add", "../bucket", "--mode", "read-only")
    page(ben, "cache", "status")
    page(ben, "cache", "pull", "--all")
    ben.type("trust", "add", public_text(ANA.public), "--name", "ana")
    page(ben, "cache", "pull")
    page(ben, "cache", "pull", "xyz")
    page(ben, "cache", "pull", "0123")
    page(ben, "cache", "pull", "--all")
    page(ben, "cache", "pull", "--all")
    page(ben, "cache", "status")
    page(ben, "cache", "push", "--all")
    page(ben, "cache", "warm", "-")
    page(ben, "cache", "verify", "--read-data")
    page(ben, "cache", "remove")
    page(ben, "cache", "remove")
    page(ben, "cache", "status")
    for url in ("", "../nowhere/bucket", "flow.py", "memory://x", "nothing://x", "../ana", "s3://", "s3:/bucket"):
        page(ben, "cache", "add", url)
    page(ben, "cache", "add", "../whatever", "--unsigned")
    page(ben, "cache", "status", REDUX_SHARED="/nowhere/else")
    page(ben, "cache", "status", REDUX_SHARED="s3://")
    page(ben, "cache", "status", REDUX_SHARED_MODE="reed-only")
    (tmp_path / "bucket/redux-store.json").write_text('{"what": "redux shared cache", "format": 99}')
    page(ana, "cache", "status", key=ANA)
    page(ben, "cache", "add", "../bucket")
    (tmp_path / "bucket/redux-store.json").write_text("{}")
    shutil.rmtree(tmp_path / "ben/.redux/shared")  # where it is remembered as a shared cache
    page(ben, "cache", "add", "../bucket")
    compare("cache_commands", "\n".join(pages))


def test_a_run_goes_on_without_what_a_shared_cache_needs(ana: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    assert ana.type("cache", "add", "../bucket", key=ANA)[0] == 0
    code, out, err = ana.type("run", "flow.py", "main", key=ANA, REDUX_SHARED=str(tmp_path / "no/disk/cache"))
    assert (code, out) == (0, "70\n")
    assert f"is not used in this run: there is no folder {tmp_path / 'no/disk'}; see that its disk" in err
    assert not (tmp_path / "no").exists()
    monkeypatch.setitem(sys.modules, "cryptography.hazmat.primitives.asymmetric.ed25519", None)
    code, out, err = ana.type("run", "flow.py", "main", "--n", "6", key=ANA)
    assert (code, out) == (0, "105\n")
    assert err.count("shared cache") == 1
    assert "redux: the shared cache is not used in this run: signatures need the library cryptography" in err


def test_the_log_says_who_made_what_came_from_a_shared_cache(ana: Desk, ben: Desk):
    shared(ana, ben)
    assert ben.type("run", "flow.py", "main", key=BEN, USER="ben")[0] == 0
    hers, his = (one["job"] for one in reversed(ben.json("log", "--task", "total")["jobs"]))
    for job in (hers, his):
        assert ben.json("log", job["id"])["elsewhere"]["execution"]["id"] == hers["execution"]
        assert f"signed by ana (team), key {key_id(ANA.public)}, taken from " in ben.type("log", job["id"])[1]
    assert ben.type("run", "--verify-sample", "100%", "flow.py", "main", key=BEN)[0] == 0
    newest = ben.json("log", "--task", "total")["jobs"][0]["job"]
    assert ben.json("log", newest["id"])["elsewhere"] is None, "that one he made himself"


def test_what_programs_read(ana: Desk, ben: Desk, tmp_path: Path):
    shared(ana, ben)
    status = ana.json("cache", "status", key=ANA)
    assert (status["schema"], status["reachable"], status["outbox"]) == ("redux.cache-status/1", True, [])
    assert [(one["calls"], one["not_believed"]) for one in status["signers"]] == [(8, [])]
    assert [(one["there"], one["calls"]) for one in status["executions"]] == [(1, 1), (7, 7)]
    assert ana.json("cache", "push", key=ANA)["calls"] == 0
    execution = ana.json("log", "~1")["execution"]["id"]
    pulled = ben.json("cache", "pull", execution[:12])
    assert (pulled["calls"], pulled["missing"]) == (7, [])
    assert ben.json("log", execution)["execution"]["argv"] == ["redux", "run", "flow.py", "main"]
    assert ben.json("cache", "pull", "--all")["calls"] == 1
    assert ben.json("cache", "warm", "-")["values"] == 1
    warmed = ben.json("cache", "warm", "-")
    assert (warmed["values"], warmed["here"], warmed["missing"]) == (0, 1, 0)
    found = ben.json("cache", "verify", "--sample", "50%")
    assert (found["faults"], found["looked_at"]["index_objects"]) == ([], 2)


def test_a_sample_looks_at_one_at_least_and_answers_for_no_more(ana: Desk, ben: Desk):
    shared(ana, ben)
    code, out, _ = ben.type("cache", "verify", "--read-data", "--sample", "0.000001%")
    assert code == 0
    assert re.match(r"looked at 2 index objects, 1 pack, 1 large value in .*: [17] calls?\n", out)
    assert out.endswith("\nnothing is wrong in what was looked at\n")


def test_a_warm_execution_needs_no_network(ana: Desk, ben: Desk, tmp_path: Path):
    shared(ana, ben)
    ben.type("cache", "pull", "--all")
    ben.type("cache", "warm", "-")
    (tmp_path / "bucket").rename(tmp_path / "away")
    code, out, err = ben.type("run", "--json", "flow.py", "large", "--n", "100000", REDUX_OFFLINE="1")
    assert code == 0, err
    assert json.loads(out)["tasks"][0]["cached"] == 1


def test_verify_finds_what_is_wrong_and_runs_go_on(ana: Desk, ben: Desk, tmp_path: Path):
    shared(ana, ben)
    bucket = tmp_path / "bucket"
    packs = sorted(bucket.glob("packs/*/*.pack"))
    (value,) = bucket.glob("values/??/*")
    value.unlink()
    data = bytearray(packs[0].read_bytes())
    data[-10] ^= 1
    packs[0].write_bytes(data)
    packs[1].rename(bucket / "packs" / "stray")
    index = next(bucket.glob("index/*"))
    index.write_bytes(b"no index")
    found = ben.type("cache", "verify", "--json")
    assert found[0] == 1
    kinds = {fault["kind"] for fault in json.loads(found[1])["faults"]}
    assert kinds >= {"index", "pack", "foreign"}
    assert "\n1 × damaged pack\n" in ben.type("cache", "verify")[1]
    assert ben.type("run", "flow.py", "main", key=BEN)[0] == 0


def test_the_settings_file_keeps_what_its_author_wrote(ana: Desk, tmp_path: Path):
    ana.type("init", ".")
    file = ana.folder / ".redux/redux.toml"
    before = "# mine\n[shared]  # ours\nwait = 3 # short\n\n[limits]\ngpu = 1\n"
    file.write_text(before)
    ana.type("cache", "add", "../bucket", key=ANA)
    said = file.read_text()
    assert f'url = "{tmp_path}/bucket"' in said
    ana.type("cache", "remove", key=ANA)
    assert file.read_text() == before
    file.write_text("[limits]\ngpu = 1\n")
    ana.type("cache", "add", "../bucket", key=ANA)
    ana.type("cache", "remove", key=ANA)
    assert file.read_text() == "[limits]\ngpu = 1\n"


def test_a_new_folder_is_for_its_maker_alone(ana: Desk, tmp_path: Path):
    shutil.rmtree(tmp_path / "bucket")
    code, _, err = ana.type("cache", "add", "../bucket")
    assert code == 0
    assert "needs no signature" in err
    assert (tmp_path / "bucket").stat().st_mode & 0o777 == 0o700
    ana.type("run", "flow.py", "main")
    assert [path.name for path in (tmp_path / "bucket/packs").iterdir()] == ["unsigned"]


VERSIONED = """
from redux import task

@task(version="1")
def one() -> int:
    return {}

@task(version="1")
def two() -> int:
    return 2
"""


def test_a_closed_folder_that_came_with_a_project_is_not_ones_own(ana: Desk, ben: Desk, tmp_path: Path):
    (ana.folder / "flow.py").write_text(VERSIONED.format(666))
    ana.type("cache", "add", "cache")
    settings = ana.folder / ".redux/redux.toml"
    settings.write_text(settings.read_text().replace(str(ana.folder), ".."))
    assert ana.type("run", "flow.py", "one")[1] == "666\n"
    assert any((ana.folder / "cache/packs/unsigned").iterdir()), "it is her own, whoever names it"
    (ana.folder / "flow.py").write_text(VERSIONED.format(7))
    with tarfile.open(tmp_path / "project.tar", "w") as packed:
        for name in ("flow.py", ".redux/redux.toml", "cache"):
            packed.add(ana.folder / name, name)
    with tarfile.open(tmp_path / "project.tar") as packed:
        packed.extractall(ben.folder, filter="fully_trusted")
    assert (ben.folder / "cache").stat().st_mode & 0o777 == 0o700
    code, out, err = ben.type("run", "flow.py", "one")
    assert (code, out) == (0, "7\n")
    assert f"`redux cache add {ben.folder}/cache` says that it is yours" in err
    assert "names that folder, and" in ben.json("cache", "status")["signers"][0]["not_believed"][0]["why"]
    assert "needs no signature" in ben.type("cache", "add", "cache")[2]
    ben.type("run", "flow.py", "two")
    assert ben.json("cache", "status")["signers"][0]["packs"] == 2
    (ben.folder / "cache").chmod(0o755)
    why = ben.json("cache", "status")["signers"][0]["not_believed"][0]["why"]
    assert why.endswith(f"`chmod 700 {ben.folder}/cache` makes it yours alone again")
    (ben.folder / "cache").chmod(0o700)
    (ben.folder / "cache").rename(tmp_path / "aside")
    shutil.copytree(tmp_path / "aside", ben.folder / "cache")
    assert ben.json("cache", "status")["signers"][0]["not_believed"], "another folder in its place"


def test_it_is_told_where_nobody_else_can_read_what_one_sends(ana: Desk, tmp_path: Path):
    told: dict[int, tuple[bool, bool]] = {}
    for mode in (0o755, 0o777, 0o2755, 0o2770, 0o700):
        (tmp_path / "bucket").chmod(mode)
        _, _, err = ana.type("cache", "add", "../bucket", key=ANA)
        told[mode] = "only you can read" in err, ana.json("cache", "status", key=ANA)["only_you_read"]
    no, yes = (False, False), (True, True)
    assert told == {0o755: yes, 0o777: yes, 0o2755: yes, 0o2770: no, 0o700: no}


def test_a_run_makes_no_shared_folder(ana: Desk, tmp_path: Path):
    around = {"REDUX_SHARED": str(tmp_path / "mistyped")}
    for key in (None, ANA):
        code, _, err = ana.type("run", "flow.py", "main", "--n", "2", key=key, **around)
        assert code == 0
        assert err.count(f"there is no folder {tmp_path}/mistyped; `redux cache add {tmp_path}/mistyped` makes it") == 1
        assert not (tmp_path / "mistyped").exists()
    (tmp_path / "mistyped").mkdir(mode=0o700)
    code, _, err = ana.type("run", "flow.py", "main", "--n", "2", key=ANA, **around)
    assert "not used" not in err
    assert any((tmp_path / "mistyped" / "packs").rglob("*.pack")), "the outbox had it"


def test_what_the_outbox_holds_is_dropped_with_words_when_its_database_is_gone(ana: Desk, tmp_path: Path):
    ana.type("cache", "add", "../bucket", key=ANA)
    outbox = ana.folder / ".redux/outbox"
    ana.type("run", "flow.py", "main", "--n", "2", key=ANA)
    (folder,) = outbox.iterdir()
    (folder / ("0" * 32)).write_text(f"sqlite:///{ana.folder}/gone.db")
    (folder / ("1" * 32)).write_text("postgresql://elsewhere/db")
    code, _, err = ana.type("cache", "push", key=ANA)
    assert code == 0
    assert "execution 00000000 was to be sent to the shared cache, and is not in the database any more" in err
    assert [path.name for path in folder.iterdir()] == ["1" * 32]


@pytest.mark.parametrize("url", ["s3://ana:hunter2@bucket/x", "https://host/cache?sig=hunter2"])
def test_no_password_goes_into_what_is_committed_or_shown(ana: Desk, url: str):
    code, out, err = ana.type("cache", "add", url, key=ANA)
    assert code == 2
    assert "say it in REDUX_SHARED" in err
    assert not (ana.folder / ".redux").exists()
    ana.type("init")
    file = ana.folder / ".redux/redux.toml"
    file.write_text(f'[shared]\nurl = "{url}"\n')
    removed = ana.type("cache", "remove", key=ANA)
    assert removed[0] == 0
    assert "is not used any more" in removed[2]
    assert "hunter2" not in out + err + removed[1] + removed[2] + file.read_text()


def test_a_key_that_cannot_be_used_costs_no_run_and_sends_nothing_unsigned(ana: Desk, tmp_path: Path):
    shutil.rmtree(tmp_path / "bucket")
    ana.type("cache", "add", "../bucket")  # a folder of her own, in which nothing need be signed
    key = ana.folder / "config/redux/keys/default.key"
    key.parent.mkdir(parents=True, mode=0o700)
    key.write_text("garbage")
    key.chmod(0o600)
    for no_cache in ("", "1"):
        code, out, err = ana.type("run", "--unsigned", "flow.py", "main", REDUX_NO_CACHE=no_cache)
        assert (code, out) == (0, "70\n")
        assert err.count("is not sent to the shared cache, for it cannot be signed: ") == 1, err
    assert not list((tmp_path / "bucket").rglob("*.pack"))
    code, out, _ = ana.type("cache", "status")
    assert code == 0
    assert f"nothing is sent, for your key cannot be used: {key} has no key to sign with: " in out
    assert ana.type("cache", "push", "--all")[0] == 4
    assert not list((tmp_path / "bucket").rglob("*.pack"))


def test_what_is_said_of_add_and_remove_is_what_is_in_force(ana: Desk, tmp_path: Path):
    told = ana.type("cache", "add", "../bucket", key=ANA, REDUX_SHARED=str(tmp_path / "other"))[2]
    assert f"\nthe project's shared cache is {tmp_path}/bucket (it is new, and empty) from now on, as " in told
    assert f"says, but {tmp_path}/other is in force; `redux config --show-origin` says why" in told
    (ana.folder / "pyproject.toml").write_text('[tool.redux.shared]\nurl = "../third"\n')
    told = ana.type("cache", "remove", key=ANA)[2]
    assert f"names {tmp_path}/bucket no more, but {tmp_path}/third is in force" in told
    (tmp_path / "bucket").chmod(0o700)
    told = ana.type("cache", "add", "../bucket", key=ANA)[2]
    assert "needs no signature" in told
    assert f"is signed with your key {key_id(ANA.public)}" in told


def test_nothing_is_made_before_what_cannot_be_is_refused(ana: Desk, tmp_path: Path):
    assert ana.type("cache", "add", "nope/deep")[0] == 2
    code, _, err = ana.type("cache", "add", "http://127.0.0.1:9/x", REDUX_OFFLINE="1")
    assert (code, "nothing is asked of the shared cache while REDUX_OFFLINE" in err) == (2, True)
    assert "no shared cache is named here" in ana.type("cache", "pull", "--all")[2]
    assert not (ana.folder / ".redux").exists()
    ana.type("cache", "add", "../bucket", key=ANA)
    for words in (("push",), ("push", "--all"), ("warm", "-")):
        code, _, err = ana.type("cache", *words, "--db", "sqlite:///typo.db", key=ANA)
        assert (code, "there is no database" in err) == (2, True)
    assert not list(ana.folder.glob("typo*"))


def test_what_is_not_believed_of_a_signer_is_told_apart(ana: Desk, ben: Desk):
    shared(ana, ben)
    ana.type("cache", "epoch", "+1")
    ana.type("run", "flow.py", "main", "--n", "2", key=ANA)
    (signer,) = ana.json("cache", "status", key=ANA)["signers"]
    assert signer["calls"] == 12
    assert signer["not_believed"] == [{"why": "records of epoch 0, while this project is at 1", "packs": 2, "calls": 8}]
    said = ana.type("cache", "status", key=ANA)[1]
    you = f"by you ({key_id(ANA.public)})"
    assert f"\n  4 calls in 1 pack {you}\n  8 calls in 2 packs {you}, not believed: records of epoch 0, " in said


ANGLES = """
from redux import task

class Angle:
    def __init__(self, degrees):
        self.degrees = degrees

    def __reduce__(self):
        return Angle, (self.degrees,)

@task(version="1")
def angles(n: int = 5):
    return [Angle(n)] * 9_000
"""


def test_pull_and_warm_take_what_ones_own_list_allows(ana: Desk, ben: Desk):
    shared(ana, ben)
    (ana.folder / "angles.py").write_text(ANGLES)
    assert ana.type("run", "angles.py", "angles", key=ANA)[0] == 0
    assert "would run code to be decoded" in ben.type("cache", "pull", "--all", key=BEN)[2]
    code, out, err = ben.type("cache", "pull", "--all", key=BEN, REDUX_VALUES_ALLOW="angles.Angle")
    assert (code, err) == (0, "")
    assert out.startswith("took 1 call from ")
    code, out, err = ben.type("cache", "warm", "-", key=BEN)
    assert code == 1
    assert out == "brought 0 large values here (0 bytes); 0 were here already\n"
    assert err.startswith("1 value left there: to be decoded it runs angles.Angle; ")
    code, out, err = ben.type("cache", "warm", "-", key=BEN, REDUX_VALUES_ALLOW="angles.Angle")
    assert (code, err) == (0, "")
    assert out.startswith("brought 1 large value here (")


def test_an_execution_that_ran_nothing_is_said_to_be_none_that_others_can_pull(ana: Desk, ben: Desk):
    shared(ana, ben)
    assert ana.type("run", "flow.py", "main", key=ANA)[0] == 0
    code, out, _ = ana.type("cache", "push", "-", key=ANA)
    assert (code, out.partition(",")[0]) == (0, "this ran nothing")
    assert ana.type("cache", "push", "~1", key=ANA)[1].endswith("has all of it already\n")


def test_what_came_by_an_archive_is_said_to_stay_here(ana: Desk, ben: Desk):
    shared(ana, ben)
    assert ana.type("archive", "save", "../of-ana.tar")[0] == 0
    cat = Desk(ana.folder.parent / "cat", *ana.around)
    assert cat.type("cache", "add", "../other", key=ANA)[0] == 0
    assert cat.type("archive", "load", "../of-ana.tar")[0] == 0
    stays = "all of it is here already, and what of it was loaded without --own stays marked as another's\n"
    assert cat.type("archive", "load", "--own", "../of-ana.tar")[1].endswith(stays)
    nothing = "nothing to send: no execution was made here, and what came from elsewhere is not sent on\n"
    assert cat.type("cache", "push", "--all", key=ANA)[1] == nothing
    assert cat.type("run", "flow.py", "main", key=ANA)[0] == 0
    stays = "nothing to send; 7 calls stay here, since they came from elsewhere or rest on that\n"
    assert cat.type("cache", "push", "--all", key=ANA)[1] == stays
    assert cat.json("cache", "push", "--all", key=ANA)["held_back"] == 7
