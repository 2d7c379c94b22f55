"""How values are encoded whose types bring hooks: the plan that they would have, with what the hooks say around it."""

from __future__ import annotations

from typing import Any

from redux.serializers import wire
from redux.serializers.encoded import Encoded
from redux.serializers.file_cache import plan_cached, serialized
from redux.serializers.hooks import Hooks
from redux.serializers.names import name_of
from redux.serializers.packing import Packing, Plan
from redux.serializers.registry import registry
from redux.serializers.trouble import CannotEncode
from redux_backends.records import Traits


def with_hooks(hooks: Hooks, plain: Plan) -> Plan:
    """The plan of a type with hooks; `plain` is the one that it would have without them."""
    plan = plain
    if hooks.is_cached:
        plan = plan_cached(hooks, plain)
    elif hooks.serialize is not None:
        plan = _plan_bytes(hooks)
    if hooks.subvalues is not None:
        plan = _plan_subvalues(hooks, plan)
    return _plan_asked(plan) if hooks.asked else plan


def _plan_bytes(hooks: Hooks) -> Plan:
    def plan(value: Any, packing: Packing) -> object:
        data = serialized(value, hooks)
        packing.note_code(hooks.owner)
        packing.need_trust()
        parts = name_of(hooks.owner), name_of(type(value)), hooks.format(value), data
        return packing.tagged(wire.SERIALIZED, parts)

    return plan


def _plan_subvalues(hooks: Hooks, inner: Plan) -> Plan:
    def plan(value: Any, packing: Packing) -> object:
        assert hooks.subvalues is not None
        parts = [_encode_part(part, packing) for part in hooks.subvalues(value)]
        for part in parts:
            packing.split_off(part)
        return [wire.HOLDING, inner(value, packing), b"".join(part.hash for part in parts)]

    return plan


def _encode_part(value: Any, packing: Packing) -> Encoded:
    own = registry.format_of(type(value))
    encoded = (own.encode(value) if own is not None else None) or packing.encode_apart(value)
    if encoded.traits & Traits.EXPRESSIONS:
        raise CannotEncode(value, "is, or holds, a lazy expression", "let iter_subvalues give what it stands for")
    return encoded


def _plan_asked(inner: Plan) -> Plan:
    def plan(value: Any, packing: Packing) -> object:
        packing.ask()
        return inner(value, packing)

    return plan
