"""What a person sees of a long task, in a terminal and in a log file."""

import os
import pty
import re
import subprocess
import sys
import termios
from pathlib import Path

import pytest
from commands import interrupted

from facerec import progress
from facerec.progress import Progress, duration, over

ROOT = Path(__file__).parents[1]


class Clock:
    """Time that passes only when it is told to."""

    def __init__(self) -> None:
        self.now = 0.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch):
    monkeypatch.setattr(progress, "time", found := Clock())
    return found


def test_a_log_file_has_a_line_every_ten_seconds_and_one_at_the_end(clock, capsys):
    for _ in over(range(100), "draw faces", 100):
        clock.now += 0.25
    assert capsys.readouterr().err.splitlines() == [
        "draw faces: 40 of 100, 10 s, 15 s left",
        "draw faces: 80 of 100, 20 s, 5 s left",
        "draw faces: 100 of 100, 25 s",
    ]


def test_a_brief_task_is_not_worth_a_line(clock, capsys):
    for _ in over(range(100), "crop", 100):
        clock.now += 0.01
    assert capsys.readouterr().err == ""


def test_a_task_without_a_title_says_nothing(clock, capsys):
    for _ in over(range(2), None, 2):
        clock.now += 60
    assert capsys.readouterr().err == ""


def test_what_an_earlier_run_did_counts_but_not_for_the_pace(clock, capsys):
    with Progress("train, steps", 1000, done=900) as told:
        told.note("epoch 9 of 10: loss 0.5")
        clock.now += 20
        told.advance(50)
        clock.now += 20
        told.advance(50)
    assert capsys.readouterr().err.splitlines() == [
        "train, steps: 950 of 1000, epoch 9 of 10: loss 0.5, 20 s, 20 s left",
        "train, steps: 1000 of 1000, epoch 9 of 10: loss 0.5, 40 s",
    ]


def test_a_task_that_fails_does_not_say_that_it_is_done(clock, capsys):
    with pytest.raises(ValueError), Progress("read", 10):
        clock.now += 5
        raise ValueError
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0.2, "0 s"), (59.6, "1 min 0 s"), (200, "3 min 20 s"), (3900, "1 h 5 min")],
)
def test_times_are_said_in_words(seconds, words):
    assert duration(seconds) == words


def test_a_terminal_shows_a_bar_with_the_remaining_time():
    code = (
        "import time; from facerec.progress import over\n"
        "for _ in over(range(20), 'crop', 20): time.sleep(0.05)"
    )
    ours, theirs = pty.openpty()
    termios.tcsetwinsize(theirs, (24, 80))
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, stderr=theirs, check=True)
    os.close(theirs)
    shown = os.read(ours, 100_000).decode()
    os.close(ours)
    assert "crop: 100%" in shown and re.search(r"/20 \[00:0\d<00:0\d", shown), shown


TRAINING_STAGE = """
import time
from facerec.progress import set_resume_point
from stages.cli import run

def main(path: str) -> None:
    set_resume_point("after epoch 33 of 80")
    set_resume_point("after epoch 34 of 80")
    print("begun", flush=True)
    time.sleep(60)

run(main)
"""


def test_ctrl_c_in_a_training_says_where_the_next_run_goes_on():
    _, errors = interrupted(TRAINING_STAGE)
    assert errors == "interrupted; `make repro` goes on after epoch 34 of 80\n"
