"""A task's arguments from the words after its name, typed by its signature."""

from __future__ import annotations

import inspect
import typing
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from inspect import Parameter
from typing import Any

from redux.cli.annotations import (
    ANYTHING,
    Unreadable,
    describe_hint,
    is_flag,
    is_secret,
    most_texts,
    read_text,
    read_texts,
    takes_none,
)
from redux.cli.scalars import refusal
from redux.errors import UsageError, nearest
from redux.redaction import REDACTED
from redux.secrets import Secret, seal

_BY_POSITION = (Parameter.POSITIONAL_ONLY, Parameter.POSITIONAL_OR_KEYWORD)
_TRUTHS = {"true": True, "false": False}
"""Words that are the value of the flag before them; others are the next argument."""
_END_OF_VALUES = " (values without a name go before such an option, or after --)"
_READABLE_DEFAULTS = (bool, int, float, str, list, tuple, dict, set, bytes)


@dataclass(frozen=True, slots=True)
class Field:
    """An argument that a task takes: its name, its type, its default."""

    name: str
    hint: Any
    kind: Any
    default: object = Parameter.empty

    @property
    def option(self) -> str:
        """The option that gives it."""
        return "--" + self.name.replace("_", "-")

    @property
    def required(self) -> bool:
        """Whether a call must give it."""
        return self.default is Parameter.empty and self.kind not in (Parameter.VAR_POSITIONAL, Parameter.VAR_KEYWORD)


@dataclass(frozen=True, slots=True)
class TaskForm:
    """What a task takes, as the command line sees it. `words` is how it was named there, for messages."""

    fullname: str
    signature: inspect.Signature
    fields: tuple[Field, ...]
    doc: str

    def option_named(self, name: str) -> Field | None:
        """The argument that an option names, None where there is none."""
        for each in self.fields:
            if each.name == name and each.kind not in (Parameter.VAR_POSITIONAL, Parameter.VAR_KEYWORD):
                return each
        return None

    def variadic(self, kind: Any) -> Field | None:
        """The `*args` or `**kwargs` of the task, None where it has none."""
        return next((each for each in self.fields if each.kind is kind), None)


@dataclass(frozen=True, slots=True)
class CallWords:
    """The arguments to call a task with."""

    args: tuple[object, ...]
    kwargs: dict[str, object]


def read_form(fullname: str, func: Callable[..., object], secret: Collection[str] = ()) -> TaskForm:
    """What the function of a task takes; `secret` are the arguments that it is given in plain and nobody else."""
    signature = inspect.signature(func)
    hints = _hints(inspect.unwrap(func))
    fields = tuple(
        _field(name, _hint(hints.get(name, Parameter.empty), each.default), each, name in secret)
        for name, each in signature.parameters.items()
    )
    shown = [_without_secret(each) if each.name in secret else each for each in signature.parameters.values()]
    return TaskForm(fullname, signature.replace(parameters=shown), fields, inspect.getdoc(func) or "")


def _without_secret(parameter: Parameter) -> Parameter:
    default = parameter.default
    return parameter if default is Parameter.empty else parameter.replace(default=seal(default))


def _field(name: str, hint: Any, parameter: Parameter, secret: bool) -> Field:
    if not secret or is_secret(hint):
        return Field(name, hint, parameter.kind, parameter.default)
    default = parameter.default if parameter.default is Parameter.empty else seal(parameter.default)
    return Field(name, Secret[hint] | None if takes_none(hint) else Secret[hint], parameter.kind, default)


def _hints(func: Callable[..., object]) -> Mapping[str, Any]:
    """A function's annotations, evaluated where they can be."""
    try:
        return typing.get_type_hints(func, include_extras=True)
    except Exception:  # a name that only a type checker sees; the others still count
        return {name: _evaluate(said, func) for name, said in getattr(func, "__annotations__", {}).items()}


def _evaluate(said: object, func: Callable[..., object]) -> Any:
    if not isinstance(said, str):
        return said
    try:
        return eval(said, getattr(func, "__globals__", {}))
    except Exception:
        return ANYTHING


def _hint(said: Any, default: object) -> Any:
    """The annotation; without one the type of the default, or anything."""
    if said is not Parameter.empty:
        return said
    return type(default) if type(default) in _READABLE_DEFAULTS else ANYTHING


# -- words to values ---------------------------------------------------------------------------------


def wants_help(form: TaskForm, words: Sequence[str]) -> bool:
    """Whether the words after a task's name ask for its help."""
    before_end = words[: words.index("--")] if "--" in words else words
    return "-h" in before_end or ("--help" in before_end and form.option_named("help") is None)


def read_arguments(
    form: TaskForm, words: Sequence[str], own_options: Sequence[str] = (), command: str = "run"
) -> CallWords:
    """The call that the words after a task's name ask for. Raises UsageError.

    `own_options` are those of the `command` itself, which are looked for here by mistake.
    """
    misplaced = [word for word in words if word in own_options and form.option_named(_name_in(word)) is None]
    if misplaced and form.variadic(Parameter.VAR_KEYWORD) is None:
        raise UsageError(
            f"{misplaced[0]} is an option of `redux {command}` and goes before the file: after {form.fullname} stands "
            "what the task takes"
        )
    given = _sort_words(form, words)
    values: dict[str, object] = dict(given.decided)
    for name, texts in given.texts.items():
        values[name] = _convert(form, _require(form, name), texts)
    _check_complete(form, values, given)
    return _as_call(form, values, given)


@dataclass(slots=True)
class _Given:
    texts: dict[str, list[str]] = field(default_factory=dict)
    decided: dict[str, object] = field(default_factory=dict)
    """values that an option gave by itself: flags, and `--no-…`"""
    rest: list[object] = field(default_factory=list)
    extra: dict[str, object] = field(default_factory=dict)


def _sort_words(form: TaskForm, words: Sequence[str]) -> _Given:
    given, positional, waiting = _Given(), [], list(words)
    while waiting:
        word = waiting.pop(0)
        if word == "--":
            positional += waiting
            break
        if _is_option(word):
            _take_option(form, given, word, waiting)
        else:
            positional.append(word)
    _place(form, given, positional)
    return given


def _is_option(word: str) -> bool:
    """Whether a word is an option: `-5`, `-` and `-.5` are values."""
    return word.startswith("--") or (len(word) > 1 and word[0] == "-" and not (word[1].isdigit() or word[1] == "."))


def _name_in(option: str) -> str:
    return option.lstrip("-").replace("-", "_")


def _take_option(form: TaskForm, given: _Given, word: str, waiting: list[str]) -> None:
    said, equals, value = word.partition("=")
    name = _name_in(said)
    found = form.option_named(name) if word.startswith("--") else None
    if found is None:
        _take_unusual(form, given, said, name, value if equals else None, waiting)
    elif is_flag(found.hint) and not equals:
        said_so = bool(waiting) and waiting[0].lower() in _TRUTHS
        _decide(form, given, found, _TRUTHS[waiting.pop(0).lower()] if said_so else True)
    else:
        for text in [value] if equals else _next_values(form, found, waiting):
            _add_text(form, given, found, text)


def _take_unusual(form: TaskForm, given: _Given, said: str, name: str, value: str | None, waiting: list[str]) -> None:
    """`--no-…` of a flag or of what may be None, or an option for `**kwargs`."""
    negated = form.option_named(name.removeprefix("no_")) if name.startswith("no_") else None
    extra = form.variadic(Parameter.VAR_KEYWORD)
    if negated is not None and value is None and is_flag(negated.hint):
        _decide(form, given, negated, False)
    elif negated is not None and value is None and (takes_none(negated.hint) or negated.default is None):
        _decide(form, given, negated, None)
    elif extra is not None and said.startswith("--") and name.isidentifier():
        one = Field(name, extra.hint, extra.kind)
        given.extra[name] = _convert(form, one, _next_values(form, one, waiting) if value is None else [value])
    else:
        options = [each.option for each in form.fields if form.option_named(each.name)]
        hint = nearest(said, options) or _listing(options)
        raise UsageError(f"task {form.fullname} has no option {said}{hint}")


def _listing(options: Sequence[str]) -> str:
    return f"; it takes {', '.join(options)}" if options else "; it takes no arguments"


def _decide(form: TaskForm, given: _Given, one: Field, value: object) -> None:
    if one.name in given.decided or one.name in given.texts:
        raise UsageError(f"{one.option} of task {form.fullname} is given twice; leave one out")
    given.decided[one.name] = value


def _add_text(form: TaskForm, given: _Given, one: Field, text: str) -> None:
    if one.name in given.decided or (one.name in given.texts and most_texts(one.hint) == 1):
        raise UsageError(f"{one.option} of task {form.fullname} is given twice; leave one out")
    given.texts.setdefault(one.name, []).append(text)


def _next_values(form: TaskForm, one: Field, waiting: list[str]) -> list[str]:
    """The words that belong to an option: one, or where it takes several all up to the next option or `--`.

    Raises UsageError where a word after a whole JSON value could be one more, or a value without a name.
    """
    texts, most = [_next_value(form, one, waiting)], most_texts(one.hint)
    if most > 1 and waiting and not _is_option(waiting[0]) and _is_whole(texts[0], one):
        raise UsageError(
            f"{one.option} of task {form.fullname} has all of its value in {texts[0]!r}, so {waiting[0]!r} could be "
            "for another argument: put that before the option, or after --"
        )
    while len(texts) < most and waiting and not _is_option(waiting[0]):
        texts.append(waiting.pop(0))
    return texts


def _is_whole(text: str, one: Field) -> bool:
    """Whether a text is a JSON array or object that stands for all of what an option takes."""
    if not text.lstrip().startswith(("[", "{")):
        return False
    try:
        read_text(text, one.hint)
    except Unreadable:
        return False
    return True


def _next_value(form: TaskForm, one: Field, waiting: list[str]) -> str:
    if not waiting or (waiting[0].startswith("--") and waiting[0] != "--"):
        tail = f" (a value that begins with -- goes as {one.option}={waiting[0]})" if waiting else ""
        raise UsageError(f"{one.option} of task {form.fullname} needs a value: {describe_hint(one.hint)}{tail}")
    return waiting.pop(0)


def _place(form: TaskForm, given: _Given, positional: list[str]) -> None:
    """Give values without a name to the arguments in order that no option gave."""
    rest = form.variadic(Parameter.VAR_POSITIONAL)
    places = [each for each in form.fields if each.kind in _BY_POSITION]
    free = [each for each in places if each.name not in given.texts and each.name not in given.decided]
    for each, text in zip(free, positional, strict=False):
        given.texts[each.name] = [text]
    left = positional[len(free) :]
    if left and rest is None:
        most = f"at most {len(places)} values" if places else "no values without a name"
        raise UsageError(f"task {form.fullname} takes {most}, so {left[0]!r} has no place")
    given.rest = [_convert(form, rest, [text]) for text in left] if rest is not None else []


def read_value(one: Field, texts: list[str]) -> object:
    """The value of an argument that texts stand for: one, or several where it takes several. Raises Unreadable."""
    if most_texts(one.hint) > 1:
        return read_texts(texts, one.hint)
    if len(texts) > 1:
        raise Unreadable("given once")
    return read_text(texts[0], one.hint)


def _convert(form: TaskForm, one: Field, texts: list[str]) -> object:
    try:
        return read_value(one, texts)
    except Unreadable as error:
        tail = _END_OF_VALUES if len(texts) > 1 else ""
        shown = [REDACTED] if is_secret(one.hint) else texts
        raise UsageError(f"{one.option} of task {form.fullname} {refusal(error, shown)}{tail}") from None


def _require(form: TaskForm, name: str) -> Field:
    found = form.option_named(name)
    assert found is not None
    return found


def _check_complete(form: TaskForm, values: Mapping[str, object], given: _Given) -> None:
    left_out = [each for each in form.fields if each.required and each.name not in values]
    if left_out:
        missing = [f"{each.option} {describe_hint(each.hint)}" for each in left_out]
        several = [name for name, texts in given.texts.items() if len(texts) > 1]
        took = (
            f"; --{several[0].replace('_', '-')} took {' '.join(map(repr, given.texts[several[0]]))}" if several else ""
        )
        took += _END_OF_VALUES if several else ""
        raise UsageError(f"task {form.fullname} needs {' and '.join(missing)}{took}; `--help` after its name shows all")


def _as_call(form: TaskForm, values: Mapping[str, object], given: _Given) -> CallWords:
    """The values as the signature takes them, defaults filled in where a later positional value needs them."""
    args: list[object] = []
    kwargs: dict[str, object] = {}
    for each in form.fields:
        if each.kind is Parameter.VAR_POSITIONAL:
            args += given.rest
        elif each.kind is Parameter.VAR_KEYWORD:
            kwargs.update(given.extra)
        elif each.kind is Parameter.POSITIONAL_ONLY or (each.kind in _BY_POSITION and given.rest):
            args.append(values.get(each.name, each.default))
        elif each.name in values:
            kwargs[each.name] = values[each.name]
    return CallWords(tuple(args), kwargs)
