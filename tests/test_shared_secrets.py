"""Secrets and the shared cache: what says one in plain stays at home, what is only given one is found by colleagues."""

from __future__ import annotations

import base64
import os
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from redux import Secret, task
from redux.redaction import _Hidden
from redux.secrets import SecretWarning
from redux.shared.layout import PackName, named_pack
from redux.shared.pack import open_pack, read_header
from redux.trust.signers import Signer

from .shared_homes import ANA, BEN, counts
from .test_secret_canary import forms_of
from .test_shared_sending import Home

CANARY = "hunter2-said-plainly"
OTHER = "open-sesame-as-it-is"
"""A text that no Secret says."""
SALT = "a salt that the environment gives"


@dataclass
class Login:
    user: str
    password: str


@task(namespace="shared_secrets", version="1")
def size(token: Secret[str]) -> int:
    return len(token.reveal())


@task(namespace="shared_secrets", version="1")
def leak(token: Secret[str]) -> str:
    return "x" + token.reveal()


@task(namespace="shared_secrets", version="1")
def large_leak(token: Secret[str]) -> list[Any]:
    return [np.frombuffer(token.reveal().encode() * 100, np.uint8), 1]


@task(namespace="shared_secrets", version="1")
def leak_array(token: Secret[str]) -> Any:
    return np.array(["as it is", token.reveal()])


@task(namespace="shared_secrets", version="1")
def leak_coded(token: Secret[str]) -> str:
    return base64.b64encode(b"user:" + token.reveal().encode()).decode()


@task(namespace="shared_secrets", version="1")
def leak_field(token: Secret[str]) -> Any:
    return leak_of_login(Secret(Login("me", token.reveal())), Secret(b"\xff" + token.reveal().encode() + b"\x80"))


@task(namespace="shared_secrets", version="1")
def leak_of_login(login: Secret[Login], key: Secret[bytes]) -> list[Any]:
    return [login.reveal().password + "-x", key.reveal()]


@task(namespace="shared_secrets", version="1", executor="processes")
def leak_elsewhere(token: Secret[str]) -> str:
    return token.reveal() * 100


@task(namespace="shared_secrets", version="1")
def length(text: object) -> int:
    return 3


@task(namespace="shared_secrets", version="1")
def handed_on(token: Secret[str]) -> Any:
    return length("given " + token.reveal())


@task(namespace="shared_secrets", version="1")
def in_plain(api_token: str, n: int) -> int:
    return n


@task(namespace="shared_secrets", version="1")
def main(what: str, token: Secret[str]) -> Any:
    made: Any = {
        "leak": leak, "large": large_leak, "elsewhere": leak_elsewhere, "handed on": handed_on,
        "array": leak_array, "coded": leak_coded, "field": leak_field,
    }  # fmt: skip
    if what == "plain":
        return [in_plain(token.reveal(), 1), size(token)]
    return [length(made[what](token)), size(token)]


@task(namespace="shared_secrets", version="1")
def surroundings() -> dict[str, str]:
    return dict(os.environ)


def everything_in(bucket: Path) -> bytes:
    """All that lies in a bucket, packs opened."""
    found: list[bytes] = []
    for path in sorted(each for each in bucket.rglob("*") if each.is_file()):
        data = path.read_bytes()
        found.append(data)
        name = named_pack(str(path.relative_to(bucket)))
        if isinstance(name, PackName):
            found.append(repr(open_pack(read_header(name, data), data)).encode())
    return b"\n".join(found)


@pytest.mark.parametrize("what", ["leak", "large", "elsewhere", "handed on", "plain", "array", "coded", "field"])
def test_what_says_a_secret_in_plain_stays_at_home_with_what_names_it(tmp_path: Path, what: str):
    ana = Home(tmp_path / "ana", str(tmp_path / "bucket"), ANA)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SecretWarning)
        ana.run(main(what, Secret(CANARY)))
    assert [one.partition(" stay here")[0] for one in ana.said] == [
        "calls with a secret in plain in what they are given or give"
    ]
    ana.push_all()
    found = everything_in(tmp_path / "bucket")
    assert not any(form in found for form in forms_of(CANARY))
    ben = Home(tmp_path / "ben", ana.bucket, BEN, [Signer("ana", ANA.public)])
    assert counts(ben.run(size(Secret(CANARY)))) == (0, 1, 0)
    assert ben.said == []


def test_the_warnings_say_that_it_is_kept_here_alone(tmp_path: Path):
    home = Home(tmp_path / "ana", str(tmp_path / "bucket"), ANA)
    with pytest.warns(SecretWarning) as told:
        home.run([leak(Secret(CANARY)), in_plain(CANARY, 2)])
    words = " ".join(str(one.message) for one in told)
    assert "is kept here in plain (no shared cache gets it): return what may be kept" in words
    assert "it is recorded here (no shared cache gets it): annotate api_token Secret[…]" in words


@task(namespace="shared_secrets", version="1")
def given(settings: Any) -> int:
    return 1


@task(namespace="shared_secrets", version="1", secret=[])
def given_none(settings: Any) -> Any:
    return settings


@task(namespace="shared_secrets", version="1")
def logs_in(kind: str) -> Any:
    return [{"api_token": OTHER}] if kind == "dict" else Login("u", OTHER)


NAMED = {
    "key": (given({"api_token": OTHER}), "given is given api_token in settings in plain"),
    "list": (given([1, {"a": [{"password": OTHER}]}]), "given is given password in settings in plain"),
    "field": (given(Login("u", OTHER)), "given is given password in settings in plain"),
    "JSON": (given(f'{{"api_token": "{OTHER}"}}'), "given is given settings in plain"),
    "URL": (given(f"postgresql://u:{OTHER}@host/db"), "given is given settings in plain"),
    "result": (logs_in("dict"), "the result of task shared_secrets.logs_in has in it what looks like a secret"),
    "field of a result": (logs_in("field"), "the result of task shared_secrets.logs_in has in it what looks like"),
}


@pytest.mark.parametrize("what", NAMED)
def test_what_is_under_a_name_that_looks_secret_stays_at_home_wherever_that_stands(tmp_path: Path, what: str):
    expression, words = NAMED[what]
    home = Home(tmp_path / "ana", str(tmp_path / "bucket"), ANA)
    with pytest.warns(SecretWarning) as told:
        home.run([expression, given(2)])
    assert len(told) == 1
    assert words in str(told[0].message)
    home.push_all()
    assert not any(form in everything_in(tmp_path / "bucket") for form in forms_of(OTHER))


def test_names_that_look_otherwise_and_tasks_that_have_no_secrets_keep_nothing_at_home(tmp_path: Path):
    home = Home(tmp_path / "ana", str(tmp_path / "bucket"), ANA)
    plain = {"tokens_per_batch": "8", "password": None, "at": "s3://bucket/key=1", "url": "https://host/a?page_token=2"}
    with warnings.catch_warnings():
        warnings.simplefilter("error", SecretWarning)
        home.run([given(plain), given('{"n": 1}'), given_none({"password": OTHER}), given_none(f"password={OTHER}")])
    assert home.said == []
    assert OTHER.encode() in everything_in(tmp_path / "bucket")


@pytest.mark.parametrize(("name", "value"), [("REDUX_SIGNING_KEY", ANA.text), ("REDUX_SECRET_SALT", SALT)])
def test_the_environment_is_not_shared_with_the_key_or_the_salt_that_stands_in_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, value: str
):
    monkeypatch.setattr("redux.redaction._hidden", _Hidden())
    monkeypatch.setenv(name, value)
    home = Home(tmp_path / "ana", str(tmp_path / "bucket"), ANA)
    with pytest.warns(SecretWarning, match="no shared cache gets it"):
        home.run(surroundings())
    home.push_all()
    assert value.encode() not in everything_in(tmp_path / "bucket")
