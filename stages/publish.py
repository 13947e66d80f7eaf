"""Publish one recogniser: copy its model and its metrics to names that are the same for all."""

from pathlib import Path
from typing import Annotated

from typer import Option

from facerec.evaluation.params import PublishParams
from facerec.files import write_bytes
from facerec.metrics.operating_points import OPERATING_FPRS
from stages.cli import read_metrics, run, write_metrics


def main(
    name: Annotated[str, Option(help="entry of `recognizers` in params.yaml")],
    from_model: Annotated[Path, Option(help="the recogniser")],
    from_thresholds: Annotated[Path, Option(help="its thresholds and calibration")],
    from_metrics: Annotated[Path, Option(help="its metrics")],
    from_roc: Annotated[Path, Option(help="its ROC")],
    from_confusion: Annotated[Path, Option(help="its confused people")],
    model: Annotated[Path, Option(help="output: the published recogniser")],
    thresholds: Annotated[
        Path, Option(help="output: the cosine from which two faces are one person, and calibration")
    ],
    metrics: Annotated[Path, Option(help="output: its metrics")],
    roc: Annotated[Path, Option(help="output: its ROC")],
    confusion: Annotated[Path, Option(help="output: its confused people")],
) -> None:
    """Publish one recogniser: copy its model and its metrics to names that are the same for all."""
    params = PublishParams.load("publish")
    values = read_metrics(from_metrics)
    threshold = _threshold(read_metrics(from_thresholds), params.fpr, from_thresholds)
    write_bytes(model, from_model.read_bytes())
    write_bytes(roc, from_roc.read_bytes())
    write_bytes(confusion, from_confusion.read_bytes())
    write_metrics(metrics, values)
    write_metrics(thresholds, threshold)
    print(f"published {name}")


def _threshold(values: dict[str, float], fpr: float, path: Path) -> dict[str, float]:
    """Returns the cosine threshold at a false-positive rate, and the calibration.

    Nothing is returned if the open set has no pairs to measure on.

    Raises:
        ValueError: the open set has too few pairs for that rate, but enough for others.
    """
    measured = {
        rate: values[key]
        for name, rate in OPERATING_FPRS.items()
        if (key := f"threshold_at_fpr_{name}") in values
    }
    if not measured:
        print("the open set is too small for any threshold: none is published")
        return {}
    if fpr not in measured:
        known = ", ".join(map(str, measured))
        raise ValueError(f"publish.fpr: {path} has no threshold for {fpr}, only for {known}")
    calibration = {
        key: value
        for key, value in values.items()
        if key in ("calibration_slope", "calibration_intercept")
    }
    return {"fpr": fpr, "cosine_threshold": measured[fpr], **calibration}


if __name__ == "__main__":
    run(main)
