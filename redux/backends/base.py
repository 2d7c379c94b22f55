"""A door for workflows that come from redun: `TagEntity` lives in `redux_backends.records`."""

from redux_backends.records import TagEntity

__all__ = ["TagEntity"]
