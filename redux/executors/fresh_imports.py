"""Imports of the user's own project that never take old bytecode for new source.

Python finds bytecode again by the second and the size of its source, so that an edit in the same second could go
unseen. Bytecode is believed here only where it was written so long after its source that no edit can have hidden.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Sequence
from importlib.machinery import ModuleSpec, SourceFileLoader
from importlib.util import cache_from_source
from types import CodeType, ModuleType

from redux.code.project import Project

RACY_SECONDS = 2.0
"""A file system's clock may count in steps of two seconds."""


class FreshLoader(SourceFileLoader):
    """Loads a module from its source as it stands; from bytecode where that is surely of it."""

    def get_code(self, fullname: str) -> CodeType | None:
        path = self.get_filename(fullname)
        if _is_settled(path):
            return super().get_code(fullname)
        code: CodeType = self.source_to_code(self.get_data(path), path)
        return code


def _is_settled(path: str) -> bool:
    """Whether Python's own way is safe: the source is young no more, and bytecode from its youth is gone."""
    written = os.stat(path).st_mtime
    if time.time() < written + RACY_SECONDS:
        return False
    try:
        cached = cache_from_source(path)
        if os.stat(cached).st_mtime < written + RACY_SECONDS:
            os.unlink(cached)
    except FileNotFoundError:
        return True
    except (OSError, NotImplementedError):  # it may not be removed, or there is no place for bytecode
        return False
    return True


def import_fresh(project: Project) -> None:
    """Have this process import a project's modules so from now on, and no other project's."""
    others = [finder for finder in sys.meta_path if not isinstance(finder, FreshFinder)]
    sys.meta_path[:] = [FreshFinder(project), *others]  # pyright: ignore[reportArgumentType] - a finder by its method


class FreshFinder:
    """Finds what the other finders find, the project's own modules with a `FreshLoader`."""

    def __init__(self, project: Project) -> None:
        self._project = project

    def find_spec(
        self, fullname: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """How to load a module; None where nobody knows it, or it is not of the project."""
        for finder in sys.meta_path:
            find = None if finder is self else getattr(finder, "find_spec", None)
            spec = None if find is None else find(fullname, path, target)
            if spec is not None:
                return self._freshened(spec)
        return None

    def _freshened(self, spec: ModuleSpec) -> ModuleSpec:
        if type(spec.loader) is SourceFileLoader and spec.origin is not None and self._project.owns(spec.origin):
            spec.loader = FreshLoader(spec.loader.name, spec.loader.path)
        return spec
