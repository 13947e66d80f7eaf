"""Publish one recogniser under names that are the same for all, and write its model card."""

import csv
import json
from pathlib import Path
from typing import Annotated

from typer import Option

from facerec.engine.operating_point import OperatingPoint
from facerec.evaluation.params import PublishParams
from facerec.files import write_bytes
from facerec.metrics.operating_points import OPERATING_FPRS
from facerec.model_card.card import Published, Row, model_card
from facerec.params import PARAMS_FILE, read_yaml
from stages.cli import read_metrics, run, write_headline

PAIRS, SEARCHES = "threshold_at_fpr_", "search_threshold_at_fpir_"  # before a rate's name
HEADLINE = {  # what `dvc metrics` shows: by file, the metric
    "val_top1": "val_top1",
    "val_top5": "val_top5",
    "wild_top1": "wild_top1",
    "wild_top5": "wild_top5",
    "auc": "openset_auc",
    "eer": "openset_eer",
    "fnmr_at_fmr_1e-2": "fnmr_at_fmr_1e-2",
    "fnmr_at_fmr_1e-3": "fnmr_at_fmr_1e-3",
    "identified_1e-2": "identification_rate_at_fpr_1e-2",
    "search_rank1": "search_rank1",
    "fnir_at_fpir_1e-1": "fnir_at_fpir_1e-1",
    "fnir_at_fpir_1e-2": "fnir_at_fpir_1e-2",
    "calibration_error": "calibration_error",
    "fta": "fta",
    "fte": "fte",
}


def main(
    name: Annotated[str, Option(help="entry of `recognizers` in params.yaml")],
    from_model: Annotated[Path, Option(help="the recogniser")],
    evaluation: Annotated[Path, Option(help="folder of its evaluation")],
    from_roc: Annotated[Path, Option(help="its ROC")],
    from_confusion: Annotated[Path, Option(help="its confused people")],
    selection: Annotated[Path, Option(help="the selection in numbers")],
    landmarks: Annotated[Path, Option(help="the errors of the hourglass")],
    model: Annotated[Path, Option(help="output: the published recogniser")],
    thresholds: Annotated[
        Path, Option(help="output: the cosine from which two faces are one person, and calibration")
    ],
    card: Annotated[
        Path, Option(help="output: model card: what it is for, what it was measured to do, limits")
    ],
    headline: Annotated[
        Path, Option(help="output: folder of the few metrics that `dvc metrics` shows, a file each")
    ],
    roc: Annotated[Path, Option(help="output: its ROC")],
    confusion: Annotated[Path, Option(help="output: its confused people")],
) -> None:
    """Publish one recogniser under names that are the same for all, and write its model card."""
    params = PublishParams.load("publish")
    values = read_metrics(evaluation / "metrics.json")
    dataset = read_yaml(PARAMS_FILE)["dataset"]
    threshold = _threshold(evaluation / "thresholds.json", params, dataset["images"])
    write_bytes(model, from_model.read_bytes())
    write_bytes(roc, from_roc.read_bytes())
    write_bytes(confusion, from_confusion.read_bytes())
    write_headline(headline, values, HEADLINE)
    write_bytes(thresholds, (json.dumps(threshold, indent=2, ensure_ascii=False) + "\n").encode())
    published = Published(
        name=name,
        params=read_yaml(PARAMS_FILE),
        metrics=values,
        threshold=threshold,
        selection=read_metrics(selection),
        landmarks=read_metrics(landmarks),
        slices=_rows(evaluation / "slices.csv"),
        error_slices=_rows(evaluation / "error_slices.csv"),
    )
    write_bytes(card, model_card(published).encode())
    print(f"published {name}")


def _threshold(path: Path, params: PublishParams, collection: str) -> dict[str, float | str]:
    """Returns the operating point at the chosen rates, as the file beside the model holds it.

    Nothing is returned if the open set has no pairs to measure on.

    Args:
        path: of all thresholds.
        params: with the rates.
        collection: name of the photographs that they were measured on.

    Raises:
        ValueError: the open set has too few pairs for the rate of pairs, but enough for others.
    """
    values = read_metrics(path)
    pairs, searches = (_measured_rates(values, kind) for kind in (PAIRS, SEARCHES))
    if not pairs:
        print("the open set is too small for any threshold: none is published")
        return {}
    if params.fpr not in pairs:
        known = ", ".join(map(str, pairs))
        raise ValueError(f"publish.fpr: {path} has no threshold for {params.fpr}, only for {known}")
    if params.fpir not in searches:
        known = f"only for {', '.join(map(str, searches))}" if searches else "nor any other"
        print(f"publish.fpir: {path} has no threshold of a search for {params.fpir}, {known}")
    return OperatingPoint.measured(values, params.fpr, params.fpir, collection).values()


def _measured_rates(values: dict[str, float], kind: str) -> list[float]:
    return [rate for name, rate in OPERATING_FPRS.items() if f"{kind}{name}" in values]


def _rows(path: Path) -> list[Row]:
    """Returns a table's rows; pandas would take longer to import than the stage takes."""
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


if __name__ == "__main__":
    run(main)
