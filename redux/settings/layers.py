"""Settings as data: those in force, what one source says of them, and where sources are."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Literal

PickleRule = Literal["refuse", "allow"]
SharedMode = Literal["read-write", "read-only", "write-only", "off"]
SharedRule = Literal["no", "group"]
TrustRule = Literal["private", "writers"]

DEFAULT_INLINE_LIMIT = 16 * 1024
"""Bytes: values up to this size are rows of the database, larger ones go to the value store."""

NOTHING: Mapping[str, object] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class ExecutorSettings:
    """A place for tasks to run, from `[executors.<name>]`: its type, and all else that the table says, read-only."""

    name: str
    type: str
    options: Mapping[str, object] = field(default_factory=lambda: NOTHING)


@dataclass(frozen=True, slots=True)
class Entrypoint:
    """A task of another project, from `[federated_tasks.<name>]`: its full name, the module or file that has it.

    `config_dir` is that project's folder (None: this one's), `executor` where the job waits for it.
    """

    name: str
    task: str
    load_module: str
    config_dir: str | None = None
    executor: str | None = None
    description: str = ""


@dataclass(frozen=True, slots=True)
class OtherRepo:
    """Another repository to exchange records with, from `[repos.<name>]`.

    `url` is a database's, or the path of a `.redux` folder; `store` is where its large values are (None: as that
    folder's settings say, or in `values` beside an SQLite file). `password_command` gives the password of a database
    on a server, where its URL has none.
    """

    name: str
    url: str
    store: str | None = None
    password_command: str | None = None


@dataclass(frozen=True, slots=True)
class SharedSettings:
    """The shared cache at `url` (None: there is none), from `[shared]`: how it is used, and what is believed of it."""

    url: str | None = None
    mode: SharedMode = "read-write"
    offline: bool = False
    """whether nothing is asked of it now, nor sent there"""
    wait: float = 10.0
    """seconds that a run waits at its end for what it sends"""
    timeout: float = 5.0
    """seconds until it counts as not reachable"""
    epoch: int = 0
    """records of other epochs do not count"""
    verify_sample: float = 0.0
    """the part of the calls found there that is made again all the same, from 0 to 1, to see that they give that"""
    unsigned: bool = False
    """whether records that nobody signed are believed, and may be sent"""
    believe: tuple[str, ...] | None = None
    """the tiers of signers that are believed (None: all that the list of trusted keys has)"""
    named_by_project: bool = False
    """whether the URL is said by the project alone: by no flag, variable or settings file of the user's own"""


@dataclass(frozen=True, slots=True)
class Settings:
    """All that a command needs to know; locations are absolute. `project` is the `.redux` folder, if any."""

    project: Path | None
    database: str
    store: str
    inline_limit: int = DEFAULT_INLINE_LIMIT
    store_shared: SharedRule = "no"
    """who besides the owner may read and write the `.redux` folder"""
    password_command: str | None = None
    """what gives the password of a database on a server"""
    executor: str = "threads"
    """`threads`, `processes`, or the name of one of `executors`"""
    workers: int | None = None
    cache: bool = True
    keep_going: bool = False
    single_flight: bool | None = None
    """whether a call that another execution runs is waited for; None: where the database tells of it"""
    status_interval: float = 20.0
    """seconds between two tables of jobs where standard error is no terminal; none from 0 down"""
    pickle: PickleRule = "refuse"
    trust: TrustRule = "private"
    """whose values may run code to be decoded: those of a database that nobody else writes, or of all who write it"""
    allow: tuple[str, ...] = ()
    """names that values from elsewhere may import and run: `pkg.mod.Class`, `pkg.mod.*`"""
    setup: str | None = None
    """`file.py::function`, which is asked for further settings"""
    context: Mapping[str, object] = field(default_factory=lambda: NOTHING)
    """what `get_context` gives, read-only"""
    limits: tuple[tuple[str, int], ...] = ()
    """how many of what may be in use at once, by name"""
    executors: tuple[ExecutorSettings, ...] = ()
    federated_tasks: tuple[Entrypoint, ...] = ()
    repos: tuple[OtherRepo, ...] = ()
    shared: SharedSettings = SharedSettings()


@dataclass(frozen=True, slots=True)
class Layer:
    """What one source of settings says; None where it says nothing."""

    database: str | None = None
    store: str | None = None
    inline_limit: int | None = None
    store_shared: SharedRule | None = None
    password_command: str | None = None
    executor: str | None = None
    workers: int | None = None
    cache: bool | None = None
    keep_going: bool | None = None
    single_flight: bool | None = None
    status_interval: float | None = None
    pickle: PickleRule | None = None
    trust: TrustRule | None = None
    allow: tuple[str, ...] | None = None
    setup: str | None = None
    context_file: Path | None = None
    """a file whose context comes below this layer's own"""
    context: Mapping[str, object] | None = None
    limits: tuple[tuple[str, int], ...] | None = None
    executors: tuple[ExecutorSettings, ...] | None = None
    federated_tasks: tuple[Entrypoint, ...] | None = None
    repos: tuple[OtherRepo, ...] | None = None
    shared_url: str | None = None
    shared_mode: SharedMode | None = None
    shared_offline: bool | None = None
    shared_wait: float | None = None
    shared_timeout: float | None = None
    shared_epoch: int | None = None
    shared_verify_sample: float | None = None
    shared_unsigned: bool | None = None
    shared_believe: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class Sources:
    """Where settings come from. Only the command line fills this in from the process around it."""

    folder: Path
    """the current folder, where the search for `.redux` begins"""
    environment: Mapping[str, str]
    user_file: Path | None = None
    flags: Layer = Layer()
    project: Path | None = None
    """the `.redux` folder given by a flag"""
    setup: Layer | None = None
    """what the setup function said"""


OriginKind = Literal["flag", "setup", "environment", "project", "user", "default"]


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a setting comes from: `name` is the flag, the function, the variable or the file; empty for a default."""

    kind: OriginKind
    name: str = ""


@dataclass(frozen=True, slots=True)
class Said:
    """A layer with its origin; that of flags and variables is told by the setting."""

    origin: Origin
    layer: Layer
