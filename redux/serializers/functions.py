"""Functions as values: what an annotation calls them, and how the command line names them."""

from __future__ import annotations

from types import FunctionType
from typing import Any

from redux.serializers.names import thing_named
from redux.serializers.trouble import CannotDecode
from redux.serializers.values import ProxyValue


class Function(ProxyValue):
    """A function at the top of a module, as a value: known by its name and its code, all that it uses included."""

    __slots__ = ()
    type = FunctionType
    type_name = "builtins.function"

    @property
    def fullname(self) -> str:
        """Module and name, as in `helpers.normalise`."""
        return f"{self.instance.__module__}.{self.instance.__qualname__}"

    @classmethod
    def parse_arg(cls, raw_type: type[Any], arg: str) -> Any:
        """The function, task or class of the dotted name `arg`, whatever the `raw_type`. Raises ValueError for none."""
        module, _, name = arg.rpartition(".")
        if not module:
            raise ValueError(f"{arg!r} names no module; give module and name, as in package.module.function")
        try:
            found = thing_named(f"{module}:{name}")
        except CannotDecode as error:
            raise ValueError(str(error)) from error
        if not callable(found):
            raise ValueError(f"{arg} cannot be called; name a function, a task or a class")
        return found
