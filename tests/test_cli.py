import signal
import subprocess
import sys
from functools import partial
from pathlib import Path

import pytest

from stages.__main__ import STAGES

ROOT = Path(__file__).parents[1]
SLEEPER = """
import time
from stages.cli import run
def main(name: str) -> None:
    "Sleep."
    print("begun", flush=True)
    time.sleep(60)
run(main)
"""


def python(*arguments: str) -> subprocess.CompletedProcess:
    return subprocess.run([sys.executable, *arguments], cwd=ROOT, capture_output=True, text=True)


@pytest.mark.parametrize("stage", STAGES)
def test_every_stage_explains_itself(stage):
    result = python("-m", f"stages.{stage}", "--help")
    assert result.returncode == 0 and "output:" in result.stdout and "Usage" in result.stdout


def test_the_stages_are_listed_in_their_order():
    result = python("-m", "stages", "--help")
    places = [result.stdout.index(f" {stage} ") for stage in STAGES]
    assert places == sorted(places)


def test_an_interrupted_stage_ends_at_once_with_one_line():
    process = subprocess.Popen(
        [sys.executable, "-c", SLEEPER, "x"],
        cwd=ROOT,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        preexec_fn=partial(signal.signal, signal.SIGINT, signal.SIG_DFL),  # a test run in the background ignores it
    )
    assert process.stdout.readline() == "begun\n"
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=10)
    assert (process.returncode, errors) == (130, "interrupted\n")


def test_bad_input_is_one_line_without_a_traceback():
    result = python("-m", "stages.crop", "none.csv", "b", "c", "d", "e", "f", "g")
    assert (result.returncode, result.stderr) == (1, "error: none.csv: no such file\n")
