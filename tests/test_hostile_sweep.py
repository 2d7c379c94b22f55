"""Hundreds of payloads through every command that reads: no code is run, nothing that they name is imported."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from . import commands
from .evil import payloads

if TYPE_CHECKING:
    from .redun_history import History

PAYLOADS = 350
"""At least so many each part of the sweep shows, or as many settings files as there are."""
HARMLESS = {
    "bomb: decimal", "bomb: decimal of digits", "bomb: number", "bomb: negative nodes", "bomb: sparse",
    "bomb: sparse and huge", "bomb: pickle", "bomb: pickle inside",
}  # fmt: skip
"""What is only data, or a pickle of such: a signer who is believed may say that a call gave it."""


def sweep(part: str, folder: Path, step: int, **variables: str) -> dict[str, Any]:
    """What a part of the sweep came to, of which nothing may have been heard."""
    program = [sys.executable, "-P", "-m", "tests.hostile_sweep", part, str(folder), str(step)]
    given = commands.environment(PYTHONPATH=str(commands.ROOT), **variables)  # who has no account asks no S3 for a File
    done = subprocess.run(
        program, cwd=commands.ROOT, env={name: said for name, said in given.items() if not name.startswith("AWS_")},
        capture_output=True, text=True, timeout=600,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3_000:]
    told = json.loads(done.stdout.splitlines()[-1])
    assert told["heard"] == []
    assert told["imported"] == told["fired"] == told["troubles"] == []
    return told


@pytest.mark.parametrize(("part", "at_least"), [("look", PAYLOADS), ("settings", 15), ("exchange", PAYLOADS + 8)])
def test_what_evil_people_hand_over_runs_nothing(tmp_path: Path, sqlite_history: History, part: str, at_least: int):
    assert len(payloads()) >= 200
    assert sweep(part, tmp_path, 40, REDUN_HISTORY=sqlite_history.url)["payloads"] >= at_least


@pytest.mark.faults
@pytest.mark.parametrize(("part", "looks"), [("look", 1_000), ("settings", 1_000), ("exchange", 400), ("bucket", 600)])
def test_each_of_it_by_itself(tmp_path: Path, sqlite_history: History, part: str, looks: int):
    assert sweep(part, tmp_path, 1, REDUN_HISTORY=sqlite_history.url)["commands"] >= looks


def test_a_bucket_of_somebody_who_is_believed_and_not_with_pickles(tmp_path: Path):
    told = sweep("bucket", tmp_path, 40)
    assert told["payloads"] >= PAYLOADS
    assert json.loads(told["sent"])["calls"] >= 2 * PAYLOADS


@pytest.mark.parametrize("part", ["run", "run_with_a_list"])
def test_a_run_beside_such_a_bucket_makes_again_what_would_run_code(tmp_path: Path, part: str):
    told = sweep(part, tmp_path, 1)
    first, again = told["ran"], told["again"]
    assert set(first["others"]) <= HARMLESS
    assert again["others"] == first["others"]
    assert first["ran"]["make"] == told["payloads"] - len(first["others"])
    assert first["ran"]["good"] == (0 if part == "run_with_a_list" else 1), "what is on the list is taken"
    assert again["ran"]["make"] == 0


TEETH = """
import sys
from pathlib import Path
from redux.value import decode
from tests.evil import payloads
from tests.evil_world import FLOW, set_traps
from tests.hearing import Ear
import numpy, pandas, polars, pyarrow

here = Path.cwd()
set_traps(here)
(here / "evil.py").write_text(FLOW)
sys.path.insert(0, str(here))
import evil
ear = Ear([])
ear.listen()
told = 0
for name, data in payloads().items():
    ear.heard.clear()
    ear.heeds = True
    try:
        decode(data, {}.__getitem__)
    except BaseException:
        pass
    ear.heeds = False
    told += bool(ear.heard)
    for module in ("evil_canary", "evil_script", "antigravity"):
        sys.modules.pop(module, None)
print(told)
"""


def test_the_ear_hears_what_the_same_payloads_do_where_they_may(tmp_path: Path):
    done = commands.call([sys.executable, "-c", TEETH], tmp_path, PYTHONPATH=str(commands.ROOT))
    assert done.returncode == 0, done.stderr[-2_000:]
    assert int(done.stdout.splitlines()[-1]) >= 100
