"""`KEY=VALUE` words of `redux run`: its tags, its context, and what the setup function is given."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from inspect import Parameter

from redux.cli.annotations import Unreadable, describe_hint
from redux.cli.arguments import Field, read_form, read_value
from redux.cli.scalars import refusal
from redux.errors import UsageError, nearest
from redux.settings.setup import SetupFunction
from redux.tables import Table, merge, nest
from redux.tags import ANY_VALUE, as_tags, given_tags, parse_tag_key_value, parse_tag_value
from redux_backends.backend import TagFilter


@dataclass(frozen=True, slots=True)
class About:
    """What is said of an execution besides what it runs: its tags, what it is for, words for the setup function."""

    tags: tuple[tuple[str, object], ...] = ()
    doc: str | None = None
    setup: tuple[str, ...] = ()


def read_tags(words: Sequence[str]) -> list[tuple[str, object]]:
    """The tags of `--tag KEY=VALUE`; a value is JSON where it can be read so, else text. Raises TagError."""
    tags = [parse_tag_key_value(word) for word in words]
    given_tags(tags)
    return tags


def read_wanted(words: Sequence[str]) -> list[TagFilter]:
    """The tags that `KEY[=VALUE]` words ask for; a key alone asks for any value of it. Raises TagError."""
    asked = [parse_tag_key_value(word, value_required=False) for word in words]
    return [TagFilter(key, None if value is ANY_VALUE else as_tags([(key, value)])[0][1]) for key, value in asked]


def read_context(words: Sequence[str]) -> Table | None:
    """The context of `--context a.b=VALUE`, values as those of tags; None where none is given. Raises UsageError."""
    context: Table = {}
    for word in words:
        name, equals, value = word.partition("=")
        if not equals or not all(part and part == part.strip() for part in name.split(".")):
            raise UsageError(f"--context {word} gives nothing: write NAME=VALUE, as in --context database.port=5432")
        context = merge(context, nest(name, parse_tag_value(value)))
    return context or None


def read_setup(setup: SetupFunction, words: Sequence[str]) -> Mapping[str, object]:
    """What the setup function is called with: `--setup KEY=VALUE`, typed by its signature. Raises UsageError."""
    form = read_form(setup.name, setup.func)
    known = {each.name: each for each in form.fields if each.kind is not Parameter.VAR_POSITIONAL}
    extra = form.variadic(Parameter.VAR_KEYWORD)
    given: dict[str, list[str]] = {}
    for word in words:
        key, equals, value = word.partition("=")
        name = key.replace("-", "_")
        if not equals:
            raise UsageError(f"--setup {word} gives nothing: write KEY=VALUE")
        if name not in known and extra is None:
            takes = f"; it takes {', '.join(known)}" if known else "; it takes nothing"
            raise UsageError(f"--setup {word}: {setup.name} has no {name}{nearest(name, known) or takes}")
        given.setdefault(name, []).append(value)
    for each in known.values():
        if each.required and each.name not in given:
            raise UsageError(f"{setup.name} needs --setup {each.name}={describe_hint(each.hint).upper()}")
    return {name: _value(known.get(name) or extra, name, texts) for name, texts in given.items()}


def _value(field: Field | None, name: str, texts: list[str]) -> object:
    assert field is not None
    try:
        return read_value(field, texts)
    except Unreadable as error:
        raise UsageError(f"--setup {name} {refusal(error, texts)}") from None
