"""The page of `redux report` in a browser: what it shows, that nothing is loaded or run, and that it can be read."""

from __future__ import annotations

import dataclasses
import itertools
import math
import re
import time
from collections.abc import Iterator
from enum import Enum
from pathlib import Path
from typing import Any

import pytest

from redux.repo import Repo
from redux.report.facts import ExecutionReport
from redux.report.gathering import gather
from redux.report.page import page
from redux.scheduler import Scheduler
from redux_backends.memory import MemoryBackend
from redux_backends.records import JobStatus
from redux_valuestore.store import MemoryStore

from . import chromium
from .chromium import Browser, url_of
from .test_report import add, down, made_up, read, refuse, reported, write

# The first of these tests may have to install a browser.
pytestmark = pytest.mark.timeout(900)

HOSTILE = (
    "<script>window.owned = 1; document.title = 'owned'</script>",
    "</style><script>window.owned = 1</script>",
    "</title></head><body onload='window.owned = 1'>",
    '"><img src=x onerror="window.owned = 1">',
    "' onmouseover='window.owned = 1' x='",
    "javascript:window.owned = 1",
    "<a href='javascript:window.owned = 1'>here</a>",
    "<svg onload=window.owned=1><animate onbegin=window.owned=1>",
    "<iframe srcdoc='<script>parent.owned = 1</script>'></iframe>",
    "<meta http-equiv=refresh content='0; url=http://127.0.0.1:9/'><base href='http://127.0.0.1:9/'>",
    "<link rel=stylesheet href=http://127.0.0.1:9/x.css><style>@import 'http://127.0.0.1:9/y.css'; *{display:none}",
    "<!-- ]]> --> &lt;b&gt; &#60;script&#62; {{7*7}} ${7*7} %3Cscript%3E",
    "\x00\x07\x1b[31m\x1b]0;owned\x07\x7f\x9b\r\u2028\u2029",
    "\u202egnp.exe\u202c \u2066\u2067\u2068 \ufeff \u200b",
    "\ud800 \U000e0001 \U0010ffff",
    "a" * 20_000,
    "\n" * 3_000 + "<b>" * 500,
)

NO_TIME = (math.nan, math.inf, -math.inf, 1e300, -1.0, 0.0)
"""What no clock says."""


@pytest.fixture(scope="module")
def browser() -> Browser:
    return chromium.shared()


@pytest.fixture(scope="module")
def edited(tmp_path_factory: pytest.TempPathFactory) -> ExecutionReport:
    """What is said of a run that reused, ran and failed, with where a file came from."""
    repo = Repo(MemoryBackend(), MemoryStore())
    path = str(tmp_path_factory.mktemp("report") / "out.txt")
    Scheduler(repo).run(add([read(1), read(2)]))
    everything = [write(path, add([read(1), read(2), read(3)])), down(4), refuse(7)]
    return reported(repo, everything, path, keep_going=True)


def shown(browser: Browser, text: str, folder: Path) -> None:
    """Open a page, and see that nothing else was loaded or refused."""
    at = folder / "run.html"
    at.write_text(text, encoding="utf-8")
    browser.open(url_of(at))
    assert browser.logs() == []
    assert browser.requests() == [url_of(at)]


def text_of(browser: Browser, id: str = "") -> str:
    return browser.run(f"return document.{f'getElementById({id!r})' if id else 'body'}.textContent")


def test_the_page_says_what_the_facts_say(browser: Browser, edited: ExecutionReport, tmp_path: Path) -> None:
    shown(browser, page(edited), tmp_path)
    assert browser.run("return document.title") == "redux: redux run flow.py main failed"
    figures = browser.run("return [...document.querySelectorAll('.figure')].map(e => e.innerText.split('\\n'))")
    assert {name: number for name, number, *_ in figures} == {
        "took": figures[0][1], "jobs": "11", "ran": "8", "reused": "2", "failed": "1"
    }  # fmt: skip
    assert "ValueError: 7 is refused" in text_of(browser, "failures")
    assert edited.causes[0].cause.words in text_of(browser, "misses")
    rows = browser.run("return [...document.querySelectorAll('#tasks tbody tr')].map(r => r.innerText.split('\\t'))")
    assert ["report.read", "1", "2", "–"] in [row[:4] for row in rows]
    path = browser.run(
        "return [...document.querySelectorAll('#times details tbody tr')].map(r => r.cells[0].textContent)"
    )
    assert path == [one.job.hex()[:8] for one in edited.path.jobs]
    assert "report.down ×5" in browser.run("return document.querySelector('#calls').innerText")
    assert len(browser.run("return [...document.querySelectorAll('.flow .box')].map(b => b.textContent)")) == len(
        edited.outputs[0].picture.boxes
    )
    ids = browser.run("return [...document.querySelectorAll('.id')].map(e => e.textContent)")
    assert ids
    assert all(re.fullmatch("[0-9a-f]{8,64}", id) for id in ids)


@pytest.mark.parametrize("kind", ["one", "nothing", "many", "cached", "running"])
def test_every_kind_of_run_has_a_page(browser: Browser, kind: str, tmp_path: Path) -> None:
    repo = Repo(MemoryBackend(), MemoryStore())
    if kind == "many":
        said = made_up(10_000, 40)
    elif kind == "nothing":
        said = made_up(0, 1)
    else:
        said = reported(repo, read(1))
        said = reported(repo, read(1)) if kind == "cached" else said
    if kind == "running":
        execution = dataclasses.replace(said.execution, ended=None, status=JobStatus.RUNNING)
        said = gather(repo, execution, (), time.time())
    shown(browser, page(said), tmp_path)
    says = {
        "one": "1 job", "nothing": "No job of it is recorded", "many": "10,000", "cached": "Every call was known",
        "running": "still running when this was written",
    }  # fmt: skip
    assert says[kind] in text_of(browser)


# -- what others wrote -------------------------------------------------------------------------------


def poisoned(value: Any, words: Iterator[str]) -> Any:
    """The same facts with a hostile text in the place of every text, at any depth."""
    if isinstance(value, Enum) or value is None:
        return value
    if isinstance(value, str):
        return next(words)
    if isinstance(value, float):
        return NO_TIME[hash(value) % len(NO_TIME)]
    if isinstance(value, tuple):
        return tuple(poisoned(one, words) for one in value)
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        # Ids in pictures are our own numbers.
        names = [field.name for field in dataclasses.fields(value) if field.name not in ("id", "source", "target")]
        return dataclasses.replace(value, **{name: poisoned(getattr(value, name), words) for name in names})
    return value


@pytest.mark.parametrize("policy", ["with its policy", "without"])
@pytest.mark.parametrize("turn", range(len(HOSTILE)))
def test_no_text_does_anything_wherever_it_stands(
    browser: Browser, edited: ExecutionReport, turn: int, policy: str, tmp_path: Path
) -> None:
    words = itertools.chain.from_iterable(itertools.repeat((*HOSTILE[turn:], *HOSTILE[:turn])))
    text = page(poisoned(edited, words))
    if policy == "without":
        text = re.sub("<meta http-equiv[^>]*>", "", text)
    shown(browser, text, tmp_path)
    assert "window.owned = 1" in text
    assert len(text) < 2_000_000
    browser.run(
        "for (const e of document.querySelectorAll('*')) for (const kind of ['mouseover', 'click', 'focus', 'toggle'])"
        "  if (e.tagName != 'A') e.dispatchEvent(new Event(kind, {bubbles: true}))"
    )
    assert browser.run("return typeof window.owned") == "undefined"
    assert browser.run("return document.title").startswith("redux: ")
    assert browser.run("return document.querySelectorAll('script, img, iframe, object, base, animate').length") == 0
    assert browser.run("return document.querySelectorAll('link, style, title').length") == browser.run(
        "return 3 + document.querySelectorAll('svg title').length"
    )
    names = browser.run(
        "return [...new Set([...document.querySelectorAll('*')].flatMap(e => e.getAttributeNames()))].sort()"
    )
    assert not [name for name in names if name.startswith("on") or name in ("src", "srcdoc", "style", "action")]
    assert all(re.fullmatch("#[a-z]+", href) for href in hrefs(browser))
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ufeff\u200b]", text)


def hrefs(browser: Browser) -> list[str]:
    return browser.run("return [...document.querySelectorAll('a')].map(e => e.getAttribute('href'))")


# -- how it can be read ------------------------------------------------------------------------------

_CONTRAST = """
const canvas = document.createElement('canvas').getContext('2d', {willReadFrequently: true});
const parts = color => { canvas.clearRect(0, 0, 1, 1); canvas.fillStyle = color; canvas.fillRect(0, 0, 1, 1);
  return [...canvas.getImageData(0, 0, 1, 1).data] };
const light = ([r, g, b]) => [r, g, b].map(v => v / 255)
  .map(v => v <= .04045 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4)
  .reduce((sum, v, at) => sum + v * [.2126, .7152, .0722][at], 0);
const behind = e => { for (; e; e = e.parentElement) { const color = parts(getComputedStyle(e).backgroundColor);
  if (color[3]) return color } return [255, 255, 255, 255] };
const found = {};
for (const e of document.querySelectorAll('body *')) {
  const own = [...e.childNodes].some(n => n.nodeType == 3 && n.textContent.trim());
  if (!own || e.closest('svg') || e.closest('.offscreen')) continue;
  const [one, other] = [light(parts(getComputedStyle(e).color)), light(behind(e))];
  const contrast = (Math.max(one, other) + .05) / (Math.min(one, other) + .05);
  if (contrast < 4.5) found[e.tagName + '.' + e.className + ': ' + e.textContent.slice(0, 30)] = contrast;
}
return found;
"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_text_stands_out(browser: Browser, edited: ExecutionReport, scheme: str, tmp_path: Path) -> None:
    browser.look(1100, prefers_color_scheme=scheme)
    shown(browser, page(edited), tmp_path)
    browser.run("for (const e of document.querySelectorAll('details')) e.open = true")
    assert browser.run(_CONTRAST) == {}
    dark = browser.run("return getComputedStyle(document.body).backgroundColor") == "rgb(20, 23, 27)"
    assert dark == (scheme == "dark")


@pytest.mark.parametrize("width", [320, 390, 1100])
def test_it_fits_a_phone(browser: Browser, edited: ExecutionReport, width: int, tmp_path: Path) -> None:
    browser.look(width, prefers_color_scheme="light")
    shown(browser, page(edited), tmp_path)
    browser.run("for (const e of document.querySelectorAll('details')) e.open = true")
    assert browser.run("return document.documentElement.scrollWidth") <= width
    sizes = browser.run(
        "return [...document.querySelectorAll('body *')].map(e => parseFloat(getComputedStyle(e).fontSize))"
    )
    assert min(sizes) >= 11


def test_it_can_be_heard_and_printed(browser: Browser, edited: ExecutionReport, tmp_path: Path) -> None:
    browser.look(1100, prefers_color_scheme="dark", media="print")
    shown(browser, page(edited), tmp_path)
    assert browser.run("return getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    assert browser.run(_CONTRAST) == {}
    levels = browser.run("return [...document.querySelectorAll('h1, h2, h3')].map(e => +e.tagName[1])")
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after - before <= 1 for before, after in itertools.pairwise(levels))
    assert browser.run("return document.documentElement.lang") == "en"
    assert browser.run("return [...document.querySelectorAll('table')].every(t => t.caption && t.tHead)")
    assert browser.run("return [...document.querySelectorAll('th')].every(t => t.scope)")
    assert browser.run("return [...document.querySelectorAll('svg')].every(s => s.querySelector('title'))")
    marked = browser.run("return [...document.querySelectorAll('section')].map(s => s.getAttribute('aria-labelledby'))")
    assert all(browser.run(f"return !!document.getElementById({id!r})") for id in marked)
    ids = browser.run("return [...document.querySelectorAll('[id]')].map(e => e.id)")
    assert len(set(ids)) == len(ids)
    assert {href[1:] for href in hrefs(browser)} <= set(ids)
    browser.look(1100)
