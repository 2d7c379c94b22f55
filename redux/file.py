"""Files, folders and patterns as values, on the local disk or at any URL that fsspec knows.

A value that holds one is valid while the files hold what they held when it was recorded.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

from redux.files.dataset import Dataset
from redux.files.facts import current_content, file_text, note, still_holds
from redux.files.file import ContentFile, ContentStagingFile, File, IFile, IStagingFile, StagingFile
from redux.files.filesystem import FileSystem, get_proto
from redux.files.folders import (
    ContentDir,
    ContentFileSet,
    ContentStagingDir,
    Dir,
    FileSet,
    IDir,
    IFileSet,
    IStagingDir,
    StagingDir,
    copy_file,
)
from redux.files.places import get_filesystem, get_filesystem_class, glob_file
from redux.files.staging import Staging
from redux.files.trouble import (
    ArrowMissing,
    DatasetMissing,
    DatasetUnreadable,
    DatasetUnwritable,
    FileUnreachable,
    FileUnreadable,
    MixedSchemas,
)
from redux.value import Holding, register_family, register_serializer

__all__ = [
    "ArrowMissing",
    "ContentDir",
    "ContentFile",
    "ContentFileSet",
    "ContentStagingDir",
    "ContentStagingFile",
    "Dataset",
    "DatasetMissing",
    "DatasetUnreadable",
    "DatasetUnwritable",
    "Dir",
    "File",
    "FileSet",
    "FileSystem",
    "FileUnreachable",
    "FileUnreadable",
    "IDir",
    "IFile",
    "IFileSet",
    "IStagingDir",
    "IStagingFile",
    "MixedSchemas",
    "Staging",
    "StagingDir",
    "StagingFile",
    "copy_file",
    "current_content",
    "get_filesystem",
    "get_filesystem_class",
    "get_proto",
    "glob_file",
    "still_holds",
]

# The public name of a class is this one, in pickles, records and hashes of code, wherever its code is.
_KINDS = (File, IFile, ContentFile, FileSet, IFileSet, ContentFileSet, Dir, IDir, ContentDir)
_STAGINGS = (StagingFile, IStagingFile, ContentStagingFile, StagingDir, IStagingDir, ContentStagingDir)
_ERRORS = (
    FileUnreadable, FileUnreachable, DatasetUnreadable, DatasetMissing, MixedSchemas, DatasetUnwritable, ArrowMissing,
)  # fmt: skip
for _kind in (*_KINDS, *_STAGINGS, Staging, FileSystem, Dataset, *_ERRORS):
    _kind.__module__ = __name__


def _take_file_apart(file: File) -> Holding:
    fact = note(file_text(file.path))
    return Holding([file.path, fact.content], (fact,))


def _encoder(given: str) -> Callable[[Any], object]:
    """How a value with its path in this attribute is taken apart: that path and the content of each fact."""

    def take_apart(value: Any) -> Holding:
        facts = value.facts()
        return Holding([getattr(value, given), *(fact.content for fact in facts)], facts)

    return take_apart


def _decoder(kind: type) -> Callable[[Any], Any]:
    return lambda part: kind(part[0])


def _staging_decoder(kind: type) -> Callable[[Any], Any]:
    return lambda part: kind(*part)


def _take_staging_apart(staging: Staging[Any]) -> object:
    return [staging.local.path, staging.remote.path]


def _take_dataset_apart(dataset: Dataset) -> Holding:
    facts = dataset.facts()
    return Holding([dataset.path, dataset.format, *(fact.content for fact in facts)], facts)


for _kind in _KINDS[1:]:
    _given = "path" if issubclass(_kind, (File, Dir)) else "pattern"
    register_serializer(_kind, f"redux.{_kind.__name__}/1", _encoder(_given), _decoder(_kind))
for _kind in _STAGINGS:
    register_serializer(_kind, f"redux.{_kind.__name__}/1", _take_staging_apart, _staging_decoder(_kind))

register_serializer(File, "redux.File/1", cast(Any, _take_file_apart), _decoder(File))

register_serializer(Dataset, "redux.Dataset/1", cast(Any, _take_dataset_apart), lambda part: Dataset(part[0], part[1]))

register_family(File, "redux.File.subclass/1", lambda file: file.facts())
register_family(FileSet, "redux.FileSet.subclass/1", lambda files: files.facts())
