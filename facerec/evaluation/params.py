"""The sections `evaluate` and `publish`. It imports no torch, so it can be checked fast."""

from pydantic import PositiveInt, field_validator

from facerec.metrics.operating_points import OPERATING_FPRS
from facerec.params import Params


class EvaluateParams(Params):
    """The section `evaluate`: how intervals are made."""

    bootstrap_resamples: PositiveInt  # of people, for the intervals of pairs
    seed: int


class PublishParams(Params):
    """The section `publish`: which recogniser is published, with which threshold."""

    recognizer: str  # an entry of `recognizers`
    fpr: float  # false-positive rate of the threshold that is published beside the model

    @field_validator("fpr")
    @classmethod
    def _is_measured(cls, fpr: float) -> float:
        if fpr not in OPERATING_FPRS.values():
            known = ", ".join(map(str, OPERATING_FPRS.values()))
            raise ValueError(f"expected one of {known}, got {fpr}")
        return fpr
