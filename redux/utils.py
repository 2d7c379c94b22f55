"""A door for workflows that come from redun: these names live in `redux.nested` and `redux.multimap`."""

from redux.multimap import MultiMap
from redux.nested import iter_nested_value, map_nested_value

__all__ = ["MultiMap", "iter_nested_value", "map_nested_value"]
