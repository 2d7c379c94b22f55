"""A report as one page of HTML that loads nothing and runs nothing."""

from __future__ import annotations

import base64
import hashlib
from functools import cache
from importlib.resources import files

from redux.html.markup import Markup, join, tag
from redux.release import installed_version
from redux.report.call_tree import call_tree
from redux.report.facts import ExecutionReport
from redux.report.sections import code, dataflow, failures, misses, tasks, times, top, where
from redux.words.jobs import STATUS_WORDS, cut, short, show_command
from redux.words.measures import show_moment


def page(report: ExecutionReport) -> str:
    """The page of a report: readable by itself, with styles inside, without scripts, links and pictures elsewhere."""
    title = f"redux: {cut(show_command(report.execution), 80)} {STATUS_WORDS[report.execution.status]}"
    parts = {
        "failures": ("Failures", failures(report)),
        "misses": ("Why calls ran", misses(report)),
        "tasks": ("Tasks", tasks(report)),
        "times": ("Timeline", times(report)),
        "calls": ("Calls", call_tree(report)),
        "data": ("Outputs", dataflow(report)),
        "code": ("Code", code(report)),
        "where": ("Where", where(report)),
    }
    shown = {id: part for id, part in parts.items() if part[1] is not None}
    ways = [tag("li", tag("a", name, href=f"#{id}")) for id, (name, _) in shown.items()]
    body = tag(
        "body",
        top(report),
        tag("nav", tag("ul", ways), aria_label="On this page"),
        tag("main", [part for _, part in shown.values()]),
        tag("footer", tag("p", _made_by(report), class_="quiet")),
    )
    return f"<!DOCTYPE html>\n{tag('html', _head(title), body, lang='en')}\n"


def _made_by(report: ExecutionReport) -> str:
    id = short(report.id)
    return (
        f"Written {show_moment(report.written)} by redux {installed_version()}. Every id here is taken by `redux log`, "
        f"as in `redux log {id}`; `redux explain-miss {id}` says more of why calls ran."
    )


def _head(title: str) -> Markup:
    css = _css()
    allowed = base64.b64encode(hashlib.sha256(css.encode()).digest()).decode()
    policy = f"default-src 'none'; style-src 'sha256-{allowed}'; img-src data:; base-uri 'none'; form-action 'none'"
    return tag(
        "head",
        tag("meta", charset="utf-8"),
        tag("meta", http_equiv="Content-Security-Policy", content=policy),
        tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
        tag("meta", name="referrer", content="no-referrer"),
        tag("meta", name="color-scheme", content="light dark"),
        tag("title", title),
        # Browsers ask a server for an icon where a page says none.
        Markup('<link rel="icon" href="data:,">'),
        join([Markup(f"<style>{css}</style>")]),
    )


@cache
def _css() -> str:
    """The styles, which are the same for all pages: what allows them is their hash."""
    return files("redux.report").joinpath("page.css").read_text(encoding="utf-8").replace("\r\n", "\n")
