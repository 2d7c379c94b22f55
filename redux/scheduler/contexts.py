"""What is recorded of contexts: the one of an execution once, and that of each job whose context is another."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence

from redux.repo import Repo
from redux.scheduler.jobs import Job
from redux.secrets import without_plain
from redux.tables import thaw
from redux.tags import parse_tag_value
from redux.value import encode
from redux_backends.backend import CONTEXT
from redux_backends.records import ExecutionId, Tag, ValueRecord
from redux_valuestore.digest import Digest
from redux_valuestore.errors import ReduxError


class Contexts:
    """The contexts of one execution, as tags that name a value; `note_values` takes the values.

    `here` is that of all jobs here which have no other, where the execution's is another.
    """

    def __init__(
        self, repo: Repo, execution: ExecutionId, note_values: Callable[[Sequence[ValueRecord]], None]
    ) -> None:
        self._repo = repo
        self._execution = execution
        self._note_values = note_values
        self._kept: set[bytes] = set()
        self.here: bytes = b""

    def begin(self, context: Mapping[str, object]) -> Sequence[Tag]:
        """The tag of an execution that begins in a context; none where that is empty, or has no encoding."""
        kept = self._keep(context) if context else None
        return () if kept is None else (self._tag("execution", self._execution, kept),)

    def go_on(self, context: Mapping[str, object]) -> None:
        """Go on with an execution that others began: where its context is another, all jobs here are to tell theirs."""
        tags = self._repo.backend.get_tags((self._execution,)).get(self._execution, ())
        told = [parse_tag_value(tag.value or "null") for tag in tags if tag.key == CONTEXT]
        if told or context:
            here = self._keep(context)
            self.here = b"" if here is None or here.hex() in told else here

    def of_job(self, job: Job) -> Sequence[Tag]:
        """The tag of a job; none where its context is the execution's."""
        context = job.context_hash or self.here
        if not context:
            return ()
        if context not in self._kept:
            self._keep(job.context)
        return (self._tag("job", job.id, context),)

    def _keep(self, context: Mapping[str, object]) -> Digest | None:
        plain = without_plain(thaw(context))
        try:
            encoded = encode(plain)
        except ReduxError:  # what is not taken from it need not have an encoding
            return None
        self._note_values(self._repo.keep(encoded, plain))
        self._kept.add(encoded.hash)
        return encoded.hash

    @staticmethod
    def _tag(kind: str, entity: bytes, context: bytes) -> Tag:
        return Tag(kind, entity, CONTEXT, json.dumps(context.hex()))
