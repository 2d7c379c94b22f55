"""The program that a container runs: one job, from the files in its folder to the file with its answer."""

from __future__ import annotations

import os
import sys
import warnings
from contextlib import suppress
from io import TextIOWrapper
from pathlib import Path

from redux.code.trouble import CountedByName
from redux.executors.container_words import ANSWER, HELLO, ORDER, write_letter
from redux.executors.remote import work
from redux.executors.worker import clear_streams

_NO_PROCESS = -1


def main(desk: Path) -> None:
    """Run the job whose folder this is."""
    sys.argv[1:] = []
    if isinstance(sys.stdout, TextIOWrapper):
        sys.stdout.reconfigure(line_buffering=True)
    clear_streams()
    warnings.simplefilter("ignore", CountedByName)  # the run that started this said so
    hello, order = (desk / HELLO).read_bytes(), (desk / ORDER).read_bytes()
    with suppress(OSError):  # a desk that is read-only goes with the job
        (desk / ORDER).unlink()
    packed = work(_NO_PROCESS, hello, order)
    write_letter(desk / ANSWER, packed)
    for stream in (sys.stdout, sys.stderr):
        with suppress(Exception):  # a task closed it
            stream.flush()
    os._exit(0)  # now, whatever threads a task has left behind


if __name__ == "__main__":
    main(Path(sys.argv[1]))
