"""Lists of paths beside one's own settings, which commands keep: a table each in a file that only we can change."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, Protocol, TypeVar, cast

from redux.errors import ConfigError
from redux.tables import parse_toml
from redux.trust.guarded import changing, read_guarded, write_whole


class HasPath(Protocol):
    """What is in such a list, found by its path: absolute, and without links."""

    @property
    def path(self) -> Path:
        """By which it is found."""
        ...


T = TypeVar("T", bound=HasPath)


@dataclass(frozen=True, slots=True)
class PathList(Generic[T]):
    """The list in the file `name`, whose tables are called `table`, below a `beginning` in words.

    `parse` gives what a table says, None where it is not as redux writes it; `tell` gives the lines of one. `remedy` is
    what to do once a damaged file is removed.
    """

    name: str
    table: str
    beginning: str
    remedy: str
    parse: Callable[[Mapping[str, object]], T | None]
    tell: Callable[[T], str]

    def read(self, user_file: Path | None) -> Mapping[Path, T]:
        """What is in it, by paths, beside one's settings, `user_file`. Raises `TrustRefused`, `ConfigError`."""
        path = None if user_file is None else self._file(user_file)
        text = None if path is None else read_guarded(path)
        return {} if text is None else {one.path: one for one in self._parsed(text, str(path))}

    def keep(self, user_file: Path, one: T) -> None:
        """Put something into it, in the place of what had its path. Raises `TrustRefused`, `ConfigError`."""
        with changing(self._file(user_file)):
            known = self.read(user_file)
            if known.get(one.path) != one:
                self._write(user_file, {**known, one.path: one})

    def take_off(self, user_file: Path, path: Path) -> T | None:
        """Take what has a path out of it, and give that. Raises `TrustRefused`, `ConfigError`."""
        real = Path(os.path.realpath(path))
        if real not in self.read(user_file):
            return None
        with changing(self._file(user_file)):
            known = dict(self.read(user_file))
            found = known.pop(real, None)
            self._write(user_file, known)
        return found

    def _file(self, user_file: Path) -> Path:
        return user_file.with_name(self.name)

    def _write(self, user_file: Path, known: Mapping[Path, T]) -> None:
        # Written anew each time: nothing in it is for people to write.
        tables = [f"[[{self.table}]]\n{self.tell(one)}" for _, one in sorted(known.items())]
        write_whole(self._file(user_file), "\n".join([self.beginning, *tables]))

    def _parsed(self, text: str, origin: str) -> list[T]:
        try:
            said = parse_toml(text).get(self.table, [])
        except ValueError as error:
            raise ConfigError(origin, f"cannot be read as TOML: {error}; remove it, and {self.remedy}") from None
        found: list[T] = []
        for one in cast("list[object]", said) if isinstance(said, list) else [said]:
            told = self.parse(cast("dict[str, object]", one) if isinstance(one, dict) else {})
            if told is None:
                raise ConfigError(origin, f"is not as redux writes it; remove it, and {self.remedy}")
            found.append(told)
        return found
