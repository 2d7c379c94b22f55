"""Jobs in containers: a stand-in takes the words of `docker run`, and runs the program that they name itself."""

from __future__ import annotations

import ast
import json
import os
import subprocess
import sys
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from . import commands

FLOW = """
import os
import signal
import time

import numpy as np

from near import twice
from redux import File, catch, script, task

redux_namespace = "flow"

@task(image="mine:2", memory=1.5, vcpus=2, gpus=1)
def large(size: int) -> np.ndarray:
    print("making", size)
    return np.arange(size)

@task
def total(array: np.ndarray) -> int:
    return twice(int(array.sum()))

@task(cache=False)
def where(number: int) -> list:
    return [os.getpid(), os.getcwd(), __file__]

@task
def fail() -> None:
    raise ValueError("in vain")

@task(executor="threads")
def recover(error: Exception) -> str:
    return str(error)

@task(image="nobody/knows:1")
def unknown() -> int:
    return 1

@task
def leave(status: int) -> None:
    os._exit(status)

@task
def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)

@task(timeout=1.5)
def slow(note: str) -> None:
    with open(note, "w") as held:
        time.sleep(120)

@task(memory="much")
def wrong() -> int:
    return 1

@task
def main() -> list:
    said = script("echo spoken; pwd", executor="boxes", image="mine:3")
    return [total(large(100_000)), catch(fail(), ValueError, recover), said, where(1), where(2)]
"""
STAND_IN = """#!{python}
import json, os, sys
from pathlib import Path
here = Path(__file__).parent
words = sys.argv[1:]
with open(here / "log", "a") as log:
    print(json.dumps(words), file=log)
if (here / "dead").exists():
    sys.exit("Cannot connect to the Docker daemon at unix:///var/run/docker.sock. Is the docker daemon running?")
if words[:2] == ["image", "inspect"]:
    sys.exit(not words[2].startswith("mine:"))
if words[0] != "run":
    sys.exit()
words = words[1:]
options = {{}}
while words[0].startswith("--"):
    name = words.pop(0)
    options[name] = None if name in ("--rm", "--init") else words.pop(0)
image, *words = words
if not image.startswith("mine:"):
    print("Unable to find image '" + image + "' locally", file=sys.stderr)
    print("docker: Error response from daemon: pull access denied for " + image, file=sys.stderr)
    print("\\nRun 'docker run --help' for more information", file=sys.stderr)
    sys.exit(125)
os.chdir(options["--workdir"])
name, _, value = options["--env"].partition("=")
child = os.fork()
if child == 0:
    os.execvpe(words[0], words, {{"PATH": "{folder}:/usr/bin:/bin", name: value}})
_, status = os.waitpid(child, 0)
answer = Path(words[-1], "answer")
if answer.exists():
    (here / "mode").write_text(oct(answer.stat().st_mode))
sys.exit(os.WEXITSTATUS(status) if os.WIFEXITED(status) else 128 + os.WTERMSIG(status))
"""
SETTINGS = """
[executors.boxes]
type = "docker"
image = "mine:1"
volumes = ["/data:/data:ro"]
arguments = ["--network", "none"]
workers = 2
scratch = "{scratch}"
[executors.nowhere]
type = "docker"
command = "no-such-docker"
"""


@pytest.fixture
def place(tmp_path: Path) -> Path:
    for folder in ("project/.redux", "bin", "scratch"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "project/flow.py").write_text(FLOW)
    (tmp_path / "project/near.py").write_text("def twice(number):\n    return number * 2\n")
    (tmp_path / "project/.redux/redux.toml").write_text("format = 1" + SETTINGS.format(scratch=tmp_path / "scratch"))
    stand_in = tmp_path / "bin/docker"
    stand_in.write_text(STAND_IN.format(python=sys.executable, folder=Path(sys.executable).parent))
    stand_in.chmod(0o755)
    return tmp_path


def run(place: Path, *words: str) -> subprocess.CompletedProcess[str]:
    path = f"{place / 'bin'}{os.pathsep}{os.environ['PATH']}"
    return commands.redux(place / "project", "run", "--executor", *words, XDG_CONFIG_HOME=str(place), PATH=path)


def said_to_docker(place: Path) -> list[list[str]]:
    return [json.loads(line) for line in (place / "bin/log").read_text().splitlines()]


def test_each_job_runs_in_a_container_of_its_own_and_values_cross_by_the_folder_that_it_sees(place: Path):
    done = run(place, "boxes", "flow.py", "main")
    assert done.returncode == 0, done.stderr
    total, failed, spoken, *wheres = ast.literal_eval(done.stdout)
    assert (total, failed) == (sum(range(100_000)) * 2, "in vain")
    assert "making 100000" in done.stderr
    (scratch,) = {Path(folder).parent for _, folder, _ in wheres}
    assert scratch.parent == place / "scratch"
    assert spoken.decode().startswith(f"spoken\n{scratch}/job-")
    assert len({process for process, _, _ in wheres}) == 2
    assert all(Path(file).is_relative_to(scratch / "code") for *_, file in wheres)
    assert list((place / "scratch").iterdir()) == []
    asked, *runs = said_to_docker(place)
    assert asked == ["version"]
    (large,) = [words for words in runs if "mine:2" in words]
    desk = large[-1]
    assert large[:4] + large[5:] == [
        "run", "--rm", "--init", "--name", "--user", f"{os.getuid()}:{os.getgid()}", "--volume", f"{scratch}:{scratch}",
        "--env", f"HOME={desk}", "--workdir", desk, "--volume", "/data:/data:ro", "--memory", "1536m", "--cpus", "2",
        "--gpus", "1", "--network", "none", "mine:2", "python", "-P", "-m", "redux.executors.in_container", desk,
    ]  # fmt: skip
    images = Counter(word for words in runs for word in words if word.startswith("mine:"))
    assert images == {"mine:1": 5, "mine:2": 1, "mine:3": 1}


TROUBLE = {
    ("nowhere", "fail"): """
        executor nowhere runs containers by 'no-such-docker', and there is no such program on PATH: install it, or name
        another that takes the same words in [executors.nowhere], as command = "podman" """,
    ("boxes", "unknown"): """
        the container of task flow.unknown (image nobody/knows:1) could not be started, for there is no such image:
        docker: Error response from daemon: pull access denied for nobody/knows:1; build or pull it, or name another""",
    ("boxes", "leave", "--status", "3"): """
        the container of task flow.leave (image mine:1) ended with status 3 and gave no answer: it said nothing;
        its image must have Python and this redux""",
    ("boxes", "die"): """
        the container of task flow.die (image mine:1) ended by signal SIGKILL; it may have had too little memory:
        give it more with memory=""",
    ("boxes", "wrong"): """
        task flow.wrong runs in a container, and has memory = 'much': it must be a number of GiB, or a text such as
        "500m" """,
}


@pytest.mark.parametrize("words", TROUBLE, ids=lambda words: words[1])
def test_what_goes_wrong_is_told(place: Path, words: tuple[str, ...]):
    executor, *others = words
    done = run(place, executor, "flow.py", *others)
    assert done.returncode == 1
    assert " ".join(TROUBLE[words].split()) in done.stderr


SECRETS = """
from pathlib import Path
from redux import Secret, task

@task(executor="threads")
def length(token: Secret[str]) -> int:
    return len(token.reveal())

@task
def left_on(token: Secret[str], place: str) -> list:
    found = [str(path) for path in Path(place).rglob("*") if path.is_file()
             and token.reveal().encode() in path.read_bytes()]
    return [*found, length(token)]
"""


def test_a_secret_reaches_a_container_and_is_on_no_disk_once_it_did(place: Path):
    (place / "project/flow.py").write_text(SECRETS)
    path = f"{place / 'bin'}{os.pathsep}{os.environ['PATH']}"
    words = ("run", "--executor", "boxes", "flow.py", "left_on", "--token", "env:HELD", "--place", str(place))
    told = {"XDG_CONFIG_HOME": str(place / "config"), "PATH": path, "HELD": "held-by-the-environment"}
    done = commands.redux(place / "project", *words, **told)
    assert done.stdout == "[23]\n", done.stderr
    assert said_to_docker(place)[-1][0] == "run"
    assert (place / "bin/mode").read_text() == oct(0o100600), "who its answer, with the Secret in it, is read by"
    assert [one for one in place.rglob("*") if one.is_file() and b"held-by" in one.read_bytes()] == []


def test_a_daemon_that_does_not_answer_is_told(place: Path):
    (place / "bin/dead").touch()
    told = (
        "executor boxes: `docker version` does not tell of a daemon (Cannot connect to the Docker daemon at "
        "unix:///var/run/docker.sock. Is the docker daemon running?); start it, see that you may use it, or set"
    )
    assert told in run(place, "boxes", "flow.py", "fail").stderr


def test_a_job_that_takes_too_long_is_ended_with_its_container(place: Path):
    pipe = place / "pipe"
    os.mkfifo(pipe)
    began = time.monotonic()
    with ThreadPoolExecutor(1) as threads:
        running = threads.submit(run, place, "boxes", "flow.py", "slow", "--note", str(pipe))
        assert pipe.read_bytes() == b""  # which ends when nobody is left who has it open
        assert time.monotonic() - began < 60
        assert "task flow.slow took longer than 1.5 s" in running.result().stderr
    (ran,) = [words for words in said_to_docker(place) if words[0] == "run"]
    assert ["kill", ran[4]] in said_to_docker(place)
