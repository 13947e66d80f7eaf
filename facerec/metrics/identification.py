"""Identification: who is found in a gallery, at which rate of false matches."""

import math
from collections.abc import Iterator

import torch
import torch.nn.functional as F
from torch import Tensor

from facerec.metrics.checks import _require_finite, _require_same
from facerec.metrics.verification import (
    BLOCK,
    EXCLUDED,
    _accepted,
    _kth_largest,
    _row_blocks,
    _share_above,
    accepted_pairs,
)

LOWEST = -1.5  # below every cosine, above EXCLUDED
SAMPLED = 0.02  # share of the pairs looked at first, to guess where the threshold lies
GROUPS = 16  # of that sample; their disagreement says how far the guess may be off


def identification_rate(
    query: Tensor, query_people: Tensor, distractors: Tensor, fpr: float
) -> tuple[float, float]:
    """Returns the share of same-person query pairs accepted at a false-positive rate, and the cosine threshold.

    False pairs are query–query of different people and query–distractor. N = ⌊fpr · false pairs⌋ of them may be
    accepted, so the threshold is the (N + 1)-th largest false cosine, exactly; the rate is the share of same-person
    query–query pairs strictly above it. A threshold of −inf accepts everything (`fpr` 1).

    Memory does not grow with the number of false pairs: a first look at 2 % of them brackets the threshold, one pass
    counts what is above the bracket and keeps what is in it. If the threshold was not inside, the bracket moves on.

    Args:
        query: (Q, E), not necessarily normalised.
        query_people: (Q,) int64.
        distractors: (D, E), of people who are not in `query`.
        fpr: accepted share of false pairs, in (0, 1].

    Raises:
        ValueError: there are too few false pairs to resolve `fpr` (the message says how many it needs), no same-person
            pair, or an embedding that is not finite.
    """
    _require_finite(query, distractors)
    same_pairs, false_pairs = _count_pairs(query_people, len(distractors))
    accepted = accepted_pairs(fpr, false_pairs)
    _require_same(same_pairs)
    query = F.normalize(query.float())
    threshold = _false_threshold(query, query_people, distractors, accepted, false_pairs)
    return _share_above(_same_cosines(query, query_people), threshold), threshold


def search_cosines(
    query: Tensor, query_people: Tensor, distractors: Tensor
) -> tuple[Tensor, Tensor]:
    """Returns, for each query photograph searched among all other photographs, its best cosines, (Q,) each.

    The first is the best of its own person's other photographs (−inf if there is none), the second the best of anybody
    else's, distractors included: what the search would find were the person not in the gallery.

    Args:
        query: (Q, E), not necessarily normalised.
        query_people: (Q,) int64.
        distractors: (D, E), of people who are not in `query`.
    """
    query = F.normalize(query.float())
    own, other = query.new_empty(2, len(query))
    for start, rows in _row_blocks(query, len(query)):
        block = slice(start, start + len(rows))
        cosines = rows @ query.t()
        same = query_people[block, None] == query_people
        other[block] = cosines.masked_fill(same, -torch.inf).amax(dim=1)
        cosines.diagonal(start).fill_(-torch.inf)
        own[block] = cosines.masked_fill(~same, -torch.inf).amax(dim=1)
    for cosines in _cosine_blocks(query, distractors):
        other = torch.maximum(other, cosines.amax(dim=0))
    return own, other


def rank1_hits(own: Tensor, other: Tensor, threshold: float = -math.inf) -> Tensor:
    """Returns whether each search finds its own person first, (M,) bool, of the M that have another photograph.

    Args:
        own: (Q,) from `search_cosines`.
        other: (Q,) likewise.
        threshold: cosine above which something is found.
    """
    searched = own > -torch.inf
    return own[searched] > other[searched].clamp_min(threshold)


def detection_rate(own: Tensor, other: Tensor, false_alarms: float) -> tuple[float, float]:
    """Returns the detection and identification rate, and the cosine threshold, at a false-alarm rate.

    Every photograph is searched twice (open-set identification; Phillips et al. 2011, handbook of face recognition,
    section 21.3): without its person in the gallery, where anything found above the threshold is a false alarm, and
    with it, where it must find its person first, above the threshold. The threshold is the (N + 1)-th largest of the
    first searches' best cosines, N = ⌊false_alarms · Q⌋.

    Args:
        own: (Q,) from `search_cosines`.
        other: (Q,) likewise.
        false_alarms: accepted share of searches for somebody who is not there, in (0, 1].

    Raises:
        ValueError: there are too few searches to resolve `false_alarms`, or nobody has a second photograph.
    """
    accepted = _accepted("false-alarm rate", false_alarms, "searches", len(other))
    _require_same(int((own > -torch.inf).sum()))
    threshold = _kth_largest(other, accepted + 1)
    return rank1_hits(own, other, threshold).double().mean().item(), threshold


def _count_pairs(query_people: Tensor, num_distractors: int) -> tuple[int, int]:
    """Returns how many same-person query pairs and how many false pairs there are."""
    num_query = len(query_people)
    counts = query_people.unique(return_counts=True)[1]
    same = int((counts * (counts - 1) // 2).sum())
    return same, num_query * (num_query - 1) // 2 - same + num_query * num_distractors


def _same_cosines(query: Tensor, query_people: Tensor) -> Tensor:
    """Returns the cosines of all same-person pairs of normalised embeddings."""
    parts = []
    for start, rows in _row_blocks(query, len(query)):
        same = query_people[start : start + len(rows), None] == query_people
        parts.append((rows @ query.t())[same.triu(start + 1)])
    return torch.cat(parts)


def _false_threshold(
    query: Tensor, query_people: Tensor, distractors: Tensor, accepted: int, false_pairs: int
) -> float:
    """Returns the (accepted + 1)-th largest false cosine, −inf if there are no more than `accepted`."""
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
    """Returns (low, high] in which the (accepted + 1)-th largest false cosine most likely lies.

    GROUPS samples each name their own; where they are too small for that, everything above a generous low is taken.
    """
    if false_pairs <= BLOCK:
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
    """Returns false cosines of GROUPS random sets of photographs, SAMPLED of all pairs together."""
    chance = torch.Generator().manual_seed(
        0
    )  # the answer does not depend on it, only the time to find it
    order = torch.randperm(len(distractors), generator=chance)[: int(SAMPLED * len(distractors))]
    rows = torch.randperm(len(query), generator=chance)[
        : int(SAMPLED / 2 * len(query))
    ]  # half: each pair twice
    samples = []
    for group in range(GROUPS):
        chosen = rows[group::GROUPS].to(query.device)
        among = (query[chosen] @ query.t())[query_people[chosen, None] != query_people]
        far = (
            F.normalize(distractors[order[group::GROUPS].to(distractors.device)].float())
            @ query.t()
        )
        samples.append(torch.cat([among, far.flatten()]))
    return samples


def _count_and_keep(
    query: Tensor, query_people: Tensor, distractors: Tensor, low: float, high: float
) -> tuple[int, Tensor]:
    """Returns how many false cosines are above `high`, and those in (low, high]."""
    above, kept = 0, []
    for cosines in _false_blocks(query, query_people, distractors):
        wanted = cosines > low
        if high < math.inf:
            beyond = cosines > high
            above += int(beyond.count_nonzero())
            wanted ^= beyond
        kept.append(cosines[wanted])
    return above, torch.cat(kept)


def _false_blocks(query: Tensor, query_people: Tensor, distractors: Tensor) -> Iterator[Tensor]:
    """Yields the false cosines, a block at a time, in a buffer used again and again; other pairs are EXCLUDED."""
    for start, rows in _row_blocks(query, len(query)):
        cosines = rows @ query.t()
        same = query_people[start : start + len(rows), None] == query_people
        counted = (~same).triu(start + 1)
        yield cosines.masked_fill_(~counted, EXCLUDED)
    yield from _cosine_blocks(query, distractors)


def _cosine_blocks(query: Tensor, distractors: Tensor) -> Iterator[Tensor]:
    """Yields the cosines of a block of distractors and the normalised queries, in one buffer used again and again."""
    buffer = query.new_empty(max(1, BLOCK // max(1, len(query))), len(query))
    for _, rows in _row_blocks(distractors, len(query)):
        yield torch.mm(F.normalize(rows.float()), query.t(), out=buffer[: len(rows)])
