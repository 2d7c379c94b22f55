"""What tests share: repositories to run on."""

from __future__ import annotations

import gc
import importlib.util
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

import pytest

from redux import rules
from redux.repo import Repo, open_repo
from redux.settings.folder import make_project
from redux.task import get_task_registry
from redux.value import set_code_hasher
from redux_backends.memory import MemoryBackend
from redux_valuestore.store import MemoryStore

from . import chromium, postgres_server, ready
from .version_2 import FROZEN

if TYPE_CHECKING:
    from .redun_history import History
    from .seaweed import Seaweed
    from .shared_homes import Home

INLINE_LIMIT = 200
"""Bytes: low, so that tests meet the value store too."""


@pytest.fixture
def sqlite_repo(tmp_path: Path) -> Iterator[Repo]:
    """A repository on SQLite and a local folder."""
    repo = open_repo(f"sqlite:///{tmp_path / 'redux.db'}", str(tmp_path / "values"), INLINE_LIMIT)
    yield repo
    repo.close()


@pytest.fixture
def postgres_url() -> Iterator[str]:
    """A PostgreSQL database of the test's own, with tables and nothing in them."""
    with postgres_server.shared().database() as url:
        yield url


@pytest.fixture
def postgres_repo(postgres_url: str, tmp_path: Path) -> Iterator[Repo]:
    """A repository on PostgreSQL and a local folder."""
    repo = open_repo(postgres_url, str(tmp_path / "values"), INLINE_LIMIT)
    yield repo
    repo.close()


def pytest_collection_finish() -> None:
    gc.collect()
    gc.freeze()  # what was collected stays, and no collection need go through it


def pytest_unconfigure() -> None:
    postgres_server.stop()
    chromium.stop()
    ready.stop()


_ABOUT_SOMETHING_ELSE = {"test_executors", "test_expressions", "test_pools", "test_processes", "test_value_hooks"}
"""Modules whose promises a server would only make slower."""


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    names = [mark.args[0] for mark in metafunc.definition.iter_markers("parametrize")]
    given = any("repo" in (said.split(",") if isinstance(said, str) else said) for said in names)
    if "repo" in metafunc.fixturenames and not given:
        kinds = ["memory", "sqlite", "postgres"]
        module = metafunc.module.__name__.rpartition(".")[2]
        metafunc.parametrize("repo", kinds[:2] if module in _ABOUT_SOMETHING_ELSE else kinds, indirect=True)


@pytest.fixture
def repo(request: pytest.FixtureRequest) -> Repo:
    """A repository of each kind."""
    if request.param == "memory":
        return Repo(MemoryBackend(), MemoryStore(), INLINE_LIMIT)
    made: Repo = request.getfixturevalue(f"{request.param}_repo")
    return made


@pytest.fixture
def lines(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of the workflow that made the history of version 2, in which commands are run."""
    folder = tmp_path / "lines"
    folder.mkdir()
    for name in ("flow.py", "notes.txt"):
        shutil.copy(FROZEN / name, folder)
    monkeypatch.chdir(folder)
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    make_project(folder / ".redux")
    return folder


@pytest.fixture
def workflow(tmp_path: Path) -> Callable[[str], Path]:
    """Writes a workflow's text to `flow.py` of a project of its own."""

    def write(text: str) -> Path:
        project = tmp_path / "project"
        project.mkdir(exist_ok=True)
        path = project / "flow.py"
        path.write_text(text)
        return path

    return write


_CHECKOUT = str(Path(__file__).resolve().parents[1]) + os.sep


@pytest.fixture(autouse=True)
def nothing_stays(request: pytest.FixtureRequest) -> Iterator[None]:
    """Leaves no module, no task and no code of a test's own workflows to the tests after it.

    A test meets the tasks that its module leads to: every run reads the code of all that there are.
    """
    modules, tasks, known_rules = dict(sys.modules), dict(get_task_registry()._tasks), dict(rules._RULES)
    near = _modules_near(request.module.__name__)
    get_task_registry().replace_all(
        [one for one in tasks.values() if not _of_tests(one.__module__) or one.__module__ in near]
    )
    yield
    for name in sys.modules.keys() - modules.keys():
        if _is_passing(sys.modules[name]):
            del sys.modules[name]
    sys.modules.update(modules)
    get_task_registry()._tasks.clear()
    get_task_registry()._tasks.update(tasks)
    for name in rules._RULES.keys() - known_rules.keys():
        if not name.startswith("redux."):  # those are imported once a process
            del rules._RULES[name]
    set_code_hasher(None)


@cache
def _modules_near(name: str) -> frozenset[str]:
    """The tests' modules that this one's names lead to, itself too."""
    found, waiting = {name}, [name]
    while waiting:
        for value in vars(sys.modules[waiting.pop()]).values():
            near = value.__name__ if isinstance(value, ModuleType) else getattr(value, "__module__", None)
            if isinstance(near, str) and near not in found and near in sys.modules and _of_tests(near):
                found.add(near)
                waiting.append(near)
    return frozenset(found)


def _of_tests(module: str) -> bool:
    return module.partition(".")[0] in {"tests", "redux_backends", "redux_valuestore"}


def _is_passing(module: ModuleType) -> bool:
    """Whether a module is a test's own: the checkout itself may lie below the temporary folder too."""
    path = getattr(module, "__file__", None) or ""
    return path.startswith(tempfile.gettempdir()) and not path.startswith(_CHECKOUT)


@pytest.fixture
def load() -> Callable[[Path], ModuleType]:
    """Imports a workflow's file as it stands now, as a fresh process would."""
    return load_workflow


def load_workflow(path: Path) -> ModuleType:
    """A workflow's file imported as it stands now; its tasks replace those of an earlier import."""
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[path.stem] = module
    # Bytecode is found again by the second and the size of its source: too coarse for edits in quick succession.
    written, sys.dont_write_bytecode = sys.dont_write_bytecode, True
    try:
        spec.loader.exec_module(module)
    finally:
        sys.dont_write_bytecode = written
    return module


@pytest.fixture
def stores() -> Iterator[None]:
    """`memory://` and the file systems for tests, empty before and after."""
    from .stores import made_known

    with made_known():
        yield


@pytest.fixture(scope="session")
def sqlite_history(tmp_path_factory: pytest.TempPathFactory) -> History:
    """A history that redun recorded in a file."""
    from . import redun_history

    return redun_history.sqlite_history(tmp_path_factory.mktemp("redun"))


@pytest.fixture(scope="session")
def postgres_history(tmp_path_factory: pytest.TempPathFactory) -> Iterator[History]:
    """A history that redun recorded on a server."""
    from . import redun_history

    with redun_history.postgres_history(tmp_path_factory.mktemp("redun-pg")) as made:
        yield made


@pytest.fixture(scope="session")
def s3_server() -> Iterator[str]:
    """The address of an S3 server that runs beside the tests."""
    from .s3 import server

    with server() as address:
        yield address


@pytest.fixture
def s3(s3_server: str) -> Iterator[str]:
    """The URL of an empty bucket."""
    from .s3 import bucket

    with bucket(s3_server) as url:
        yield url


@pytest.fixture(scope="session")
def seaweed_server() -> Iterator[Seaweed]:
    """A real S3 server that runs beside the tests."""
    from .seaweed import server

    with server() as running:
        yield running


@pytest.fixture
def seaweed(seaweed_server: Seaweed) -> Iterator[str]:
    """A URL on a real S3 server, below which nothing is; processes that are started meanwhile find it too."""
    from .seaweed import seen

    with seen(seaweed_server):
        yield seaweed_server.url()


@pytest.fixture
def bucket(tmp_path: Path) -> str:
    """A folder that is a shared cache."""
    folder = tmp_path / "bucket"
    folder.mkdir(mode=0o700)
    return str(folder)


@pytest.fixture
def ana(tmp_path: Path, bucket: str) -> Home:
    """Who signs what she computes."""
    from .shared_homes import ANA, Home

    return Home(tmp_path / "ana", bucket, ANA)


@pytest.fixture
def ben(tmp_path: Path, bucket: str) -> Home:
    """Who signs too, and believes Ana."""
    from redux.trust.signers import Signer

    from .shared_homes import ANA, BEN, Home

    return Home(tmp_path / "ben", bucket, BEN, [Signer("ana", ANA.public, "dev")])


NEAR = ["local", "file", "memory", "tagged"]
"""The kinds of file system that answer at once: enough where a test has many cases."""


@pytest.fixture(params=[*NEAR, "s3"])
def root(request: pytest.FixtureRequest, tmp_path: Path, stores: None) -> str:
    """A folder on each kind of file system."""
    plain = f"{tmp_path}/root"
    if request.param == "s3":
        return f"{request.getfixturevalue('s3')}/root"
    return {"local": plain, "file": f"file://{plain}"}.get(request.param, f"{request.param}://root")
