"""A password that a command gives, asked for each connection: it is kept nowhere, and shown to nobody."""

from __future__ import annotations

import shlex
import subprocess

from redux_backends.errors import BackendUnavailable

PATIENCE_SECONDS = 60.0
"""How long a command may take, as where it asks somebody."""


def ask_password(command: str, place: str) -> str:
    """What a command says on standard output, but for the end of its line; `place` is the database that asks.

    Raises BackendUnavailable where it cannot be run, fails or says nothing; never with what it said.
    """
    words = command.split()
    try:
        words = shlex.split(command)
        ended = subprocess.run(words, stdin=subprocess.DEVNULL, capture_output=True, timeout=PATIENCE_SECONDS)
        said = ended.stdout.decode().rstrip("\r\n")
    except subprocess.TimeoutExpired:
        why = f"gave none within {PATIENCE_SECONDS:.0f} s"
    except (OSError, ValueError, IndexError) as error:
        why = f"cannot be run ({getattr(error, 'strerror', None) or type(error).__name__})"
    else:
        if ended.returncode == 0 and said:
            return said
        why = "gave none" if ended.returncode == 0 else f"failed with status {ended.returncode}"
    program = (words or [command])[0]
    # Neither the whole command nor what it said is repeated: either may hold a secret.
    raise BackendUnavailable(
        f"cannot use the database {place}: {program!r}, which password_command names to give its password, "
        f"{why}; run the command by itself to see why",
        place,
    ) from None
