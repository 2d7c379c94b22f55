"""Homes of people who share a bucket: each with a database, a key and a list of whom to trust of their own."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from redux.border import Admission
from redux.repo import open_repo
from redux.scheduler import Report, Scheduler
from redux.settings.layers import Settings, SharedSettings
from redux.shared.cache import SharedCache
from redux.shared.opening import share
from redux.trust.keys import SigningKey, public_text
from redux.trust.signers import Signer
from redux_backends.backend import Backend

ANA, BEN, EVE = (SigningKey(bytes([number]) * 32) for number in (1, 2, 3))
INLINE_LIMIT = 200


@dataclass
class Home:
    """Somebody's project in `folder`, who signs with a `key` (None: does not), and trusts `trusted`.

    `allow` are names that anybody's values may run. `said` is what was told of the shared cache in the run that ended
    last, `cache` is that run's.
    """

    folder: Path
    bucket: str
    key: SigningKey | None = None
    trusted: Sequence[Signer] = ()
    allow: tuple[str, ...] = ()
    said: list[str] = field(default_factory=list[str])
    cache: SharedCache | None = None
    inline_limit: int = INLINE_LIMIT

    def settings(self, **shared: Any) -> Settings:
        """Their settings, with these of the shared cache."""
        return Settings(
            self.folder / ".redux",
            f"sqlite:///{self.folder / 'redux.db'}",
            str(self.folder / "values"),
            self.inline_limit,
            shared=replace(SharedSettings(self.bucket, wait=60.0), **shared),
        )

    @contextmanager
    def open(self, options: Any = None, **shared: Any) -> Iterator[Scheduler]:
        """A scheduler of theirs, with `options` of its own."""
        self.folder.mkdir(exist_ok=True)
        if "://" not in self.bucket and not os.path.lexists(self.bucket) and Path(self.bucket).parent.is_dir():
            with suppress(FileExistsError):  # a colleague made it just now
                Path(self.bucket).mkdir(mode=0o700)
        settings = self.settings(**shared)
        self.said = []
        repo = open_repo(settings.database, settings.store, self.inline_limit, admission=Admission(True, self.allow))
        share(repo, settings, self._environment(), None, self.said.append)
        self.cache = repo.shared if isinstance(repo.shared, SharedCache) else None
        try:
            yield Scheduler(repo, **(options or {}))
        finally:
            repo.close()

    def run(self, expression: object, options: Any = None, **shared: Any) -> Report:
        """Run an expression to its end, with what is sent."""
        with self.open(options, **shared) as scheduler:
            return scheduler.execute(expression, ("redux", "run"))

    @contextmanager
    def backend(self) -> Iterator[Backend]:
        """Their database, without the shared cache."""
        settings = self.settings()
        repo = open_repo(settings.database, settings.store, self.inline_limit)
        try:
            yield repo.backend
        finally:
            repo.close()

    def _environment(self) -> dict[str, str]:
        said = {} if self.key is None else {"REDUX_SIGNING_KEY": self.key.text}
        if not self.trusted:
            return said
        path = self.folder / "trust.toml"
        path.write_text("".join(map(_as_toml, self.trusted)))
        os.chmod(path, 0o600)
        return {**said, "REDUX_TRUST": str(path)}


def _as_toml(signer: Signer) -> str:
    since = ""
    if signer.disowned_since is not None:
        moment = datetime.fromtimestamp(signer.disowned_since, UTC).isoformat()
        since = f"disowned_since = {moment if signer.disowned_since else 'true'}\n"
    return (
        f'[signers.{signer.name}]\nkey = "{public_text(signer.key)}"\ntier = "{signer.tier}"\n'
        f"pickles = {str(signer.pickles).lower()}\n{since}"
    )


def counts(report: Report) -> tuple[int, int, int]:
    """How many calls ran, were remembered, and failed."""
    every = report.counts.values()
    return sum(one.done for one in every), sum(one.cached for one in every), sum(one.failed for one in every)
