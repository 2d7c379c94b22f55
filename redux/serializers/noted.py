"""What is met while a value is built that has a say in whether the value is still valid."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from redux.serializers.hooks import hooks_of
from redux.serializers.names import class_named, thing_named
from redux.serializers.registry import registry
from redux.serializers.trouble import CannotDecode
from redux.serializers.values import ProxyValue


class Noted:
    """The instances to be asked, and the names of functions and classes whose code is not what it was."""

    __slots__ = ("_instances", "changed")

    def __init__(self) -> None:
        self._instances: dict[int, Any] = {}
        self.changed: list[str] = []

    def see(self, made: object) -> object:
        """Note an object just built, if its type wants to be asked; gives it back."""
        hooks = hooks_of(type(made))
        if hooks is not None and hooks.is_valid is not None:
            self._instances[id(made)] = made
        return made

    def refer(self, name: str, code: bytes | None) -> object:
        """The function or class of a name, noted where its code is not the one of this digest. Raises CannotDecode."""
        thing = thing_named(name)
        if code is not None and registry.code is not None and registry.code.code_hash(thing) != code:
            self.changed.append(name.replace(":", "."))
        return thing

    def compare_proxies(self, classes: Mapping[str, bytes]) -> None:
        """Note the proxies among classes whose code has not this digest any more."""
        if registry.code is None:
            return
        for name, code in classes.items():
            with suppress(CannotDecode):  # a class that is gone may have another name now
                kind = class_named(name)
                if issubclass(kind, ProxyValue) and registry.code.class_hash(kind) != code:
                    self.changed.append(name.replace(":", "."))

    def refusal(self) -> str | None:
        """The type of the first instance that says it is not valid, or cannot say; None where all say they are.

        Runs the code of these types.
        """
        for instance in self._instances.values():
            hooks = hooks_of(type(instance))
            assert hooks is not None
            assert hooks.is_valid is not None
            name = hooks.name
            try:
                if not hooks.is_valid(instance):
                    return name
            except Exception as error:  # somebody's code: what cannot say that it is valid is not reused
                return f"{name} (its is_valid raised {type(error).__name__}: {error!s:.200})"
        return None
