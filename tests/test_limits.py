"""Few bytes do not become many: whatever a decoder is given, it takes little memory and little time, and says why."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

ROOM = 64
"""MiB."""
PATIENCE = 1.0
"""Seconds of the processor."""

MEASURE = """
import json, resource, sys, time, warnings
warnings.simplefilter("ignore")
import numpy, pandas, polars, pyarrow
import redux
from redux.border import Admission, NotAdmitted, judge
from redux.serializers.foreign import cautious
from redux.value import CannotDecode, decode, encode
from redux_backends.records import Traits
from tests.bombs import bombs

EVERY = Traits(2 * max(Traits) - 1)

def memory(what):
    return next(int(line.split()[1]) / 1024 for line in open("/proc/self/status") if line.startswith(what))

def careful(data, parts):
    admission = Admission()
    with cautious(admission.caution(data, EVERY)):
        return decode(data, parts.__getitem__)

def admitted(data, parts):
    Admission().admit(data, EVERY)

WAYS = {"judged": lambda data, parts: judge(data), "admitted": admitted, "decoded": careful}

for value in (numpy.zeros(3), pandas.DataFrame({"a": [1]}), polars.DataFrame({"a": [1]}), pyarrow.table({"a": [1]})):
    encoded = encode(value)
    parts = {part.hash: b"".join(map(bytes, part.chunks)) for part in encoded.subvalues}
    decode(b"".join(map(bytes, encoded.chunks)), parts.__getitem__)
given = bombs()
resource.setrlimit(resource.RLIMIT_AS, (16 << 30, 16 << 30))
told = []
for name, (data, parts) in given.items():
    for way, do in WAYS.items():
        with open("/proc/self/clear_refs", "w") as file:
            file.write("5")
        before, began = memory("VmRSS"), time.process_time()
        try:
            do(data, parts)
            said = None
        except (CannotDecode, NotAdmitted) as error:
            said = str(error)
        except BaseException as error:
            said = f"!{error!r:.200}"
        told.append([name, way, time.process_time() - began, memory("VmHWM") - before, said])
print(json.dumps(told))
"""


def test_bombs_take_little_memory_and_little_time(pytestconfig: pytest.Config):
    done = subprocess.run(
        [sys.executable, "-c", MEASURE], capture_output=True, text=True, cwd=pytestconfig.rootpath, timeout=300
    )
    assert done.returncode == 0, done.stderr[-2_000:]
    told = json.loads(done.stdout.splitlines()[-1])
    assert len({name for name, *_ in told}) >= 100
    assert [one for one in told if one[4] is not None and one[4].startswith("!")] == [], "errors of no type of ours"
    assert [one for one in told if one[2] > PATIENCE or one[3] > ROOM] == []
    assert [said for *_, said in told if said is not None and (len(said) > 500 or ";" not in said)] == [], "no remedy"
    harmless = {"decimal", "decimal of digits", "number", "negative nodes", "sparse", "sparse and huge"}
    assert {name for name, way, *_, said in told if way == "decoded" and said is None} == harmless
