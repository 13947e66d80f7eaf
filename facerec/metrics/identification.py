"""Identification: who is found among many photographs, at a given rate of false matches."""

import math
from collections.abc import Iterator
from fractions import Fraction

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from facerec.metrics import blocks
from facerec.metrics.blocks import row_blocks

EXCLUDED = -2.0  # stands for a pair that does not count; below every cosine
LOWEST = -1.5  # below every cosine, above EXCLUDED
SAMPLED = 0.02  # share of the pairs that are sampled to guess where the threshold lies
GROUPS = 16  # of that sample; their standard deviation says how far the guess may be off


def identification_rate(
    query: Tensor, query_people: Tensor, distractors: Tensor, fpr: float
) -> tuple[float, float]:
    """Returns the identification rate at a false-positive rate, and its cosine threshold.

    False pairs are query–query of different people and query–distractor. N = ⌊fpr · false pairs⌋ of
    them may be accepted. So the threshold is the (N + 1)-th largest false cosine, exactly, and the
    rate is the share of same-person query–query pairs strictly above it. A threshold of −inf
    accepts everything (`fpr` 1).

    Memory does not grow with the number of false pairs. A sample of 2 % of them brackets the
    threshold. One pass counts the cosines above the bracket and keeps those in it. If the threshold
    was not inside, the bracket moves on.

    Args:
        query: (Q, E), not necessarily normalised.
        query_people: (Q,) int64.
        distractors: (D, E), of people who are not in `query`.
        fpr: accepted share of false pairs, in (0, 1].

    Raises:
        ValueError: there are too few false pairs to resolve `fpr` (the message says how many it
            needs), no same-person pair, or an embedding that is not finite.
    """
    _require_finite(query, distractors)
    same_pairs, false_pairs = _count_pairs(query_people, len(distractors))
    accepted = _accepted("fpr", fpr, "different-person pairs", false_pairs)
    _require_same_person_pairs(same_pairs)
    query = F.normalize(query.float())
    threshold = _false_threshold(query, query_people, distractors, accepted, false_pairs)
    return _share_above(_same_cosines(query, query_people), threshold), threshold


def search_cosines(
    query: Tensor, query_people: Tensor, distractors: Tensor
) -> tuple[Tensor, Tensor]:
    """Returns each query photograph's best cosine to its own person and to anybody else, (Q,) each.

    Each is searched among all other photographs, distractors included. The first cosine is −inf for
    a person with one photograph. The second is what the search would find if the person were not in
    the gallery.

    Args:
        query: (Q, E), not necessarily normalised.
        query_people: (Q,) int64.
        distractors: (D, E), of people who are not in `query`.
    """
    query = F.normalize(query.float())
    best_same, best_other = query.new_empty(2, len(query))
    for start, rows in row_blocks(query, len(query)):
        block = slice(start, start + len(rows))
        cosines = rows @ query.t()
        same = query_people[block, None] == query_people
        best_other[block] = cosines.masked_fill(same, -torch.inf).amax(dim=1)
        cosines.diagonal(start).fill_(-torch.inf)
        best_same[block] = cosines.masked_fill(~same, -torch.inf).amax(dim=1)
    for cosines in _cosine_blocks(query, distractors):
        best_other = torch.maximum(best_other, cosines.amax(dim=0))
    return best_same, best_other


def best_other_by_group(
    query: Tensor,
    query_people: Tensor,
    query_groups: Tensor,
    distractors: Tensor,
    distractor_groups: Tensor,
) -> Tensor:
    """Returns each query photograph's best cosine to anybody else of each group of people, (Q, G).

    The highest of a row is the second cosine of `search_cosines`; without one column it is what the
    search would find if that group were not in the gallery. −inf where a group has nobody else.

    Args:
        query: (Q, E), not necessarily normalised.
        query_people: (Q,) int64.
        query_groups: (Q,) int64, 0 … G-1, one for all photographs of a person.
        distractors: (D, E), of people who are not in `query`.
        distractor_groups: (D,) likewise.
    """
    groups = torch.cat([query_groups, distractor_groups])
    query = F.normalize(query.float())
    gallery = torch.cat([query, F.normalize(distractors.float())])
    best = query.new_full((len(query), int(groups.max()) + 1), -torch.inf)
    for start, rows in row_blocks(query, len(gallery)):
        block = slice(start, start + len(rows))
        cosines = rows @ gallery.t()
        same = query_people[block, None] == query_people
        cosines[:, : len(query)].masked_fill_(same, -torch.inf)
        best[block].scatter_reduce_(1, groups.expand_as(cosines), cosines, "amax")
    return best


def rank1_hits(best_same: Tensor, best_other: Tensor, threshold: float = -math.inf) -> Tensor:
    """Returns whether each search finds its own person first, (M,) bool.

    M query photographs have another one of the same person; the others are left out.

    Args:
        best_same: (Q,) from `search_cosines`.
        best_other: (Q,) likewise.
        threshold: cosine above which something is found.
    """
    searched = best_same > -torch.inf
    return best_same[searched] > best_other[searched].clamp_min(threshold)


def detection_rate(
    best_same: Tensor, best_other: Tensor, false_alarms: float
) -> tuple[float, float]:
    """Returns the detection and identification rate at a false-alarm rate, and its threshold.

    Every photograph is searched twice (open-set identification; Phillips et al. 2011, Handbook of
    Face Recognition, section 21.3). Without its person in the gallery, anything found above the
    threshold is a false alarm. With its person, it must find that person first, above the
    threshold. The threshold is the (N + 1)-th largest best cosine of the first searches,
    N = ⌊false_alarms · Q⌋.

    Args:
        best_same: (Q,) from `search_cosines`.
        best_other: (Q,) likewise.
        false_alarms: accepted share of searches for somebody who is not there, in (0, 1].

    Raises:
        ValueError: there are too few searches to resolve `false_alarms`, or nobody has a second
            photograph.
    """
    accepted = _accepted("false-alarm rate", false_alarms, "searches", len(best_other))
    _require_same_person_pairs(int((best_same > -torch.inf).sum()))
    threshold = _kth_largest(best_other, accepted + 1)
    return rank1_hits(best_same, best_other, threshold).double().mean().item(), threshold


def _count_pairs(query_people: Tensor, num_distractors: int) -> tuple[int, int]:
    """Returns how many same-person query pairs and how many false pairs there are."""
    num_query = len(query_people)
    counts = query_people.unique(return_counts=True)[1]
    same = int((counts * (counts - 1) // 2).sum())
    return same, num_query * (num_query - 1) // 2 - same + num_query * num_distractors


def _same_cosines(query: Tensor, query_people: Tensor) -> Tensor:
    """Returns the cosines of all same-person pairs of normalised embeddings."""
    parts = []
    for start, rows in row_blocks(query, len(query)):
        same = query_people[start : start + len(rows), None] == query_people
        parts.append((rows @ query.t())[same.triu(start + 1)])
    return torch.cat(parts)


def _false_threshold(
    query: Tensor, query_people: Tensor, distractors: Tensor, accepted: int, false_pairs: int
) -> float:
    """Returns the (accepted + 1)-th largest false cosine, −inf if there are too few."""
    if accepted == false_pairs:
        return -math.inf
    low, high = _bracket(query, query_people, distractors, accepted, false_pairs)
    while True:
        above, inside = _count_and_keep(query, query_people, distractors, low, high)
        width = max(high - low, 0.001) if high < math.inf else 0.1
        if above > accepted:
            low, high = high, high + 8 * width
        elif above + len(inside) <= accepted:
            low, high = max(LOWEST, low - 8 * width), low
        else:
            return _kth_largest(inside, accepted + 1 - above)


def _bracket(
    query: Tensor, query_people: Tensor, distractors: Tensor, accepted: int, false_pairs: int
) -> tuple[float, float]:
    """Returns (low, high] that most likely holds the (accepted + 1)-th largest false cosine.

    Each of GROUPS samples guesses it. Where they are too small for that, all above a generous low
    is taken.
    """
    if false_pairs <= blocks.BLOCK:
        return LOWEST, math.inf
    samples = _sample_false(query, query_people, distractors)
    ranks = [accepted * len(sample) / false_pairs for sample in samples]
    if min(ranks) < 100:
        sample = torch.cat(samples)
        rank = accepted * len(sample) / false_pairs
        return max(LOWEST, _kth_largest(sample, int(2 * rank) + 100)), math.inf
    guesses = torch.tensor(
        [_kth_largest(s, round(rank) + 1) for s, rank in zip(samples, ranks, strict=True)]
    )
    slack = 2 * guesses.std().item() + 1e-4  # eight standard errors of the mean of 16
    return guesses.mean().item() - slack, guesses.mean().item() + slack


def _sample_false(query: Tensor, query_people: Tensor, distractors: Tensor) -> list[Tensor]:
    """Returns the false cosines of GROUPS random samples, SAMPLED of all pairs together."""
    # The result does not depend on the seed, only the time to find it.
    generator = torch.Generator().manual_seed(0)
    far = torch.randperm(len(distractors), generator=generator)
    far = far[: int(SAMPLED * len(distractors))].to(distractors.device)
    rows = torch.randperm(len(query), generator=generator)
    rows = rows[: int(SAMPLED / 2 * len(query))].to(query.device)  # half: each pair counts twice
    samples = []
    for group in range(GROUPS):
        chosen = rows[group::GROUPS]
        is_false = query_people[chosen, None] != query_people
        among_queries = (query[chosen] @ query.t())[is_false]
        to_distractors = F.normalize(distractors[far[group::GROUPS]].float()) @ query.t()
        samples.append(torch.cat([among_queries, to_distractors.flatten()]))
    return samples


def _count_and_keep(
    query: Tensor, query_people: Tensor, distractors: Tensor, low: float, high: float
) -> tuple[int, Tensor]:
    """Returns how many false cosines are above `high`, and those in (low, high]."""
    above = 0
    kept = []
    for cosines in _false_blocks(query, query_people, distractors):
        wanted = cosines > low
        if high < math.inf:
            beyond = cosines > high
            above += int(beyond.count_nonzero())
            wanted ^= beyond
        kept.append(cosines[wanted])
    return above, torch.cat(kept)


def _false_blocks(query: Tensor, query_people: Tensor, distractors: Tensor) -> Iterator[Tensor]:
    """Yields the false cosines, a block at a time, in one buffer; other pairs are EXCLUDED."""
    for start, rows in row_blocks(query, len(query)):
        cosines = rows @ query.t()
        same = query_people[start : start + len(rows), None] == query_people
        counted = (~same).triu(start + 1)
        yield cosines.masked_fill_(~counted, EXCLUDED)
    yield from _cosine_blocks(query, distractors)


def _cosine_blocks(query: Tensor, distractors: Tensor) -> Iterator[Tensor]:
    """Yields the cosines of blocks of distractors and the normalised queries, in one buffer."""
    buffer = query.new_empty(max(1, blocks.BLOCK // max(1, len(query))), len(query))
    for _, rows in row_blocks(distractors, len(query)):
        yield torch.mm(F.normalize(rows.float()), query.t(), out=buffer[: len(rows)])


def _accepted(name: str, rate: float, things: str, count: int) -> int:
    """Returns N = ⌊rate · count⌋, computed on the decimal that `rate` prints as: 0.29 of 100 is 29.

    Args:
        name: of the rate, for the messages.
        rate: in (0, 1].
        things: what is counted, for the messages.
        count: how many there are.

    Raises:
        ValueError: the rate is out of range, or N is 0.
    """
    if not 0 < rate <= 1:
        raise ValueError(f"{name} must be in the range over 0 and at most 1, got {rate}")
    exact = Fraction(str(rate))
    if exact * count < 1:
        raise ValueError(
            f"{name} {rate} needs at least {math.ceil(1 / exact)} {things}, got {count}"
        )
    return math.floor(exact * count)


def _share_above(values: Tensor, threshold: float) -> float:
    return (values > threshold).double().mean().item()


def _kth_largest(values: Tensor, k: int) -> float:
    """Returns the k-th largest value, −inf if there are fewer."""
    if k > len(values):
        return -math.inf
    place = len(values) - k
    # NumPy, as torch's kthvalue takes three times the memory.
    return float(np.partition(values.cpu().numpy(), place)[place])


def _require_finite(*embeddings: Tensor) -> None:
    for rows in embeddings:
        for start, block in row_blocks(rows, rows.shape[1]):
            damaged = (~torch.isfinite(block).all(dim=1)).nonzero()
            if len(damaged):
                raise ValueError(f"the embedding in row {start + int(damaged[0])} is not finite")


def _require_same_person_pairs(count: int) -> None:
    if not count:
        raise ValueError("there is no same-person pair: no person has two photographs")
