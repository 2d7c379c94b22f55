"""Eve is believed, and lies: what others made stays as it is, and once disowned it is as if she had never been."""

from __future__ import annotations

import os
import random
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from redux.amending.disowning import downstream_of, forget_downstream
from redux.shared.pulling import pull
from redux.task import task
from redux.trust.keys import key_id
from redux.trust.signers import Signer
from redux_backends.backend import Backend
from redux_backends.exchange import RecordId, RecordKind, Records
from redux_backends.records import ExecutionId
from redux_valuestore.digest import Digest

from .eve import Forger, everything, put_pack
from .shared_homes import ANA, BEN, EVE, Home, counts

SEEDS = int(os.environ.get("REDUX_EVES", "6"))


@task(namespace="eve", version="1")
def leaf(name: str) -> str:
    return f"leaf {name}"


@task(namespace="eve", version="1")
def join(texts: Sequence[str]) -> str:
    return " and ".join(texts)


@task(namespace="eve", version="1")
def both(name: str) -> str:
    return join([leaf(name), leaf(f"{name}+")])  # pyright: ignore


@task(namespace="eve", version="1", check_valid="shallow")
def whole(name: str) -> str:
    return join([both(name), leaf(name)])  # pyright: ignore


@task(namespace="eve", version="1")
async def later(name: str) -> str:
    return f"later {await leaf(name)}"  # pyright: ignore


@task(namespace="eve", version="1")
def deep(name: str) -> str:
    return join([later(name), whole(name), leaf("c")])  # pyright: ignore


WORK: dict[str, Callable[[], Any]] = {
    f"{made.fullname.removeprefix('eve.')} {name}": lambda made=made, name=name: made(name)
    for made in (leaf, both, whole, later, deep)
    for name in "ab"
}


class Truth:
    """What each piece of work gives where nobody lies, and which evaluations it asks for."""

    def __init__(self, home: Home) -> None:
        self.gives: dict[str, Any] = {}
        self.asks: dict[str, frozenset[Digest]] = {}
        for what, make in WORK.items():
            report = home.run(make(), mode="off")
            self.gives[what] = report.value
            with home.backend() as backend:
                jobs = backend.get_records(
                    [RecordId(RecordKind.JOB, job) for job in backend.job_ids_of(report.execution_id)]
                ).jobs
            self.asks[what] = frozenset(job.eval_hash for job in jobs if job.eval_hash is not None)
        with home.backend() as backend:
            self.records = everything(backend)
        self._given = {(each.eval_hash, each.result) for each in self.records.results}
        self._given |= {(each.call.eval_hash, each.call.result) for each in self.records.calls}
        self._known = {of for of, _ in self._given}

    def holds(self, records: Records) -> bool:
        """Whether nothing among records is said to have given what it does not give."""
        said = {(each.eval_hash, each.result) for each in records.results}
        said |= {(each.call.eval_hash, each.call.result) for each in records.calls}
        return all(one in self._given for one in said if one[0] in self._known)


@pytest.fixture(scope="module")
def truth(tmp_path_factory: pytest.TempPathFactory) -> Truth:
    folder = tmp_path_factory.mktemp("truth")
    return Truth(Home(folder / "home", str(folder / "nowhere" / "bucket")))


def of_executions(backend: Backend, executions: Sequence[ExecutionId]) -> dict[str, Any]:
    """All that is told of some executions and what they made."""
    jobs = [job for each in executions for job in sorted(backend.job_ids_of(each))]
    rows = backend.get_records(
        [RecordId(RecordKind.EXECUTION, each) for each in executions] + [RecordId(RecordKind.JOB, job) for job in jobs]
    )
    calls = sorted({job.call_hash for job in rows.jobs if job.call_hash is not None})
    evals = sorted({job.eval_hash for job in rows.jobs if job.eval_hash is not None})
    return {
        "executions": rows.executions,
        "jobs": rows.jobs,
        "calls": backend.get_records([RecordId(RecordKind.CALL, call) for call in calls]).calls,
        "results": {of: list(found) for of, found in backend.check_cache(evals).items()},
        "tags": dict(backend.get_tags([*executions, *jobs, *calls])),
    }


def all_for(carol: Home) -> Records:
    """All that somebody takes who pulls the whole shared cache."""
    with carol.open(mode="read-only") as scheduler:
        assert carol.cache is not None
        assert carol.cache.taker is not None
        backend = scheduler.repo.backend
        pull(carol.cache.bucket, backend, carol.cache.taker, (), lambda number, of: None)
        return everything(backend)


def some(numbers: random.Random) -> list[str]:
    return numbers.sample(sorted(WORK), numbers.randint(0, len(WORK) // 2))


@pytest.mark.parametrize("seed", range(SEEDS))
def test_who_is_believed_can_lie_of_her_own_work_alone_and_until_she_is_disowned(
    seed: int, truth: Truth, tmp_path: Path
):
    numbers = random.Random(seed)
    bucket = str(tmp_path / "bucket")
    ana = Home(tmp_path / "ana", bucket, ANA)
    believed = [Signer("ana", ANA.public, "dev"), Signer("eve", EVE.public, "dev")]
    ben = Home(tmp_path / "ben", bucket, BEN, believed)
    ben.folder.mkdir()
    own, executions = some(numbers), list[ExecutionId]()
    for what in own:
        executions.append(ben.run(WORK[what](), mode="off").execution_id)
    for what in some(numbers):
        ana.run(WORK[what]())
    known = [truth.records]
    for home in (home for home in (ana, ben) if (home.folder / "redux.db").exists() and numbers.random() < 0.7):
        with home.backend() as backend:
            known.append(everything(backend))
    eve = Forger(numbers, merged(known), [join(["nothing", "of the kind"]), leaf("else")])
    with ben.backend() as backend:
        before = of_executions(backend, executions)

    # Ben takes, and makes what is nowhere.
    from_ana = set[Digest]()
    for _ in range(numbers.randint(1, 3)):
        if numbers.random() < 0.8:
            put_pack(bucket, eve.pack())
        for what in some(numbers):
            report = ben.run(WORK[what]())
            if what in own:
                assert (report.value, counts(report)[0]) == (truth.gives[what], 0), what
            elif truth.asks[what].isdisjoint(eve.evals - from_ana):
                assert report.value == truth.gives[what], what
            if not eve.evals:  # she comes too late for these
                from_ana |= truth.asks[what]
    with ben.backend() as backend:
        assert of_executions(backend, executions) == before
    believing_ben = [Signer("ana", ANA.public, "dev"), Signer("ben", BEN.public, "dev")]
    assert truth.holds(all_for(Home(tmp_path / "carol", bucket, None, believing_ben)))

    # Eve is disowned.
    with ben.backend() as backend:
        forget_downstream(backend, downstream_of(backend, key_id(EVE.public)), "ben")
    ben.trusted = [believed[0], replace(believed[1], disowned_since=0.0)]
    for mode in ("read-write", "off"):
        for what in sorted(WORK, key=lambda _: numbers.random()):
            assert ben.run(WORK[what](), mode=mode).value == truth.gives[what], (mode, what)
    dora = Home(tmp_path / "dora", bucket, None, believing_ben)
    assert truth.holds(all_for(dora))
    for what in WORK:
        assert dora.run(WORK[what](), mode="read-only").value == truth.gives[what], what


def merged(several: Sequence[Records]) -> Records:
    """Records of several databases, each once."""
    calls = {each.call.call_hash: each for one in several for each in one.calls}
    return Records(
        values=list({each.hash: each for one in several for each in one.values}.values()),
        tasks=list({each.hash: each for one in several for each in one.tasks}.values()),
        keys=list({each.eval_hash: each for one in several for each in one.keys}.values()),
        results=list({(each.eval_hash, each.result): each for one in several for each in one.results}.values()),
        task_sets=list({each.hash: each for one in several for each in one.task_sets}.values()),
        calls=list(calls.values()),
        executions=list({each.id: each for one in several for each in one.executions}.values()),
        jobs=list({each.id: each for one in several for each in one.jobs}.values()),
    )
