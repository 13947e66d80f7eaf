"""What a command prints: lines for people, or JSON, and an exit code."""

import json
import os
import sys
from collections.abc import Mapping
from typing import Any

import typer
from tqdm import tqdm

from facerec.collections.photograph_files import printable

SOME_FAILED = 3  # exit code: the command is done, but not with every photograph


class Output:
    """Prints results as they come, above the bar if there is one.

    As text, results go to standard output and problems to standard error. As JSON, both go to
    standard output, an object a line.

    Args:
        as_json: whether to print JSON.

    Attributes:
        problems: how many there were.
    """

    def __init__(self, as_json: bool) -> None:
        self.as_json = as_json
        self.problems = 0

    def result(self, text: str, values: Mapping[str, Any]) -> None:
        """Prints a result: the text, which may have several lines or none, or the values."""
        if self.as_json:
            text = json.dumps(values, ensure_ascii=False)
        if text:
            _print(text)

    def problem(self, photograph: object, reason: object) -> None:
        """Prints why a photograph was passed over."""
        self.problems += 1
        name = printable(str(photograph))
        text = str(reason).removeprefix(f"{photograph}: ")
        if self.as_json:
            self.result("", {"photograph": name, "problem": text})
        else:
            tqdm.write(f"{name}: {text}", file=sys.stderr)

    def end(self) -> None:
        """Ends the command, with an exit code that says whether there were problems."""
        if self.problems:
            raise typer.Exit(SOME_FAILED)


def counted(number: int, one: str, many: str) -> str:
    """Returns a number with its noun: "1 face", "1,200 faces"."""
    return f"{number:,} {one if number == 1 else many}"


def percent(probability: float) -> str:
    """Returns a probability in whole percent; it is never said to be 0 or 100 %."""
    if probability < 0.01:
        return "<1 %"
    return ">99 %" if probability > 0.99 else f"{probability:.0%}".replace("%", " %")


def _print(text: str) -> None:
    try:
        tqdm.write(text, file=sys.stdout)
        sys.stdout.flush()
    except BrokenPipeError:  # the reader has seen enough, as `head` does
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise typer.Exit(0) from None
