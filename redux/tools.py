"""Tasks that many workflows need: copying files and folders, filling in templates, looking at a value."""

from __future__ import annotations

from typing import Any, TypeVar

from redux.file import Dir, File
from redux.task import task

__all__ = ["copy_dir", "copy_file", "copy_files", "debug_task", "render_template"]

redux_namespace = "redux.tools"
T = TypeVar("T")


@task(version="1")
def copy_file(src_file: File, dest_path: str, skip_if_exists: bool = False) -> File:
    """The File at a path or URL, with the content of another; copied again when either is changed.

    With `skip_if_exists` a file that is there stays as it is. Errors: OSError.
    """
    return src_file.copy_to(type(src_file)(dest_path), skip_if_exists)


@task(version="1")
def copy_files(src_files: list[File], dest_paths: list[str], skip_if_exists: bool = False) -> list[File]:
    """Files copied side by side, each to its path or URL: see `copy_file`. Errors: ValueError where one has none."""
    if len(src_files) != len(dest_paths):
        raise ValueError(
            f"copy_files has {len(src_files)} files and {len(dest_paths)} paths; give each file its own path"
        )
    return [copy_file(source, target, skip_if_exists) for source, target in zip(src_files, dest_paths, strict=True)]


@task(version="1")
def copy_dir(src_dir: Dir, dest_path: str, skip_if_exists: bool = False) -> Dir:
    """The Dir at a path or URL, with all files of another; what else is there stays.

    With `skip_if_exists` a folder that is there stays as it is. Errors: OSError.
    """
    return src_dir.copy_to(type(src_dir)(dest_path), skip_if_exists)


@task(version="1")
def render_template(out_path: str, template: File, context: dict[str, Any]) -> File:
    """The File at a path, with a template's text, in which `{name}` is the value of `name` in the context.

    Templates are written as for `str.format`: `{total:.2f}`, `{row[name]}`, `{{` for a brace. Errors: KeyError for a
    name without a value, ValueError for what is no template, OSError.
    """
    out = File(out_path)
    try:
        text = template.read().format_map(context)
    except KeyError as error:
        raise KeyError(
            f"template {template.path} takes {error}, which its context has not; it has {', '.join(context)}"
        ) from None
    except ValueError as error:
        raise ValueError(f"{template.path} is no template: {error}; a brace is written {{{{ or }}}}") from None
    out.write(text)
    return out


@task(version="1", executor="inline", cache_scope="NONE")
def debug_task(value: T) -> T:
    """The value itself, once you have looked at it in the debugger that opens."""
    breakpoint()
    return value
