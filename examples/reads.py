"""Which k-mers do these samples share? A small pipeline of shell scripts over reads in FASTQ files.

    redux run examples/reads.py main --out out

The reads are generated, so nothing but a shell, awk and sort is needed. Edit one command, or one of the files in
`out/`, and run it again: only what depends on that runs.
"""

from __future__ import annotations

import random
from shlex import quote

from redux import File, script, task

BASES = "ACGT"
QUALITIES = "#-5?I"
"""From bad to good, as letters."""


@task
def make_reads(path: str, sample: int, count: int, length: int = 60) -> File:
    """A FASTQ file of reads from one genome, each sample with reads and errors of its own."""
    genome = "".join(random.Random(0).choices(BASES, k=2_000))
    dice = random.Random(sample)
    file = File(path)
    with file.open("w") as out:
        for number in range(count):
            start = dice.randrange(len(genome) - length)
            bases = "".join(dice.choice(BASES) if dice.random() < 0.01 else one for one in genome[start:][:length])
            quality = "".join(dice.choices(QUALITIES, weights=(1, 2, 4, 8, 16), k=length))
            out.write(f"@read{sample}.{number}\n{bases}\n+\n{quality}\n")
    return file


@task
def drop_bad_reads(reads: File, path: str, most: int = 2) -> File:
    """The reads with at most so many bases of the worst quality."""
    return script(
        f"""
        awk -v most={most} '
            {{ record = record $0 "\\n" }}
            NR % 4 == 0 {{ if (gsub(/#/, "#") <= most) printf "%s", record; record = "" }}
        ' {quote(reads.path)} > {quote(path)}
        """,
        inputs=reads,
        outputs=File(path),
    )


@task
def count_kmers(reads: File, path: str, k: int) -> File:
    """How often each k-mer is in the reads, the most frequent first."""
    return script(
        f"""
        export LC_ALL=C
        awk -v k={k} 'NR % 4 == 2 {{ for (i = 1; i <= length($0) - k + 1; i++) print substr($0, i, k) }}' \\
            {quote(reads.path)} | sort | uniq -c | sort -k1,1nr -k2 > {quote(path)}
        """,
        inputs=reads,
        outputs=File(path),
    )


@task
def share_kmers(counts: list[File], path: str, most: int = 10) -> File:
    """The k-mers that every sample has, and how often they are in all of them."""
    files = " ".join(quote(file.path) for file in counts)
    return script(
        f"""
        export LC_ALL=C
        awk '
            {{ total[$2] += $1; samples[$2] += 1 }}
            END {{ for (kmer in total) if (samples[kmer] == {len(counts)}) print total[kmer], kmer }}
        ' {files} | sort -k1,1nr -k2 | awk 'NR <= {most}' > {quote(path)}
        """,
        inputs=counts,
        outputs=File(path),
    )


@task
def main(out: str = "out", samples: int = 3, reads: int = 300, k: int = 12) -> File:
    """The report."""
    counts: list[File] = []
    for sample in range(1, samples + 1):
        made = make_reads(f"{out}/sample{sample}.fastq", sample, reads)
        good = drop_bad_reads(made, f"{out}/sample{sample}.good.fastq")
        counts.append(count_kmers(good, f"{out}/sample{sample}.kmers", k))
    return share_kmers(counts, f"{out}/shared.txt")
