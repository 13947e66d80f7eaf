"""What every stage's command line shares: readable errors, logging, writing metrics."""

import faulthandler
import json
import logging
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import BrokenExecutor
from contextlib import contextmanager, suppress
from functools import partial, wraps
from pathlib import Path
from typing import IO, TYPE_CHECKING

import typer

import stages
from facerec import parallel as workers
from facerec import progress
from facerec.files import write_bytes

if TYPE_CHECKING:  # publish needs neither pandas nor the seconds that it takes to import
    import pandas as pd

KILLED = (
    "the stage was killed, most likely for memory; a smaller batch or FACEREC_WORKERS=1 takes less"
)
ENDED = "ended"
GOES_ON = "goes on "
WITNESS = f"""
import sys
last = kept = ""
for line in sys.stdin:
    if not line.startswith({GOES_ON!r}):  # the end, or the first line of what Python says when a library crashes it
        last = line.strip()
        break
    kept = "; `make repro` " + line.strip()
if last != {ENDED!r}:
    print("error:", (last and "the stage crashed: " + last or {KILLED!r}) + kept, file=sys.stderr)
"""


def run(main: Callable[..., None]) -> None:
    """Runs a stage as a command. Bad input ends in one message and exit code 1; DEBUG=1 shows where it came from."""
    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stdout)
    app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
    app.command()(_reported(main))
    try:
        app()
    except SystemExit as end:
        stages.exit_code = end.code if isinstance(end.code, int) else None
        raise


@contextmanager
def _witnessed() -> Iterator[None]:
    """Says so if this process is killed, of which it could say nothing itself: its end of a pipe closes without a word.

    It is told now and then where a later run goes on, and says that too.

    The witness is a process of some megabytes, in a session of its own, which Ctrl-C does not reach.
    """
    command = [sys.executable, "-I", "-S", "-c", WITNESS]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, start_new_session=True
    ) as witness:
        assert witness.stdin is not None
        faulthandler.enable(witness.stdin)
        try:
            with progress.hearing_of_kept(partial(_tell, witness.stdin)):
                yield
        finally:
            faulthandler.disable()
            witness.communicate(ENDED.encode())


def _tell(witness: IO[bytes], where: str) -> None:
    with suppress(OSError):  # it was killed
        witness.write(f"{GOES_ON}{where}\n".encode())
        witness.flush()


def _reported(main: Callable[..., None]) -> Callable[..., None]:
    """Returns a stage that ends in one line where it is interrupted or its input is bad."""

    @wraps(main)
    def stage(**arguments: object) -> None:
        before = signal.getsignal(signal.SIGINT)
        kept: list[str] = []
        try:
            if before is not signal.SIG_IGN:
                signal.signal(
                    signal.SIGINT, signal.default_int_handler
                )  # raises, so that what is half written goes
            with progress.hearing_of_kept(kept.append), _witnessed():
                main(**arguments)
        except (ValueError, OSError, MemoryError, RuntimeError) as error:
            message = _message(error)
            if message is None or os.environ.get("DEBUG"):
                raise
            print(f"error: {message}", file=sys.stderr)
            sys.exit(1)
        except KeyboardInterrupt:
            print(
                "; ".join(
                    ["interrupted", *(f"`make repro` {GOES_ON}{where}" for where in kept[-1:])]
                ),
                file=sys.stderr,
            )
            sys.exit(130)
        finally:
            signal.signal(signal.SIGINT, before)

    return stage


def _message(error: Exception) -> str | None:
    """Returns what to tell the user, or None of an error that is ours: its traceback is needed."""
    if isinstance(error, workers.Crashed):
        return f"{error}, in a library, perhaps at a damaged photograph"
    if isinstance(error, BrokenExecutor):
        return (
            "a worker process was killed, most likely for memory; FACEREC_WORKERS=1 takes the least"
        )
    text = str(error)
    if (
        isinstance(error, MemoryError)
        or type(error).__name__ == "OutOfMemoryError"
        or "can't allocate memory" in text
    ):
        return f"out of memory; a smaller batch or FACEREC_WORKERS=1 takes less: {text.splitlines()[0] if text else ''}"
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
