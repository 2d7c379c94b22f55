"""Records on their way in: which of their values may not come, and which are to be decoded with caution."""

from __future__ import annotations

from dataclasses import replace

from redux.border.admission import Admission, NotAdmitted
from redux.border.judging import NoValue, judge
from redux_backends.exchange import Records
from redux_backends.records import Traits, ValueRecord
from redux_valuestore.digest import Digest


def admit(records: Records, admission: Admission) -> frozenset[Digest]:
    """The hashes of the values among some records that are not admitted; of those in a store only the record is known.

    A call whose result is one of them cannot be reused here. One that only has it as an argument can: arguments of what
    is found are not decoded.
    """
    return frozenset(value.hash for value in records.values if not _is_admitted(value, admission))


def _is_admitted(value: ValueRecord, admission: Admission) -> bool:
    if value.data is None:
        return not value.traits & Traits.TRUST or admission.pickles or bool(admission.allow)
    try:
        admission.admit(value.data, value.traits)
    except (NotAdmitted, NoValue):
        return False
    return True


def marked(records: Records, admission: Admission) -> Records:
    """The same records, those values marked as foreign that are not plain data: they are decoded with caution.

    Where their makers may have code run there is nothing to mark.
    """
    if admission.pickles:
        return records
    return replace(records, values=[marked_value(value) for value in records.values])


def marked_value(value: ValueRecord) -> ValueRecord:
    """The record of a value, marked as foreign unless its bytes are plain data."""
    return value if _is_plain(value) else replace(value, traits=value.traits | Traits.FOREIGN)


def unmarked_value(value: ValueRecord) -> ValueRecord:
    """The record of a value as it leaves: who takes it decides what is foreign there."""
    return replace(value, traits=value.traits & ~Traits.FOREIGN) if value.traits & Traits.FOREIGN else value


def _is_plain(value: ValueRecord) -> bool:
    if value.data is None or value.files:  # files are looked at, whatever the bytes are
        return False
    try:
        return not judge(value.data).careful
    except NoValue:
        return False
