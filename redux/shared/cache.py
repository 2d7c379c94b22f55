"""The shared cache as a run uses it: what a wave lacks is taken, what a run makes is sent behind it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress

from redux.shared.behind import Behind
from redux.shared.bucket import Bucket
from redux.shared.notices import TROUBLE, UNWRITABLE
from redux.shared.sampling import Differs, Sampling, differs_words
from redux.shared.sending import Sent
from redux.shared.taking import Taker
from redux.shared.unsent import Unsent
from redux.words.measures import show_count, show_size
from redux_backends.records import ExecutionId, Seconds
from redux_valuestore.digest import Digest
from redux_valuestore.errors import ReduxError

LOOKED_AT_AFTER: Seconds = 60.0
"""After so long a session's next execution asks anew what is there."""

_NONE: frozenset[Digest] = frozenset()


class SharedCache:
    """A `repo.Shared`: reads by `taker` and writes by `behind`, each None where the settings leave it out.

    `differing` are the calls in the sample that gave something else in the execution that ended last.
    """

    def __init__(
        self, bucket: Bucket, taker: Taker | None, behind: Behind | Unsent | None, wait: Seconds, sampling: Sampling
    ) -> None:
        self.bucket = bucket
        self.taker = taker
        self.behind = behind
        self.sampling = sampling
        self.differing: list[Differs] = []
        self._wait = wait
        self._execution = b""
        self._waited = False

    def bring(self, evals: Sequence[Digest]) -> frozenset[Digest]:
        """See `repo.Shared`."""
        return _NONE if self.taker is None else self.taker.bring(evals)

    def refused(self, evals: Iterable[Digest]) -> frozenset[Digest]:
        """See `repo.Shared`."""
        return _NONE if self.taker is None else self.taker.refused(evals)

    def choose_sample(self, evals: Iterable[Digest]) -> frozenset[Digest]:
        """See `repo.Shared`."""
        with suppress(ReduxError):  # a database in trouble is told of by who records
            return self.sampling.choose(self._execution, evals)
        return _NONE

    def begin(self, execution: ExecutionId) -> None:
        """See `repo.Shared`."""
        self._execution = execution
        if self.bucket.look_anew_after(LOOKED_AT_AFTER) and self.taker is not None:
            self.taker.ask_anew()
        if self.behind is not None:
            self.behind.begin(execution)

    def end(self, execution: ExecutionId) -> None:
        """See `repo.Shared`."""
        self._compare_sample(execution)
        if self.behind is not None:
            self.behind.end(execution)

    def _compare_sample(self, execution: ExecutionId) -> None:
        """Tell of calls in the sample that gave something else; they are kept in `differing`."""
        with suppress(ReduxError):  # a database in trouble is told of by who records
            self.differing = self.sampling.differing(execution)
        for one in self.differing:
            name = self.bucket.believing.name_of(one.signer)
            self.bucket.notices.tell(f"differs {one}", differs_words(one, name))

    def wait(self, tell: Callable[[str], None]) -> None:
        """See `repo.Shared`."""
        if self.behind is not None and not self._waited:
            self._waited = True
            if not self.behind.wait(self._wait, lambda sent: tell(sent_so_far(sent))) and self.behind.left:
                self.bucket.notices.tell(
                    "unfinished",
                    "not all of this run is in the shared cache yet; the next run goes on with it, or "
                    "`redux cache push`",
                    TROUBLE,
                    UNWRITABLE,
                )

    def close(self) -> None:
        """See `repo.Shared`."""
        self.wait(lambda words: None)
        if self.behind is not None:
            self.behind.close()
        self.bucket.close()


def sent_so_far(sent: Sent) -> str:
    """How far sending is, in words."""
    if not sent.of:
        return "looking what the shared cache has not yet"
    return f"sending {sent.calls:,} of {show_count(sent.of, 'call')} to the shared cache, {show_size(sent.bytes)}"
