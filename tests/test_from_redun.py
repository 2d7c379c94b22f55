"""What `docs/from-redun.md` says of redun's public names is so: each is there, or is named as missing."""

from __future__ import annotations

import re
from importlib import import_module
from pathlib import Path

import pytest

from .test_public_names import NAMES_OF_REDUN as NAMES

PAGE = Path(__file__).resolve().parent.parent / "docs" / "from-redun.md"


def said_missing() -> dict[str, set[str]]:
    rows = PAGE.read_text(encoding="utf-8").partition("## Names by module")[2].splitlines()
    cells = [row.strip("|").split("|") for row in rows if row.startswith("| `")]
    return {first.strip(" `"): set(re.findall(r"`(\w+)`", " ".join(rest))) for first, *rest in cells}


def test_every_module_has_its_row():
    assert list(said_missing()) == list(NAMES)


@pytest.mark.parametrize("module", NAMES)
def test_a_name_is_there_or_is_said_to_be_missing(module: str):
    try:
        found = import_module(module)
    except ModuleNotFoundError:
        found = None
    missing = {name for name in NAMES[module].split() if not hasattr(found, name)}
    assert said_missing()[module] & set(NAMES[module].split()) == missing
