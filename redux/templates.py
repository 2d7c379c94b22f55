"""Texts made of templates by Jinja, which is an extra and imported only here."""

from __future__ import annotations

from collections.abc import Mapping

from redux.file import Dir, File
from redux_valuestore.errors import ReduxError


class MissingLibrary(ReduxError):
    """A library is needed that an extra brings: `library` by name, and `extra`."""

    exit_code = 2

    def __init__(self, what: str, library: str, extra: str) -> None:
        self.library, self.extra = library, extra
        super().__init__(f"{what} needs {library}, which is not installed: pip install 'redux-cache[{extra}]'")


def rendered(template: File, variables: Mapping[str, object], others: Dir | str) -> str:
    """What Jinja makes of a `template`; `others` is the folder of templates that it may include or extend.

    A newline at its end stays. Raises OSError, MissingLibrary, and Jinja's errors, with the template's name: a variable
    without a value is one.
    """
    try:
        import jinja2  # noqa: PLC0415 - an extra, and slow
    except ModuleNotFoundError:
        raise MissingLibrary("render_template", "jinja2", "templates") from None

    def load(name: str) -> str | None:
        file = folder.file(name)
        return file.read() if file.exists() else None

    folder = Dir(others or ".") if isinstance(others, str) else others
    environment = jinja2.Environment(
        loader=jinja2.FunctionLoader(load), undefined=jinja2.StrictUndefined, keep_trailing_newline=True
    )
    text = template.read()
    try:
        return environment.from_string(text).render(variables)
    except jinja2.TemplateError as error:
        has = ", ".join(variables) or "none"
        error.add_note(f"it is about template {template.path}; mend it, or its variables: it was given {has}")
        raise
