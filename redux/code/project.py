"""What counts as the user's own code: the project that a workflow belongs to, without the environments inside it."""

from __future__ import annotations

import os
import sysconfig
from collections.abc import Iterable
from functools import cache
from pathlib import Path

import redux_backends
import redux_valuestore

_REPOSITORY = (".git", ".hg", ".jj")
_PACKAGE = ("pyproject.toml", "setup.py", "setup.cfg")
_OWN = (".redux",)
PACKED = ".redux-package"
"""The file in a project's folder where it was unpacked from a code package: all that is there is the project's."""
_INSTALLED = frozenset({"site-packages", "dist-packages", "__pypackages__"})
_ENVIRONMENT_MARKS = ("pyvenv.cfg", "conda-meta")


class Project:
    """The folders whose Python files are the user's own."""

    def __init__(self, roots: Iterable[Path]) -> None:
        self.roots = tuple(dict.fromkeys(os.path.realpath(root) for root in roots))
        self._foreign = _foreign_folders(self.roots)
        self._known: dict[str, bool] = {}

    def owns(self, path: str) -> bool:
        """Whether a file, which need not exist any more, is the user's own."""
        folder = os.path.dirname(path)
        known = self._known.get(folder)
        if known is None:
            known = self._known[folder] = self._owns_folder(os.path.realpath(folder))
        return known

    def _owns_folder(self, folder: str) -> bool:
        if any(_is_within(folder, foreign) for foreign in self._foreign):
            return False
        return any(_is_within(folder, root) and not _is_installed(folder, root) for root in self.roots)


def project_of(folder: Path) -> Project:
    """The project of the workflow in `folder`: that folder, and the root above it that a marker file shows."""
    folder = folder.resolve()
    root = _find_root(folder)
    return Project([folder] if root is None else [folder, root])


def _find_root(folder: Path) -> Path | None:
    """A code package's folder, else the repository's, else the nearest package's, else the one with `.redux`.

    A home folder under version control, or the root of the file system, is nobody's project.
    """
    home = Path.home()
    above = [one for one in (folder, *folder.parents) if one not in (home, Path(one.anchor)) or one == folder]
    for marks in ((PACKED,), _REPOSITORY, _PACKAGE, _OWN):
        for candidate in above:
            if any((candidate / mark).exists() for mark in marks):
                return candidate
    return None


def _foreign_folders(roots: Iterable[str]) -> list[str]:
    # A workflow that itself lies in one of them (a script beside the library) is the user's all the same.
    return [folder for folder in _library_folders() if not any(_is_within(root, folder) for root in roots)]


@cache
def _library_folders() -> frozenset[str]:
    paths = sysconfig.get_paths()
    folders = [paths[key] for key in ("stdlib", "platstdlib", "purelib", "platlib")]
    folders += [os.path.dirname(package.__file__ or "") for package in (redux_backends, redux_valuestore)]
    folders.append(os.path.dirname(os.path.dirname(__file__)))
    return frozenset(os.path.realpath(folder) for folder in folders if folder)


def _is_installed(folder: str, root: str) -> bool:
    """Whether a folder below `root` belongs to an environment of installed packages."""
    while folder != root:
        if os.path.basename(folder) in _INSTALLED:
            return True
        if any(os.path.exists(os.path.join(folder, mark)) for mark in _ENVIRONMENT_MARKS):
            return True
        folder = os.path.dirname(folder)
    return False


def _is_within(folder: str, root: str) -> bool:
    return folder == root or folder.startswith(root.rstrip(os.sep) + os.sep)
