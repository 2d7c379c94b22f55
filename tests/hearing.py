"""What a process does is heard: code that is run, modules that are imported, programs, lines to elsewhere, writing."""

from __future__ import annotations

import os
import sys
import sysconfig
from collections.abc import Sequence
from pathlib import Path
from types import CodeType, FrameType

ROOT = Path(__file__).resolve().parent.parent
PROGRAMS = frozenset(
    {
        "os.system", "os.exec", "os.fork", "os.forkpty", "os.posix_spawn", "os.spawn", "os.startfile", "pty.spawn",
        "subprocess.Popen", "webbrowser.open", "socket.connect", "socket.getaddrinfo", "socket.bind", "urllib.Request",
        "pickle.find_class", "code.__new__", "cpython.run_command", "cpython.run_file", "os.kill",
        "builtins.input", "builtins.breakpoint", "sqlite3.load_extension",
    }
)  # fmt: skip
"""What nobody who only looks at something does."""
CHANGES = {
    "os.remove": 1, "os.rename": 2, "os.mkdir": 1, "os.rmdir": 1, "os.link": 2, "os.symlink": 2, "os.chmod": 1,
    "os.truncate": 1, "os.chown": 1, "os.utime": 1, "shutil.rmtree": 1, "shutil.move": 2,
}  # fmt: skip
"""What changes a folder, and how many of its arguments are paths."""
WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
NAMED = ("evil", "antigravity", "runpy", "pdb", "turtle")
"""How modules begin that only hostile things name."""


OWN = tuple(str(ROOT / each) + os.sep for each in ("redux", "backends", "valuestore", "tests"))
LIBRARIES = tuple(sysconfig.get_path(each) + os.sep for each in ("stdlib", "platstdlib", "purelib", "platlib"))


class Ear:
    """Hears what this process does, from `listen` on. Files may be written below the folders `writes`.

    `heard` has what should not have been, while it `heeds`; `about` is put before each, so that one knows what did it.
    Where it `asks`, addresses may be asked that are numbers. Code may also come
    from the files `sources`.
    """

    def __init__(self, writes: Sequence[Path], sources: Sequence[Path] = ()) -> None:
        self._writes = tuple(str(each) + os.sep for each in writes)
        self._homes = (*OWN, *LIBRARIES, "<frozen ", *map(str, sources))
        self.heard: list[str] = []
        self.about = ""
        self.heeds = False
        self.asks = False

    def may_write(self, *folders: Path) -> None:
        """Have files be written below more folders."""
        self._writes += tuple(str(each) + os.sep for each in folders)

    def listen(self) -> None:
        """Begin to hear; there is no end to it."""
        sys.addaudithook(self._hear)

    def _hear(self, event: str, args: tuple[object, ...]) -> None:
        why = self._why(event, args) if self.heeds else None
        if why is not None:
            caller = _caller()
            by = "" if caller is None else f" by {caller.f_code.co_filename}:{caller.f_lineno}"
            self.heard.append(f"{self.about}: {event} {why}"[:400] + by)

    def _why(self, event: str, args: tuple[object, ...]) -> str | None:
        if self.asks and event in ("socket.connect", "socket.bind"):
            return None
        if event in PROGRAMS:
            return repr(args)
        if event == "import":
            return repr(args[0]) if str(args[0]).startswith(NAMED) else None
        if event == "exec":
            return self._of_code(args[0])
        if event == "open":
            return self._of_file(*args)
        if event in CHANGES:
            inside = event.startswith("os.") and args[-1] not in (-1, None)  # a folder that is open: nobody tells which
            changed = [self._whole(each) for each in args[: CHANGES[event]] if not inside or os.path.isabs(str(each))]
            return None if all(each is None or self._may_write(each) for each in changed) else repr(changed)
        return None

    def _of_code(self, code: object) -> str | None:
        """Code counts that is not in a file of Python's, of a library's or of redux."""
        if not isinstance(code, CodeType) or code.co_filename.startswith(self._homes):
            return None
        caller = _caller()
        # Libraries make some of texts, such as the methods of a dataclass; redux itself makes none.
        made = caller is not None and caller.f_code.co_filename.startswith(LIBRARIES)
        return None if made and code.co_filename.startswith("<") else code.co_filename

    def _of_file(self, path: object, mode: object, flags: object) -> str | None:
        writes = isinstance(flags, int) and flags & WRITES
        if isinstance(path, int) or not (writes or (isinstance(mode, str) and set(mode) & set("wax+"))):
            return None
        whole = self._whole(path)
        return None if whole is None or self._may_write(whole) else whole

    def _whole(self, path: object) -> str | None:
        """The whole path; None for what is opened below a folder that is open: where that is nobody tells."""
        if not isinstance(path, str | bytes | os.PathLike):
            return None
        said = os.fsdecode(path)
        caller = _caller()
        if not os.path.isabs(said) and caller is not None and caller.f_code.co_filename.endswith("disk.py"):
            return None
        return os.path.realpath(said)

    def _may_write(self, path: str) -> bool:
        return f"{path}{os.sep}".startswith(self._writes) or path in ("/dev/null", "None")


def _caller() -> FrameType | None:
    """The innermost frame that is not of this module."""
    frame: FrameType | None = sys._getframe()
    while frame is not None and frame.f_code.co_filename == __file__:
        frame = frame.f_back
    return frame
