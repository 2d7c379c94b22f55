"""Keys have one form and are never repeated by errors; who is believed stands in a list that nobody else can change."""

from __future__ import annotations

import base64
import os
import pickle
import stat
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import cast

import pytest

from redux.errors import ConfigError
from redux.redaction import REDACTED, redacted
from redux.settings.layers import OtherRepo
from redux.settings.repo_list import add_repo
from redux.settings.shared_lines import said_shared, set_shared
from redux.trust import guarded
from redux.trust.folders import FOLDERS, Looked
from redux.trust.guarded import read_guarded
from redux.trust.keys import (
    _ORDER,  # pyright: ignore[reportPrivateUsage]
    PUBLIC_MARK,
    SECRET_MARK,
    SMALL_ORDER,
    PublicKey,
    SigningKey,
    is_signed,
    key_id,
    public_key,
    public_text,
    read_public,
)
from redux.trust.list_edits import add_signer, believe_again, changing_list, disown_signer, open_list, remove_signer
from redux.trust.own_key import Aside, key_at_hand, make_key, own_key_file, put_aside, signing_key
from redux.trust.signers import Distrust, Signer, TrustList, parse_list, read_trust
from redux.trust.trouble import KeyRefused, SigningMissing, TrustRefused
from redux_valuestore.digest import digest_bytes

from .error_texts import compare, hold_to_golden

SEED = bytes(range(32))
FIELD = 2**255 - 19
WITHOUT_LIBRARY = """
import sys
sys.modules["cryptography"] = None
from redux.errors import ReduxError
from redux.trust.keys import SigningKey
try:
    SigningKey.generate()
except ReduxError as error:
    print(error)
"""


def test_a_key_signs_and_its_lines_are_fixed():
    key = SigningKey(SEED)
    assert public_text(key.public) == "redux-public-1:A6EHv/POEL4dcN0Y50vAmWfk1jCbpQ1fHdyGZBJVMbg="
    assert key.text == "redux-secret-1:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="
    assert key_id(key.public) == "98ba85304ac639f0"
    assert SigningKey.from_text(f"{key.text}\n").public == key.public == read_public(f" {public_text(key.public)}\n")
    signature = key.sign(b"message")
    assert is_signed(key.public, b"message", signature)
    assert not is_signed(key.public, b"massage", signature)
    assert not is_signed(SigningKey.generate().public, b"message", signature)


def test_a_signature_has_one_form():
    key = SigningKey(SEED)
    signature = key.sign(b"message")
    for bit in range(512):
        altered = bytearray(signature)
        altered[bit // 8] ^= 1 << bit % 8
        assert not is_signed(key.public, b"message", bytes(altered))
    scalar = int.from_bytes(signature[32:], "little")
    for times in (1, 2, 7):
        assert not is_signed(key.public, b"message", signature[:32] + (scalar + times * _ORDER).to_bytes(32, "little"))
    for length in (0, 63, 65):
        assert not is_signed(key.public, b"message", (signature + b"\0")[:length])


def weak_keys() -> list[bytes]:
    """Every encoding of a point of small order, canonical or not, by which a signature fits many messages."""
    heights = sorted(SMALL_ORDER | {height + FIELD for height in SMALL_ORDER if height + FIELD < 2**255})
    return [(height | sign << 255).to_bytes(32, "little") for height in heights for sign in (0, 1)]


def test_weak_keys_and_second_encodings_are_refused():
    assert bytes(32) in weak_keys()
    # The identity: `S = 0, R = A` would be a signature of every message for a verifier that lets it pass.
    for weak in weak_keys():
        for nonce in weak_keys():
            assert not is_signed(PublicKey(weak), b"anything", nonce + bytes(32))
        with pytest.raises(KeyRefused):
            public_key(weak)
    for height in range(FIELD, 2**255):
        with pytest.raises(KeyRefused):
            public_key(height.to_bytes(32, "little"))


def test_lines_that_are_not_exactly_a_key_are_refused_and_never_repeated():
    key = SigningKey(SEED)
    secret, public = key.text.removeprefix(SECRET_MARK), public_text(key.public).removeprefix(PUBLIC_MARK)
    loose = secret[:-2] + chr(ord(secret[-2]) + 1) + "="  # the same bytes, with a bit that counts for nothing
    assert base64.b64decode(loose) == SEED
    for text in (
        key.text,
        secret,
        PUBLIC_MARK + public[:-1],
        PUBLIC_MARK + public[:4] + "\n" + public[4:],
        PUBLIC_MARK.replace("1", "2") + public,
        PUBLIC_MARK + base64.b64encode(bytes(33)).decode(),
        PUBLIC_MARK + public.replace("+", "-").replace("/", "_"),
        PUBLIC_MARK + "é" * 44,
        "",
    ):
        with pytest.raises(KeyRefused) as refused:
            read_public(text)
        assert secret[:6] not in str(refused.value)
        assert public[:6] not in str(refused.value)
    for text in (public_text(key.public), secret, SECRET_MARK + secret[:-1], SECRET_MARK + loose, "x" + key.text):
        with pytest.raises(KeyRefused) as refused:
            SigningKey.from_text(text)
        assert secret[:6] not in str(refused.value)


def test_a_secret_key_does_not_leak_by_repr_or_pickle():
    key = SigningKey(SEED)
    assert repr(key) == "<SigningKey 98ba85304ac639f0>"
    with pytest.raises(TypeError, match="not pickled"):
        pickle.dumps(key)


def test_without_the_library_there_is_one_clear_error_and_importing_asks_for_nothing():
    said = subprocess.run(
        [
            sys.executable,
            "-c",
            WITHOUT_LIBRARY,
        ],
        capture_output=True,
        text=True,
        check=True,
    )
    assert said.stdout == "signatures need the library cryptography; `pip install 'redux-cache[signing]'`\n"


# -- the list ----------------------------------------------------------------------------------------

NOW = 1.8e9
ANA, BEN, EVE, OWN = (SigningKey(bytes([number]) * 32).public for number in range(4))
OWN_KEY = SigningKey(bytes([3]) * 32)


def listed(*lines: str) -> TrustList:
    return parse_list("\n".join(lines), "trust.toml")


def lines_of(name: str, key: PublicKey, *more: str) -> tuple[str, ...]:
    return f"[signers.{name}]", f'key = "{public_text(key)}"', *more


def test_who_is_believed_and_why_not():
    known = replace(
        listed(
            'doubted = ["ci-pr"]',
            *lines_of("ana", ANA, "disowned_since = 2026-11-20T12:00:00+01:00"),
            *lines_of("ben", BEN, 'tier = "ci-pr"', "pickles = true"),
        ),
        own_key=OWN_KEY,
    )
    since = datetime(2026, 11, 20, 11, tzinfo=UTC).timestamp()

    def kind(of: PublicKey, made: float = NOW, known: TrustList = known) -> str:
        judged = known.judge(of, made, NOW)
        return judged.kind if isinstance(judged, Distrust) else judged.name

    assert kind(EVE) == "unknown"
    assert (kind(ANA, since - 2 * 3600), kind(ANA, since - 1800), kind(ANA, since)) == ("ana", "disowned", "disowned")
    assert kind(BEN) == "tier"
    assert kind(BEN, known=replace(known, believe=frozenset({"ci-pr"}))) == "ben"
    assert kind(ANA, 0, known=replace(known, believe=frozenset({"ci-pr"}))) == "tier"
    assert kind(OWN) == kind(OWN, known=replace(known, believe=frozenset())) == "myself"
    assert [kind(OWN, NOW + later) for later in (3600, 86_000, 90_000, float("inf"), float("nan"))] == [
        "myself", "myself", "future", "future", "future",
    ]  # fmt: skip
    disowned = replace(listed(*lines_of("me", OWN, "disowned_since = true")), own_key=OWN_KEY)
    assert kind(OWN, 0, known=disowned) == "disowned"


def test_why_somebody_is_not_believed_is_a_line_to_act_on():
    known = listed(
        'doubted = ["ci-pr"]',
        *lines_of("ana", ANA, "disowned_since = 2026-11-20T12:00:00Z"),
        *lines_of("ben", BEN, 'tier = "ci-pr"'),
        *lines_of("eve", EVE, "disowned_since = true"),
    )
    told = {
        "unknown": known.judge(OWN, NOW, NOW),
        "disowned since": known.judge(ANA, NOW, NOW),
        "disowned": known.judge(EVE, NOW, NOW),
        "tier": known.judge(BEN, NOW, NOW),
        "future": replace(known, believe=frozenset({"ci-pr"})).judge(BEN, NOW + 1e6, NOW),
    }
    whys = {said: judged.why for said, judged in told.items() if isinstance(judged, Distrust)}
    compare("distrust", "".join(f"{said}\n    {why}\n" for said, why in whys.items()))
    assert len(whys) == len(told)


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """The settings file of a user, which is not there; beside it is what they trust."""
    return tmp_path / "config" / "redux" / "redux.toml"


def test_only_what_nobody_else_can_change_is_believed(home: Path):
    assert read_trust({}, home) == read_trust({}, None) == TrustList()
    own = make_key(home)
    path = home.with_name("trust.toml")
    add_signer(open_list(path), Signer("ana", ANA))
    assert read_trust({}, home).judge(ANA, NOW, NOW) == Signer("ana", ANA)
    assert read_trust({}, home).own == own.public
    modes = {one: stat.S_IMODE(one.stat().st_mode) for one in (path, own_key_file(home))}
    assert set(modes.values()) == {0o600}
    assert {stat.S_IMODE(one.parent.stat().st_mode) for one in modes} == {0o700}
    reads = {path: read_trust, own_key_file(home): signing_key}
    for one, mode in ((path, 0o620), (path, 0o602), (own_key_file(home), 0o640), (own_key_file(home), 0o604)):
        one.chmod(mode)
        with pytest.raises(TrustRefused, match="not to be relied on"):
            reads[one]({}, home)
        one.chmod(0o600)
    path.parent.chmod(0o777)
    with pytest.raises(TrustRefused, match="may be replaced"):
        read_trust({}, home)


def test_a_file_of_another_user_is_not_believed(home: Path, monkeypatch: pytest.MonkeyPatch):
    make_key(home)
    monkeypatch.setattr(guarded, "is_mine_or_roots", lambda owner: False)
    with pytest.raises(TrustRefused, match="signs in your name"):
        signing_key({}, home)


def test_ci_names_its_own_list_and_its_own_key(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    make_key(home)
    add_signer(open_list(home.with_name("trust.toml")), Signer("ana", ANA))
    ci = tmp_path / "ci.toml"
    ci.write_text("\n".join(lines_of("ben", BEN)))
    ci.chmod(0o600)
    key = SigningKey(SEED)
    environment = {"REDUX_TRUST": str(ci), "REDUX_SIGNING_KEY": key.text}
    known = read_trust(environment, home, ["team"])
    assert (known.signers, known.own, known.believe) == ((Signer("ben", BEN),), key.public, {"team"})
    kept = tmp_path / "ci.key"
    kept.write_text(key.text)
    kept.chmod(0o400)
    named = signing_key({"REDUX_SIGNING_KEY": str(kept)}, None)
    assert named is not None
    assert named.public == key.public
    monkeypatch.chdir(tmp_path)
    for said in ("ci.key", "./ci.key", "'ci.key'"):
        with pytest.raises(KeyRefused, match="from the root"):
            signing_key({"REDUX_SIGNING_KEY": said}, None)


def test_a_list_that_others_could_replace_from_further_up_is_not_believed(home: Path, tmp_path: Path):
    add_signer(open_list(home.with_name("trust.toml")), Signer("ana", ANA))
    aside, link = tmp_path / "aside", tmp_path / "links" / "trust.toml"
    aside.mkdir()
    link.parent.mkdir()
    link.symlink_to(Path("..", aside.name, "inner"))
    (aside / "inner").symlink_to(home.with_name("trust.toml"))
    for folder, asked in ((home.parent.parent, home.with_name("trust.toml")), (link.parent, link), (aside, link)):
        folder.chmod(0o777)
        with pytest.raises(TrustRefused, match=f"`chmod go-w {folder}` helps"):
            read_guarded(asked)
        folder.chmod(0o1777)
        assert read_guarded(asked), "nobody replaces what is another's there"


def test_a_key_that_was_not_copied_whole_is_taken_or_refused_and_never_shown():
    line = SigningKey(SEED).text
    content = line.removeprefix(SECRET_MARK)
    for quoted in (f"'{line}'", f'"{line}"', f' " {line} "\n'):
        key = signing_key({"REDUX_SIGNING_KEY": quoted}, None)
        assert key is not None
        assert key.text == line
    for said in (content, f"'{content}'", f"'{line}", f"~{content}", f"x/{content}", f"{content}\0", content * 9):
        with pytest.raises(KeyRefused, match="REDUX_SIGNING_KEY is neither") as refused:
            signing_key({"REDUX_SIGNING_KEY": said}, None)
        assert content not in str(refused.value)


def test_a_key_that_is_used_is_taken_out_of_what_is_shown(home: Path):
    given, own = SigningKey.generate(), make_key(home)
    signing_key({"REDUX_SIGNING_KEY": given.text}, None)
    signing_key({}, home)
    for key in (given, own):
        assert redacted(f"KEY={key.text}") == f"KEY={SECRET_MARK}{REDACTED}"


def test_a_checkout_cannot_say_whom_one_believes():
    for said in ("ci/trust.toml", "trust.toml", "~nobody-of-this-name/trust.toml"):
        with pytest.raises(ConfigError, match="from the root"):
            read_trust({"REDUX_TRUST": said}, None)


@pytest.mark.parametrize("kind", ["list", "key"])
def test_a_pipe_in_the_place_of_a_file_keeps_nobody_waiting(home: Path, kind: str):
    home.parent.mkdir(parents=True, mode=0o700)
    path = home.with_name("trust.toml") if kind == "list" else own_key_file(home)
    path.parent.mkdir(exist_ok=True, mode=0o700)
    os.mkfifo(path, 0o600)
    with pytest.raises(TrustRefused, match="is not a file"):
        (read_trust if kind == "list" else signing_key)({}, home)


def test_a_folder_that_is_a_file_is_told_of(home: Path, tmp_path: Path):
    (tmp_path / "config").write_text("a file")
    with pytest.raises(TrustRefused, match="Not a directory"):
        make_key(home)


WRITTEN = f"""\
# ours
[signers.ana] # works beside us
key = "{public_text(ANA)}"  # by phone

# the machine
[signers.ci]
key = "{public_text(BEN)}"
tier = "ci-main"
"""


def test_what_people_wrote_beside_the_list_stays(tmp_path: Path):
    path = tmp_path / "trust.toml"
    path.write_text(WRITTEN)
    path.chmod(0o600)
    ana, ci = open_list(path).signers
    add_signer(open_list(path), Signer("eve", EVE, "guests", pickles=True))
    disown_signer(open_list(path), ana, NOW + 0.7)
    assert open_list(path).signers[0] == replace(ana, disowned_since=NOW)
    remove_signer(open_list(path), "eve")
    believe_again(open_list(path), open_list(path).signers[0])
    assert path.read_text() == WRITTEN
    remove_signer(open_list(path), ana.id)
    assert path.read_text() == WRITTEN.replace(WRITTEN[WRITTEN.index("[signers.ana]") : WRITTEN.index("# the")], "\n")
    assert open_list(path).signers == (ci,)
    path.write_text(f'signers.ana = {{key = "{public_text(ANA)}"}}\n')
    with pytest.raises(ConfigError, match="by hand"):
        remove_signer(open_list(path), "ana")


def test_ones_own_pickles_are_decoded_also_where_one_is_in_the_list_for_all():
    ours = TrustList((Signer("ada", OWN), Signer("ana", ANA)), own_key=OWN_KEY)
    assert ours.find(OWN) == Signer("ada", OWN, pickles=True)
    assert ours.find(ANA) == Signer("ana", ANA)
    assert (ours.called(key_id(OWN)), ours.called(key_id(ANA))) == ("ada (team)", "ana (team)")
    assert (TrustList(own_key=OWN_KEY).called(key_id(OWN)), ours.called("0" * 16)) == ("myself (own)", "0" * 16)
    stolen = replace(ours.signers[0], disowned_since=0.0)
    assert TrustList((stolen,), own_key=OWN_KEY).find(OWN) == stolen


def test_a_key_that_cannot_be_used_is_put_aside_for_another(home: Path, monkeypatch: pytest.MonkeyPatch):
    path = own_key_file(home)
    path.parent.mkdir(parents=True, mode=0o700)
    breaks: list[Callable[[], object]] = [
        lambda: path.write_text("garbage"), lambda: path.write_bytes(b"\xff"), path.touch, path.mkdir,
        lambda: (path.write_text(OWN_KEY.text), path.chmod(0o644)),
    ]  # fmt: skip
    for number, break_it in enumerate(breaks, 1):
        break_it()
        at_hand = key_at_hand({}, home)
        assert (at_hand.key, type(at_hand.trouble) in (KeyRefused, TrustRefused)) == (None, True)
        assert read_trust({}, home) == TrustList()
        assert put_aside(home) == Aside(path.with_name(f"default.key.broken-{number}"), None)
        assert not path.exists()
    own = make_key(home)
    monkeypatch.setattr(Path, "rename", lambda path, target: (_ for _ in ()).throw(PermissionError(13, "not yours")))
    with pytest.raises(TrustRefused, match="cannot be put aside: not yours"):
        put_aside(home)
    kept = signing_key({}, home)
    assert kept is not None
    assert kept.public == own.public


def test_of_changes_at_once_none_is_lost(tmp_path: Path):
    listed, settings = tmp_path / "trust.toml", tmp_path / "redux.toml"

    def change(number: int) -> None:
        with changing_list(listed) as file:
            add_signer(file, Signer(f"s{number}", SigningKey(bytes([number]) * 32).public))
        set_shared(settings, lambda: {"epoch": 1 + (cast("int | None", said_shared(settings, "epoch")) or 0)})
        add_repo(settings, OtherRepo(f"r{number}", "a", None))
        FOLDERS.keep(settings, Looked(Path(f"/{number}"), 0, digest_bytes(b"")))

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(change, range(1, 17)))
    assert {one.name for one in open_list(listed).signers} == {f"s{number}" for number in range(1, 17)}
    assert said_shared(settings, "epoch") == 16
    assert settings.read_text().count("[repos.") == len(FOLDERS.read(settings)) == 16


def test_every_error_of_trust_says_what_helps(home: Path, tmp_path: Path):
    def of(*lines: str) -> Callable[[], object]:
        return lambda: listed(*lines)

    key = public_text(ANA)
    secret = SigningKey(SEED).text
    loose = tmp_path / "loose.key"
    loose.write_text(secret)
    loose.chmod(0o644)
    hold_to_golden(
        "trust_errors",
        {
            "a secret key for a public one": lambda: read_public(secret),
            "a public key for a secret one": lambda: signing_key({"REDUX_SIGNING_KEY": key}, None),
            "half a key": lambda: read_public(key[:-5]),
            "no key": lambda: read_public("ssh-ed25519 AAAA"),
            "a key of 32 zeros": lambda: public_key(bytes(32)),
            "a key that others can read": lambda: signing_key({"REDUX_SIGNING_KEY": str(loose)}, None),
            "a key that is not there": lambda: signing_key({"REDUX_SIGNING_KEY": str(tmp_path / "no.key")}, None),
            "a key in the place of its file": lambda: signing_key({"REDUX_SIGNING_KEY": secret[3:]}, None),
            "a list in the checkout": lambda: read_trust({"REDUX_TRUST": "ci/trust.toml"}, home),
            "a list that is not there": lambda: read_trust({"REDUX_TRUST": str(tmp_path / "no.toml")}, home),
            "a list that is a folder": lambda: read_trust({"REDUX_TRUST": str(tmp_path)}, home),
            "no TOML": of("[signers"),
            "an unknown key": of('tiers = ["a"]'),
            "an unknown key of a signer": of(*lines_of("ana", ANA, "pickle = true")),
            "a bad name": of("[signers.'a b']"),
            "a bad key": of("[signers.ana]", 'key = "ana"'),
            "no key of a signer": of("[signers.ana]"),
            "a bad tier": of(*lines_of("ana", ANA, "tier = 1")),
            "a moment without a zone": of(*lines_of("ana", ANA, "disowned_since = 2026-11-20T12:00:00")),
            "two of one key": of(*lines_of("ana", ANA), *lines_of("ben", ANA)),
            "without the library": lambda: (_ for _ in ()).throw(SigningMissing()),
        },
        tmp_path,
    )
