"""The project's own code on its way to workers that cannot see the project: a zip by its hash, unpacked once there."""

from __future__ import annotations

import io
import os
import re
import shutil
import stat
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path

from redux.code.project import PACKED, Project, project_of
from redux.executors.executor import ExecutorError
from redux_valuestore.digest import Digest, digest_bytes

LARGEST = 64 * 1024 * 1024
"""Bytes of files: more is no code, but a pattern that takes data, or a workflow that lies in no project's folder."""

Letter = tuple[Digest, tuple[str, ...], tuple[str, ...], "str | None"]
"""What a worker is told of a package: its hash, the project's folder as the run names it, which folders of it are
imported from, and the folder for packages that worker and run both see, if there is one."""

_SKIPPED = ("__pycache__", "node_modules")
_EPOCH = (1980, 1, 1, 0, 0, 0)


class CannotPack(ExecutorError):
    """The project's code cannot be packed for workers elsewhere."""


@dataclass(frozen=True, slots=True)
class CodePatterns:
    """Which files of a project are its code, by paths in its folder: `*` is part of a name, `**` any folders."""

    includes: tuple[str, ...] = ("**/*.py",)
    excludes: tuple[str, ...] = ()


EVERY_MODULE = CodePatterns()


@dataclass(frozen=True, slots=True)
class CodePackage:
    """A project's code: a zip, its hash, and what a worker has to know to import from it."""

    digest: Digest
    data: bytes
    tops: tuple[str, ...]
    paths: tuple[str, ...]

    def letter(self, shared: str | None = None) -> Letter:
        """What the first message to a worker says of it."""
        return (self.digest, self.tops, self.paths, shared)


# -- packed by the run -------------------------------------------------------------------------------


def pack_code(folder: Path, patterns: CodePatterns) -> CodePackage:
    """The code of the project that a workflow's folder belongs to. The same files give the same bytes.

    Installed packages in it, and hidden folders, are left out. Raises CannotPack.
    """
    import zipfile  # noqa: PLC0415 - most runs pack nothing

    project = project_of(folder)
    top = project.roots[-1]
    packed = io.BytesIO()
    left = LARGEST
    with zipfile.ZipFile(packed, "w") as zipped:
        for name in sorted(_chosen(top, project, patterns)):
            data = _read(os.path.join(top, name))
            left -= len(data)
            if left < 0:
                raise CannotPack(
                    f"the code in {top} is more than {LARGEST >> 20} MiB: say what of it is code with code_includes, "
                    "or what is not with code_excludes; or give the project a pyproject.toml, which shows its folder"
                )
            entry = zipfile.ZipInfo(name, _EPOCH)
            entry.external_attr = 0o644 << 16
            zipped.writestr(entry, data, zipfile.ZIP_DEFLATED, 6)
    data = packed.getvalue()
    return CodePackage(digest_bytes(data), data, _tops(folder, top), tuple(_import_folders(top)))


def _chosen(top: str, project: Project, patterns: CodePatterns) -> Iterator[str]:
    included = [_fits(pattern) for pattern in patterns.includes]
    excluded = [_fits(pattern) for pattern in patterns.excludes]
    for folder, inner, files in os.walk(top):
        inner[:] = [
            name for name in inner
            if not name.startswith(".") and name not in _SKIPPED and project.owns(os.path.join(folder, name, "x.py"))
        ]  # fmt: skip
        for file in files:
            name = os.path.relpath(os.path.join(folder, file), top).replace(os.sep, "/")
            if any(fits(name) for fits in included) and not any(fits(name) for fits in excluded):
                yield name


def _fits(pattern: str) -> Callable[[str], object]:
    """Whether a path fits a pattern, or is below a folder that does."""
    parts = re.split(r"(\*\*/|\*\*|\*|\?)", pattern.strip("/"))
    meant = {"**/": "(?:.*/)?", "**": ".*", "*": "[^/]*", "?": "[^/]"}
    return re.compile("".join(meant.get(part) or re.escape(part) for part in parts) + "(?:/.*)?").fullmatch


def _read(path: str) -> bytes:
    try:
        return Path(path).read_bytes()
    except OSError as error:
        raise CannotPack(
            f"{path} cannot be read to be sent to workers: {error.strerror}; see to the file, or leave it out by "
            "code_excludes"
        ) from None


def _tops(folder: Path, top: str) -> tuple[str, ...]:
    """The project's folder as paths may begin with it: as it is, and by the links on the way to the workflow."""
    inside = os.path.relpath(os.path.realpath(folder), top)
    named = os.path.abspath(folder)
    linked = named if inside == "." else named.removesuffix(os.sep + inside)
    return tuple(dict.fromkeys((top, linked)))


def import_folders(folder: Path) -> list[str]:
    """The folders of this process's import path that are in the project of a workflow's folder."""
    top = project_of(folder).roots[-1]
    return [os.path.join(top, inside) for inside in _import_folders(top)]


def _import_folders(top: str) -> Iterator[str]:
    for path in sys.path:
        real = os.path.realpath(path)
        if real == top or real.startswith(top + os.sep):
            inside = os.path.relpath(real, top)
            if not {"site-packages", "dist-packages"} & set(inside.split(os.sep)):
                yield inside


# -- unpacked by a worker ----------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Moved:
    """A project's code where a worker unpacked it."""

    tops: tuple[str, ...]
    here: str
    paths: tuple[str, ...]
    """the folders to import from"""

    def place_of(self, path: str) -> str:
        """Where what has this path in the run's project is here; any other path is left as it is."""
        for top in self.tops:
            if path == top or path.startswith(top + os.sep):
                return os.path.normpath(os.path.join(self.here, os.path.relpath(path, top)))
        return path


moved_code: ContextVar[Moved | None] = ContextVar("moved_code", default=None)
"""Where the code of the job that this thread runs was unpacked; None where it is at its own place."""


def is_unpacked(letter: Letter) -> bool:
    """Whether a package lies here, whole."""
    digest, _, _, shared = letter
    return _is_whole(_shelf(shared) / digest.hex())


def unpack_code(letter: Letter, data: bytes | None) -> Moved:
    """A package in its folder; it is unpacked where it does not lie there yet. Raises ExecutorError."""
    digest, tops, paths, shared = letter
    shelf = _shelf(shared)
    here = shelf / digest.hex()
    if not _is_whole(here):
        if data is None or digest_bytes(data) != digest:
            raise ExecutorError(
                f"the project's code did not come whole to this worker (package {digest.hex()[:8]}); run again, and "
                "see that nothing clears the workers' temporary folder meanwhile"
            )
        _unpack(data, shelf, here)
    return Moved(tops, str(here), tuple(os.path.normpath(here / path) for path in paths))


def _shelf(shared: str | None) -> Path:
    """The folder for packages, which nobody else can write."""
    if shared is not None:
        return Path(shared)
    path = Path(tempfile.gettempdir()) / f"redux-code-{os.getuid()}"
    path.mkdir(mode=0o700, exist_ok=True)
    found = path.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid() or found.st_mode & 0o022:
        raise ExecutorError(f"{path} belongs to somebody else, or others can write to it; remove it, or set TMPDIR")
    return path


def _is_whole(here: Path) -> bool:
    """Whether all is there: what cleans folders of passing things may take files one by one."""
    try:
        lines = (here / PACKED).read_text(encoding="utf-8").splitlines()
        return all((here / name).stat().st_size == int(size) for size, _, name in (ln.partition(" ") for ln in lines))
    except OSError:
        return False


def _unpack(data: bytes, shelf: Path, here: Path) -> None:
    import zipfile  # noqa: PLC0415 - few workers unpack anything

    draft = Path(tempfile.mkdtemp(dir=shelf, prefix="draft-"))
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as zipped:
            zipped.extractall(draft)
            sizes = "".join(f"{entry.file_size} {entry.filename}\n" for entry in zipped.infolist())
        (draft / PACKED).write_text(sizes, encoding="utf-8")
        if here.exists() and not _is_whole(here):
            here.rename(draft.with_name(f"{draft.name}-damaged"))
        try:
            draft.rename(here)
        except OSError:
            if not _is_whole(here):  # else another worker was faster
                raise
    finally:
        for left in (draft, draft.with_name(f"{draft.name}-damaged")):
            shutil.rmtree(left, ignore_errors=True)


def import_from(moved: Moved) -> Sequence[str]:
    """Have this process import a project's modules from its package; gives the names of modules that it forgot.

    Those are the ones of former packages, of another run or of this project before an edit, and in a process forked
    from the run's those of the project itself.
    """
    shelf = os.path.dirname(moved.here) + os.sep
    sys.path[:] = [*moved.paths, *(path for path in sys.path if not path.startswith(shelf))]
    sys.path_importer_cache.clear()
    project = Project(Path(top) for top in moved.tops)

    def is_former(file: str) -> bool:
        return project.owns(file) or (file.startswith(shelf) and not file.startswith(moved.here + os.sep))

    files = {name: getattr(module, "__file__", None) for name, module in list(sys.modules.items())}
    others = [name for name, file in files.items() if file and is_former(file)]
    for name in others:
        if name != "__main__":  # which must be there, and is replaced by the import of another
            del sys.modules[name]
    return others
