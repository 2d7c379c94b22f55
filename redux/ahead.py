"""What Files at URLs hold, asked about many of them at once before the values that they are in are encoded."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress

from redux.files.facts import Answer, answered
from redux.files.file import File
from redux.files.folders import FileSet
from redux.files.glance import Glance
from redux.files.places import any_urls
from redux.nested import ATOMS, replace_parts
from redux.value import Lazy

__all__ = ["Answer", "Glance", "answered", "any_urls", "asked_together", "remote_texts"]


def remote_texts(value: object) -> set[str]:
    """The texts of the facts at URLs that a value holds, in containers and records."""
    texts: set[str] = set()

    def look(part: object) -> object:
        if type(part) in ATOMS or isinstance(part, Lazy):
            return part
        if isinstance(part, (File, FileSet)):
            texts.update(text for text in part.texts() if "://" in text)
            return part
        return replace_parts(part, look)

    with suppress(RecursionError):  # it contains itself, or is too deep: encoding it says so, and where
        look(value)
    return texts


@contextmanager
def asked_together(value: object) -> Iterator[None]:
    """Inside, this thread encodes the value without asking about its Files at URLs one after another."""
    texts: Iterable[str] = remote_texts(value) if any_urls() else ()
    if not texts:
        yield
        return
    glance = Glance()
    glance.ask_ahead(texts)
    with answered(glance.answers):
        yield
