"""Whose a file or folder is, and who besides may write to it: all that asks it asks here."""

from __future__ import annotations

import os
import stat

OTHERS_WRITE = stat.S_IWGRP | stat.S_IWOTH


def is_mine(owner: int) -> bool:
    """Whether what this user owns is one's own, and nobody else's.

    That is asked of a history, and of values that may run code: what root wrote there is another person's work.
    """
    return not hasattr(os, "geteuid") or owner == os.geteuid()


def is_mine_or_roots(owner: int) -> bool:
    """Whether what this user owns is one's own, or the system's.

    That is asked of files that say whom one believes, and of the folders above them: root could change these anyway.
    """
    return not hasattr(os, "geteuid") or owner in (os.geteuid(), 0)


def other_writers(about: os.stat_result) -> int:
    """The bits by which others can write to a file or folder; not those of a group that is one's own alone."""
    bits = about.st_mode & OTHERS_WRITE
    return bits & ~stat.S_IWGRP if bits & stat.S_IWGRP and _is_alone_in(about.st_gid) else bits


def _is_alone_in(group: int) -> bool:
    """Whether a group is that of one user, as most systems make one for each."""
    import grp  # noqa: PLC0415 - not on Windows
    import pwd  # noqa: PLC0415

    try:
        known, me = grp.getgrgid(group), pwd.getpwuid(os.geteuid())
    except KeyError:
        return False
    return known.gr_name == me.pw_name and group == me.pw_gid and not set(known.gr_mem) - {me.pw_name}


def lets_replace(folder: os.stat_result) -> bool:
    """Whether others can put something else in the place of what is in a folder and not theirs."""
    return bool(other_writers(folder)) and not folder.st_mode & stat.S_ISVTX
