"""What can go wrong with keys and with the files that say whom one believes."""

from __future__ import annotations

from pathlib import Path

from redux.errors import ReduxError, UsageError


class KeyRefused(UsageError):
    """A key cannot be used, as `why` says; what was given is never repeated, since it may be secret."""


class SigningMissing(UsageError):
    """What signs and verifies is not installed."""

    def __init__(self) -> None:
        super().__init__("signatures need the library cryptography; `pip install 'redux-cache[signing]'`")


class TrustRefused(ReduxError):
    """The file at `path` says whom to believe, or is a secret key, and is not to be relied on, as `why` says."""

    exit_code = 4

    def __init__(self, path: Path, why: str) -> None:
        self.path = path
        super().__init__(f"{path} {why}")
