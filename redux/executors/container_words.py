"""What is said to the program that runs containers: the options of a job as the words of `docker run`."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, cast

from redux.executors.executor import ExecutorError, JobSpec

HELLO, ORDER, ANSWER = "hello", "order", "answer"
"""The files in a job's folder: two that its container reads, and the one that it writes."""

_MEMORY = re.compile(r"\d+[bkmgBKMG]?")
_MEMORY_WANTED = 'a number of GiB, or a text such as "500m"'
_GPUS_WANTED = 'a number, or "all"'
_MIB_IN_GIB = 1024


def write_letter(path: Path, data: bytes) -> None:
    """Write one of them, which may have secrets in it: only we can read it."""
    path.unlink(missing_ok=True)
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as stream:
        stream.write(data)


@dataclass(frozen=True, slots=True)
class ContainerOptions:
    """What a job's container is like. Texts are as `docker run` takes them.

    `volumes` are `"outside:inside"` (or with `:ro`), `memory` is a text such as `"500m"` or a number of GiB, `vcpus`
    how many processors, `gpus` how many or `"all"`. `arguments` are further words for `docker run`, and `python` is the
    program in the image that has redux.
    """

    image: str = ""
    volumes: tuple[str, ...] = ()
    memory: str | None = None
    vcpus: float | None = None
    gpus: str | None = None
    arguments: tuple[str, ...] = ()
    python: str = "python"

    def changed(self, given: Mapping[str, object]) -> ContainerOptions:
        """The options with others over them; keys that are none of them count not. Raises ValueError, telling why."""
        changes: dict[str, Any] = {}
        for key, read in _READERS.items():
            if given.get(key) is not None:
                try:
                    changes[key] = read(given[key])
                except ValueError as error:
                    raise ValueError(f"{key} = {given[key]!r}: it must be {error}") from None
        return replace(self, **changes)

    def with_those_of(self, spec: JobSpec) -> ContainerOptions:
        """The options with those of a job's task over them. Raises ExecutorError."""
        try:
            options = self.changed(dict(spec.options)) if spec.options else self
        except ValueError as error:
            raise ExecutorError(f"task {spec.fullname} runs in a container, and has {error}") from None
        if not options.image:
            raise ExecutorError(
                f"task {spec.fullname} runs in a container, and nothing names its image: "
                'say image = "…" in [executors.NAME], or image="…" on the task'
            )
        return options


NO_OPTIONS = ContainerOptions()


def words_of(options: ContainerOptions, name: str, folder: str, desk: str) -> list[str]:
    """The words that run one job in a container: its folder is `desk`, inside `folder`, which it sees at this path."""
    words = ["run", "--rm", "--init", "--name", name, "--user", f"{os.getuid()}:{os.getgid()}"]
    words += ["--volume", f"{folder}:{folder}", "--env", f"HOME={desk}", "--workdir", _workdir(options, desk)]
    for volume in options.volumes:
        words += ["--volume", volume]
    if options.memory is not None:
        words += ["--memory", options.memory]
    if options.vcpus is not None:
        words += ["--cpus", f"{options.vcpus:g}"]
    if options.gpus is not None:
        words += ["--gpus", options.gpus]
    return [*words, *options.arguments, options.image, options.python, "-P", "-m", "redux.executors.in_container", desk]


def _workdir(options: ContainerOptions, desk: str) -> str:
    """The run's own folder where a volume has it under its name, so that relative paths are the same."""
    here = os.getcwd()
    for volume in options.volumes:
        outside, inside, *_ = [*volume.split(":"), ""]
        if outside == inside and (here == inside or here.startswith(inside.rstrip("/") + "/")):
            return here
    return desk


# -- read --------------------------------------------------------------------------------------------


def _text(given: object) -> str:
    if not isinstance(given, str) or not given:
        raise ValueError("a text")
    return given


def _texts(given: object) -> tuple[str, ...]:
    if not isinstance(given, (list, tuple)) or not all(isinstance(one, str) for one in cast("Sequence[object]", given)):
        raise ValueError("a list of texts")
    return tuple(cast("Sequence[str]", given))


def _volumes(given: object) -> tuple[str, ...]:
    if not isinstance(given, (list, tuple)):
        raise ValueError('a list, as ["/data:/data:ro"]')
    return tuple(_volume(one) for one in cast("Sequence[object]", given))


def _volume(given: object) -> str:
    parts = given.split(":") if isinstance(given, str) else given
    if not isinstance(parts, (list, tuple)) or len(cast("Sequence[object]", parts)) not in (2, 3):
        raise ValueError('a list of texts "outside:inside", or of pairs')
    outside, *inside = [str(part) for part in cast("Sequence[object]", parts)]
    # A name without a slash is a volume of the daemon's.
    return ":".join(
        [os.path.abspath(os.path.expanduser(outside)) if "/" in outside or outside in (".", "..") else outside, *inside]
    )


def _memory(given: object) -> str:
    if isinstance(given, str) and _MEMORY.fullmatch(given):
        return given
    return f"{round(_positive(given, _MEMORY_WANTED) * _MIB_IN_GIB)}m"


def _gpus(given: object) -> str:
    return given if isinstance(given, str) and given else f"{_positive(given, _GPUS_WANTED):g}"


def _positive(given: object, wanted: str = "a number above 0") -> float:
    if isinstance(given, bool) or not isinstance(given, (int, float)) or given <= 0:
        raise ValueError(wanted)
    return given


_READERS: Mapping[str, Callable[[object], object]] = {
    "image": _text,
    "volumes": _volumes,
    "memory": _memory,
    "vcpus": _positive,
    "gpus": _gpus,
    "arguments": _texts,
    "python": _text,
}
OPTIONS = tuple(_READERS)
"""The names of the options."""
