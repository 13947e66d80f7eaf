"""Photographs of a person that are copies of one another: recoloured, recropped, compressed again, mirrored."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import combinations_with_replacement

import numpy as np
import pandas as pd

from facerec.selection.pixel_measures import PixelMeasures


def distances(hashes: Iterable[str]) -> np.ndarray:
    """Returns in how many bits (N, N) the hashes of photographs differ, the mirror image's where it differs in fewer.

    Args:
        hashes: (N,) as `pixel_measures.perceptual_hash` gives them; an empty one differs from all.
    """
    hashes = list(hashes)
    width = max(map(len, hashes), default=0)
    known = np.array([bool(text) for text in hashes])
    data = bytes.fromhex("".join(text or "0" * width for text in hashes))
    bits = np.unpackbits(
        np.frombuffer(data, np.uint8).reshape(len(hashes), width // 2), axis=1
    ).astype(np.float32)
    plain, mirrored = np.split(bits, 2, axis=1)
    apart = np.minimum(_differing(plain, plain), _differing(plain, mirrored))
    apart = np.minimum(apart, apart.T)  # the mirror image of either
    apart[~known] = apart[:, ~known] = plain.shape[1]
    return apart


def _differing(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Returns in how many places rows (N, B) and rows (M, B) of zeros and ones differ, (N, M)."""
    return np.rint(one.sum(axis=1)[:, None] + other.sum(axis=1) - 2 * one @ other.T).astype(int)


def nearest(
    people: np.ndarray, hashes: np.ndarray, at_least: float, fixed: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Returns in how many bits each photograph differs from the nearest one of its person that stays, (N,) float.

    A photograph that differs in fewer than `at_least` from a better one that stays is a copy, and does not stay.
    And, (N,), in how many from the nearest fixed one. Infinite where there is none.

    Args:
        people: (N,) who is on each; the better photographs of a person come first.
        hashes: (N,) of each.
        at_least: bits in which photographs that are no copies differ.
        fixed: (N,) whether it stays whatever it resembles, and is not asked about itself.
    """
    of_staying, of_fixed = np.full((2, len(people)), np.inf)
    for rows in pd.Series(range(len(people))).groupby(people).indices.values():
        apart = distances(hashes[rows]).astype(float)
        stays = fixed[rows].copy()
        for row in np.flatnonzero(~fixed[rows]):
            of_fixed[rows[row]] = apart[row, fixed[rows]].min(initial=np.inf)
            of_staying[rows[row]] = apart[row, stays].min(initial=np.inf)
            stays[row] = of_staying[rows[row]] >= at_least
    return of_staying, of_fixed


def pairs(people: np.ndarray, hashes: np.ndarray, at_least: float) -> np.ndarray:
    """Returns the pairs (P, 2) of rows that show one person and are copies of each other, the earlier row first."""
    found = [np.zeros((0, 2), int)]
    for rows in pd.Series(range(len(people))).groupby(people).indices.values():
        one, other = np.nonzero(np.triu(distances(hashes[rows]) < at_least, 1))
        found.append(np.stack([rows[one], rows[other]], axis=1))
    return np.concatenate(found)


@dataclass(frozen=True)
class Copies:
    """The pairs of a table's photographs that show one person and are copies of each other.

    Attributes:
        pairs: (P, 2) image_ids.
    """

    pairs: np.ndarray

    @classmethod
    def among(cls, frame: pd.DataFrame, measured: PixelMeasures, bits: int) -> "Copies":
        """Returns those among photographs whose hashes differ in fewer bits."""
        found = pairs(frame.person_id.to_numpy(), measured.of(frame).hash.to_numpy(), bits)
        return cls(frame.image_id.to_numpy()[found])

    def groups(self, image_ids: Iterable[str]) -> list[str]:
        """Returns a name (N,) for each photograph, the same for those that are copies, or copies of copies, of it."""
        leader = {image_id: image_id for image_id in image_ids}

        def find(image_id: str) -> str:
            while leader[image_id] != image_id:
                image_id = leader[image_id]
            return image_id

        for one, other in self.pairs:
            if one in leader and other in leader:
                leader[find(other)] = find(one)
        return [find(image_id) for image_id in leader]

    def across(self, parts: dict[str, Iterable[str]]) -> dict[str, int]:
        """Returns how many pairs lie within and between parts, by `copies_<part>` and `copies_<part>_<part>`."""
        part_of = {image_id: part for part, image_ids in parts.items() for image_id in image_ids}
        counts = Counter(frozenset(part_of[image_id] for image_id in pair) for pair in self.pairs)
        both = combinations_with_replacement(parts, 2)
        return {
            "_".join(dict.fromkeys(["copies", *names])): counts[frozenset(names)] for names in both
        }
