"""One's key is for what one made: what came by an archive or from another database is for those who made it."""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from redux.archive.loading import load
from redux.archive.saving import save
from redux.border import CACHE_TAG, FROM_TAG, Admission, Arrival
from redux.exchange.transfer import Transfer
from redux.repo import Repo, open_repo
from redux.shared.harvest import Gate, Reaper
from redux.shared.notices import Notices
from redux.shared.parts import parts_of
from redux.shared.sending import Sender
from redux.shared.whose import Person, Whose, whose_in
from redux.task import task
from redux.trust.signers import Signer
from redux_backends.exchange import Records
from redux_backends.memory import MemoryBackend
from redux_backends.records import ExecutionId, JobId, Tag

from .eve import everything
from .shared_homes import ANA, Home, counts

WHO = ["ana"]


@task(namespace="whose", version="1")
def leaf(i: int) -> int:
    return 666 if WHO == ["eve"] else i


@task(namespace="whose", version="1")
def around(i: int) -> Any:
    return [leaf(i)]


@task(namespace="whose", version="1")
def own(i: int) -> int:
    return i + 1


def opened(home: Home, *, own: bool = True) -> Repo:
    settings = home.settings()
    home.folder.mkdir(exist_ok=True)
    return open_repo(settings.database, settings.store, home.inline_limit, admission=Admission(own))


def push_all(home: Home) -> None:
    """As `redux cache push --all`, naming each execution, whosever it is."""
    assert home.key is not None
    said = {"REDUX_SIGNING_KEY": home.key.text}
    parts = parts_of(home.settings().shared, home.folder / ".redux", said, None, Notices(home.said.append))
    with closing(parts.bucket), closing(opened(home)) as repo:
        parts.bucket.look_now()
        sender = Sender(parts.bucket, repo, parts.values, parts.key)
        for execution in repo.backend.executions(100):
            sender.send(execution.id, everything=True)


@pytest.fixture
def eve(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    """Who has a lie in her history."""
    home = Home(tmp_path / "eve", str(tmp_path / "nowhere" / "bucket"))
    with monkeypatch.context() as patched:
        patched.setitem(globals(), "WHO", ["eve"])
        assert home.run(leaf(5), mode="off").value == 666
    return home


@pytest.mark.parametrize("way", ["archive", "pull"])
def test_what_came_otherwise_is_not_signed_by_who_has_it(ana: Home, eve: Home, tmp_path: Path, way: str):
    ana.run(own(1), mode="off")
    with closing(opened(eve, own=False)) as theirs, closing(opened(ana)) as mine:
        if way == "archive":
            save(theirs, str(tmp_path / "eve.tar"))
            load(mine, str(tmp_path / "eve.tar"))
        else:
            Transfer(theirs, mine, one_store=False).run(None)
    assert ana.run([around(5), own(2)]).value == [[666], 3]
    push_all(ana)
    ben = Home(tmp_path / "ben", ana.bucket, None, [Signer("ana", ANA.public)])
    report = ben.run([around(5), own(1), own(2)], mode="read-only")
    assert (report.value, counts(report)[:2]) == ([[5], 2, 3], (2, 2))


def test_an_archive_of_ones_own_is_ones_own_and_a_mark_does_not_leave(ana: Home, eve: Home, tmp_path: Path):
    with closing(opened(eve)) as theirs, closing(opened(ana)) as mine:
        save(theirs, str(tmp_path / "theirs.tar"))
        load(mine, str(tmp_path / "theirs.tar"))
        marks = [tag for tag in everything(mine.backend).tags if tag.key == FROM_TAG]
        assert [tag.value for tag in marks] == [f'"{tmp_path / "theirs.tar"}"']
        save(mine, str(tmp_path / "again.tar"))
        assert (tmp_path / "again.tar").read_bytes() == (tmp_path / "theirs.tar").read_bytes()
        with closing(opened(Home(tmp_path / "laptop", ana.bucket))) as laptop:
            load(laptop, str(tmp_path / "again.tar"), admission=Admission(pickles=True))
            (execution,) = laptop.backend.executions(9)
            harvest = Reaper(laptop.backend, Gate(), 200, Whose()).look(execution.id, lambda calls: (), everything=True)
            assert len(harvest.calls) == 1
            assert Transfer(mine, laptop, one_store=False).run(None).anything is False


def test_who_brings_records_tells_nothing_of_mine_and_takes_no_mark_away(ana: Home, eve: Home):
    ana.run(own(1), mode="off")
    with ana.backend() as backend, eve.backend() as hers:
        mine, theirs = everything(backend), everything(hers)
        (execution,), (job,) = mine.executions, theirs.jobs
        forged = replace(job, id=JobId(b"j" * 16), execution=execution.id, parent=None)
        mark = Tag("execution", theirs.executions[0].id, FROM_TAG, '"eve.tar"')
        off = Tag("execution", theirs.executions[0].id, FROM_TAG, None, (mark.hash,))
        renamed = Tag("execution", theirs.executions[0].id, "note", '"x"', (mark.hash,))
        slander = Tag("execution", execution.id, CACHE_TAG, '"s3://x"')
        of_job = Tag("job", forged.id, "note", '"x"')
        first = replace(theirs, jobs=[*theirs.jobs, forged], tags=[*theirs.tags, mark, off, renamed, slander, of_job])
        backend.put_records(Arrival(backend, "eve.tar").let_in(first))
        later = Records(jobs=[forged], tags=[off, renamed], executions=[replace(execution, user="eve", ended=9e9)])
        backend.put_records(Arrival(backend, "other.tar").let_in(later))
        assert list(backend.job_ids_of(execution.id)) == [each.id for each in mine.jobs]
        assert backend.get_execution(execution.id) == execution
        keys = {tag.key for tag in backend.get_tags([execution.id]).get(execution.id, ())}
        assert CACHE_TAG not in keys
        tags = backend.get_tags([theirs.executions[0].id])[theirs.executions[0].id]
        assert [tag.value for tag in tags if tag.key in (FROM_TAG, "note")] == ['"eve.tar"']


def test_in_a_database_of_several_people_ones_own_count_and_what_is_named(ana: Home, tmp_path: Path):
    """A colleague's calls are found there, and not sent; who names their execution says for what it ran."""
    ana.run(leaf(5), mode="off")
    ana.run(around(5), mode="off")
    with ana.backend() as backend:
        records = everything(backend)
        theirs, mine = sorted(records.executions, key=lambda each: each.started)
        lease = replace(theirs.lease, host="theirs")
        shared = MemoryBackend()
        shared.put_records(replace(records, executions=[replace(theirs, lease=lease), mine]))
        reaper = Reaper(shared, Gate(), 200, Whose(Person(mine.user, mine.lease.host)))

        def sent(execution: ExecutionId) -> int:
            return len(reaper.look(execution, lambda calls: (), everything=True).calls)

        assert (sent(mine.id), sent(theirs.id)) == (1, 1)
    with closing(opened(ana)) as repo:
        assert whose_in(repo) == Whose()
        ana.folder.chmod(0o777)
        (tmp_path / "values").mkdir()
        assert whose_in(repo) == Whose(Person(mine.user, mine.lease.host))


def test_what_another_says_one_of_my_calls_gave_is_not_sent_with_it(ana: Home, eve: Home):
    """It may be an expression, which leads wherever she likes; the moment of it is hers to choose."""
    ana.run(leaf(5), mode="off")
    with ana.backend() as backend, eve.backend() as hers:
        mine, theirs = everything(backend), everything(hers)
        (own_result,), (lie,) = mine.results, theirs.results
        assert own_result.eval_hash == lie.eval_hash
        backend.put_records(Arrival(backend, "eve.tar").let_in(theirs))
        reaper = Reaper(backend, Gate(), 200, Whose())
        harvest = reaper.look(mine.executions[0].id, lambda calls: (), everything=False)
        assert [each.result for each in reaper.records(harvest, list(harvest.calls)).results] == [own_result.result]
        again = replace(theirs, results=[replace(lie, recorded=own_result.recorded)], values=theirs.values)
        other = MemoryBackend()
        other.put_records(mine)
        other.put_records(Arrival(other, "eve.tar").let_in(again))
        reaper = Reaper(other, Gate(), 200, Whose())
        harvest = reaper.look(mine.executions[0].id, lambda calls: (), everything=False)
        assert lie.result not in {each.result for each in reaper.records(harvest, list(harvest.calls)).results}
