"""What is drawn by lot: by name, so that a draw stays the same when other photographs and people come and go."""

from collections.abc import Iterable
from zlib import crc32

import numpy as np
import pandas as pd


def random_order(names: Iterable[object], seed: int, purpose: str) -> np.ndarray:
    """Returns a number (N,) for each name to draw by: the lower ones first.

    It depends on nothing but the seed, the purpose and the name, so that what is drawn this way stays the same when
    other rows come and go.
    """
    prefix = crc32(f"{seed}/{purpose}/".encode())
    checksums = [crc32(str(name).encode(), prefix) for name in names]
    return _mixed(np.array(checksums, np.uint64))


def _mixed(values: np.ndarray) -> np.ndarray:
    """Returns well-spread 32-bit numbers: names in sequence have checksums that differ by few bits (MurmurHash3)."""
    for shift, factor in ((16, 0x85EBCA6B), (13, 0xC2B2AE35)):
        values = ((values ^ (values >> np.uint64(shift))) * np.uint64(factor)) & np.uint64(
            0xFFFFFFFF
        )
    return values ^ (values >> np.uint64(16))


def person_order(frame: pd.DataFrame, seed: int, purpose: str) -> np.ndarray:
    """Returns an order of the rows (N,) in which each person's photographs come as `lots` draws them."""
    drawn = random_order(frame.image_id.tolist(), seed, purpose)
    keys = [drawn, frame.person_id.to_numpy()]
    if (
        not frame.image_id.is_monotonic_increasing
    ):  # or else the rows' order tells equal draws apart
        keys.insert(0, frame.image_id.to_numpy(str))
    return np.lexsort(keys)


def rank_in_person(frame: pd.DataFrame, order: np.ndarray) -> np.ndarray:
    """Returns each row's place (N,) among its person's photographs in an order of the rows, from 0."""
    ranks = np.empty(len(frame), np.int64)
    ranks[order] = frame.iloc[order].groupby("person_id").cumcount()
    return ranks
