"""How the fact that a value holds a file, folder or pattern is written, and how it is asked whether it still holds.

A `FileFact` is a text and a digest. The text says what the digest is of:

    data/x.csv, s3://b/x.csv        one file: its bytes on the local disk; at a URL what the store tells, else its bytes
    content s3://b/x.csv            one file: its bytes
    folder data                     the files in a folder and below it: relative path and identity of each
    glob data/*.csv                 the files that fit a pattern: path and identity of each
    content folder s3://b/data, content glob s3://b/*.csv       the same by their bytes

The digest is None where there is no file. Only files count, so an empty folder is as none. A local path that begins
with one of these words has `./` before it.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from redux.files.content import local_content
from redux.files.filesystem import Contents
from redux.files.local import local_path
from redux.files.places import get_filesystem
from redux.files.trouble import FileUnreadable
from redux_backends.records import FileFact
from redux_valuestore.digest import Digest, digest_struct

CONTENT, FOLDER, GLOB = "content ", "folder ", "glob "
_WORDS = (CONTENT, FOLDER, GLOB)

Answer = Digest | FileUnreadable | None
"""What asking about a text gave."""

_asked = threading.local()

FORMATS = ("parquet", "csv", "jsonl", "json", "feather")
"""Those of datasets. Each is the ending of its files' names too; `json` are lines as in `jsonl`."""


def shards_in(folder: str, format: str) -> str:
    """The pattern that the shards of a dataset in a folder fit."""
    return f"{folder.rstrip('/')}/**/*.{format}" if folder else f"**/*.{format}"


def file_text(path: str) -> str:
    """The text of a fact about one file."""
    return f"./{path}" if path.startswith(_WORDS) else path


def is_one_file(text: str) -> bool:
    """Whether a fact with this text is about one file, and not about a folder or a pattern."""
    return not text.removeprefix(CONTENT).startswith((FOLDER, GLOB))


def current_content(text: str) -> Digest | None:
    """The digest that a fact with this text has now; None where there is no file. Raises FileUnreadable."""
    if not text.startswith(_WORDS):
        return local_content(text) if "://" not in text else get_filesystem(url=text).get_hash(text)
    by_content = text.startswith(CONTENT)
    text = text.removeprefix(CONTENT)
    if text.startswith(FOLDER):
        path = text.removeprefix(FOLDER)
        return digest_files(FOLDER, get_filesystem(url=path).hash_folder(path, by_content))
    if text.startswith(GLOB):
        pattern = text.removeprefix(GLOB)
        return digest_files(GLOB, get_filesystem(url=pattern).hash_matches(pattern, by_content))
    return get_filesystem(url=text).hash_content(text)


def note(text: str) -> FileFact:
    """The fact of this text as it is now. Raises FileUnreadable."""
    try:
        answer = _asked.answers[text]
    except (AttributeError, KeyError):
        return FileFact(text, current_content(text))
    if isinstance(answer, FileUnreadable):
        raise answer
    return FileFact(text, answer)


@contextmanager
def answered(answers: Mapping[str, Answer]) -> Iterator[None]:
    """What this thread notes inside takes these answers by their texts, and asks only what is not among them."""
    before = getattr(_asked, "answers", {})
    _asked.answers = answers
    try:
        yield
    finally:
        _asked.answers = before


def still_holds(fact: FileFact) -> bool:
    """Whether what a fact is about is as it was when this was noted; what cannot be read is not."""
    try:
        return current_content(fact.path) == fact.content
    except FileUnreadable:
        return False


def texts_about(path: str) -> list[str]:
    """The texts under which a path may have been noted, as a file before all else."""
    kinds = ("", FOLDER, GLOB)
    shards = [GLOB + shards_in(path, format) for format in FORMATS]
    plain = [file_text(path), *(kind + path for kind in kinds[1:]), *shards]
    return plain if "://" not in local_path(path) else [*plain, *(CONTENT + kind + path for kind in kinds)]


def texts_around(path: str) -> list[str]:
    """The texts under which what holds a file may have been noted: its folders and plain patterns, the nearest first.

    A pattern with more than one part that is no name, such as `data/*/x-*.csv`, is not among them.
    """
    ending = os.path.splitext(path)[1]
    endings = dict.fromkeys((f"*{ending}", "*"))
    texts: list[str] = []
    inside, above = path, os.path.dirname(path)
    while above != inside and not above.endswith(":"):
        start = os.path.join(above, "")
        texts += [FOLDER + above] if above else []
        texts += [f"{GLOB}{start}{end}" for end in endings] if inside == path else []
        texts += [f"{GLOB}{start}**/{end}" for end in endings]
        texts.append(f"{GLOB}{start}**")
        inside, above = above, os.path.dirname(above)
    return texts


def is_pattern(text: str) -> bool:
    """Whether a fact with this text is about the files that fit a pattern."""
    return text.removeprefix(CONTENT).startswith(GLOB)


def shown_text(text: str) -> str:
    """The text of a fact as people are shown it: `files data/*.csv` for a pattern."""
    return f"files {text.removeprefix(CONTENT).removeprefix(GLOB)}" if is_pattern(text) else text


_TAGS = {FOLDER: "Folder", GLOB: "Glob"}


def digest_files(word: str, contents: Contents) -> Digest | None:
    """The digest that a fact with this word has, of what is in a folder or fits a pattern; None for no file."""
    if not contents:
        return None
    # Names need not be text: what is not is written as the system gave it.
    named = sorted((name.encode("utf-8", "surrogatepass"), content) for name, content in contents.items())
    return digest_struct(_TAGS[word], *map(list, named))
