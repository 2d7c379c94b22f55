"""The program that a container runs: one job, from the files in its folder to the file with its answer."""

from __future__ import annotations

import os
import sys
import warnings
from contextlib import suppress
from io import TextIOWrapper
from pathlib import Path

from redux.code.trouble import CountedByName
from redux.executors.container_words import ANSWER, HELLO, ORDER
from redux.executors.remote import work

_NO_PROCESS = -1


def main(desk: Path) -> None:
    """Run the job whose folder this is."""
    sys.argv[1:] = []
    if isinstance(sys.stdout, TextIOWrapper):
        sys.stdout.reconfigure(line_buffering=True)
    warnings.simplefilter("ignore", CountedByName)  # the run that started this said so
    packed = work(_NO_PROCESS, (desk / HELLO).read_bytes(), (desk / ORDER).read_bytes())
    (desk / ANSWER).write_bytes(packed)
    for stream in (sys.stdout, sys.stderr):
        with suppress(Exception):  # a task closed it
            stream.flush()
    os._exit(0)  # now, whatever threads a task has left behind


if __name__ == "__main__":
    main(Path(sys.argv[1]))
