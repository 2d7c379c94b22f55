"""The demo of a team with one bucket, on a few files: it checks itself what it claims."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from . import commands
from .test_example import LIBRARY

DEMO = Path(__file__).resolve().parent.parent / "examples" / "shared" / "demo.py"

NAMED_LIKE_SECRETS = {"secrets.py": "import alpha, beta\n", "gamma/token.py": "from . import delta\n"}
"""As the standard library has them: names of modules are no secrets, nor is what they import."""

CLAIMS = [
    "Ben executed 0 tasks: all ",
    "the log says that it was Ana, when, and in which folder",
    "what his outline gave was made by Ana, and signed by her",
    "what his write_report gave was made by Ana, and signed by her",
    "and each result by itself says who made it, when, and from what",
    "and the code is here, as it was when she ran it",
    " calls, and every digest and signature is right",
]


def test_ben_executes_nothing_and_his_log_tells_that_ana_made_it_all(tmp_path: Path):
    for name, text in (LIBRARY | NAMED_LIKE_SECRETS).items():
        path = tmp_path / "library" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text.encode("latin-1"))
    words = [sys.executable, str(DEMO), "--library", str(tmp_path / "library")]
    around = commands.environment(PYTHONUTF8="1")
    done = subprocess.run(words, cwd=tmp_path, env=around, capture_output=True, encoding="utf-8", timeout=220)
    assert done.returncode == 0, done.stdout + done.stderr
    claims = [line.removeprefix("  ✓ ") for line in done.stdout.splitlines() if line.startswith("  ✓ ")]
    assert len(claims) == len(CLAIMS) + 1
    assert [claim for claim, claimed in zip(claims[1:], CLAIMS, strict=True) if claimed not in claim] == []
    assert "nothing is wrong with it" in done.stdout
    assert "Traceback" not in done.stdout + done.stderr
