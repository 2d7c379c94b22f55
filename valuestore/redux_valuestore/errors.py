"""The root of every error redux raises; `redux.errors` draws the whole tree."""

from __future__ import annotations


class ReduxError(Exception):
    """Something redux can explain: what is wrong, with which id or path, and what to do about it."""

    exit_code = 1
