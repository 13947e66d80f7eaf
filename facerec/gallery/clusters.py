"""Photographs that nobody has named, grouped by who is on them.

Two groups become one while the mean cosine of their pairs is at least the threshold: clustering by
average linkage (UPGMA; Sokal and Michener 1958). Nearest neighbours alone, as in DBSCAN, join
different people by chains of faces in between: `experiments/clusters.py` measures both, and
HDBSCAN.

Groups that average linkage joins have a pair of faces over the threshold. So no group reaches over
two parts of the graph of such pairs, and each part is clustered alone: no matrix of all pairs is
held, and the result is the same.
"""

import numpy as np
from scipy.cluster.hierarchy import fcluster, linkage
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from scipy.spatial.distance import squareform

BLOCK_ROWS = 2**10  # of the cosines that are held at a time
MAX_PART = 6000  # faces: 0.3 GiB of distances
THRESHOLD_STEP = 0.02  # by which the threshold of parts grows until they are small enough


def group_faces(embeddings: np.ndarray, threshold: float) -> np.ndarray:
    """Returns the group (N,) of each face, int: 0 is the largest; -1 is a face alone.

    Parts of more than MAX_PART faces, each of which resembles another one of them, are first
    divided where the threshold is higher.

    Args:
        embeddings: (N, E) of length 1 or 0; a face of zeros, which is not usable, is alone.
        threshold: the cosine over which two faces count as one person's.

    Raises:
        ValueError: the threshold is not in (0, 1).
    """
    if not 0 < threshold < 1:
        raise ValueError(f"threshold: expected a cosine in (0, 1), got {threshold}")
    usable = np.flatnonzero(embeddings.any(axis=1))
    vectors = embeddings[usable].astype(np.float32)
    labels = np.full(len(embeddings), -1)
    count = 0
    for part in _parts(vectors, threshold):
        groups = _average_linkage(vectors[part], threshold)
        labels[usable[part]] = count + groups
        count += int(groups.max()) + 1
    return _by_size(labels)


def _parts(vectors: np.ndarray, threshold: float) -> list[np.ndarray]:
    """Returns the indices of the faces of each part of the graph; faces alone are left out."""
    components = _components(vectors, threshold)
    order = np.argsort(components, kind="stable")
    starts = np.flatnonzero(np.diff(components[order])) + 1
    parts = []
    for part in np.split(order, starts):
        if len(part) > MAX_PART and threshold + THRESHOLD_STEP < 1:
            inner = _parts(vectors[part], threshold + THRESHOLD_STEP)
            parts += [part[each] for each in inner]
        elif len(part) > 1:
            parts.append(part)
    return parts


def _components(vectors: np.ndarray, threshold: float) -> np.ndarray:
    """Returns the part (N,) of each face: faces over the threshold are in the same part."""
    parts = np.arange(len(vectors))
    for start in range(0, len(vectors), BLOCK_ROWS):
        block = vectors[start : start + BLOCK_ROWS] @ vectors[start:].T
        rows, columns = np.nonzero(block >= threshold)
        ends = parts[rows + start], parts[columns + start]
        graph = coo_array((np.ones(len(rows), bool), ends), shape=(len(vectors),) * 2)
        joined = connected_components(graph, directed=False)[1]
        parts = joined[parts]
    return parts


def _average_linkage(vectors: np.ndarray, threshold: float) -> np.ndarray:
    """Returns the group of each face, from 0."""
    if len(vectors) > MAX_PART:  # they are all but equal: copies of few photographs
        return np.zeros(len(vectors), int)
    distances = np.maximum(1 - vectors @ vectors.T, 0)  # rounding makes those of copies negative
    tree = linkage(squareform(distances, checks=False), "average")
    return fcluster(tree, 1 - threshold, "distance") - 1


def _by_size(labels: np.ndarray) -> np.ndarray:
    """Returns the labels in the order of the groups' sizes, -1 for groups of one."""
    groups, first, sizes = np.unique(labels, return_index=True, return_counts=True)
    order = np.lexsort((first, -sizes))  # of equal sizes the one that begins first
    new = np.full(len(groups), -1)
    kept = [place for place in order if groups[place] >= 0 and sizes[place] > 1]
    new[kept] = np.arange(len(kept))
    return new[np.searchsorted(groups, labels)]
