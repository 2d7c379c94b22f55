"""What can be wrong with what is found in a bucket: each error names the object, and says what is wrong."""

from __future__ import annotations

from redux_valuestore.errors import ReduxError


class SharedError(ReduxError):
    """The object `name` of a shared cache is at fault, as `why` says."""

    exit_code = 4

    def __init__(self, name: str, why: str) -> None:
        self.name, self.why = name, why
        super().__init__(f"{name}: {why}")


class BentPack(SharedError):
    """A pack is not as somebody made and signed it; what it should have is made anew."""


class BentIndex(SharedError):
    """An index object is not as somebody made it; the packs that only it names are not found."""


class SharedBent(SharedError):
    """What says that a folder is a shared cache, and in which format, cannot be understood."""


class SharedNewer(SharedError):
    """The shared cache is in the format of a newer redux."""


class PackTooLarge(SharedError):
    """So many records make no pack that anybody would read; fewer calls at a time may."""
