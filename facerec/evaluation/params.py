"""The sections `evaluate` and `publish`. It imports no torch, so it can be checked fast."""

from pathlib import Path

from pydantic import PositiveInt, field_validator

from facerec.metrics.operating_points import OPERATING_FPRS
from facerec.params import PARAMS_FILE, Params


class EvaluateParams(Params):
    """The section `evaluate`: how intervals are made."""

    bootstrap_resamples: PositiveInt  # of people, for the intervals of pairs
    seed: int


class PublishParams(Params):
    """The section `publish`: which recogniser is published, with which threshold."""

    recognizer: str  # an entry of `recognizers`
    fpr: float  # share of different-person pairs that the published threshold accepts
    fpir: float  # share of strangers that a search above its published threshold names

    @field_validator("fpr", "fpir")
    @classmethod
    def _is_measured(cls, rate: float) -> float:
        if rate not in OPERATING_FPRS.values():
            known = ", ".join(map(str, OPERATING_FPRS.values()))
            raise ValueError(f"expected one of {known}, got {rate}")
        return rate


def load_evaluate(file: Path = PARAMS_FILE) -> EvaluateParams:
    """Returns the checked section `evaluate`; errors as `Params.load`."""
    return EvaluateParams.load("evaluate", file)


def load_publish(file: Path = PARAMS_FILE) -> PublishParams:
    """Returns the checked section `publish`; errors as `Params.load`."""
    return PublishParams.load("publish", file)
