"""Names that look as if a secret stood behind them, and command lines without what such names are given."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from itertools import islice
from typing import cast

from redux.redaction import REDACTED
from redux_valuestore.urls import without_password

_WORDS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")
_SECRET = frozenset(
    {"password", "passwords", "passwd", "passphrase", "pwd", "secret", "secrets", "credential", "credentials", "apikey"}
    | {"token", "accesstoken", "authtoken", "privatekey", "secretkey", "accesskey"}
)
"""The last word of a name that says: a secret."""
_OF_A_KEY = frozenset({"api", "private", "secret", "access", "auth", "signing", "encryption", "license"})
_OF_NO_TOKEN = frozenset(
    {"pad", "padding", "bos", "eos", "sos", "unk", "unknown", "mask", "sep", "cls", "start", "end", "stop", "special"}
    | {"next", "first", "last", "page", "per", "n", "num", "max", "min", "each", "new", "image", "text", "prefix"}
    | {"continuation", "cancellation", "cancel", "sync", "word", "class", "separator", "current", "previous", "prev"}
)
"""Before `token`: of a text, or of a list in pages."""
_OF_A_LOGIN = frozenset({"user", "db", "database", "my", "login", "smtp", "ftp", "ssh", "admin", "root", "mysql", "pg"})
"""Before `pass`, which else goes through something."""
_ASKS = frozenset(
    {"is", "has", "use", "uses", "with", "without", "no", "not", "needs", "need", "requires", "require", "show", "hide"}
    | {"allow", "check", "reset", "forgot", "ask"}
)
"""The first word of a name that says yes or no."""

_OPTION = re.compile(r"--?([A-Za-z][\w.-]*)")
_ASSIGNED = re.compile(r"(-{0,2}[A-Za-z_][\w.-]*)=(.+)", re.DOTALL)
_IN_A_QUERY = re.compile(r"([?&;]([A-Za-z_][\w.-]*)=)([^&;#\s]+)")
_IN_WORDS = re.compile(r"""((?:^|(?<=[\s=]))([A-Za-z_][\w.-]*)\s*=\s*)('(?:[^'\\]|\\.)*'|[^\s'&;#]+)""")
"""As libpq takes what it connects to."""
_IN_JSON = re.compile(r"""((["'])([A-Za-z_][\w.-]*)\2\s*:\s*)("(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|-?\d[\w.+-]*)""")
_IN_A_HEADER = re.compile(r"(?i)\b((?:authorization\s*:\s*)?(?:bearer|basic|token)\s+)[\w.~+/=-]{8,}")
_SAYS_WHERE = re.compile(r"-|env:\w+|file:.+")
"""A word that says only where the secret is."""


@lru_cache(maxsize=4096)
def looks_secret(name: str) -> bool:
    """Whether a name of a parameter, an option or a setting looks as if its value were a secret.

    The last word of it says so: `api_token` and `dbPassword` do, `tokens_per_batch`, `token_count` and `pad_token` not.
    """
    words = [word.lower() for word in _WORDS.findall(name.rpartition(".")[2])]
    if not words or words[0] in _ASKS:
        return False
    last, before = words[-1], words[-2] if len(words) > 1 else ""
    if last == "token":
        return before not in _OF_NO_TOKEN
    if last == "pass":
        return before in _OF_A_LOGIN
    if last in ("key", "keys"):
        return before in _OF_A_KEY
    return last in _SECRET


def redacted_words(words: Sequence[str]) -> tuple[str, ...]:
    """The words of a command line without passwords in URLs and without what options are given that look secret."""
    told: list[str] = []
    follows = False
    for word in words:
        is_option = _OPTION.fullmatch(word)
        if follows and not word.startswith("--"):
            told.append(word if _SAYS_WHERE.fullmatch(word) else REDACTED)
            follows = False
            continue
        follows = is_option is not None and looks_secret(is_option[1])
        told.append(redacted_word(word))
    return tuple(told)


def redacted_word(word: str) -> str:
    """One word of a command line likewise: `NAME=VALUE`, JSON, headers and URLs are looked into."""
    assigned = _ASSIGNED.fullmatch(word)
    if assigned is not None and looks_secret(assigned[1].lstrip("-")):
        return word if _SAYS_WHERE.fullmatch(assigned[2]) else f"{assigned[1]}={REDACTED}"
    return redacted_text(word)


def redacted_text(text: str) -> str:
    """A text in which a URL, a header or JSON may have a secret, without it."""
    if "=" in text:
        for known in (_IN_A_QUERY, _IN_WORDS):
            text = known.sub(lambda found: found[1] + (REDACTED if looks_secret(found[2]) else found[3]), text)
    if ":" in text:
        text = _IN_JSON.sub(lambda found: found[1] + (f'"{REDACTED}"' if looks_secret(found[3]) else found[4]), text)
    if "://" in text:
        text = without_password(text)
    return _IN_A_HEADER.sub(rf"\1{REDACTED}", text)


def is_hidden(preview: str) -> bool:
    """Whether a preview is all of a secret, or of what looks like one."""
    return preview in (REDACTED, f"Secret({REDACTED})")


def hides(name: object, value: object, within: object = None) -> bool:
    """Whether a name looks secret and what is under it, in `within`, is a text, or several things."""
    if not isinstance(name, str) or type(value) not in _MAY_SAY or not value or not looks_secret(name):
        return False
    return not lists_neighbours(value, within)


def lists_neighbours(value: object, within: object) -> bool:
    """Whether something is a list of nodes in a graph, told by the mapping `within` of each node to such a list.

    There a node's name says nothing about what is under it: a module is called `secrets`.
    """
    if type(within) is not dict or type(value) not in _LISTS:
        return False
    graph = cast("dict[object, object]", within)
    if not all(type(one) in _LISTS for one in islice(graph.values(), _PARTS)):
        return False
    return all(type(part) is str and part in graph for part in islice(cast("list[object]", value), _PARTS))


_PARTS = 1_000
"""How many nodes, and neighbours of one, are looked at."""
_LISTS = frozenset({list, tuple, set, frozenset})
_MAY_SAY = frozenset({str, bytes, bytearray, list, tuple, dict, set, frozenset})


def hides_part(preview: str) -> bool:
    """Whether a preview hides what is under a name: not a Secret, nor what a text in it is without already."""
    return REDACTED in preview and _UNDER_A_NAME.search(_QUOTED.sub("''", preview)) is not None


_UNDER_A_NAME = re.compile(f"(: |=){REDACTED}")
_QUOTED = re.compile(r"""'(?:[^'\\]|\\.)*('|$)|"(?:[^"\\]|\\.)*("|$)""")


def shown_under(name: str, preview: str) -> str:
    """The preview of an argument under its name: redacted where that looks secret and the value is a text."""
    head, _, rest = name.partition("[")
    inner = rest.rstrip("]")
    named = looks_secret(head) or (bool(inner) and not inner.isdigit() and looks_secret(inner))
    return REDACTED if named and preview.lstrip("b")[:1] in ("'", '"') else preview
