"""`docs/json.md` says just the keys that `redux log` and `redux tag` print, of the types that it says."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from redux.cli.main import dispatch

from .test_cli_log import recorded

PAGE = Path(__file__).resolve().parent.parent / "docs" / "json.md"
_PLAIN: Mapping[str, tuple[type, ...]] = {"text": (str,), "number": (int, float), "flag": (bool,)}

assert recorded  # a fixture


def sections() -> dict[str, dict[str, str]]:
    """The objects that the page describes: their keys, and what each is."""
    found: dict[str, dict[str, str]] = {}
    for part in re.split(r"^#{2,4} ", PAGE.read_text(encoding="utf-8"), flags=re.MULTILINE)[1:]:
        rows = re.findall(r"^\| (\w+) \| ([^|]+) \|", part, flags=re.MULTILINE)
        found[part.partition("\n")[0]] = {key: said.strip() for key, said in rows if said.strip() != "is"}
    return found


SECTIONS = sections()


def check(said: Any, kind: str, where: str, met: set[str]) -> None:
    """That a printed thing is what the page says; notes the objects that were met."""
    if kind.endswith("?"):
        if said is None:
            return
        kind = kind[:-1]
    if kind == "any":
        return
    if kind in _PLAIN:
        assert isinstance(said, _PLAIN[kind]), where
    elif kind.startswith("["):
        assert isinstance(said, list), where
        for at, one in enumerate(said):
            check(one, kind[1:-1], f"{where}[{at}]", met)
    elif kind == "pair":
        assert len(said) == 2, where
    elif kind == "argument pair":
        check(said[0], "argument", where, met)
        check(said[1], "text", where, met)
    else:
        met.add(kind)
        assert set(said) == set(SECTIONS[kind]), where
        for key, of in SECTIONS[kind].items():
            check(said[key], of, f"{where}.{key}", met)


@pytest.fixture
def told(recorded: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., Any]:
    monkeypatch.chdir(recorded)
    monkeypatch.setenv("REDUX_DIR", str(recorded / ".redux"))

    def told(*words: str) -> Any:
        capsys.readouterr()
        assert dispatch([*words, "--json"]) == 0
        return json.loads(capsys.readouterr().out)

    return told


def total_of(told: Callable[..., Any]) -> Any:
    return told("log", "--task", "total")["jobs"][0]


def test_the_page_says_what_is_printed(told: Callable[..., Any]) -> None:
    dispatch(["tag", "add", "-", "stage=raw"])
    dispatch(["accept", "count", "--yes", "--why", "it counts the same"])
    Path("in.txt").write_text("a\nb\n")  # which the older code counted
    assert dispatch(["run", "--quiet", "flow.py", "main", "in.txt"]) == 0
    accepted = told("log", "-")
    dispatch(["forget", total_of(told)["job"]["call_hash"], "--yes"])
    assert accepted["said"]["jobs"] != []
    job = told("log", "--task", "count", "--limit", "1")["jobs"][0]
    total = total_of(told)
    words = [
        *(["log", "--list", kind] for kind in ("executions", "jobs", "calls", "tasks", "values", "files", "tags")),
        ["log", "--failed", "--list", "jobs"],
        ["log", "-"],
        ["log", "~5"],
        ["log", job["job"]["id"]],
        ["log", told("log", "--failed")["jobs"][0]["job"]["id"]],
        ["log", total["job"]["id"]],
        ["log", total["job"]["call_hash"]],
        ["log", "count"],
        ["log", total["result"]],
        ["log", "result.csv"],
        ["log", "in.txt"],
        ["log", "--nondeterministic"],
        ["log", "result.csv", "--upstream"],
        ["tag", "log", "-"],
        ["tag", "list"],
    ]
    met: set[str] = set()
    for each in words:
        said = told(*each)
        name = said.pop("schema")
        check(said, name, " ".join(each), met)
    described = {name for name, keys in SECTIONS.items() if keys and name != "argument pair"}
    assert met | {"within", "elsewhere"} == described
