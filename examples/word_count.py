"""Words counted in text files: one call for each file, and one that brings the counts together.

    $ redux run examples/word_count.py main
    (File('out/words.txt'), [('the', 5), ('sea', 3), ('ship', 2)])

Run it again, and nothing runs. Edit one of `texts/*.txt`, and the texts are written anew, since what a task wrote is
part of its result. Give it files of your own, and only those that you edit are counted again:

    redux run examples/word_count.py count_below --pattern 'notes/*.txt'
"""

from __future__ import annotations

from collections import Counter

from redux import Dir, File, task
from redux.file import FileSet
from redux.functools import map_

TEXTS = {
    "ebb.txt": "The sea goes out, the ship stays.",
    "flood.txt": "The sea comes in!\nThe ship, and the sea.",
    "calm.txt": "Nothing at all",
}
TOO_COMMON = frozenset({"and", "at", "all", "in", "out"})


def words_of(text: str) -> list[str]:
    """The words of a text that are worth counting. No task: but where this changes, `count` runs again."""
    words = (word.strip(".,!?").lower() for word in text.split())
    return [word for word in words if word and word not in TOO_COMMON]


@task
def write_texts(folder: str) -> Dir:
    """A folder of texts to count in."""
    for name, text in TEXTS.items():
        File(f"{folder}/{name}").write(text + "\n")
    return Dir(folder)


@task
def find_texts(folder: Dir) -> list[File]:
    """The texts in a folder: found again when a file comes or goes."""
    return sorted(folder, key=lambda file: file.path)


@task
def count(file: File) -> dict[str, int]:
    """How often each word is in a file."""
    with file.open() as lines:
        return dict(Counter(word for line in lines for word in words_of(line)))


@task
def add_up(counts: list[dict[str, int]]) -> list[tuple[str, int]]:
    """All words, the most frequent first."""
    total: Counter[str] = Counter()
    for each in counts:
        total.update(each)
    return sorted(total.items(), key=lambda item: (-item[1], item[0]))


@task
def write_report(words: list[tuple[str, int]], path: str) -> File:
    """The words as lines of a file."""
    report = File(path)
    report.write("".join(f"{times:4} {word}\n" for word, times in words))
    return report


@task
def count_below(pattern: FileSet) -> list[tuple[str, int]]:
    """The words of all files that fit a pattern."""
    return add_up([count(file) for file in pattern])


@task
def main() -> tuple[File, list[tuple[str, int]]]:
    """Write the texts, count in each, and report; the report and the three most frequent words."""
    words = add_up(map_(count, find_texts(write_texts("texts"))))
    return write_report(words, "out/words.txt"), words[:3]
