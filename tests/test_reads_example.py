"""The example of shell scripts, by the command line: cold, again, after an edit, after a file was lost."""

from __future__ import annotations

import json
import shutil
from collections import Counter
from pathlib import Path

import pytest

from . import commands

EXAMPLE = Path(__file__).resolve().parent.parent / "examples" / "reads.py"
SAMPLES = 2


@pytest.fixture
def place(tmp_path: Path) -> Path:
    shutil.copy(EXAMPLE, tmp_path)
    return tmp_path


def run(place: Path) -> Counter[str]:
    """Run the example; how many jobs of each task were executed."""
    said = commands.told(place, "run", "--json", "reads.py", "main", "--samples", str(SAMPLES), "--reads", "40")
    return +Counter({task["fullname"]: task["ran"] for task in json.loads(said)["tasks"]})


def kmers_in(reads: Path, k: int = 12) -> Counter[str]:
    lines = reads.read_text().splitlines()
    good = [bases for bases, quality in zip(lines[1::4], lines[3::4], strict=True) if quality.count("#") <= 2]
    return Counter(bases[at : at + k] for bases in good for at in range(len(bases) - k + 1))


def test_scripts_run_once_and_again_where_something_changed(place: Path):
    cold = run(place)
    assert cold["redux.script"] == 2 * SAMPLES + 1
    samples = [kmers_in(place / f"out/sample{number}.fastq") for number in range(1, SAMPLES + 1)]
    shared = {kmer: sum(one[kmer] for one in samples) for kmer in samples[0] if all(kmer in one for one in samples)}
    best = sorted(shared, key=lambda kmer: (-shared[kmer], kmer))[:10]
    assert (place / "out/shared.txt").read_text().splitlines() == [f"{shared[kmer]} {kmer}" for kmer in best]

    assert run(place) == Counter()

    (place / "out/sample1.kmers").unlink()
    assert run(place)["redux.script"] == 1, "it is made again, as it was"

    source = place / "reads.py"
    source.write_text(source.read_text().replace("awk 'NR <= {most}'", "sed -n '1,{most}p'"))
    assert run(place) == Counter({"share_kmers": 1, "redux.script": 1})
