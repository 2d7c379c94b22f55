"""Containers of this machine: each job in a fresh one, by `docker run` or a program that takes the same words.

A container sees one folder of the run's, at the same path: there are the project's code, the order, large values, and
in the end the answer. So it needs nothing but an image with Python and redux in it.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from signal import SIGKILL
from threading import Lock, get_ident
from typing import IO, cast

from redux.executors.code_package import EVERY_MODULE, CodePackage, CodePatterns, import_folders, pack_code, unpack_code
from redux.executors.container_words import (
    ANSWER,
    HELLO,
    NO_OPTIONS,
    ORDER,
    ContainerOptions,
    words_of,
    write_letter,
)
from redux.executors.exchange import Exchange
from redux.executors.executor import Executor, ExecutorError, JobSpec, Outcome, Place, Site
from redux.executors.orders import pack_hello, pack_order, read_answer
from redux.executors.work_queue import WorkQueue
from redux.scripts.programs import end_programs_of, running, signal_name
from redux.scripts.speech import pass_on

ANSWER_SECONDS = 10
"""How long a daemon has to say that it is there."""
_NOT_STARTED = 125
"""The status with which `docker run` says that the failure is its own, not the container's."""
_BY_SIGNAL = 128
_HINTS = ("Run '", "See '")
"""How lines begin in which the program only names its own help."""


class ContainersMissing(ExecutorError):
    """The program that runs the containers of the executor `name`, `command`, is not there."""

    exit_code = 2

    def __init__(self, name: str, command: str) -> None:
        super().__init__(
            f"executor {name} runs containers by {command!r}, and there is no such program on PATH: install it, "
            f'or name another that takes the same words in [executors.{name}], as command = "podman"'
        )


class DaemonSilent(ExecutorError):
    """The program that runs the containers of the executor `name`, `command`, has no daemon: it `said` so."""

    def __init__(self, name: str, command: str, said: str) -> None:
        super().__init__(
            f"executor {name}: `{command} version` does not tell of a daemon ({said}); "
            "start it, see that you may use it, or set DOCKER_HOST"
        )


class ContainerFailed(ExecutorError):
    """The container of a job of the task `fullname`, of this `image`, was not started or gave no answer: `why`."""

    def __init__(self, fullname: str, image: str, why: str) -> None:
        self.fullname = fullname
        super().__init__(f"the container of task {fullname} (image {image}) {why}")


@dataclass(frozen=True, slots=True)
class Containers(Place):
    """Containers as an executor; `options` hold for every job unless its task says otherwise.

    `Scheduler(executors={"boxes": Containers(ContainerOptions(image="mine:1"))})`. `command` is the program that runs
    them: Docker's, or one that takes the same words. `workers` is how many run at once, `code` what of the project they
    are sent (None: a volume has it). `scratch` is a folder that the daemon sees too, where the run's passing folder is
    made.
    """

    options: ContainerOptions = NO_OPTIONS
    command: str = "docker"
    workers: int | None = None
    code: CodePatterns | None = EVERY_MODULE
    scratch: str | None = None

    def open(self, name: str, site: Site) -> Executor:
        """The executor of this `name` at a `site`. Raises ContainersMissing, CannotPack, ExecutorError."""
        return ContainerExecutor(name, site, self)


class ContainerExecutor(WorkQueue):
    """A fixed number of containers at once, one for each job.

    `name` is what tasks call it, `site` says where values and outcomes go, `place` what the containers are like.
    """

    def __init__(self, name: str, site: Site, place: Containers) -> None:
        if shutil.which(place.command) is None:
            raise ContainersMissing(name, place.command)
        self.name = name
        code = None if place.code is None else pack_code(site.folder, place.code)
        self._folder = _make_scratch(name, place.scratch)
        self._lot = lot = _Lot(name, site, place, self._folder, code)
        super().__init__(site.done, place.workers or site.workers or os.cpu_count() or 1, lambda: _Bench(lot))

    def close(self) -> None:
        """Let every container finish its job, and remove what they shared with the run."""
        super().close()
        for name in self._lot.running.copy():  # of jobs that were given up
            self._lot.ask("kill", name)
        shutil.rmtree(self._folder, ignore_errors=True)


class _Lot:
    """What the containers of one run have in common."""

    def __init__(self, name: str, site: Site, place: Containers, folder: str, code: CodePackage | None) -> None:
        self.name = name
        self.command = place.command
        self.options = place.options
        self.folder = folder
        self.exchange = Exchange.seen_by_workers(site.repo, _made(folder, "values"))
        self.running: set[str] = set()
        """the names of containers"""
        self._numbers = count(1)
        self._asking = Lock()
        self._there = False
        if code is None:
            self.hello = pack_hello(site, paths=import_folders(site.folder))
        else:
            letter = code.letter(_made(folder, "code"))
            unpack_code(letter, code.data)
            self.hello = pack_hello(site, letter)

    def desk(self, order: bytes) -> str:
        """A folder for one job, with what its container reads."""
        desk = _made(self.folder, f"job-{next(self._numbers)}")
        (Path(desk) / HELLO).write_bytes(self.hello)
        write_letter(Path(desk) / ORDER, order)  # the container removes it when it has read it
        return desk

    def check_daemon(self) -> None:
        """Once a run: see that there is somebody to start containers. Raises DaemonSilent."""
        with self._asking:
            if not self._there:
                status, said = self.ask("version")
                if status:
                    raise DaemonSilent(self.name, self.command, said)
                self._there = True

    def ask(self, *words: str) -> tuple[int, str]:
        """How a question to the program ended, and the last line that it said."""
        argv = [self.command, *words]
        try:
            done = subprocess.run(
                argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=ANSWER_SECONDS
            )
        except subprocess.TimeoutExpired:
            return _NOT_STARTED, f"no answer within {ANSWER_SECONDS} s"
        except OSError as error:
            return _NOT_STARTED, str(error)
        return done.returncode, _last_line(done.stdout.decode("utf-8", "replace"))


class _Bench:
    """Runs jobs in the thread that made it, each in a container of its own."""

    def __init__(self, lot: _Lot) -> None:
        self._lot = lot
        self._thread = get_ident()
        self._given_up = False

    def close(self) -> None:
        """Nothing: a container ends with its job."""

    def interrupt(self) -> bool:
        """End the container that runs a job, or see to it that none is begun for it."""
        self._given_up = True
        end_programs_of(self._thread)
        return True

    def run(self, spec: JobSpec) -> Outcome:
        """Run one job. Raises ContainerFailed, DaemonSilent, NoModule, CannotEncode, CannotDecode, ExecutorError."""
        lot = self._lot
        options = lot.options.with_those_of(spec)
        lot.check_daemon()
        order, parcel = pack_order(spec, lot.exchange)
        desk = lot.desk(order)
        try:
            self._run(spec, options, desk)
            answer = Path(desk) / ANSWER
            packed = answer.read_bytes()
            answer.unlink()
            return read_answer(packed, lot.exchange, parcel.folder)
        finally:
            shutil.rmtree(desk, ignore_errors=True)

    def _run(self, spec: JobSpec, options: ContainerOptions, desk: str) -> None:
        lot = self._lot
        name = f"redux-{os.getpid()}-{os.path.basename(lot.folder)}-{os.path.basename(desk)}"
        argv = [lot.command, *words_of(options, name, lot.folder, desk)]
        lot.running.add(name)
        try:
            with running(argv, None, subprocess.PIPE, subprocess.STDOUT) as process:
                said = pass_on(cast("IO[bytes]", process.stdout), "")
        finally:
            if self._given_up:  # the program may have been ended before it could end the container
                lot.ask("kill", name)
            lot.running.discard(name)
        if process.returncode or not (Path(desk) / ANSWER).exists():
            raise ContainerFailed(spec.fullname, options.image, self._why(process.returncode, options, said))

    def _why(self, status: int, options: ContainerOptions, said: str) -> str:
        last = _last_line(said)
        if status == _NOT_STARTED:
            missing, _ = self._lot.ask("image", "inspect", options.image)
            if missing:
                return f"could not be started, for there is no such image: {last}; build or pull it, or name another"
            return f"could not be started: {last}; see to its image, and to the options of its task and executor"
        signal = -status if status < 0 else max(status - _BY_SIGNAL, 0)
        ended = f"by signal {signal_name(signal)}" if signal else f"with status {status}"
        if signal == SIGKILL:
            return f"ended {ended}; it may have had too little memory: give it more with memory="
        return f"ended {ended} and gave no answer: {last}; its image must have Python and this redux"


def _make_scratch(name: str, scratch: str | None) -> str:
    above = None if scratch is None else os.path.abspath(os.path.expanduser(scratch))
    try:
        return tempfile.mkdtemp(prefix="redux-containers-", dir=above)
    except OSError as error:
        raise ExecutorError(
            f"executor {name} has no folder to share with its containers: {above or tempfile.gettempdir()}: "
            f"{error.strerror or error}; make it, or name another in [executors.{name}], as scratch"
        ) from None


def _made(folder: str, name: str) -> str:
    path = os.path.join(folder, name)
    os.mkdir(path)
    return path


def _last_line(said: str) -> str:
    lines = [line.strip() for line in said.splitlines()]
    telling = [line for line in lines if line and not line.startswith(_HINTS)]
    return telling[-1] if telling else "it said nothing"
