"""How values become bytes and come back: one module a family of types; `redux.value` is the door."""
