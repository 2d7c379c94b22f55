"""The example on a small library, by the command line: cold, again, after an edit, after that edit is undone."""

from __future__ import annotations

import json
import shutil
from collections import Counter
from pathlib import Path

import pytest

from . import commands

EXAMPLE = Path(__file__).resolve().parent.parent / "examples"

LIBRARY = {
    "alpha.py": "import beta\nfrom gamma import delta\n\n# one comment\ndef go():\n    import latin\n",
    "beta.py": "class B:\n    call = dict(\n    )\nimport alpha\n",
    "gamma/__init__.py": "from . import delta\n",
    "gamma/delta.py": "from __future__ import annotations\nfrom ..nowhere import x\n",
    "latin.py": "# coding: latin-1\nname = '\xe9'\n",
    "broken.py": "print 'no Python of this release'\n",
    "gamma/site-packages/other.py": "import alpha\n",
}
FILES = 6


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A folder with the example and a library to read."""
    for source in EXAMPLE.glob("stdlib_*.py"):
        shutil.copy(source, tmp_path)
    for name, text in LIBRARY.items():
        path = tmp_path / "library" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text.encode("latin-1"))
    return tmp_path


def redux(place: Path, *words: str) -> str:
    return commands.told(place, *words, REDUX_DIR=str(place / ".redux"), PYTHONUTF8="1")


def run(place: Path) -> Counter[str]:
    """Run the example; how many jobs of each task were executed."""
    said = redux(place, "run", "--json", "stdlib_imports.py", "main", "--library", "library", "--release", "1.0")
    tasks = json.loads(said)["tasks"]
    return +Counter({task["fullname"]: task["ran"] for task in tasks})


def edit(path: Path, old: str, new: str) -> None:
    text = path.read_text(encoding="utf-8")
    assert text.count(old) == 1
    path.write_text(text.replace(old, new), encoding="utf-8")


def test_a_helper_is_edited_and_what_uses_it_runs(place: Path) -> None:
    cold = run(place)
    assert (cold["outline"], cold["measure"], cold["cycles"]) == (FILES, FILES, 3)
    report = (place / "out/report.md").read_text(encoding="utf-8")
    assert "`alpha`, `beta`" in report
    assert "`broken`: Missing parentheses" in report
    assert "1.0 brings 6 modules" in report

    assert run(place) == Counter()

    helper = place / "stdlib_source.py"
    edit(helper, "if not stripped:", 'if not stripped.strip("()"):')
    after = Counter(sum_up=1, describe_sizes=1, write_report=1)
    assert run(place) == Counter(measure=FILES) + after
    assert 'if not stripped.strip("()"):' in redux(place, "explain-miss")

    edit(helper, 'if not stripped.strip("()"):', "if not stripped:")
    assert run(place) == Counter(write_report=1), "only the report's content is not what it was then"
    assert (place / "out/report.md").read_text(encoding="utf-8") == report


def test_a_changed_file_is_read_again_and_nothing_else(place: Path) -> None:
    run(place)
    edit(place / "library/alpha.py", "# one comment", "# another")
    assert run(place) == Counter(find_sources=1, survey=1, outline=1, measure=1), "what it says is what it said"
