"""Secrets: tasks are given them, and nothing that is kept, shown, logged or exported has them in it."""

from __future__ import annotations

import base64
import copy
import gc
import json
import pickle
import stat
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest

from redux import Scheduler, Secret, catch, script, task
from redux.redaction import REDACTED, _Hidden, redacted
from redux.repo import Repo
from redux.scheduler import Report
from redux.secret_names import looks_secret, redacted_words, shown_under
from redux.secrets import SecretReturned, SecretWarning, says_secret, without_secrets
from redux.serializers.said import said_by, secret_name_in
from redux.serializers.salt import salt_key
from redux.task import wraps_task
from redux.value import SecretAbsent, decode, encode, hash_value, preview
from redux_valuestore.remote import RemoteStore
from redux_valuestore.store import StoreUnavailable

from . import commands
from .error_texts import hold_to_golden
from .test_secret_canary import everything_below, redux

redux_namespace = "secrets_test"
SALT = "a salt for the tests, long enough"


@pytest.fixture(autouse=True)
def salted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REDUX_SECRET_SALT", SALT)
    monkeypatch.setattr("redux.redaction._hidden", _Hidden())  # other tests of this process hide nothing


# -- the value -------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Account:
    name: str
    token: Secret[str]


@pytest.mark.parametrize("content", ["hunter-2222", b"hunter-2222", ["hunter-2222"], {"a": "hunter-2222"}, 2222222])
def test_a_secret_gives_its_content_to_who_reveals_it_and_to_nobody_else(content: Any):
    secret = Secret(content)
    shown = f"{secret} {secret!r} {secret!s:>40} {[secret]} {preview([secret])} {json.dumps([secret], default=str)}"
    pickled = pickle.dumps(secret)
    assert "2222" not in shown + str(vars(type(secret)))
    assert b"2222" not in pickled
    assert secret.reveal() == content
    assert copy.copy(secret) is secret
    assert copy.deepcopy([secret])[0] is secret
    assert pickle.loads(pickled).reveal() == content  # in the process that has it
    with pytest.raises(TypeError):
        json.dumps(secret)
    with pytest.raises(AttributeError):
        secret.other = 1  # type: ignore[attr-defined]  # pyright: ignore[reportAttributeAccessIssue]
    same = Secret(copy.deepcopy(content))
    assert same == secret
    assert hash(same) == hash(secret)
    assert secret != Secret("another")
    assert secret != content
    assert Secret(secret).reveal() == content


def test_its_key_is_the_same_for_the_same_content_and_salt_alone(monkeypatch: pytest.MonkeyPatch):
    def key(content: object) -> bytes:
        return hash_value([Secret(content)])

    first = key("1234")
    assert first == key("1234") != key("1235")
    assert key("1") != key(1) != key(True)
    monkeypatch.setenv("REDUX_SECRET_SALT", SALT + " of another")
    assert key("1234") != first


def test_a_short_secret_cannot_be_tried_without_the_salt():
    data = b"".join(encode(Secret("1234")).chunks)
    tried = (hash_value(f"{number:04}") for number in range(10_000))
    assert b"1234" not in data
    assert not any(digest in data for digest in tried)


def test_what_is_built_from_its_bytes_has_no_content_where_nobody_has_it():
    data = b"".join(encode(Account("me", Secret("gone-with-the-wind"))).chunks)
    built = decode(data, lambda digest: b"")
    assert isinstance(built, Account)
    assert hash_value(built) == hash_value(Account("me", Secret("gone-with-the-wind")))
    del built
    gc.collect()
    sealed = decode(data, lambda digest: b"")
    assert isinstance(sealed, Account)
    assert not sealed.token.is_valid()
    with pytest.raises(SecretAbsent, match="only its keyed hash is kept"):
        sealed.token.reveal()


def test_the_salt_is_made_once_for_whoever_is_first_and_read_by_nobody_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    code = "from redux.serializers.salt import salt_key; print(salt_key().hex())"
    own = {"XDG_CONFIG_HOME": str(tmp_path / "config")}
    started = [commands.start([sys.executable, "-c", code], None, **own) for _ in range(8)]
    assert len({process.communicate()[0] for process in started}) == 1
    (path,) = (tmp_path / "config").rglob("*.*")
    assert path.name == "secret.salt"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    path.chmod(0o644)
    assert "can be read by others" in commands.call([sys.executable, "-c", code], None, **own).stderr
    monkeypatch.setenv("REDUX_SECRET_SALT", SALT)
    assert salt_key() == salt_key() != SALT.encode()


# -- tasks -----------------------------------------------------------------------------------------


@task
def length(token: Secret[str]) -> int:
    return len(token.reveal())


@task
def handed_back(token: Secret[str]) -> Any:
    return {"token": token}


@task
def let_through(token: Secret[str]) -> Any:
    return [length(token), {"token": token}]


@task
def says_it(token: Secret[str]) -> str:
    return f"the token is {token.reveal()}"


@task
def optional(token: Secret[str] | None = None) -> bool:
    return token is None


@task(secret=["rest", "named"])
def of_all_kinds(first: int, *rest: str, **named: str) -> list[Any]:
    return [first, sum(map(len, rest)), sorted(named)]


@task
def in_plain(api_token: str, tokens_per_batch: str = "many", **more: str) -> int:
    return len(api_token)


@task(secret=[])
def said_to_be_none(api_token: str) -> int:
    return len(api_token)


@task
def text_of(number: int) -> str:
    return "made-by-a-task" * number


@wraps_task()
def counted(inner: Any) -> Any:
    def outer(*args: Any, **kwargs: Any) -> Any:
        return [inner(*args, **kwargs)]

    return outer


@counted
@task
def wrapped_too(token: Secret[str]) -> int:
    return len(token.reveal())


@counted
@task(secret=["password"])
def wrapped(password: str) -> int:
    return len(password)


@task
def message_of(error: Exception) -> str:
    return str(error)


Execute = Callable[[Any], Report]


@pytest.fixture
def execute(sqlite_repo: Repo) -> Execute:
    return lambda expression: Scheduler(sqlite_repo, folder=Path(__file__).parent).execute(expression)


def ran(report: Report) -> dict[str, int]:
    return {name.rpartition(".")[2]: one.done for name, one in report.counts.items() if one.done}


def test_the_same_secret_hits_and_another_runs(execute: Execute):
    assert ran(execute(length(Secret("open-sesame")))) == {"length": 1}
    assert ran(execute(length(Secret("open-sesame")))) == {}
    assert ran(execute(length("open-sesame"))) == {}  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    assert ran(execute(length(Secret("open-sesamE")))) == {"length": 1}


def test_under_another_salt_the_same_secret_is_another(execute: Execute, monkeypatch: pytest.MonkeyPatch):
    execute(length(Secret("open-sesame")))
    monkeypatch.setenv("REDUX_SECRET_SALT", SALT + " of a colleague")
    assert ran(execute(length(Secret("open-sesame")))) == {"length": 1}


def test_secrets_reach_the_function_in_every_kind_of_argument(execute: Execute, tmp_path: Path):
    call = of_all_kinds(1, "first-secret", "second-secret", third="third-secret")
    assert execute(call).value == [1, 25, ["third"]]
    assert ran(execute(of_all_kinds(1, "first-secret", "second-secret", third="third-secret"))) == {}
    assert ran(execute(of_all_kinds(1, "first-secret", "second-secret", third="another"))) == {"of_all_kinds": 1}
    assert execute(optional()).value is True
    assert execute(wrapped("wrapped-secret")).value == [14]
    assert execute(wrapped_too(Secret("wrapped-secret-too"))).value == [18]
    found = [path for path, data in everything_below(tmp_path) if b"-secret" in data]
    assert found == []


def test_what_a_task_made_becomes_a_secret_on_its_way_into_another(execute: Execute):
    call: Any = length
    assert execute(call(text_of(2))).value == 28
    assert ran(execute(call(text_of(2)))) == {}


@pytest.mark.parametrize("back", [handed_back, let_through])
def test_a_secret_that_is_returned_is_refused(execute: Execute, back: Any):
    with pytest.raises(SecretReturned, match=f"task secrets_test.{back.name} returned a Secret"):
        _ = execute(back(Secret("do-not-keep-me"))).value


def test_a_result_with_a_secret_in_plain_is_warned_of_and_not_shown(execute: Execute, sqlite_repo: Repo):
    with pytest.warns(SecretWarning, match="the result of task secrets_test.says_it has in it what a Secret says"):
        report = execute(says_it(Secret("plainly-so")))
    assert report.value == "the token is plainly-so"
    (view,) = sqlite_repo.backend.jobs()
    assert view.result_preview == f"'the token is {REDACTED}'"


def test_a_name_that_looks_secret_is_told_once_and_not_shown(execute: Execute, sqlite_repo: Repo):
    with pytest.warns(SecretWarning) as told:
        execute([in_plain("in-plain-sight"), in_plain("in-plain-sighs", db_password="another")])
    assert sorted(str(one.message).partition(" in plain")[0] for one in told) == [
        "task secrets_test.in_plain is given api_token",
        "task secrets_test.in_plain is given db_password in more",
    ]
    shown = {preview for view in sqlite_repo.backend.jobs() for _, preview in view.arguments}
    assert shown == {REDACTED, "'many'"}
    execute(said_to_be_none("in-plain-night"))


def test_what_a_command_says_that_holds_a_secret_is_not_kept(execute: Execute, capfd: pytest.CaptureFixture[str]):
    token = Secret("said-by-a-script")
    told = execute(catch(script(f"echo {token.reveal()}; exit 4"), Exception, message_of))
    assert isinstance(told.value, str)
    assert told.value.count(REDACTED) >= 2
    assert "said-by" not in told.value
    assert "said-by" not in capfd.readouterr().err


# -- names and command lines -----------------------------------------------------------------------

SECRET_NAMES = (
    "token api_token apiToken API_TOKEN access-token github_token password db_password dbPassword passwd pwd secret "
    "client_secret credentials aws_secret_access_key api_key apikey private_key passphrase user_pass database.password"
)
OTHER_NAMES = (
    "tokens_per_batch max_tokens tokens token_count tokenizer pad_token eos_token next_page_token passes n_passes "
    "first_pass bypass compass passenger password_file secret_name secretary key keys sort_key primary_key token_id "
    "has_password use_token credential_path is_secret author monkey passing"
)


def test_a_name_looks_secret_by_its_last_word():
    assert [name for name in SECRET_NAMES.split() if not looks_secret(name)] == []
    assert [name for name in OTHER_NAMES.split() if looks_secret(name)] == []
    assert shown_under("token", "'abc'") == shown_under("more[api_key]", "b'abc'") == REDACTED
    assert [shown_under(*one) for one in (("token", "3"), ("text", "'abc'"), ("token", "None"))] == [
        "3",
        "'abc'",
        "None",
    ]


def test_texts_in_a_list_under_such_a_name_count_unless_the_list_is_of_nodes_of_a_graph():
    said: dict[str, list[str]] = {"users": ["ana", "ben"], "passwords": ["hunter2", "users"]}
    assert secret_name_in(said) == "passwords"
    assert preview(said) == f"{{'users': ['ana', 'ben'], 'passwords': {REDACTED}}}"
    graph: dict[str, list[str]] = {"base64": [], "hmac": ["base64"], "secrets": ["base64", "hmac"]}
    assert secret_name_in(graph) is None
    assert preview(graph) == str(graph)
    assert secret_name_in({"graph": graph, "secret": "base64"}) == "secret"


NO_GRAPHS: tuple[dict[str, object], ...] = (
    {"user": "admin", "password": "password"},
    {"db": "postgres", "password": "db"},
    {"admin": "a", "root": ["b"], "passwords": ["admin", "root"]},
    {"passwords": ["hunter2", "passwords"], "users": ["ana", "ben"]},
)


@pytest.mark.parametrize("said", NO_GRAPHS)
def test_what_is_no_graph_says_its_secrets_whatever_else_has_their_texts(said: dict[str, object]):
    name = next(name for name in said if looks_secret(name))
    assert secret_name_in(said) == name
    assert f"'{name}': {REDACTED}" in preview(said)


def test_a_command_line_is_told_without_what_looks_secret():
    words = {
        "--token abc --n 3": "--token ~ --n 3",
        "--token=abc -x": "--token=~ -x",
        "--context db.password=abc --tag x=1": "--context db.password=~ --tag x=1",
        "API_KEY=abc run": "API_KEY=~ run",
        "--token env:NAME --secret file:/x": "--token env:NAME --secret file:/x",
        "--tokens-per-batch 8": "--tokens-per-batch 8",
        "--use-token yes": "--use-token yes",
        "--url postgresql://me:abc@host/db": "--url postgresql://me:…@host/db",
        "https://host/x?page=2&access_token=abc": "https://host/x?page=2&access_token=~",
        '--db {"password":"abc","port":1}': '--db {"password":"~","port":1}',
    }
    told = {said: " ".join(redacted_words(said.split(" "))).replace(REDACTED, "~") for said in words}
    assert told == words
    for word, kept in {
        "host=db password=abc user='me'": "host=db password=~ user='me'",
        "--dsn=password='a b c' host=db": "--dsn=password=~ host=db",
        '{"token": 123456, "n": 12}': '{"token": "~", "n": 12}',
        "https://host/x?X-Amz-Date=1&X-Amz-Signature=abc": "https://host/x?X-Amz-Date=1&X-Amz-Signature=…",
        "https://host/x?sig=abc&page=2": "https://host/x?sig=…&page=2",
    }.items():
        assert redacted_words([word]) == (kept.replace("~", REDACTED),)
    assert redacted_words(["-H", "Authorization: Bearer abcdefgh.ijkl"]) == ("-H", f"Authorization: Bearer {REDACTED}")


FORMS = """
from redux import Secret, task

@task
def send(token: Secret[str], pin: Secret[int] | None = None) -> int:
    return len(token.reveal()) + (0 if pin is None else pin.reveal())

@task
def several(many: list[Secret[int]], by_name: dict[str, Secret[str]]) -> int:
    return sum(one.reveal() for one in many) + sum(len(one.reveal()) for one in by_name.values())

@task(secret=["word"])
def plainly(word: str = "abc-default", n: int = 1) -> str:
    return word[:1] * n

@task
def by_name_only(api_token: str, *passwords: str, label: str = "", **more: str) -> int:
    return len(api_token) + len(passwords)

@task
def listed(secrets: list[str], label: str) -> int:
    return len(secrets)
"""


def test_the_command_line_takes_secrets_from_elsewhere_and_records_none(tmp_path: Path):
    folder = tmp_path / "project"
    folder.mkdir()
    (folder / "flow.py").write_text(FORMS)
    (tmp_path / "held").write_text("from-a-file\n")
    ways = (
        (("send", "--token", "env:HELD"), 14),
        (("send", "--token", f"file:{tmp_path / 'held'}"), 11),
        (("send", "said-outright", "--pin", "4321"), 4334),
        (("send", "--token=xyz", "--pin=77777777"), 77777780),
    )
    for words, result in ways:
        done = redux(folder, "run", "flow.py", *words, HELD="in-the-environ")
        assert (done.stdout, done.returncode) == (f"{result}\n", 0), done.stderr
    done = redux(folder, "run", "flow.py", "plainly", "q7", "--n", "2")
    assert done.stdout == "'qq'\n", done.stderr
    done = redux(folder, "run", "flow.py", "several", "[31, 4711]", "--by-name", "a=b52", "--by-name", '{"c": "d"}')
    assert done.stdout == "4746\n", done.stderr
    unnamed = ("by_name_only", "by-place", "and-more", "--label", "a-label", "--db-password", "by-key")
    listed = ("listed", r'["in-a-list", "\u00e9crit"]', "another-label")
    for words, result in ((unnamed, 9), (listed, 2)):
        done = redux(folder, "run", "flow.py", *words)
        assert (done.stdout, done.returncode) == (f"{result}\n", 0), done.stderr
    log = redux(folder, "log", "--json").stdout
    argv = " ".join(word for one in json.loads(log)["executions"] for word in one["execution"]["argv"])
    assert not any(word in argv for word in ("outright", "4321", "77777777", "xyz", "q7", "4711", "b52", '"d"')), argv
    assert not any(word in argv for word in ("by-place", "and-more", "by-key", "in-a-list", "crit")), argv
    assert "a-label" in argv
    assert "another-label" in argv
    log = redux(folder, "log").stdout
    assert "--token env:HELD" in log
    asked = commands.start([*commands.REDUX, "run", "flow.py", "send", "--token", "-"], folder, REDUX_SECRET_SALT=SALT)
    assert asked.communicate("said-when-asked\n")[0] == "15\n"
    for words, told in (
        (("send", "--token", "env:NOBODY"), "is given env:NOBODY: the variable NOBODY is not set\n"),
        (("send", "abc", "--pin", "no-number"), f"must be a whole number, not {REDACTED!r}"),
        (("send", "--token", "file:/nowhere"), "cannot be read"),
    ):
        done = redux(folder, "run", "flow.py", *words)
        assert (done.returncode, told in done.stderr, "no-number" in done.stderr) == (2, True, False), done.stderr
    shown = redux(folder, "run", "flow.py", "plainly", "--help").stdout
    assert "abc-default" not in shown
    assert "Secret[str]" in shown
    assert "env:NAME" in shown
    assert "env:NAME" in redux(folder, "run", "flow.py", "send", "--help").stdout
    for words in (("send", "--token", "abcdef"), ("plainly", "abcdef")):
        done = redux(folder, "run", "flow.py", *words, REDUX_SECRET_SALT="short")
        assert (done.returncode, done.stderr.count("\n")) == (2, 1), done.stderr
        assert "REDUX_SECRET_SALT, has fewer than 16 characters" in done.stderr


# -- passwords of stores ---------------------------------------------------------------------------


def test_the_password_in_a_stores_url_is_in_no_error():
    store = RemoteStore("ftp://me:p4ssw0rd-of-mine@127.0.0.1:1/values")
    with pytest.raises(StoreUnavailable) as told:
        store.has(hash_value(1))
    assert "p4ssw0rd" not in f"{told.value} {told.value.where}"
    assert "me:…@127.0.0.1" in str(told.value)


def test_what_is_taken_out_of_texts_is_what_secrets_say_in_any_form():
    Secret('quoted "word" with\na second line of it')
    for text in ('quoted "word" with\na second line of it', repr('quoted "word" with\na second line of it')):
        assert "second line" not in redacted(f"begin {text} end")
    assert "a second line" not in redacted("+ echo a second line of it")
    assert redacted("short ones such as abc stay") == "short ones such as abc stay"
    Secret("abc")
    assert redacted("short ones such as abc stay") == "short ones such as abc stay"
    Secret("part-of")
    Secret("part-of-the-whole")
    assert redacted("x part-of-the-whole y") == f"x {REDACTED} y"


@dataclass
class Login:
    user: str
    password: str
    ports: tuple[int, ...] = ()


@dataclass(slots=True)
class Slotted:
    login: Login


class Point(NamedTuple):
    name: str
    token: str


class Client:
    def __init__(self, api_key: str) -> None:
        self.api_key = api_key


CONTENTS = {
    "text": "hunter2-\u00e9tude",
    "short text": "h!t2",
    "dict": {"user": "me", "password": "hunter2"},
    "list in a dict": {"passwords": ["hunter2"]},
    "dataclass": Login("me", "hunter2"),
    "slots": Slotted(Login("me", "hunter2")),
    "named tuple": Point("me", "hunter2"),
    "object": Client("hunter2"),
    "path": Path("/somewhere/of-mine"),
    "bytes": b"hunter2-bytes",
    "no text": b"\xff\xfe\x80hunter2\x99",
}


@pytest.mark.parametrize("others", [0, 100])
@pytest.mark.parametrize("kind", CONTENTS)
def test_what_a_secret_of_any_kind_says_is_known_in_texts_and_values(kind: str, others: int):
    content = CONTENTS[kind]
    secrets = [Secret(content), *(Secret(f"another-secret-{number}") for number in range(others))]
    (said,) = said_by(content)
    data = said if isinstance(said, bytes) else said.encode()
    for told in (f"failed with {said}.", f"failed with {said!r}."):
        assert REDACTED in redacted(told)
    leaks: list[object] = [b"x" * 5 + data + b"y", [{"key": data}], np.frombuffer(b"12" + data, np.uint8)]
    if isinstance(said, str):
        leaks += [said + "-x", np.array(["as it is", said]), [said.encode("utf-16-le")]]
    if len(data) > len("hunter2"):
        leaks += [base64.b64encode(b"u" * before + data + b"!").decode() for before in range(3)]
        leaks += [base64.urlsafe_b64encode(data)]
    assert [one for one in leaks if not says_secret(encode(one))] == []
    clear: list[object] = [
        ["me", "hunt", "hunter-2", "other"],
        np.arange(1000),
        base64.b64encode(b"hunter-2 of others"),
    ]
    assert [one for one in clear if says_secret(encode(one))] == []
    error = without_secrets(ValueError("bad", data, {"a": said}))
    assert data not in repr(error.args).encode()
    assert len(secrets) == 1 + others


def test_texts_are_forgotten_only_of_secrets_that_are_no_more():
    held = [Secret(f"held-secret-{number}") for number in range(1_500)]
    assert redacted("held-secret-0 held-secret-1499").count(REDACTED) == 2
    for number in range(5_000):
        Secret(f"passing-secret-{number}")
    assert redacted("held-secret-0 held-secret-1499 passing-secret-4999").count(REDACTED) == 3
    assert redacted("passing-secret-0") == "passing-secret-0"
    assert len(held) == 1_500


def test_every_error_about_secrets_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, execute: Execute):
    data = b"".join(encode(Secret("gone-once-more")).chunks)
    gc.collect()
    (tmp_path / "in-the-way").touch()

    def salted_by(**changes: str) -> Callable[[], object]:
        def attempt() -> object:
            with monkeypatch.context() as patch:
                patch.delenv("REDUX_SECRET_SALT")
                for name, value in changes.items():
                    patch.setenv(name, value)
                return salt_key()

        return attempt

    attempts = {
        "Secret.reveal() of one without content": lambda: decode(data, lambda digest: b"").reveal(),  # type: ignore[attr-defined]  # pyright: ignore
        "a task returns a Secret": lambda: execute(handed_back(Secret("do-not-keep-me"))).value,
        "REDUX_SECRET_SALT=short": salted_by(REDUX_SECRET_SALT="short"),
        "no place for a salt": salted_by(XDG_CONFIG_HOME=str(tmp_path / "in-the-way")),
        "Secret(expression)": lambda: encode(Secret(length(Secret("x")))),
        "@task(secret=['none'])": lambda: task(secret=["none"])(says_it.func),
        "@task(secret='token')": lambda: task(secret="token")(says_it.func),
    }
    hold_to_golden("secret_errors", attempts, tmp_path)


# -- asked afterwards ------------------------------------------------------------------------------

LOGIN = """
from dataclasses import dataclass
from redux import Handle, Secret, task

@dataclass(frozen=True)
class Login:
    user: str
    token: Secret[str]

class Session(Handle):
    def __init__(self, name, token):
        self.instance = [token.reveal()]

@task
def log_in(login: Login, n: int = 1) -> int:
    return len(login.token.reveal()) * n

@task
def used(session):
    session.append(1)
    return session

@task
def main(token: Secret[str]):
    return [log_in(Login("me", token)), used(Session("one", token))]
"""


def test_a_secret_within_an_argument_is_told_of_and_a_call_with_one_is_not_made_twice(tmp_path: Path):
    folder = tmp_path / "project"
    folder.mkdir()
    (folder / "flow.py").write_text(LOGIN)
    for token in ("the-first-one", "the-second"):
        done = redux(folder, "run", "flow.py", "main", "--token", token)
        assert done.returncode == 0, done.stderr
    told = redux(folder, "explain-miss", "log_in").stdout
    assert "login.token: (secret) changed" in told
    assert "main was called with another token (secret), or another salt" in told
    again = redux(folder, "check", "--twice", "flow.py").stdout
    assert "SecretAbsent" in again
    assert "2 could not be made again" in again
