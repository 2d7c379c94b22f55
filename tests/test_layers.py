"""Imports only go down, and what is heavy is imported by who needs it."""

import re
import shutil
import subprocess
import sys
from configparser import ConfigParser
from pathlib import Path

import grimp
import pytest

import redux

ROOT = Path(__file__).parent.parent
SOURCES = (ROOT / "redux", ROOT / "backends" / "redux_backends", ROOT / "valuestore" / "redux_valuestore")
HEAVY = {"sqlalchemy", "networkx", "fsspec", "alembic", "rich", "numpy", "pandas", "polars", "pyarrow", "asyncio"}


def python(code: str, *path: Path, at: Path = ROOT) -> str:
    """What this code prints in a fresh process, in which our packages lie where the sources are."""
    roots = path or tuple(source.parent for source in SOURCES)
    code = f"import sys; sys.path[:0] = {[str(root) for root in roots]!r}\n{code}"
    done = subprocess.run([sys.executable, "-c", code], cwd=at, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr + done.stdout
    return done.stdout


def contracts(*path: Path, at: Path = ROOT) -> str:
    """The report of import-linter on the contracts of the repository."""
    return python("from importlinter.cli import lint_imports\nlint_imports(no_cache=True)", *path, at=at)


def test_the_contracts_are_kept():
    assert ", 0 broken." in contracts()


def test_the_page_on_the_design_has_the_layers_as_they_are():
    rules = ConfigParser()
    rules.read(ROOT / ".importlinter")
    rooms = [rules[name] for name in rules.sections() if "containers" in rules[name]]
    kept = {one["containers"].strip(): " > ".join(one["layers"].split("\n")[1:]) for one in rooms}
    page = (ROOT / "DESIGN.md").read_text()
    shown = page[page.index("### Contracts") :].split("```")[1].strip().replace("….", "redux_backends.")
    assert dict(" ".join(room.split()).split(" ", 1) for room in re.split(r"\n(?! )", shown)) == kept


def test_a_module_that_reaches_up_or_stands_nowhere_is_told(tmp_path):
    for source in SOURCES:
        shutil.copytree(source, tmp_path / source.name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / ".importlinter", tmp_path)
    with (tmp_path / "redux_valuestore" / "layout.py").open("a") as module:
        module.write("\nimport redux_backends.records\n")
    assert "redux_valuestore.layout -> redux_backends.records" in contracts(tmp_path, at=tmp_path)
    (tmp_path / "redux" / "helpers.py").write_text("")
    assert "redux.helpers" in contracts(tmp_path, at=tmp_path)


@pytest.mark.parametrize(
    "code",
    [
        "import redux",
        "from redux import File, Scheduler, run, task",
        "from redux.cli.main import main\ntry: main(['--help'])\nexcept SystemExit: pass",
    ],
    ids=["import redux", "its names", "redux --help"],
)
def test_starting_is_light(code):
    loaded = python(f"{code}\nprint('loaded', *{{name.partition('.')[0] for name in sys.modules}})")
    names = set(loaded.splitlines()[-1].split()[1:])
    assert "redux" in names
    assert names & HEAVY == set()


def test_the_public_names_stay_what_they_are_when_every_module_was_imported_first():
    shown = python(
        "import importlib, pkgutil\n"
        "import redux\n"
        "for module in pkgutil.walk_packages(redux.__path__, 'redux.'):\n"
        "    if not module.name.endswith('__main__'): importlib.import_module(module.name)\n"
        "print(*(name for name in redux.__all__ if type(getattr(redux, name)).__name__ == 'module'))\n"
        "print(callable(redux.task))"
    )
    assert shown.splitlines() == ["", "True"]
    assert {"task", "run", "Scheduler", "File"} <= set(redux.__all__)


def test_every_library_has_its_door():
    graph = grimp.build_graph(*(source.name for source in SOURCES), include_external_packages=True)
    importers = {name: graph.find_modules_that_directly_import(name) for name in ("fsspec", "sqlalchemy")}
    clients = {f"redux_valuestore.{name}_client" for name in ("fsspec", "s3", "obstore")}
    assert importers["fsspec"] <= {"redux_valuestore.remote", "redux.files.remote", "redux.cli.cache_add", *clients}
    assert all(name.startswith("redux_backends.") for name in importers["sqlalchemy"])
    assert all(importers.values())
