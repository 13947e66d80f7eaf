"""Near duplicates: one photograph again, recoloured, cropped, compressed or mirrored."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import combinations_with_replacement

import numpy as np
import pandas as pd

from facerec import tables
from facerec.geometry import eye_distance


def hash_distances(hashes: Iterable[str]) -> np.ndarray:
    """Returns in how many bits (N, N) the hashes of photographs differ.

    Of a photograph and its mirror image, the one that differs in fewer bits counts.

    Args:
        hashes: (N,) as `pixel_measures.perceptual_hash` gives them.
    """
    rows = [np.frombuffer(bytes.fromhex(text), np.uint8) for text in hashes]
    bits = np.unpackbits(np.array(rows), axis=1).astype(np.float32)
    plain, mirrored = np.split(bits, 2, axis=1)
    distances = np.minimum(_hamming(plain, plain), _hamming(plain, mirrored))
    return np.minimum(distances, distances.T)  # either of the two may be mirrored


def _hamming(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Returns in how many places rows (N, B) and rows (M, B) of zeros and ones differ, (N, M)."""
    ones = first.sum(axis=1)[:, None] + second.sum(axis=1)
    return np.rint(ones - 2 * first @ second.T).astype(int)


def nearest_distances(
    people: np.ndarray, hashes: np.ndarray, max_distance: float, is_fixed: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Returns each photograph's distance to the nearest better one, and to the nearest fixed one.

    Both are (N,) float, in bits, and infinite where there is no such photograph. Photographs of
    different people are not compared. A photograph that is a near duplicate of a better one does
    not stay, so that others are not compared with it. Fixed ones always stay.

    Args:
        people: (N,) the person on each photograph; a person's better photographs come first.
        hashes: (N,).
        max_distance: bits in which near duplicates differ at most.
        is_fixed: (N,) bool.
    """
    to_better, to_fixed = np.full((2, len(people)), np.inf)
    for rows in pd.Series(range(len(people))).groupby(people).indices.values():
        distances = hash_distances(hashes[rows]).astype(float)
        stays = is_fixed[rows].copy()
        for place in np.flatnonzero(~is_fixed[rows]):
            row = rows[place]
            to_fixed[row] = distances[place, is_fixed[rows]].min(initial=np.inf)
            to_better[row] = distances[place, stays].min(initial=np.inf)
            stays[place] = to_better[row] > max_distance
    return to_better, to_fixed


def nearest_of_candidates(
    candidates: pd.DataFrame,
    is_good: np.ndarray,
    wild: pd.DataFrame,
    measures: pd.DataFrame,
    max_distance: float,
) -> pd.DataFrame:
    """Returns each candidate's distance `to_better` photographs of the person, and `to_wild` ones.

    Wild photographs are better than candidates, good candidates better than others. After that
    the sharper photograph is the better one, then the one with the larger eye distance.

    Args:
        candidates: N photographs.
        is_good: (N,) whether each keeps to all bounds.
        wild: photographs that candidates must not duplicate.
        measures: a row for each of them, by the frames' index.
        max_distance: bits in which near duplicates differ at most.
    """
    frame = pd.concat([wild, candidates])
    is_wild = np.arange(len(frame)) < len(wild)
    is_better = np.concatenate([np.ones(len(wild), bool), is_good])
    sharpness = measures.sharpness.loc[frame.index].to_numpy()
    distance_of_eyes = eye_distance(tables.points(frame))
    order = np.lexsort([frame.image_id, -distance_of_eyes, -sharpness, ~is_better, ~is_wild])
    distances = np.zeros((2, len(frame)))
    distances[:, order] = nearest_distances(
        frame.person_id.to_numpy()[order],
        measures.hash.loc[frame.index].to_numpy()[order],
        max_distance,
        is_wild[order],
    )
    return pd.DataFrame(distances.T, frame.index, ["to_better", "to_wild"]).loc[candidates.index]


def duplicate_pairs(people: np.ndarray, hashes: np.ndarray, max_distance: float) -> np.ndarray:
    """Returns the pairs (P, 2) of rows that are near duplicates of one person, lower row first."""
    pairs = [np.zeros((0, 2), int)]
    for rows in pd.Series(range(len(people))).groupby(people).indices.values():
        first, second = np.nonzero(np.triu(hash_distances(hashes[rows]) <= max_distance, 1))
        pairs.append(np.stack([rows[first], rows[second]], axis=1))
    return np.concatenate(pairs)


@dataclass(frozen=True)
class NearDuplicates:
    """The pairs of photographs that show one person and are near duplicates.

    Attributes:
        pairs: (P, 2) image_ids.
    """

    pairs: np.ndarray

    @classmethod
    def among(
        cls, frame: pd.DataFrame, measures: pd.DataFrame, max_distance: float
    ) -> "NearDuplicates":
        """Returns the pairs among photographs; `measures` has a row for each, by their index."""
        hashes = measures.hash.loc[frame.index].to_numpy()
        rows = duplicate_pairs(frame.person_id.to_numpy(), hashes, max_distance)
        return cls(frame.image_id.to_numpy()[rows])

    def groups(self, image_ids: Iterable[str]) -> list[str]:
        """Returns a group name (N,) for each photograph; chained near duplicates share one."""
        leader = {image_id: image_id for image_id in image_ids}

        def find(image_id: str) -> str:
            while leader[image_id] != image_id:
                image_id = leader[image_id]
            return image_id

        for first, second in self.pairs:
            if first in leader and second in leader:
                leader[find(second)] = find(first)
        return [find(image_id) for image_id in leader]

    def count_across(self, parts: dict[str, Iterable[str]]) -> dict[str, int]:
        """Returns the number of pairs within each part and between two parts.

        The names are `near_duplicates_<part>` and `near_duplicates_<part>_<part>`.
        """
        part_of = {image_id: part for part, image_ids in parts.items() for image_id in image_ids}
        counts = Counter(frozenset(part_of[image_id] for image_id in pair) for pair in self.pairs)
        return {
            "_".join(dict.fromkeys(["near_duplicates", *names])): counts[frozenset(names)]
            for names in combinations_with_replacement(parts, 2)
        }
