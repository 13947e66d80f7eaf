"""Accuracy, verification, identification rate and 1:N search. Everything here takes scores without a margin."""

import math
from collections.abc import Iterable, Iterator
from fractions import Fraction

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

BLOCK = 2**22  # cosines computed at a time: 16 MiB
PAIR_COST = 4  # a pair whose photographs are known takes the place of so many cosines: its cosine and two indices
EXCLUDED = -2.0  # stands for a pair that does not count; below every cosine
LOWEST = -1.5  # below every cosine, above EXCLUDED
SAMPLED = 0.02  # share of the pairs looked at first, to guess where the threshold lies
GROUPS = 16  # of that sample; their disagreement says how far the guess may be off


def hits_at(scores: Tensor, labels: Tensor, k: int) -> Tensor:
    """Returns whether the true person is among the `k` best, (N,) bool; of equal scores the lower label comes first.

    Args:
        scores: (N, K), higher is likelier.
        labels: (N,) the true person, 0 … K-1.
        k: at least 1.

    Raises:
        ValueError: a score is not finite.
    """
    if not scores.isfinite().all():
        raise ValueError("a score is not finite: the recogniser's weights or its faces are damaged")
    true = scores.gather(1, labels[:, None])
    earlier = torch.arange(scores.shape[1], device=scores.device) < labels[:, None]
    ahead = (scores > true) | ((scores == true) & earlier)
    return ahead.sum(dim=1) < k


def top_k(scores: Tensor, labels: Tensor, k: int) -> float:
    """Returns the share of photographs whose true person is among the `k` best; arguments as in `hits_at`."""
    return hits_at(scores, labels, k).double().mean().item()


def prototypes(embeddings: Tensor, labels: Tensor, num_people: int) -> Tensor:
    """Returns each person's mean direction, (K, E), normalised.

    Args:
        embeddings: (N, E) of training photographs; each is normalised first, so that none outweighs another.
        labels: (N,) 0 … K-1.
        num_people: K.

    Raises:
        ValueError: a person has no photograph.
    """
    counts = labels.bincount(minlength=num_people)
    if not counts.all():
        raise ValueError(
            f"no training photograph of the people with label {(counts == 0).nonzero().flatten().tolist()}"
        )
    sums = embeddings.new_zeros(num_people, embeddings.shape[1]).index_add_(0, labels, F.normalize(embeddings))
    return F.normalize(sums)


def pair_blocks(embeddings: Tensor) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
    """Yields, a block at a time, the cosine of every pair of photographs i < j, (P,), and their i and j, (P,) int64.

    Args:
        embeddings: (N, E), not necessarily normalised.
    """
    embeddings = F.normalize(embeddings.float())
    for start, rows in _row_blocks(embeddings, PAIR_COST * len(embeddings)):
        cosines = rows @ embeddings[start:].t()
        i, j = torch.triu_indices(len(rows), cosines.shape[1], offset=1, device=cosines.device)
        yield cosines[i, j], i + start, j + start


def roc(true: Tensor, false_blocks: Iterable[Tensor]) -> tuple[Tensor, Tensor]:
    """Returns the false- and true-positive rate, (2 T + 2,) float64 each, at the ROC's corners, (0, 0) to (1, 1).

    There are two for each distinct score of a same-person pair; between corners the ROC is straight.

    Args:
        true: scores of the same-person pairs, higher is more alike.
        false_blocks: scores of the different-person pairs, of which one block is held at a time.

    Raises:
        ValueError: there is no same-person or no different-person pair.
    """
    steps, hits = true.unique(return_counts=True)
    above, at_or_above = torch.zeros(2, len(steps), dtype=torch.int64, device=true.device)
    total = 0
    for block in false_blocks:
        false = block.sort().values
        total += len(false)
        above += len(false) - torch.searchsorted(false, steps, right=True)
        at_or_above += len(false) - torch.searchsorted(false, steps)
    if not total or not len(true):
        pairs = total + len(true)
        raise ValueError(f"a ROC needs same- and different-person pairs, got {len(true)} of {pairs} the same")
    accepted = hits.flip(0).cumsum(0)
    before = torch.cat([accepted.new_zeros(1), accepted[:-1]])
    fpr = torch.stack([above.flip(0), at_or_above.flip(0)], dim=1).ravel().double() / total
    tpr = torch.stack([before, accepted], dim=1).ravel().double() / len(true)
    ends = fpr.new_tensor([0, 1])
    return torch.cat([ends[:1], fpr, ends[1:]]), torch.cat([ends[:1], tpr, ends[1:]])


def roc_of_photographs(embeddings: Tensor, people: Tensor) -> tuple[Tensor, Tensor]:
    """Returns what `roc` does, of all pairs of photographs.

    Memory grows with the same-person pairs, each of which may be a corner, and not with the others.

    Args:
        embeddings: (N, E), not necessarily normalised.
        people: (N,) who is on each.
    """

    def cosines(of_one: bool) -> Iterator[Tensor]:
        for found, i, j in pair_blocks(embeddings):
            yield found[(people[i] == people[j]) == of_one]

    return roc(torch.cat([*cosines(True)]), cosines(False))


def area(fpr: Tensor, tpr: Tensor) -> float:
    """Returns the area under a ROC: the chance that a same-person pair scores above another; ties count one half."""
    return torch.trapezoid(tpr, fpr).item()


def crossing(fpr: Tensor, tpr: Tensor) -> float:
    """Returns the equal error rate: where false positives and negatives cross; the ROC is taken as lines."""
    excess = fpr + tpr - 1  # false positives minus false negatives; never falls
    after = int((excess >= 0).nonzero()[0])
    before = after - 1  # there is one: the first corner is (0, 0)
    share = -excess[before].item() / (excess[after] - excess[before]).item()
    return torch.lerp(fpr[before], fpr[after], share).item()


def accepted_pairs(fpr: float, pairs: int) -> int:
    """Returns N = ⌊fpr · pairs⌋, computed on the decimal that `fpr` prints as: 0.29 of 100 is 29.

    Raises:
        ValueError: `fpr` is out of (0, 1], or N is 0.
    """
    return _accepted("fpr", fpr, "different-person pairs", pairs)


def _accepted(name: str, rate: float, what: str, count: int) -> int:
    """Returns how many of so many things a rate accepts, at least one; `name` and `what` are for the errors."""
    if not 0 < rate <= 1:
        raise ValueError(f"{name} must be in the range over 0 and at most 1, got {rate}")
    exact = Fraction(str(rate))
    if exact * count < 1:
        raise ValueError(f"{name} {rate} needs at least {math.ceil(1 / exact)} {what}, got {count}")
    return math.floor(exact * count)


def identification_rate(query: Tensor, query_people: Tensor, distractors: Tensor, fpr: float) -> tuple[float, float]:
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


def search_cosines(query: Tensor, query_people: Tensor, distractors: Tensor) -> tuple[Tensor, Tensor]:
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


def _require_finite(*embeddings: Tensor) -> None:
    for rows in embeddings:
        for start, some in _row_blocks(rows, rows.shape[1]):
            spoilt = (~torch.isfinite(some).all(dim=1)).nonzero()
            if len(spoilt):
                raise ValueError(f"the embedding in row {start + int(spoilt[0])} is not finite")


def _require_same(pairs: int) -> None:
    if not pairs:
        raise ValueError("there is no same-person pair: no person has two photographs")


def _share_above(values: Tensor, threshold: float) -> float:
    return (values > threshold).double().mean().item()


def _kth_largest(values: Tensor, k: int) -> float:
    """Returns the k-th largest value, −inf if there are fewer."""
    if k > len(values):
        return -math.inf
    place = len(values) - k
    return float(np.partition(values.cpu().numpy(), place)[place])  # torch's kthvalue takes three times the memory


def _row_blocks(rows: Tensor, width: int) -> Iterator[tuple[int, Tensor]]:
    """Yields (start, rows) such that rows × width stays within BLOCK."""
    length = max(1, BLOCK // max(1, width))
    for start in range(0, len(rows), length):
        yield start, rows[start : start + length]


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
    guesses = torch.tensor([_kth_largest(s, round(rank) + 1) for s, rank in zip(samples, ranks, strict=True)])
    slack = 2 * guesses.std().item() + 1e-4  # eight standard errors of the mean of 16
    return guesses.mean().item() - slack, guesses.mean().item() + slack


def _sample_false(query: Tensor, query_people: Tensor, distractors: Tensor) -> list[Tensor]:
    """Returns false cosines of GROUPS random sets of photographs, SAMPLED of all pairs together."""
    chance = torch.Generator().manual_seed(0)  # the answer does not depend on it, only the time to find it
    order = torch.randperm(len(distractors), generator=chance)[: int(SAMPLED * len(distractors))]
    rows = torch.randperm(len(query), generator=chance)[: int(SAMPLED / 2 * len(query))]  # half: each pair twice
    samples = []
    for group in range(GROUPS):
        chosen = rows[group::GROUPS].to(query.device)
        among = (query[chosen] @ query.t())[query_people[chosen, None] != query_people]
        far = F.normalize(distractors[order[group::GROUPS].to(distractors.device)].float()) @ query.t()
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
