"""What an execution begins with: the code as it stands, who runs it and where, and when."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from redux.code.fingerprint import Fingerprinter
from redux.code.project import project_of
from redux.default_tags import user_name
from redux.redaction import redacted
from redux.repo import Repo
from redux.scheduler.task_book import TaskBook
from redux.secret_names import redacted_words
from redux.task import get_task_registry, name_of_task, set_task_hasher
from redux.value import set_code_hasher
from redux_backends.liveness import this_process
from redux_backends.records import Execution, ExecutionId, JobStatus, new_id
from redux_valuestore.digest import Digest
from redux_valuestore.errors import ReduxError


def read_code(folder: Path, repo: Repo) -> TaskBook:
    """Every task under the hash that its code has now, which from here on is that of this process."""
    fingerprinter = Fingerprinter(project_of(folder), name_of_task)
    set_code_hasher(fingerprinter)

    def is_recorded(task_hash: Digest) -> bool:
        with suppress(ReduxError):  # whoever records will tell of it
            return repo.backend.get_task(task_hash) is not None
        return False

    book = TaskBook(get_task_registry(), fingerprinter, is_recorded)
    set_task_hasher(lambda task: book.find(task.fullname).task_hash)
    book.read_all()
    return book


def begin(argv: Sequence[str], id: ExecutionId | None = None) -> Execution:
    """An execution that this process begins now; what its command line says of secrets is not recorded."""
    words = tuple(map(redacted, redacted_words(argv)))
    return Execution(id or ExecutionId(new_id()), words, user_name(), os.getcwd(), time.time(), this_process())


def begin_again(execution: Execution) -> Execution:
    """An execution that ended, as one that this process runs."""
    return replace(execution, lease=this_process(), ended=None, status=JobStatus.RUNNING)


def main_folder() -> Path:
    """The folder of the main script, or the current one."""
    path = getattr(sys.modules.get("__main__"), "__file__", None)
    return Path(path).resolve().parent if path else Path.cwd()
