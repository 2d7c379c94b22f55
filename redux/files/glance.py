"""What files hold at one moment, for many questions at once."""

from __future__ import annotations

from collections.abc import Iterable

from redux.files.facts import Answer, current_content
from redux.files.trouble import FileUnreadable
from redux_backends.records import FileFact

_AT_ONCE = 16


class Glance:
    """Whether facts hold, each text asked once however many facts have it, and those at URLs many at a time."""

    def __init__(self) -> None:
        self.answers: dict[str, Answer] = {}

    def ask_ahead(self, texts: Iterable[str]) -> None:
        """Ask about what is at URLs, where every answer is waited for."""
        unasked = list({text for text in texts if "://" in text and text not in self.answers})
        if len(unasked) < 2:
            return
        from concurrent.futures import ThreadPoolExecutor  # noqa: PLC0415 - only for URLs

        with ThreadPoolExecutor(min(_AT_ONCE, len(unasked))) as threads:
            self.answers.update(zip(unasked, threads.map(_look, unasked), strict=True))

    def holds(self, fact: FileFact) -> bool:
        """Whether what a fact is about was as it says when first asked; what cannot be read is not."""
        try:
            return self.answers[fact.path] == fact.content
        except KeyError:
            seen = self.answers[fact.path] = _look(fact.path)
            return seen == fact.content


def _look(text: str) -> Answer:
    try:
        return current_content(text)
    except FileUnreadable as error:
        return error
