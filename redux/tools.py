"""Tasks that many workflows need: copying files and folders, filling in templates, looking at a value."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from redux.file import Dir, File
from redux.task import task
from redux.tasks.options import NO_OPTIONS
from redux.templates import rendered

__all__ = ["copy_dir", "copy_file", "copy_files", "debug_task", "render_template"]

redux_namespace = "redux.tools"
T = TypeVar("T")


@task(version="2")
def copy_file(src_file: File, dest_path: str, skip_if_exists: bool = False) -> File:
    """The File at `dest_path` (a path or URL), with the content of `src_file`; copied again when either is changed.

    A `dest_path` that ends with `/` is the folder for it. With `skip_if_exists` a file that is there stays as it is.
    Errors: OSError.
    """
    place = dest_path + src_file.basename() if dest_path.endswith("/") else dest_path
    return src_file.copy_to(type(src_file)(place), skip_if_exists)


@task(version="2", config_args=["copy_options"])
def copy_files(
    src_files: list[File],
    dest_paths: list[str],
    skip_if_exists: bool = False,
    copy_options: Mapping[str, Any] = NO_OPTIONS,
) -> list[File]:
    """The `src_files` copied side by side, each to the one of `dest_paths` in its place: see `copy_file`.

    `skip_if_exists` is for each, and so are `copy_options`, such as `{"executor": "processes"}`. Errors: OSError;
    ValueError where there are more of the ones than of the others; TaskError for an option that is none.
    """
    if len(src_files) != len(dest_paths):
        raise ValueError(
            f"copy_files has {len(src_files)} files and {len(dest_paths)} paths; give each file its own path"
        )
    copy: Any = copy_file.options(**copy_options)
    return [copy(source, target, skip_if_exists) for source, target in zip(src_files, dest_paths, strict=True)]


@task(version="2", config_args=["copy_options"])
def copy_dir(
    src_dir: Dir, dest_path: str, skip_if_exists: bool = False, copy_options: Mapping[str, Any] = NO_OPTIONS
) -> Dir:
    """The Dir at `dest_path` (a path or URL), with all files of `src_dir`; what else is there stays.

    Each file is a call of `copy_file` with `copy_options`; with `skip_if_exists` those that are there stay as they are.
    Errors: OSError; TaskError for an option that is none.
    """
    target, files = type(src_dir)(dest_path), src_dir.files
    places = [target.file(src_dir.rel_path(file.path)).path for file in files]
    # Not the Dir itself, which would be in the record as it was before the files were there.
    return _copied_dir(copy_files(files, places, skip_if_exists, copy_options), dest_path, type(src_dir))


@task(version="1")
def _copied_dir(files: list[File], dest_path: str, kind: type[Dir]) -> Dir:
    return kind(dest_path)


@task(version="2")
def render_template(
    out_path: str, template: File, context: dict[str, Any], template_dir: Dir | str | None = None
) -> File:
    """The File at `out_path`, with what Jinja makes of a template and the variables in `context`.

    The template may include or extend others from `template_dir`, by default its own folder; where that is a Dir it is
    filled in again when one of them changes, else not. Needs Jinja: `pip install 'redux-cache[templates]'`. Errors:
    MissingLibrary without it; Jinja's `UndefinedError` for a variable without a value, `TemplateSyntaxError`,
    `TemplateNotFound`; OSError.
    """
    out = File(out_path)
    out.write(rendered(template, context, template_dir or template.dirname()))
    return out


@task(version="1", executor="inline", cache_scope="NONE")
def debug_task(value: T) -> T:
    """The value itself, once you have looked at it in the debugger that opens."""
    breakpoint()
    return value
