"""Publish one recogniser: its model and its numbers, under names that are the same for every head."""

import json
from pathlib import Path
from typing import Annotated

from typer import Argument

from facerec.images import write_bytes
from stages.cli import run, write_metrics


def main(
    head: Annotated[str, Argument(help="name of an entry of heads in params.yaml")],
    head_model: Annotated[Path, Argument(help="its recogniser")],
    head_metrics: Annotated[Path, Argument(help="its metrics")],
    head_roc: Annotated[Path, Argument(help="its ROC")],
    head_confusion: Annotated[Path, Argument(help="its confused people")],
    model: Annotated[Path, Argument(help="output: the published recogniser")],
    metrics: Annotated[Path, Argument(help="output: its metrics")],
    roc: Annotated[Path, Argument(help="output: its ROC")],
    confusion: Annotated[Path, Argument(help="output: its confused people")],
) -> None:
    """Publish one recogniser: its model and its numbers, under names that are the same for every head."""
    write_bytes(model, head_model.read_bytes())
    write_bytes(roc, head_roc.read_bytes())
    write_bytes(confusion, head_confusion.read_bytes())
    write_metrics(metrics, _read(head_metrics))
    print(f"published {head}")


def _read(path: Path) -> dict[str, float]:
    """Returns flat metrics.

    Raises:
        ValueError: the file is no JSON object of numbers.
    """
    try:
        values = json.loads(path.read_text())
    except json.JSONDecodeError as error:
        raise ValueError(f"{path}: not JSON: {error}") from None
    if not isinstance(values, dict) or not all(isinstance(value, int | float) for value in values.values()):
        raise ValueError(f"{path}: expected a flat object of numbers")
    return values


if __name__ == "__main__":
    run(main)
