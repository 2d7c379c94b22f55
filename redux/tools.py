"""Tasks that many workflows need: copying files and folders, filling in templates, looking at a value."""

from __future__ import annotations

from typing import Any, TypeVar

from redux.file import Dir, File
from redux.task import task
from redux.templates import rendered

__all__ = ["copy_dir", "copy_file", "copy_files", "debug_task", "render_template"]

redux_namespace = "redux.tools"
T = TypeVar("T")


@task(version="1")
def copy_file(src_file: File, dest_path: str, skip_if_exists: bool = False) -> File:
    """The File at `dest_path` (a path or URL), with the content of `src_file`; copied again when either is changed.

    With `skip_if_exists` a file that is there stays as it is. Errors: OSError.
    """
    return src_file.copy_to(type(src_file)(dest_path), skip_if_exists)


@task(version="1")
def copy_files(src_files: list[File], dest_paths: list[str], skip_if_exists: bool = False) -> list[File]:
    """The `src_files` copied side by side, each to the one of `dest_paths` in its place: see `copy_file`.

    `skip_if_exists` is for each. Errors: OSError; ValueError where there are more of the ones than of the others.
    """
    return [copy_file(source, target, skip_if_exists) for source, target in zip(src_files, dest_paths, strict=True)]


@task(version="1")
def copy_dir(src_dir: Dir, dest_path: str, skip_if_exists: bool = False) -> Dir:
    """The Dir at `dest_path` (a path or URL), with all files of `src_dir`; what else is there stays.

    With `skip_if_exists` a folder that is there stays as it is. Errors: OSError.
    """
    return src_dir.copy_to(type(src_dir)(dest_path), skip_if_exists)


@task(version="2")
def render_template(
    out_path: str, template: File, context: dict[str, Any], template_dir: Dir | str | None = None
) -> File:
    """The File at `out_path`, with what Jinja makes of a template and the variables in `context`.

    The template may include or extend others from `template_dir`; a Dir runs it again when one of them changes, a path
    doesn't. Needs Jinja: `pip install 'redux-cache[templates]'`. Errors: MissingLibrary without it; Jinja's
    `UndefinedError` for a variable without a value, `TemplateSyntaxError`, `TemplateNotFound`; OSError.
    """
    out = File(out_path)
    out.write(rendered(template.read(), context, template_dir))
    return out


@task(version="1", executor="inline", cache_scope="NONE")
def debug_task(value: T) -> T:
    """The value itself, once you have looked at it in the debugger that opens."""
    breakpoint()
    return value
