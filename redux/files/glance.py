"""What files hold at one moment, for many questions at once."""

from __future__ import annotations

from collections.abc import Iterable

from redux.files.facts import current_content
from redux.files.trouble import FileUnreadable
from redux_backends.records import FileFact
from redux_valuestore.digest import Digest

_AT_ONCE = 16


class Glance:
    """Whether facts hold, each text asked once however many facts have it, and those at URLs many at a time."""

    def __init__(self) -> None:
        self._seen: dict[str, Digest | FileUnreadable | None] = {}

    def ask_ahead(self, facts: Iterable[FileFact]) -> None:
        """Ask about what is at URLs, where every answer is waited for."""
        texts = list({fact.path for fact in facts if "://" in fact.path and fact.path not in self._seen})
        if len(texts) < 2:
            return
        from concurrent.futures import ThreadPoolExecutor  # noqa: PLC0415 - only for URLs

        with ThreadPoolExecutor(min(_AT_ONCE, len(texts))) as threads:
            self._seen.update(zip(texts, threads.map(_look, texts), strict=True))

    def holds(self, fact: FileFact) -> bool:
        """Whether what a fact is about was as it says when first asked; what cannot be read is not."""
        try:
            return self._seen[fact.path] == fact.content
        except KeyError:
            seen = self._seen[fact.path] = _look(fact.path)
            return seen == fact.content


def _look(text: str) -> Digest | FileUnreadable | None:
    try:
        return current_content(text)
    except FileUnreadable as error:
        return error
