"""Publish one recogniser: its model and its numbers, under names that are the same for every head."""

from pathlib import Path
from typing import Annotated

from pydantic import field_validator
from typer import Argument

from facerec.files import write_bytes
from facerec.metrics.operating_points import OPERATING_FPRS
from facerec.params import Params
from stages.cli import read_metrics, run, write_metrics


class PublishParams(Params):
    head: str
    fpr: float  # whose threshold goes beside the model

    @field_validator("fpr")
    @classmethod
    def _is_measured(cls, fpr: float) -> float:
        if fpr not in OPERATING_FPRS.values():
            raise ValueError(
                f"expected one of {', '.join(map(str, OPERATING_FPRS.values()))}, got {fpr}"
            )
        return fpr


def main(
    head: Annotated[str, Argument(help="name of an entry of heads in params.yaml")],
    head_model: Annotated[Path, Argument(help="its recogniser")],
    head_thresholds: Annotated[Path, Argument(help="its thresholds and calibration")],
    head_metrics: Annotated[Path, Argument(help="its metrics")],
    head_roc: Annotated[Path, Argument(help="its ROC")],
    head_confusion: Annotated[Path, Argument(help="its confused people")],
    model: Annotated[Path, Argument(help="output: the published recogniser")],
    thresholds: Annotated[
        Path, Argument(help="output: from which cosine two faces are one person, and how surely")
    ],
    metrics: Annotated[Path, Argument(help="output: its metrics")],
    roc: Annotated[Path, Argument(help="output: its ROC")],
    confusion: Annotated[Path, Argument(help="output: its confused people")],
) -> None:
    """Publish one recogniser: its model and its numbers, under names that are the same for every head."""
    published, values = PublishParams.load("publish"), read_metrics(head_metrics)
    found = _thresholds(read_metrics(head_thresholds), published.fpr, head_thresholds)
    write_bytes(model, head_model.read_bytes())
    write_bytes(roc, head_roc.read_bytes())
    write_bytes(confusion, head_confusion.read_bytes())
    write_metrics(metrics, values)
    write_metrics(thresholds, found)
    print(f"published {head}")


def _thresholds(values: dict[str, float], fpr: float, path: Path) -> dict[str, float]:
    """Returns the threshold for a false-positive rate, and the logistic that turns a cosine into a probability.

    Of a collection whose open set has no pairs to measure on there is neither, and nothing is returned.

    Raises:
        ValueError: the open set has too few pairs for that rate, but enough for others.
    """
    measured = {
        rate: values.get(f"threshold_at_fpr_{name}") for name, rate in OPERATING_FPRS.items()
    }
    known = [str(rate) for rate, threshold in measured.items() if threshold is not None]
    if not known:
        print("the open set is too small for any threshold: none is published")
        return {}
    if (threshold := measured[fpr]) is None:
        raise ValueError(
            f"publish.fpr: {path} has no threshold for {fpr}, only for {', '.join(known)}"
        )
    calibration = {
        key: value
        for key, value in values.items()
        if key in ("calibration_slope", "calibration_intercept")
    }
    return {"fpr": fpr, "cosine_threshold": threshold, **calibration}


if __name__ == "__main__":
    run(main)
