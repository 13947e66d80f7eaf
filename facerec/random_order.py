"""Random draws by name: a draw stays the same when other photographs and people come and go."""

from collections.abc import Iterable

import numpy as np
import pandas as pd


def random_order(names: Iterable[object], seed: int, purpose: str) -> np.ndarray:
    """Returns a random number (N,) for each name; the names with the lowest numbers are drawn.

    A number depends on the seed, the purpose and the name alone, not on the other names.
    """
    texts = [f"{seed}/{purpose}/{name}" for name in names]
    return pd.util.hash_array(np.array(texts, dtype=object), categorize=False)


def person_order(frame: pd.DataFrame, seed: int, purpose: str) -> np.ndarray:
    """Returns an order of the rows (N,): sorted by person, each person's photographs at random."""
    drawn = random_order(frame.image_id, seed, purpose)
    return np.lexsort([drawn, frame.person_id.to_numpy()])


def rank_in_person(frame: pd.DataFrame, order: np.ndarray) -> np.ndarray:
    """Returns each row's place (N,) among its person's photographs in an order, from 0."""
    ranks = np.empty(len(frame), np.int64)
    ranks[order] = frame.iloc[order].groupby("person_id").cumcount()
    return ranks
