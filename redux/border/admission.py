"""What values from elsewhere may do here: a policy as data."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from redux.border.judging import judge
from redux.serializers import wire
from redux.serializers.foreign import Caution, is_allowed
from redux.serializers.trouble import CannotDecode
from redux.value import content_of
from redux_backends.records import Traits
from redux_valuestore.errors import ReduxError

if TYPE_CHECKING:
    from typing_extensions import Buffer


_LAZY = frozenset({wire.LAZY, wire.LAZY_REDUCED})


class NotAdmitted(ReduxError):
    """A value from elsewhere needs more trust than those have who made it, or than its record says."""


@dataclass(frozen=True, slots=True)
class Admission:
    """What those may do whose values come in.

    `pickles`: their values may run any code when they are decoded here, as one's own may. `allow` are names that
    values of anybody may import and run: `pkg.mod.Class` or `pkg.mod.*`.
    """

    pickles: bool = False
    allow: tuple[str, ...] = ()

    def admit(self, data: Buffer, traits: Traits) -> None:
        """Judge a value by its bytes, and by the `traits` that its record claims. Nothing is decoded.

        Classes of which it has instances are looked up when it is decoded, by whoever has imported them. Raises
        `NotAdmitted`, and `NoValue` for what is none.
        """
        needs = judge(data)
        lies = needs.traits & ~traits
        if lies:
            said = " | ".join(trait.name or "" for trait in Traits if trait & lies)
            raise NotAdmitted(
                f"its record does not say all that it holds ({said}): who made it lies, or it is damaged; have its "
                "call run here"
            )
        if not needs.code or self.pickles:
            return
        refused = sorted(name for name in needs.runs if not is_allowed(name, self.allow))
        if needs.pickled and not self.allow:
            refused.append("a pickle")
        if refused:
            raise NotAdmitted(
                f"to be decoded it runs {refused[0].replace(':', '.')[:120]}; trust who made it with pickles, list that"
                " name in the setting values.allow, or have its call run here"
            )

    def caution(self, data: Buffer, traits: Traits) -> Caution:
        """With how much caution a value is decoded whose record has these `traits`. Raises CannotDecode for a lie."""
        begins = bytes(content_of(data)[:5])
        if begins[: begins.find(b"\n") + 1] in _LAZY and not traits & Traits.EXPRESSIONS:
            raise CannotDecode("a value from elsewhere is an expression, and its record denies it; run its call here")
        return Caution(self.allow, traits)
