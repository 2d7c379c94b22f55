"""Lines of handles on PostgreSQL: for one execution in all its processes, given back by one that dies."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing

import psycopg
import pytest

from redux_backends.backend import Backend, BackendError
from redux_backends.claims import UNNAMED
from redux_backends.postgres_claims import _Held
from redux_backends.records import ExecutionId, new_id
from redux_backends.sample import digest
from redux_backends.sql import open_backend
from redux_valuestore.digest import Digest

LINE, OTHER = digest("line"), digest("another line")
HOLDER = """
import sys
from redux_backends.records import ExecutionId
from redux_backends.sample import digest
from redux_backends.sql import open_backend

backend = open_backend(sys.argv[1])
assert backend.claim_line(digest("line"), ExecutionId(bytes.fromhex(sys.argv[2]))) is None
print("held", flush=True)
sys.stdin.read()
"""


@pytest.fixture
def backend(postgres_url: str) -> Iterator[Backend]:
    with closing(open_backend(postgres_url)) as backend:
        backend.load()
        yield backend


@pytest.fixture
def another(postgres_url: str) -> Iterator[Backend]:
    """The same database, as another process sees it."""
    with closing(open_backend(postgres_url)) as backend:
        backend.load()
        yield backend


@pytest.fixture
def mine() -> ExecutionId:
    return ExecutionId(new_id())


@pytest.fixture
def theirs() -> ExecutionId:
    return ExecutionId(new_id())


def lose_connections(url: str) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(
            "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity "
            "WHERE datname = current_database() AND application_name LIKE 'redux lines %'"
        )


def test_a_line_is_for_one_execution_in_all_its_processes(backend, another, mine, theirs):
    assert backend.claim_line(LINE, mine) is None
    assert another.claim_line(LINE, theirs) == mine
    assert another.claim_line(LINE, mine) is None
    another.release_lines(mine)
    assert another.claim_line(LINE, theirs) == mine
    backend.close()
    assert another.claim_line(LINE, theirs) is None
    assert backend.claim_line(LINE, mine) == theirs


def test_a_line_is_free_when_the_last_process_of_its_execution_has_let_go(postgres_url, backend, another, mine, theirs):
    assert backend.claim_line(LINE, mine) is None
    assert another.claim_line(LINE, mine) is None
    backend.close()
    with closing(open_backend(postgres_url)) as third:
        third.load()
        assert third.claim_line(LINE, theirs) == mine
        another.close()
        assert third.claim_line(LINE, theirs) is None


def test_a_process_that_dies_lets_go(postgres_url, backend, mine, theirs):
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLDER, postgres_url, theirs.hex()],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    with holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        assert backend.claim_line(LINE, mine) == theirs
        holder.send_signal(signal.SIGKILL)
    while backend.claim_line(LINE, mine) is not None:  # the server has yet to hear of it
        pass


def test_lines_lost_with_a_connection_are_had_again_but_for_those_that_others_took(
    postgres_url, backend, another, mine, theirs
):
    for line in (LINE, OTHER):
        assert backend.claim_line(line, mine) is None
    lose_connections(postgres_url)
    assert another.claim_line(OTHER, theirs) is None
    assert backend.claim_line(LINE, mine) is None
    assert another.claim_line(LINE, theirs) == mine
    assert backend.claim_line(OTHER, mine) == theirs


def test_lost_lines_are_had_again_when_the_lease_is_renewed(postgres_url, backend, another, mine, theirs):
    for line in (LINE, OTHER):
        assert backend.claim_line(line, mine) is None
    lose_connections(postgres_url)
    assert another.claim_line(OTHER, theirs) is None
    backend.renew_lease(mine)
    assert another.claim_line(LINE, theirs) == mine
    assert backend.claim_line(OTHER, mine) == theirs


def test_tables_of_another_schema_have_lines_of_their_own(postgres_url, backend, mine, theirs):
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        connection.execute("CREATE SCHEMA aside")
    with closing(open_backend(f"{postgres_url}&options=-csearch_path%3Daside")) as aside:
        aside.load()
        assert backend.claim_line(LINE, mine) is None
        assert aside.claim_line(LINE, theirs) is None
        assert aside.claim_line(LINE, mine) == theirs


def test_a_lock_whose_holder_does_not_say_its_name_is_a_lock(postgres_url, backend, mine):
    key = int.from_bytes(LINE[:8], signed=True)
    with psycopg.connect(postgres_url) as stranger:
        stranger.execute("SELECT pg_advisory_lock(%s::int8 # 'redux_schema'::regclass::oid::int8)", [key])
        assert backend.claim_line(LINE, mine) == UNNAMED
        stranger.execute("SELECT pg_advisory_unlock_all()")
    assert backend.claim_line(LINE, mine) is None


def test_no_line_is_forgotten_when_the_new_connection_is_lost_as_well(postgres_url, backend, another, mine, theirs):
    lines = [digest(f"line {number}") for number in range(4)]
    for line in lines:
        assert backend.claim_line(line, mine) is None
    lose_connections(postgres_url)
    take, taken = _Held.take, list[Digest]()

    def take_while_it_lasts(held: _Held, line: Digest, execution: ExecutionId) -> ExecutionId | None:
        taken.append(line)
        if len(taken) == 2:
            lose_connections(postgres_url)
        return take(held, line, execution)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_Held, "take", take_while_it_lasts)
        backend.renew_lease(mine)
    assert [another.claim_line(line, theirs) for line in lines] == [mine] * 4


def test_a_turn_that_was_cut_off_keeps_nobody_waiting(backend, another, mine, theirs):
    assert backend.claim_line(OTHER, mine) is None
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("redux_backends.postgres_claims._TRY", b"SELECT 1 / (0 * %b)")
        with pytest.raises(BackendError):
            backend.claim_line(LINE, mine)
    patience = another._claims._held_now(theirs).driver
    patience.execute("SET lock_timeout = '5s'")
    assert another.claim_line(LINE, theirs) is None
    assert backend.claim_line(OTHER, mine) is None
