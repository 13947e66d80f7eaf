"""Platt's logistic alone: using a calibration needs no pandas, which takes long to import."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Calibration:
    """Platt's logistic (Platt 1999), for a pair that shows one person with prior probability 1/2.

    Attributes:
        slope: a, of the cosine c, in 1 / (1 + exp(−a c − b)).
        intercept: b. For another prior p add log(p / (1 − p)).
    """

    slope: float
    intercept: float

    def probability(self, cosines: np.ndarray) -> np.ndarray:
        """Returns the probability (P,) that each pair shows one person."""
        logits = self.slope * cosines + self.intercept
        return 0.5 * (1 + np.tanh(0.5 * logits))  # 1 / (1 + exp(−x)), never overflows
