"""What every stage's command line shares: readable errors, logging, writing metrics."""

import json
import logging
import os
import sys
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from facerec.images import write_bytes

if TYPE_CHECKING:  # publish needs neither pandas nor the seconds that it takes to import
    import pandas as pd


def run(main: Callable[..., None]) -> None:
    """Runs a stage as a command. Bad input ends in one message and exit code 1; DEBUG=1 shows where it came from."""
    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stdout)
    app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
    app.command()(_reported(main))
    app()


def _reported(main: Callable[..., None]) -> Callable[..., None]:
    """Returns a stage that ends in one line where it is interrupted or its input is bad."""

    @wraps(main)
    def stage(**arguments: object) -> None:
        try:
            main(**arguments)
        except (ValueError, OSError) as error:
            if os.environ.get("DEBUG"):
                raise
            print(f"error: {error}", file=sys.stderr)
            sys.exit(1)
        except KeyboardInterrupt:
            print("interrupted", file=sys.stderr)
            sys.exit(130)

    return stage


def write_csv(path: Path, frame: "pd.DataFrame") -> None:
    """Writes a plot's table, whole or not at all."""
    write_bytes(path, frame.to_csv(index=False, lineterminator="\n").encode())


def write_metrics(path: Path, values: dict[str, float]) -> None:
    """Writes flat JSON."""
    write_bytes(path, (json.dumps(values, indent=2, ensure_ascii=False) + "\n").encode())
