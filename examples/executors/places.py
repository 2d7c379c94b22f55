"""The same task in this process, in worker processes, in a pool of one's own, and on Dask.

    $ redux init
    $ redux run places.py main
    {'threads': 'here', 'processes': 'there', 'pool': 'there', 'dask': 'there', 'primes': [9592, 8392, 8013]}

Say that in this folder: the `pyproject.toml` beside it names the executors `pool` and `dask` (which needs
`pip install 'redux-cache[dask]'`), and holds for the `.redux` that `init` makes here. A task says where it runs by
`@task(executor=...)`, a call by `.options(executor=...)`, a whole run by `redux run --executor dask`. Where a call ran
is no part of what it is known by: run it again under another executor, and nothing runs.
"""

from __future__ import annotations

import multiprocessing
import os
from concurrent.futures import Executor, ProcessPoolExecutor

from redux import task

PLACES = ("threads", "processes", "pool", "dask")


def start_pool(workers: int) -> Executor:
    """A pool of processes that begin anew: forking beside threads is unsafe."""
    return ProcessPoolExecutor(workers, mp_context=multiprocessing.get_context("spawn"))


@task(config_args=["process"])
def locate(place: str, process: int) -> str:
    """Whether this runs in the process that the run began in."""
    return "here" if os.getpid() == process else "there"


@task(executor="processes")
def count_primes(start: int, stop: int) -> int:
    """How many primes there are in a range: work that threads would do one after another."""
    sieve = bytearray([1]) * stop
    sieve[:2] = b"\0\0"
    for number in range(2, int(stop**0.5) + 1):
        if sieve[number]:
            sieve[number * number :: number] = bytes(len(range(number * number, stop, number)))
    return sum(sieve[start:])


@task(executor="threads")
def main() -> dict[str, object]:
    """Ask in each place, and count primes by hundred thousands."""
    process = os.getpid()
    located = {place: locate.options(executor=place)(place, process) for place in PLACES}
    primes = [count_primes(start, start + 100_000) for start in range(0, 300_000, 100_000)]
    return {**located, "primes": primes}
