"""What a signer says counts for their own calls, as far as nobody said it before, and goes with them."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from redux.amending.disowning import downstream_of, forget_downstream
from redux.shared import pack
from redux.shared.layout import SIGNER_TAG
from redux.shared.pack import open_pack, read_header
from redux.shared.pulling import pull
from redux.shared.trouble import BentPack
from redux.task import task
from redux.trust.keys import SigningKey, key_id
from redux.trust.signers import Signer
from redux_backends.errors import BentRecord
from redux_backends.exchange import CallRecord, RecordId, RecordKind, Records, verify
from redux_backends.records import Batch, Evaluation, JobStatus, Tag, Traits, ValueRecord, hash_call
from redux_valuestore.digest import Digest

from .eve import everything, forged, made_value, put_pack
from .shared_homes import ANA, BEN, EVE, Home, counts

HOUR = 3600.0


@task(namespace="belief", version="1")
def one(i: int) -> int:
    return i * 7


@task(namespace="belief", version="1", check_valid="shallow")
def two(i: int) -> int:
    return i * 11


@task(namespace="belief", version="1")
def outer(i: int) -> Any:
    return [one(i), two(i)]


@task(namespace="belief", version="1", check_valid="shallow")
def around(i: int) -> Any:
    return [outer(i)]


@task(namespace="belief", version="1")
def many(n: int) -> list[str]:
    return [str(i) * 30 for i in range(n)]


LIE = made_value(666_666)


@pytest.fixture
def ben(tmp_path: Path, bucket: str) -> Home:
    return Home(tmp_path / "ben", bucket, BEN, [Signer("ana", ANA.public, "dev"), Signer("eve", EVE.public, "dev")])


def made(folder: Path, *expressions: Any) -> Records:
    """What somebody has who made these and shared nothing."""
    home = Home(folder, str(folder / "nowhere" / "bucket"))
    for expression in expressions:
        home.run(expression, mode="off")
    with home.backend() as backend:
        return everything(backend)


def of_task(records: Records, fullname: str) -> CallRecord:
    tasks = {each.fullname: each.hash for each in records.tasks}
    return next(each for each in records.calls if each.task_hash == tasks[fullname])


def lying(records: Records, fullname: str, lie: ValueRecord = LIE) -> Records:
    """The same records, where a call of a task and those around it are others: it gave a lie."""
    changed: dict[Digest, Digest] = {}
    calls: list[CallRecord] = []
    told = of_task(records, fullname)
    for record in records.calls:
        node = record.call
        result = lie.hash if record is told else node.result
        children = tuple(changed.get(each, each) for each in node.children)
        hash = hash_call(record.task_hash, record.args_hash, result, children)
        changed[node.call_hash] = hash
        calls.append(replace(record, call=replace(node, call_hash=hash, result=result, children=children)))
    results = [
        Evaluation(each.eval_hash, lie.hash, each.duration, each.recorded + HOUR * 9_000)
        if each.eval_hash == told.call.eval_hash
        else each
        for each in records.results
    ]
    return replace(records, values=[*records.values, lie], calls=calls, results=results, jobs=[], executions=[])


def put(bucket: str, records: Records, key: SigningKey = EVE) -> None:
    put_pack(bucket, forged(records, time.time(), key))


def pulled(home: Home, executions: Sequence[str] = ()) -> None:
    """Pull all that there is."""
    with home.open(mode="read-only") as scheduler:
        assert home.cache is not None
        assert home.cache.taker is not None
        pull(home.cache.bucket, scheduler.repo.backend, home.cache.taker, executions, lambda number, of: None)


# -- results ---------------------------------------------------------------------------------------


def test_a_pack_that_tells_a_result_of_no_call_in_it_is_bent(ana: Home, ben: Home, tmp_path: Path):
    ana.run(one(1))
    with ana.backend() as backend:
        of = everything(backend).calls[0].call.eval_hash
    theirs = made(tmp_path / "eve", two(2))
    own = theirs.calls[0].call.eval_hash
    for lie in (Evaluation(of, LIE.hash, 0.1, time.time()), Evaluation(own, LIE.hash, 0.1, time.time())):
        bad = forged(replace(theirs, values=[*theirs.values, LIE], results=[*theirs.results, lie]), time.time())
        with pytest.raises(BentPack, match="it has a result of no call in it"):
            open_pack(read_header(bad.name, bad.data), bad.data)
    put_pack(ben.bucket, bad)
    report = ben.run([one(1), two(2)], mode="read-only")
    assert (report.value, counts(report)[:2]) == ([7, 22], (1, 1))


@pytest.mark.parametrize("fullname", ["belief.one", "belief.two"])
def test_what_i_made_stays_whatever_comes_around_it(ben: Home, tmp_path: Path, fullname: str):
    """What names a call that contradicts mine is left out; what does not is taken. Nothing of it goes on from me."""
    ben.run([one(1), two(1)], mode="off")
    put(ben.bucket, lying(made(tmp_path / "eve", outer(1)), fullname))
    report = ben.run([outer(1), one(1), two(1)])
    assert report.value == [[7, 11], 7, 11]
    again = ben.run([one(1), two(1), outer(1)], mode="off")
    assert (again.value, counts(again)[0]) == ([7, 11, [7, 11]], 0)
    pulled(ben)
    assert ben.run([one(1), two(1)], mode="off").value == [7, 11]
    with ben.backend() as backend:
        assert LIE.hash not in {each.call.result for each in everything(backend).calls}
    carol = Home(tmp_path / "carol", ben.bucket, None, [Signer("ben", BEN.public, "dev")])
    assert carol.run([outer(1), one(1), two(1)], mode="read-only").value == [[7, 11], 7, 11]


def test_code_below_may_have_changed_since(ana: Home, ben: Home, tmp_path: Path):
    """A call of what is known here with another subtree says nothing else of it, and is taken."""
    put(ana.bucket, made(tmp_path / "first", outer(1)), ANA)
    pulled(ben)
    lately = made(tmp_path / "second", around(1))
    other = lying(lately, "belief.outer", made_value([7, 12]))
    top, leaf = of_task(other, "belief.outer"), of_task(other, "belief.one")
    changed = replace(top, call=replace(top.call, task_set=leaf.call.task_set))
    calls = [changed if each is top else each for each in other.calls]
    put(ana.bucket, replace(other, calls=calls, results=lately.results), ANA)
    assert counts(ben.run(around(1), mode="read-only"))[0] == 0
    with ben.backend() as backend:
        assert top.call.call_hash in {each.call.call_hash for each in everything(backend).calls}


def test_no_moment_of_another_is_later_than_mine(ben: Home, tmp_path: Path):
    put(ben.bucket, lying(made(tmp_path / "eve", one(1)), "belief.one"))
    report = ben.run(one(1), verify_sample=1.0)
    assert report.value == 7
    assert ben.run(one(1)).value == 7
    carol = Home(tmp_path / "carol", ben.bucket, None, [Signer("ben", BEN.public, "dev")])
    report = carol.run(one(1), mode="read-only")
    assert (report.value, counts(report)[0]) == (7, 0)


def test_what_a_run_made_of_somebodys_expressions_goes_with_them_and_is_not_sent(ben: Home, tmp_path: Path):
    """Her call is the right one, and the expressions that are said to have led there are others."""
    theirs = made(tmp_path / "eve", outer(1))
    node = of_task(theirs, "belief.outer").call
    lazy = made_value([one(95_238), one(3)])
    results = [replace(each, result=lazy.hash) if each.eval_hash == node.eval_hash else each for each in theirs.results]
    put(ben.bucket, replace(theirs, values=[*theirs.values, lazy], results=results))
    assert ben.run(around(1)).value == [[666_666, 21]]
    carol = Home(tmp_path / "carol", ben.bucket, None, [Signer("ben", BEN.public, "dev")])
    pulled(carol)
    with carol.backend() as backend:
        assert {each.call.eval_hash for each in everything(backend).calls}.isdisjoint({node.eval_hash})
    with ben.backend() as backend:
        found = downstream_of(backend, key_id(EVE.public))
        told = {(one.fullname, one.preview, one.taken) for one in found.calls}
        assert {
            ("belief.outer", "[7, 11]", True),
            ("belief.outer", "[666666, 21]", False),
            ("belief.around", "[[666666, 21]]", False),
        } <= told
        forget_downstream(backend, found, "ben")
    ben.trusted = [replace(each, disowned_since=0.0) for each in ben.trusted if each.name == "eve"]
    for _ in range(2):
        assert ben.run(around(1)).value == [[7, 11]]
    with ben.backend() as backend:
        assert downstream_of(backend, key_id(EVE.public)).standing == ()


def test_a_call_is_tagged_with_all_who_signed_it(ana: Home, ben: Home, tmp_path: Path):
    put(ben.bucket, made(tmp_path / "eve", two(1), one(1)))
    ana.run(one(1), mode="write-only")
    assert counts(ben.run([two(1), one(1)], mode="read-only"))[0] == 0
    with ben.backend() as backend:
        call = of_task(everything(backend), "belief.one").call.call_hash
        signers = {json.loads(tag.value or "") for tag in backend.get_tags([call])[call] if tag.key == SIGNER_TAG}
        assert signers <= {key_id(ANA.public), key_id(EVE.public)}
        assert key_id(EVE.public) in signers


# -- executions and jobs ---------------------------------------------------------------------------


def test_nobody_tells_of_my_executions(ben: Home, tmp_path: Path):
    run = ben.run(one(1), mode="off").execution_id
    with ben.backend() as backend:
        mine = everything(backend)
    theirs = made(tmp_path / "eve", two(2))
    told = replace(mine.executions[0], ended=time.time() + 5, status=JobStatus.FAILED, user="eve")
    jobs = [replace(job, execution=run, parent=mine.jobs[0].id) for job in theirs.jobs]
    jobs.append(replace(mine.jobs[0], status=JobStatus.FAILED, call_hash=theirs.calls[0].call.call_hash))
    tags = [Tag("execution", run, "git_commit", '"dead"'), Tag("job", mine.jobs[0].id, "note", '"dead"')]
    put(ben.bucket, replace(theirs, executions=[told], jobs=jobs, tags=tags))
    assert counts(ben.run(two(2), mode="read-only"))[0] == 0
    with ben.backend() as backend:
        assert backend.get_execution(run) == mine.executions[0]
        assert list(backend.job_ids_of(run)) == [mine.jobs[0].id]
        assert not any(tag.key in ("git_commit", "note") for tag in everything(backend).tags)


def test_who_told_of_an_execution_tells_how_it_ended_and_nobody_else(ana: Home, ben: Home, tmp_path: Path):
    def part(expression: Any, status: JobStatus, key: SigningKey) -> None:
        records = made(tmp_path / f"{status.name} {key_id(key.public)}", expression)
        ended = None if status is JobStatus.RUNNING else time.time()
        run = replace(records.executions[0], id=first.executions[0].id, status=status, ended=ended)
        jobs = [replace(job, execution=run.id) for job in records.jobs]
        put(ben.bucket, replace(records, executions=[run], jobs=jobs), key)

    first = made(tmp_path / "first", one(0))
    id = first.executions[0].id
    for number, (status, key, stands) in enumerate(
        [
            (JobStatus.RUNNING, ANA, JobStatus.RUNNING),
            (JobStatus.FAILED, EVE, JobStatus.RUNNING),
            (JobStatus.DONE, ANA, JobStatus.DONE),
        ]
    ):
        part(one(number), status, key)
        assert counts(ben.run(one(number), mode="read-only"))[0] == 0
        with ben.backend() as backend:
            execution = backend.get_execution(id)
            assert execution is not None
            # One that runs elsewhere cannot be looked after here.
            assert (execution.ended is None) == (stands is JobStatus.RUNNING)
            assert execution.status is not JobStatus.FAILED
            assert len(backend.job_ids_of(id)) == {0: 1, 1: 1, 2: 2}[number]


# -- what is no record, and what is too much -------------------------------------------------------


def test_a_name_that_is_no_text_is_bent_and_costs_nobody_else_anything(ana: Home, ben: Home, tmp_path: Path):
    ana.run(one(1))
    theirs = made(tmp_path / "eve", two(2))
    keys = [replace(each, arguments=tuple(replace(a, name="\udc80") for a in each.arguments)) for each in theirs.keys]
    tasks = [replace(each, fullname="\udc80") for each in theirs.tasks]
    for bent in (replace(theirs, keys=keys), replace(theirs, tasks=tasks)):
        with pytest.raises(BentRecord, match="a name in it is no text"):
            verify(bent)
    put(ben.bucket, replace(theirs, keys=keys))
    report = ben.run([two(2), one(1)], mode="read-only")
    assert (report.value, counts(report)[:2]) == ([22, 7], (1, 1))
    assert len(ben.said) == 1


def test_a_call_too_large_for_any_pack_is_told_of_once(ana: Home, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(pack, "MOST_RAW", 3_000)
    ana.inline_limit = 1 << 20
    ana.run([many(400), many(401), one(1)])
    (said,) = ana.said
    assert said.startswith("2 calls of this run (the first is ")
    assert "store.inline_limit" in said


# -- values that run code --------------------------------------------------------------------------


class Thing:
    """Decoded by running code that its value names."""

    def __init__(self, x: int) -> None:
        self.x = x

    def __reduce__(self) -> Any:
        return Thing, (self.x,)


EVIL = [False]


@task(namespace="belief", version="1")
def thing(i: int) -> Any:
    return Thing(i)


@task(namespace="belief", version="1")
def safe(i: int) -> Any:
    return Thing(i) if EVIL[0] else "plain"


@pytest.mark.parametrize("how", ["left out", "in values/", "gone", "inline"])
def test_who_is_not_trusted_with_code_gives_none_by_naming_anothers(
    ana: Home, ben: Home, tmp_path: Path, how: str, monkeypatch: pytest.MonkeyPatch
):
    ana.run(thing(5))
    with monkeypatch.context() as patched:
        patched.setitem(globals(), "EVIL", [True])
        theirs = made(tmp_path / "eve", safe(5))
    result = of_task(theirs, "belief.safe").call.result
    if how == "left out":
        theirs = replace(theirs, values=[value for value in theirs.values if value.hash != result])
    elif how != "inline":
        plain = replace(next(each for each in theirs.values if each.hash == result), data=None, traits=Traits.PLAIN)
        bare = [plain if each.hash == result else each for each in theirs.values]
        theirs = replace(theirs, values=bare, gone=frozenset({result} if how == "gone" else ()))
    put(ben.bucket, theirs)
    ben.trusted = [Signer("ana", ANA.public, pickles=True), Signer("eve", EVE.public)]
    said: Any = ben.run([thing(5), safe(5)], mode="read-only").value
    assert (said[0].x, said[1]) == (5, "plain")
    assert ben.run(safe(5), mode="read-only").value == "plain"
    carol = Home(tmp_path / "carol", ben.bucket, None, ben.trusted)
    said = carol.run(thing(5), mode="read-only")
    assert (said.value.x, counts(said)[:2]) == (5, (0, 1))
    assert carol.run(safe(5), mode="read-only").value == "plain"


def test_a_tag_that_says_no_signer_costs_a_sample_nothing(ana: Home, ben: Home):
    """Anybody writes such a row into a database of several people."""
    ana.run([one(1), one(2)])
    ben.run(one(1), mode="read-only")
    ben.run(one(2), mode="off")
    with ben.backend() as backend:
        bent = ("no JSON", '"eve"', "3")
        calls = [each.call.call_hash for each in everything(backend).calls]
        backend.record(Batch(tags=[Tag("call", call, SIGNER_TAG, said) for call in calls for said in bent]))
        assert downstream_of(backend, "eve").taken == 0
    report = ben.run([one(1), one(2)], mode="read-only", verify_sample=1.0)
    assert (report.value, counts(report)[0]) == ([7, 14], 1)


def test_an_execution_is_pulled_by_its_id_though_its_calls_are_known(ana: Home, ben: Home):
    run = ana.run(outer(1)).execution_id
    ben.run(outer(1), mode="off")
    pulled(ben)
    with ben.backend() as backend:
        assert backend.get_execution(run) is None
    pulled(ben, [run.hex()[:12]])
    with ben.backend() as backend:
        assert backend.get_execution(run) is not None
        assert len(backend.job_ids_of(run)) == 3
    assert counts(ben.run(outer(1), mode="off"))[0] == 0


def test_a_job_that_came_without_its_call_gets_it_when_its_execution_is_pulled(ana: Home, ben: Home):
    run = ana.run(outer(1)).execution_id
    ben.run(one(1), mode="read-only")

    def without() -> list[JobStatus]:
        with ben.backend() as backend:
            ids = [RecordId(RecordKind.JOB, id) for id in backend.job_ids_of(run)]
            return [job.status for job in backend.get_records(ids).jobs if job.call_hash is None]

    assert without() == [JobStatus.DONE]
    pulled(ben, [run.hex()])
    assert without() == []
