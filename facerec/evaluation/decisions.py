"""The pairs of an open set that one threshold decides wrongly."""

import math
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from facerec.metrics import verification
from facerec.progress import Progress


@dataclass(frozen=True)
class Decisions:
    """What a threshold decides about all pairs of an open set's photographs.

    Attributes:
        threshold: a cosine; a pair above it matches.
        genuine: (G, 2) rows of the same-person pairs.
        genuine_cosines: (G,).
        false_matches: (M, 2) rows of the different-person pairs that match.
        false_cosines: (M,).
    """

    threshold: float
    genuine: np.ndarray
    genuine_cosines: np.ndarray
    false_matches: np.ndarray
    false_cosines: np.ndarray

    @property
    def is_missed(self) -> np.ndarray:
        """Returns which same-person pairs do not match, (G,) bool."""
        return ~(self.genuine_cosines > self.threshold)


def decide(embeddings: Tensor, people: np.ndarray, threshold: float) -> Decisions:
    """Returns what a threshold decides; the pairs come a block at a time.

    Args:
        embeddings: (N, E), not necessarily normalised.
        people: (N,) who is on each.
        threshold: a cosine.
    """
    codes = torch.from_numpy(np.unique(people, return_inverse=True)[1])
    genuine, genuine_cosines, false_matches, false_cosines = [], [], [], []
    with Progress("open set, wrong decisions", math.comb(len(people), 2)) as progress:
        for cosines, i, j in verification.pair_blocks(embeddings):
            is_same = codes[i] == codes[j]
            is_false = ~is_same & (cosines > threshold)
            genuine.append(torch.stack([i[is_same], j[is_same]], dim=1))
            genuine_cosines.append(cosines[is_same])
            false_matches.append(torch.stack([i[is_false], j[is_false]], dim=1))
            false_cosines.append(cosines[is_false])
            progress.advance(len(cosines))
    return Decisions(
        threshold,
        torch.cat(genuine).numpy(),
        torch.cat(genuine_cosines).numpy(),
        torch.cat(false_matches).numpy(),
        torch.cat(false_cosines).numpy(),
    )
