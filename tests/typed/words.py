"""Context, tags, namespaces, and rules of one's own."""

# pyright: reportUnnecessaryTypeIgnoreComment=true

from __future__ import annotations

from typing import Any, assert_type

from redux import get_context, get_current_namespace, namespace, task
from redux.backends.base import TagEntity
from redux.context import get_context_value, has_context_value
from redux.namespace import compute_namespace
from redux.rules import (
    AsyncRule,
    Begun,
    ContextAsked,
    Effect,
    Grafted,
    OptionsAsked,
    Registered,
    RuleExists,
    Settle,
    Settled,
    Steps,
    Surroundings,
    SurroundingsAsked,
    TagsNoted,
    UnknownRule,
    rule,
    start,
)
from redux.tags import (
    ANY_VALUE,
    TagError,
    Tags,
    as_tags,
    format_tag_key_value,
    format_tag_value,
    given_tags,
    parse_tag_key_value,
    parse_tag_value,
)
from redux_valuestore.errors import ReduxError

namespace("typed.words")
assert_type(get_current_namespace(), str)


@task
def greet(name: str, greeting: str = get_context("greeting", "hello")) -> str:
    return f"{greeting} {name}"


def contexts(context: dict[str, object]) -> None:
    assert_type(get_context("a.b"), Any)
    assert_type(get_context("a.b", None), Any)
    assert_type(get_context("a.b", 3), int)
    assert_type(get_context_value(context, "a.b"), Any)
    assert_type(has_context_value(context, "a.b"), bool)
    assert_type(compute_namespace(contexts), str)
    get_context(3)  # pyright: ignore[reportArgumentType]


def tags() -> None:
    assert_type(parse_tag_value("3"), Any)
    assert_type(parse_tag_key_value("a=3"), tuple[str, Any])
    assert_type(format_tag_value([3]), str)
    assert_type(format_tag_key_value("a", ANY_VALUE, max_length=20), str)
    assert_type(as_tags({"a": 3}), Tags)
    assert_type(given_tags({"a": 3}), Tags)
    assert_type([kind.value for kind in TagEntity], list[str])
    as_tags(3)  # pyright: ignore[reportArgumentType]
    raise TagError("no tag")


def same(one: int) -> int:
    return one


@rule("typed.words.either")
def either(one: int, other: int) -> Steps[int]:
    """The value of the first that comes to one."""
    outcomes: list[Settled] = yield Settle(one, other)
    values: list[Any] = [outcome.get() for outcome in outcomes if outcome.error is None]
    yield Begun(other)
    yield TagsNoted(values[0], (("a", "1"),))
    effects: list[Effect] = [ContextAsked(), OptionsAsked(), Grafted(()), SurroundingsAsked()]
    around: Surroundings = yield effects[3]
    assert_type(around.context["a"], object)
    assert_type(around.silent, bool)
    return values[0]


def rules() -> None:
    register: Registered = rule("typed.words.same")
    assert_type(register(same)(3), int)
    errors: list[ReduxError] = [AsyncRule("typed.words.same"), RuleExists("typed.words.same", "a.py", "b.py")]
    assert_type(errors[0].exit_code, int)
    assert_type(either(1, 2), int)
    assert_type(start("typed.words.either", (1, 2)), Steps[object])
    either("a", 2)  # pyright: ignore[reportArgumentType]
    raise UnknownRule("typed.words.neither")
