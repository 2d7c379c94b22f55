"""Imports of the user's own project from its sources alone, never from bytecode.

Python finds bytecode again by the second and the size of its source, so that an edit right after a run could go unseen.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib.machinery import ModuleSpec, SourceFileLoader
from types import CodeType, ModuleType

from redux.code.project import Project


class FreshLoader(SourceFileLoader):
    """Loads a module from its source as it stands, and writes no bytecode."""

    def get_code(self, fullname: str) -> CodeType:
        path = self.get_filename(fullname)
        code: CodeType = self.source_to_code(self.get_data(path), path)
        return code


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
