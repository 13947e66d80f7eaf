"""Runs modules as commands in the tests' own process, which has imported torch already."""

import contextlib
import io
import logging
import runpy
import signal
import subprocess
import sys
import warnings
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path
from unittest.mock import patch

ROOT = Path(__file__).parents[1]


def as_command(folder: Path, module: str, *arguments: str | Path) -> subprocess.CompletedProcess:
    """Returns the result of `python -m module` in a folder; errors with a traceback are raised."""
    output, errors = io.StringIO(), io.StringIO()
    code: str | int | None = 0
    with (
        contextlib.chdir(folder),
        contextlib.redirect_stdout(output),
        contextlib.redirect_stderr(errors),
        patch.object(sys, "argv", [module, *map(str, arguments)]),
        _log_of_its_own(),
        warnings.catch_warnings(),
    ):
        warnings.filterwarnings(
            "ignore", message=".* found in sys.modules", category=RuntimeWarning
        )
        try:
            runpy.run_module(module, run_name="__main__")
        except SystemExit as end:
            code = end.code
    if isinstance(code, str):  # as Python does
        errors.write(f"{code}\n")
        code = 1
    return subprocess.CompletedProcess(
        [module, *arguments], code or 0, output.getvalue(), errors.getvalue()
    )


def interrupted(script: str) -> tuple[int, str]:
    """Returns exit code and errors of a script that got Ctrl-C once it had printed `begun`."""
    process = subprocess.Popen(
        [sys.executable, "-c", script, "x"],
        cwd=ROOT,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        preexec_fn=partial(signal.signal, signal.SIGINT, signal.SIG_DFL),  # may be ignored here
    )
    assert process.stdout is not None and process.stdout.readline() == "begun\n"
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=10)
    return process.returncode, errors


def options_of(values: Mapping[str, str | Path]) -> list[str]:
    """Returns named options of a command: `{"val_set": "a.csv"}` is `--val-set a.csv`."""
    return [
        word
        for name, value in values.items()
        for word in (f"--{name.replace('_', '-')}", str(value))
    ]


@contextlib.contextmanager
def _log_of_its_own() -> Iterator[None]:
    """Removes pytest's log handlers meanwhile: the command sets up its own log."""
    root = logging.getLogger()
    handlers, level = root.handlers, root.level
    root.handlers = []
    try:
        yield
    finally:
        root.handlers = handlers
        root.setLevel(level)
