"""What may come in from elsewhere: values judged by their bytes alone, before they are kept here or decoded."""

from redux.border.admission import Admission, NotAdmitted
from redux.border.crossing import admit, marked, marked_value, unmarked_value
from redux.border.judging import Needs, NoValue, judge
from redux.border.origin import CACHE_TAG, FROM_TAG, Arrival, came_from_elsewhere, leaving
from redux.border.places import admission_of, is_private

__all__ = [
    "CACHE_TAG",
    "FROM_TAG",
    "Admission",
    "Arrival",
    "Needs",
    "NoValue",
    "NotAdmitted",
    "admission_of",
    "admit",
    "came_from_elsewhere",
    "is_private",
    "judge",
    "leaving",
    "marked",
    "marked_value",
    "unmarked_value",
]
