"""The help of a task: how it is called from the command line, its doc, its arguments with types and defaults."""

from __future__ import annotations

import inspect
import textwrap
from collections.abc import Sequence
from enum import Enum
from inspect import Parameter
from pathlib import PurePath
from typing import Any

from redux.cli.annotations import describe_hint, is_flag, is_secret, most_texts
from redux.cli.arguments import Field, TaskForm

_LINE = 100
_OF_SECRETS = "A Secret is given as env:NAME (a variable), file:PATH, - (asked for, or a line of input), or as it is."


def task_help(form: TaskForm, command: str) -> str:
    """The help of a task: how to call it from the command line, its doc, its arguments with types and defaults."""
    parts = [f"Usage: {command} {_usage(form.fields)}".rstrip(), textwrap.indent(_shown_signature(form), "  ")]
    if form.doc:
        parts.append(textwrap.indent(form.doc, "  "))
    if form.fields:
        rows = [(_left(each), _right(each)) for each in form.fields]
        width = min(max(len(left) for left, _ in rows), 36)
        parts.append("Arguments:\n" + "\n".join(f"  {left:<{width}}  {right}".rstrip() for left, right in rows))
    if any(is_secret(each.hint) for each in form.fields):
        parts.append(_OF_SECRETS)
    return "\n\n".join(parts) + "\n"


def list_forms(forms: Sequence[TaskForm]) -> str:
    """Tasks with their signatures, each with the first line of its doc."""
    lines: list[str] = []
    for form in forms:
        whole = form.fullname + str(_unquoted(form.signature))
        lines.append("  " + (whole if len(whole) <= _LINE else whole[: _LINE - 1] + "…"))
        lines += [f"      {line}" for line in form.doc.splitlines()[:1]]
    return "\n".join(lines)


def _shown_signature(form: TaskForm) -> str:
    """The signature with its annotations as they were written, on several lines where it is long."""
    signature = _unquoted(form.signature)
    name = form.fullname.rpartition(".")[2]
    whole = name + str(signature)
    if len(whole) <= _LINE:
        return whole
    returned = signature.return_annotation
    tail = "" if returned is Parameter.empty else f" -> {inspect.formatannotation(returned)}"
    return "\n".join(
        [f"{name}(", *(f"    {each}," for each in _with_marks([*signature.parameters.values()])), f"){tail}"]
    )


def _unquoted(signature: inspect.Signature) -> inspect.Signature:
    """A signature whose annotations that are texts are shown without quotes."""
    parameters = [each.replace(annotation=_Written(each.annotation)) for each in signature.parameters.values()]
    return signature.replace(parameters=parameters, return_annotation=_Written(signature.return_annotation))


def _with_marks(parameters: Sequence[Parameter]) -> list[str]:
    """Parameters as text, with the `/` and `*` that stand between their kinds."""
    shown: list[str] = []
    before: Parameter | None = None
    for each in parameters:
        if before is not None and before.kind is Parameter.POSITIONAL_ONLY and each.kind is not before.kind:
            shown.append("/")
        starts_named = before is None or before.kind not in (Parameter.VAR_POSITIONAL, Parameter.KEYWORD_ONLY)
        if each.kind is Parameter.KEYWORD_ONLY and starts_named:
            shown.append("*")
        shown.append(str(each))
        before = each
    return shown


class _Written:
    """An annotation whose repr is its text without quotes."""

    def __new__(cls, said: Any) -> Any:
        return super().__new__(cls) if isinstance(said, str) else said

    def __init__(self, said: str) -> None:
        self._said = said

    def __repr__(self) -> str:
        return self._said


def _usage(fields: Sequence[Field]) -> str:
    """The arguments in the usage line: where there are many, only those that must be given."""
    shown = [_usage_of(each) for each in fields]
    if len(" ".join(shown)) <= _LINE // 2:
        return " ".join(shown)
    return " ".join([*(_usage_of(each) for each in fields if each.required), "[--ARGUMENT VALUE …]"])


def _usage_of(each: Field) -> str:
    if each.kind is Parameter.VAR_POSITIONAL:
        return f"[{each.name.upper()} …]"
    if each.kind is Parameter.VAR_KEYWORD:
        return "[--NAME VALUE …]"
    several = "…" if most_texts(each.hint) > 1 else ""
    shown = each.option if is_flag(each.hint) else f"{each.option} {each.name.upper()}{several}"
    return shown if each.required else f"[{shown}]"


def _left(each: Field) -> str:
    if each.kind is Parameter.VAR_POSITIONAL:
        return f"{each.name.upper()} …  {describe_hint(each.hint)}"
    if each.kind is Parameter.VAR_KEYWORD:
        return f"--NAME {describe_hint(each.hint)}"
    if is_flag(each.hint):
        return f"{each.option} / --no-{each.option[2:]}"
    return f"{each.option} {describe_hint(each.hint)}"


def _right(each: Field) -> str:
    if each.kind in (Parameter.VAR_POSITIONAL, Parameter.VAR_KEYWORD):
        return "any number"
    if each.required:
        return "required"
    if is_flag(each.hint):
        return f"default: {'yes' if each.default else 'no'}"
    return f"default: {_shown_default(each.default)}"


def _shown_default(default: object) -> str:
    if isinstance(default, Enum):
        return default.name
    shown = str(default) if isinstance(default, PurePath) else repr(default)
    return shown if len(shown) <= 60 else shown[:59] + "…"
