"""What every stage's command line shares: readable errors, logging, writing metrics."""

import json
import logging
import os
import sys
from collections.abc import Callable, Mapping
from concurrent.futures import BrokenExecutor
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from facerec.files import write_bytes
from facerec.progress import resume_point, set_resume_point
from facerec.run_record import recorded

if TYPE_CHECKING:  # publish needs neither pandas nor the seconds that it takes to import
    import pandas as pd

MEMORY_ADVICE = "a smaller batch size or FACEREC_WORKERS=1 takes less"
WORKER_DIED = (
    "a worker process died: killed by the system, most likely for memory (FACEREC_WORKERS=1 takes "
    "the least), or crashed in a library, perhaps at a damaged photograph"
)


def run(
    main: Callable[..., None], arguments: list[str] | None = None, program: str | None = None
) -> None:
    """Runs a stage as a command. Bad input ends in one line and exit code 1.

    The environment variable DEBUG=1 shows the traceback instead.

    Args:
        main: of the stage.
        arguments: of the command line; None takes those of this process.
        program: name in the help; None takes that of this process.
    """
    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stdout)
    app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
    app.command()(with_readable_errors(main))
    app(arguments, prog_name=program)


def with_readable_errors(main: Callable[..., None]) -> Callable[..., None]:
    """Returns the stage, which ends in one line if its input is bad or Ctrl-C interrupts it."""

    @wraps(main)
    def stage(**arguments: object) -> None:
        set_resume_point(None)
        try:
            with recorded(_stage_of_dvc()):
                main(**arguments)
        except (ValueError, OSError, MemoryError, RuntimeError) as error:
            message = _message(error)
            if message is None or os.environ.get("DEBUG"):
                raise
            print(f"error: {message}", file=sys.stderr)
            sys.exit(1)
        except KeyboardInterrupt:
            where = resume_point()
            hint = f"; `make repro` goes on {where}" if where else ""
            print(f"interrupted{hint}", file=sys.stderr)
            sys.exit(130)

    return stage


def _stage_of_dvc() -> str | None:
    """Returns the name of the stage that DVC runs, None if somebody runs this module by hand."""
    return os.environ.get("DVC_STAGE", "").rpartition(":")[2] or None


def _message(error: Exception) -> str | None:
    """Returns what to tell the user; None for a fault of this code, which needs its traceback."""
    if isinstance(error, BrokenExecutor):
        return WORKER_DIED
    text = str(error)
    if (
        isinstance(error, MemoryError)
        or type(error).__name__ == "OutOfMemoryError"
        or "can't allocate memory" in text
    ):
        first_line = next(iter(text.splitlines()), "")
        return f"out of memory; {MEMORY_ADVICE}: {first_line}"
    return text if isinstance(error, ValueError | OSError) else None


def write_csv(path: Path, frame: "pd.DataFrame") -> None:
    """Writes a plot's table, whole or not at all."""
    write_bytes(path, frame.to_csv(index=False, lineterminator="\n").encode())


def read_metrics(path: Path) -> dict[str, float]:
    """Returns flat metrics, as `write_metrics` wrote them.

    Raises:
        ValueError: the file is no JSON object of numbers.
    """
    try:
        values = json.loads(path.read_bytes())
    except (ValueError, RecursionError) as error:  # ValueError: no UTF-8 either
        raise ValueError(f"{path}: not JSON: {error}") from None
    if not isinstance(values, dict) or not all(
        isinstance(value, int | float) for value in values.values()
    ):
        raise ValueError(f"{path}: expected a flat object of numbers")
    return values


def write_metrics(path: Path, values: dict[str, float]) -> None:
    """Writes flat JSON."""
    write_bytes(path, (json.dumps(values, indent=2, ensure_ascii=False) + "\n").encode())


def write_headline(folder: Path, values: dict[str, float], names: Mapping[str, str]) -> None:
    """Writes the few numbers that `dvc metrics` shows, a file each.

    DVC prints a row for each file and a column for each key, so one file of fifteen numbers could
    not be read. A bare number would do, but DVC takes a bare 0 for no number at all.

    Args:
        folder: of the files.
        values: all metrics; one that could not be measured gets no file.
        names: by file, without its suffix, the metric in `values`.
    """
    for name, key in names.items():
        if key in values:
            write_metrics(folder / f"{name}.json", {"value": values[key]})
