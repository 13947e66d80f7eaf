"""Recognition metrics against scikit-learn, scipy and brute-force loops."""

import math
from itertools import combinations

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from scipy.optimize import brentq
from scipy.stats import binomtest
from sklearn.metrics import roc_auc_score, roc_curve, top_k_accuracy_score

from facerec.metrics import identification, verification
from facerec.metrics.bootstrap import (
    PairBootstrap,
    bin_middles,
    bins_of,
    bootstrap_interval,
    macro_interval,
    macro_mean,
    mcnemar_p,
)
from facerec.recognition import scoring


def set_block(monkeypatch: pytest.MonkeyPatch, block: int) -> None:
    """Has cosines computed in blocks of this size."""
    monkeypatch.setattr("facerec.metrics.blocks.BLOCK", block)


def random_people(num_people, each, noise, seed=0, dim=16):
    generator = torch.Generator().manual_seed(seed)
    centers = torch.randn(num_people, dim, generator=generator)
    people = torch.arange(num_people).repeat_interleave(each)
    return centers[people] + noise * torch.randn(len(people), dim, generator=generator), people


def pairs_of(seed=0, ties=False):
    generator = torch.Generator().manual_seed(seed)
    same = torch.rand(3000, generator=generator) < 0.2
    scores = torch.randn(3000, generator=generator) + same
    return (scores * 4).round() / 4 if ties else scores, same


def brute_identification(query, people, distractors, fpr):
    query, distractors = F.normalize(query).tolist(), F.normalize(distractors).tolist()
    true, false = [], []
    for i, j in combinations(range(len(query)), 2):
        cosine = sum(a * b for a, b in zip(query[i], query[j], strict=True))
        (true if people[i] == people[j] else false).append(cosine)
    false += [sum(a * b for a, b in zip(q, d, strict=True)) for q in query for d in distractors]
    false.sort(reverse=True)
    threshold = false[int(fpr * len(false) + 1e-9)]
    return sum(c > threshold for c in true) / len(true), threshold


def in_blocks(scores, same):
    return scores[same], scores[~same].split(100)


@pytest.mark.parametrize("ties", [False, True])
def test_roc_and_auc_are_scikit_learns(ties):
    scores, same = pairs_of(ties=ties)
    for sign in (1, -1):  # either way round: in one of them the lowest pair shows one person
        fpr, tpr = verification.roc(*in_blocks(sign * scores, same))
        expected = np.stack(
            roc_curve(same, sign * scores, drop_intermediate=False)[:2], axis=1
        ).round(12)
        corners = np.stack([fpr, tpr], axis=1).round(12)
        assert (
            fpr.dtype == tpr.dtype == torch.float64
            and len(fpr) == 2 * len(scores[same].unique()) + 2
        )
        assert {*map(tuple, corners)} <= {*map(tuple, expected)}
        length = np.linspace(0, 2, 5000)  # along both axes: no side of a step is infinitely steep
        for axis in range(2):
            on_either = [
                np.interp(length, curve.sum(axis=1), curve[:, axis])
                for curve in (corners, expected)
            ]
            np.testing.assert_allclose(*on_either, atol=1e-9)
        assert verification.auc(fpr, tpr) == pytest.approx(roc_auc_score(same, sign * scores))


def test_the_rates_of_more_pairs_than_a_float_can_count_are_exact():
    block = torch.cat([torch.ones(4097), torch.zeros(2)])
    fpr, _ = verification.roc(torch.tensor([0.5]), [block] * 4099)
    assert fpr.tolist() == [0, 4097 / 4099, 4097 / 4099, 1]
    same, others = 10_003 * 10_002 // 2, 10_003 * 7
    assert identification._count_pairs(torch.zeros(10_003), 7) == (same, others)


def test_eer_is_where_the_errors_cross():
    scores, same = pairs_of()
    fpr, tpr, _ = roc_curve(same, scores)
    rate = verification.eer(*verification.roc(*in_blocks(scores, same)))
    assert np.interp(rate, fpr, 1 - tpr) == pytest.approx(rate, abs=2e-3)  # a step of the ROC
    assert verification.eer(*verification.roc(torch.tensor([1.0, 0.9]), [torch.tensor([0.1])])) == 0
    assert verification.eer(*verification.roc(torch.zeros(2), [torch.zeros(2)])) == 0.5


@pytest.mark.parametrize("seed", range(20))
def test_eer_of_few_pairs_is_the_root_that_scipy_finds(seed):
    """Few and tied, so that the steps of the ROC are coarse, oblique ones among them."""
    generator = torch.Generator().manual_seed(seed)
    same = torch.arange(17) < 7
    scores = (torch.randn(17, generator=generator) * 2 + same).round()
    fpr, tpr, _ = roc_curve(same, scores, drop_intermediate=False)
    expected = brentq(lambda rate: np.interp(rate, fpr, tpr) - (1 - rate), 0, 1, xtol=1e-12)
    assert verification.eer(*verification.roc(*in_blocks(scores, same))) == pytest.approx(
        expected, abs=1e-9
    )


def test_roc_needs_both_kinds_of_pairs():
    with pytest.raises(ValueError, match="got 3 of 3 the same"):
        verification.roc(torch.rand(3), [])
    with pytest.raises(ValueError, match="got 0 of 3 the same"):
        verification.roc(torch.rand(0), [torch.rand(3)])


@pytest.mark.parametrize("block", [2**22, 100])
def test_the_roc_of_photographs_is_that_of_their_pairs(monkeypatch, block):
    set_block(monkeypatch, block)
    embeddings, people = random_people(9, 4, 1.5)
    i, j = torch.triu_indices(36, 36, 1)
    cosines, same = F.cosine_similarity(embeddings[i], embeddings[j]), people[i] == people[j]
    fpr, tpr = verification.roc_of_photographs(embeddings, people)
    assert verification.auc(fpr, tpr) == pytest.approx(roc_auc_score(same, cosines))
    assert len(fpr) == 2 * int(same.sum()) + 2


@pytest.mark.parametrize("fpr", [1e-2, 0.1, 0.5, 1.0])
def test_the_identification_rate_without_distractors_is_the_rocs(fpr):
    embeddings, people = random_people(9, 6, 1.5)
    found, accepted = verification.roc_of_photographs(embeddings, people)
    rate, _ = identification.identification_rate(embeddings, people, embeddings[:0], fpr)
    assert rate == pytest.approx(accepted[found <= fpr].max().item())


def test_a_rate_accepts_a_share_counted_in_decimals():
    """In binary 0.29 · 100 is less than 29."""
    other = torch.arange(100) / 100
    assert identification.detection_rate(other, other, 0.29)[1] == other[70]


@pytest.mark.parametrize("k", [1, 3, 5])
def test_top_k_is_scikit_learns(k):
    scores, labels = torch.randn(200, 8), torch.arange(200) % 8
    assert scoring.top_k_hits(scores, labels, k).double().mean() == pytest.approx(
        top_k_accuracy_score(labels, scores, k=k)
    )


def test_a_constant_score_recognises_one_person_only():
    assert scoring.top_k_hits(
        torch.zeros(10, 5), torch.arange(10) % 5, 1
    ).double().mean() == pytest.approx(0.2)


def test_damaged_scores_are_an_error():
    with pytest.raises(ValueError, match=r"^a score is not finite: .* are damaged$"):
        scoring.top_k_hits(torch.tensor([[math.nan, 0.0]]), torch.tensor([0]), 1)


def test_prototypes_weigh_every_photograph_the_same():
    embeddings = torch.tensor([[100.0, 0.0], [0.0, 1.0], [0.0, 5.0]])
    means = scoring.prototypes(embeddings, torch.tensor([0, 0, 1]), 2)
    torch.testing.assert_close(means, torch.tensor([[0.5**0.5, 0.5**0.5], [0.0, 1.0]]))
    with pytest.raises(ValueError, match=r"label \[1\]"):
        scoring.prototypes(embeddings, torch.tensor([0, 0, 2]), 3)


def test_blocks_of_pairs_are_all_pairs_once(monkeypatch):
    set_block(monkeypatch, 400)
    embeddings = torch.randn(23, 6)
    blocks = list(verification.pair_blocks(embeddings))
    assert len(blocks) > 5 and max(len(cosines) for cosines, *_ in blocks) <= 100
    cosines, first, second = (torch.cat(part) for part in zip(*blocks, strict=True))
    assert list(zip(first.tolist(), second.tolist(), strict=True)) == list(
        combinations(range(23), 2)
    )
    torch.testing.assert_close(cosines, F.cosine_similarity(embeddings[first], embeddings[second]))


@pytest.mark.filterwarnings(
    "error"
)  # torch's, of a buffer of another shape than what is written into it
@pytest.mark.parametrize("block", [2**22, 2000, 64])
@pytest.mark.parametrize("fpr", [5e-4, 1e-2, 0.1, 0.5, 0.9])
def test_identification_rate_is_the_brute_force(monkeypatch, block, fpr):
    """Small blocks also take the sampled bracket, its misses, and the many-pass path."""
    set_block(monkeypatch, block)
    query, people = random_people(12, 4, 1.0)
    distractors = torch.randn(301, 16, generator=torch.Generator().manual_seed(5))
    rate, threshold = identification.identification_rate(query, people, distractors, fpr)
    expected_rate, expected_threshold = brute_identification(query, people, distractors, fpr)
    assert rate == expected_rate
    assert threshold == pytest.approx(expected_threshold, abs=1e-6)


@pytest.mark.parametrize("bracket", [(0.9, math.inf), (0.9, 0.91), (-0.9, -0.89), (0.0, 0.0001)])
def test_a_wrong_bracket_is_noticed(monkeypatch, bracket):
    query, people = random_people(12, 4, 1.0)
    distractors = torch.randn(100, 16, generator=torch.Generator().manual_seed(5))
    expected = identification.identification_rate(query, people, distractors, 0.05)
    monkeypatch.setattr(identification, "_bracket", lambda *_: bracket)
    assert identification.identification_rate(query, people, distractors, 0.05) == expected
    _, threshold = expected
    for edges in ((threshold, threshold + 0.01), (threshold - 0.01, threshold)):
        monkeypatch.setattr(identification, "_bracket", lambda *_, edges=edges: edges)
        assert identification.identification_rate(query, people, distractors, 0.05) == expected


@pytest.mark.parametrize(
    ("fpr", "off", "width"), [(0.05, 0.05, 0.01), (0.05, -0.05, 0.01), (0.5, -0.02, 0.005)]
)
def test_a_bracket_that_missed_moves_on_without_keeping_much(monkeypatch, fpr, off, width):
    query, people = random_people(12, 4, 1.0)
    distractors = torch.randn(300, 16, generator=torch.Generator().manual_seed(5))
    expected = identification.identification_rate(query, people, distractors, fpr)
    kept, count_and_keep = [], identification._count_and_keep

    def watched(*arguments):
        above, inside = count_and_keep(*arguments)
        kept.append(len(inside))
        return above, inside

    monkeypatch.setattr(identification, "_count_and_keep", watched)
    monkeypatch.setattr(
        identification, "_bracket", lambda *_: (expected[1] + off, expected[1] + off + width)
    )
    assert identification.identification_rate(query, people, distractors, fpr) == expected
    assert 1 < len(kept) < 4 and max(kept) < 0.1 * 48 * 300


def test_a_pair_that_only_reaches_the_threshold_is_not_accepted():
    """All cosines are 0, those of the same person too."""
    rate, threshold = identification.identification_rate(
        torch.eye(4), torch.tensor([0, 0, 1, 1]), torch.zeros(0, 4), 0.5
    )
    assert (rate, threshold) == (0, 0)


def test_the_cosines_of_distractors_take_the_same_memory_again_and_again(monkeypatch):
    set_block(monkeypatch, 60)
    query, people = random_people(6, 2, 0.5)
    blocks = list(identification._false_blocks(F.normalize(query), people, torch.randn(50, 16)))
    assert [block.shape for block in blocks] == [(5, 12), (5, 12), (2, 12), *[(5, 12)] * 10]
    assert len({block.data_ptr() for block in blocks[3:]}) == 1


@pytest.mark.parametrize(("fpr", "widest"), [(0.01, 0.05), (0.05, 0.02), (0.5, 0.05)])
def test_a_first_look_brackets_the_threshold_closely(monkeypatch, fpr, widest):
    """At 0.01 its groups are too small to guess apart: everything above a low that is not far below is taken."""
    set_block(monkeypatch, 2000)
    monkeypatch.setattr(identification, "SAMPLED", 0.5)
    query, people = random_people(12, 5, 1.0)
    query = F.normalize(query)
    distractors = torch.randn(3000, 16, generator=torch.Generator().manual_seed(5))
    i, j = torch.triu_indices(60, 60, 1)
    false = torch.cat(
        [
            (query @ query.t())[i, j][people[i] != people[j]],
            (query @ F.normalize(distractors).t()).ravel(),
        ]
    )
    false = false.sort(descending=True).values
    accepted = int(fpr * len(false))
    low, high = identification._bracket(query, people, distractors, accepted, len(false))
    assert low < false[accepted] <= high
    assert (high == math.inf) == (fpr == 0.01)
    assert ((false > low) & (false <= high)).sum() < widest * len(false)


def test_a_first_look_brackets_the_threshold_though_all_faces_are_alike(monkeypatch):
    """Its groups, all of which guess the same, do not tell how far off they are."""
    set_block(monkeypatch, 2000)
    monkeypatch.setattr(identification, "SAMPLED", 0.5)
    query, people = F.normalize(torch.ones(60, 16)), torch.arange(60) // 5
    cosine = (query @ query.t())[0, 1]
    low, high = identification._bracket(
        query, people, torch.ones(3000, 16), 90_000, 1650 + 3000 * 60
    )
    assert low < cosine <= high < math.inf


def test_a_first_look_takes_its_share_of_the_false_pairs_and_no_true_one(monkeypatch):
    monkeypatch.setattr(identification, "SAMPLED", 0.5)
    query, people = random_people(12, 5, 0.0)
    query = F.normalize(query)
    for distractors, pairs in ((torch.zeros(0, 16), 1650), (torch.randn(320, 16), 1650 + 320 * 60)):
        before = torch.get_rng_state()
        sample = torch.cat(identification._sample_false(query, people, distractors))
        assert len(sample) == 0.5 * pairs
        assert sample.max() < 0.999
        assert torch.equal(
            sample, torch.cat(identification._sample_false(query, people, distractors))
        )
        assert torch.equal(before, torch.get_rng_state())


def test_cosines_stay_on_the_device_of_the_embeddings():
    """The meta device computes nothing, and refuses to be mixed with any other."""
    faces, people = (
        torch.zeros(6, 4, device="meta"),
        torch.zeros(6, dtype=torch.int64, device="meta"),
    )
    found = [
        *next(verification.pair_blocks(faces)),
        *identification.search_cosines(faces, people, faces),
    ]
    assert {tensor.device.type for tensor in found} == {"meta"}


def test_scores_and_pairs_are_computed_where_they_are_whatever_the_default_device():
    scores, labels, (pairs, same) = torch.eye(4), torch.arange(4), pairs_of()
    with torch.device("meta"):
        assert scoring.top_k_hits(scores, labels, 1).tolist() == [True] * 4
        assert {rates.device.type for rates in verification.roc(*in_blocks(pairs, same))} == {"cpu"}


def test_identification_rate_without_distractors_and_with_every_pair():
    query, people = random_people(6, 3, 0.5)
    none = torch.zeros(0, 16)
    assert (
        identification.identification_rate(query, people, none, 0.1)[0]
        == brute_identification(query, people, none, 0.1)[0]
    )
    assert identification.identification_rate(query, people, none, 1.0) == (1.0, -math.inf)


def test_identification_rate_says_what_is_missing():
    query, people = random_people(3, 2, 0.5)
    with pytest.raises(
        ValueError, match=r"^fpr 0\.001 needs at least 1000 different-person pairs, got 72$"
    ):
        identification.identification_rate(query, people, torch.randn(10, 16), 0.001)
    with pytest.raises(
        ValueError, match=r"^there is no same-person pair: no person has two photographs$"
    ):
        identification.identification_rate(query, torch.arange(6), torch.randn(10, 16), 0.1)


@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_an_embedding_that_is_not_finite_is_named(bad):
    query, people = random_people(6, 3, 0.5)
    others = torch.randn(10, 16)
    others[7, 3] = bad
    with pytest.raises(ValueError, match="embedding in row 7 is not finite"):
        identification.identification_rate(query, people, others, 0.1)
    with pytest.raises(ValueError, match="embedding in row 0 is not finite"):
        identification.identification_rate(torch.full_like(query, bad), people, others[:7], 0.1)


def test_an_own_face_that_is_no_nearer_than_somebody_elses_is_not_found_first():
    own, other = torch.tensor([0.5, 0.6, 0.4, -math.inf]), torch.tensor([0.5, 0.5, 0.5, 0.9])
    assert identification.rank1_hits(own, other).tolist() == [False, True, False]


def test_ten_searches_resolve_one_false_alarm_in_ten():
    own, other = torch.tensor([0.95, *[0.5] * 9]), torch.tensor([0.9, 0.6, *[0.1] * 8])
    assert identification.detection_rate(own, other, 0.1) == (0.1, pytest.approx(0.6))
    assert identification.detection_rate(own, other, 0.9) == (0.9, pytest.approx(0.1))
    assert identification.detection_rate(own, other, 1.0) == (0.9, -math.inf)
    with pytest.raises(
        ValueError, match=r"^false-alarm rate 0\.09 needs at least 12 searches, got 10$"
    ):
        identification.detection_rate(own, other, 0.09)
    with pytest.raises(ValueError, match="no person has two photographs"):
        identification.detection_rate(torch.full((10,), -math.inf), other, 0.1)


@pytest.mark.parametrize("block", [2**22, 100, 50])
def test_search_is_the_brute_force(monkeypatch, block):
    set_block(monkeypatch, block)
    query, people = random_people(10, 3, 1.2)
    query, people = torch.cat([query, torch.randn(1, 16)]), torch.cat([people, torch.tensor([99])])
    distractors = torch.randn(40, 16, generator=torch.Generator().manual_seed(5))
    gallery, names = torch.cat([query, distractors]), [*people.tolist(), *[-1] * 40]
    own, other, found_first = [], [], []
    for i in range(len(query)):
        cosines = [F.cosine_similarity(query[i], face, dim=0).item() for face in gallery]
        mates = [c for j, c in enumerate(cosines) if j != i and names[j] == names[i]]
        other.append(max(c for j, c in enumerate(cosines) if names[j] != names[i]))
        own.append(max(mates, default=-math.inf))
        if mates:
            best = max((j for j in range(len(gallery)) if j != i), key=cosines.__getitem__)
            found_first.append(names[best] == names[i])
    ours, others = identification.search_cosines(query, people, distractors)
    np.testing.assert_allclose(ours, own, atol=1e-6)
    np.testing.assert_allclose(others, other, atol=1e-6)
    assert identification.rank1_hits(ours, others).tolist() == found_first
    threshold = sorted(other, reverse=True)[3]
    expected = np.mean(
        [o > t and o > threshold for o, t in zip(own, other, strict=True) if o > -math.inf]
    )
    assert identification.detection_rate(ours, others, 0.1) == (
        pytest.approx(expected),
        pytest.approx(threshold, abs=1e-6),
    )
    with pytest.raises(ValueError, match="needs at least 1000 searches, got 31"):
        identification.detection_rate(ours, others, 0.001)
    for rate in (0.0, -0.1, 1.5):
        with pytest.raises(ValueError, match=f"at most 1, got {rate}"):
            identification.detection_rate(ours, others, rate)


@pytest.mark.parametrize(
    ("first_only", "second_only"), [(0, 0), (1, 0), (3, 9), (9, 3), (40, 41), (185, 358)]
)
def test_mcnemar_is_scipys_binomial_test(first_only, second_only):
    first = np.array([True] * first_only + [False] * second_only + [True] * 50)
    second = np.array([False] * first_only + [True] * second_only + [True] * 50)
    trials = first_only + second_only
    expected = binomtest(second_only, trials).pvalue if trials else 1.0
    assert mcnemar_p(first, second) == pytest.approx(expected, rel=1e-9)


def test_interval_of_independent_photographs_is_the_binomials():
    hits = np.arange(400) % 4 == 0
    low, high = bootstrap_interval(hits, np.arange(400), 4000, 0)
    half = 1.96 * math.sqrt(0.25 * 0.75 / 400)
    assert (low, high) == (
        pytest.approx(0.25 - half, abs=0.006),
        pytest.approx(0.25 + half, abs=0.006),
    )


def test_photographs_of_one_person_are_not_independent():
    """Twenty photographs a person that are all right or all wrong tell no more than one."""
    people = np.repeat(np.arange(50), 20)
    clustered = bootstrap_interval(people % 2 == 0, people, 2000, 0)
    assert (
        clustered[1] - clustered[0]
        > 4 * np.ptp(bootstrap_interval(people % 2 == 0, np.arange(1000), 2000, 0)) / 1.2
    )


def test_bootstrap_is_the_slow_loop():
    people = np.array([0, 0, 1, 1, 1, 2, 3, 3])
    values = np.array([1.0, 0, 1, 1, 0, 0, 1, 1])
    generator, estimates, macros = np.random.default_rng(1), [], []
    for weights in generator.multinomial(4, [0.25] * 4, size=500):
        drawn = np.concatenate([values[people == p] for p in range(4) for _ in range(weights[p])])
        estimates.append(drawn.mean())
        macros.append(
            np.mean([values[people == p].mean() for p in range(4) for _ in range(weights[p])])
        )
    assert bootstrap_interval(values, people, 500, 1) == pytest.approx(
        np.quantile(estimates, [0.025, 0.975])
    )
    assert macro_interval(values, people, 500, 1) == pytest.approx(
        np.quantile(macros, [0.025, 0.975])
    )
    assert macro_mean(values, people) == pytest.approx(np.mean([0.5, 2 / 3, 0, 1]))
    with pytest.raises(ValueError, match="at least one photograph"):
        bootstrap_interval(np.array([]), np.array([]), 10, 0)


def resampled_pairs(embeddings, people, resamples, seed):
    """Returns all pairs' bootstrap, added in several blocks, their cosines and who is on them."""
    resampled, blocks = PairBootstrap(int(people.max()) + 1, resamples, seed, 4096), []
    for cosines, first, second in verification.pair_blocks(embeddings):
        one, two = people[first].numpy(), people[second].numpy()
        resampled.add(bins_of(cosines.numpy(), 4096), one, two)
        blocks.append((cosines.numpy(), one, two))
    return resampled, *(np.concatenate(part) for part in zip(*blocks, strict=True))


def test_pair_bootstrap_is_the_slow_loop(monkeypatch):
    """Each resample's ROC equals scikit-learn's with weighted pairs, to the width of a bin."""
    monkeypatch.setattr("facerec.metrics.bootstrap.BLOCK", 10_000)  # several blocks
    set_block(monkeypatch, 2000)
    resampled, cosines, one, two = resampled_pairs(*random_people(9, 6, 1.5), 40, 3)
    weights = np.random.default_rng(3).multinomial(9, [1 / 9] * 9, size=40)
    for row in range(40):
        w = weights[row]
        pair_weights = np.where(one == two, w[one], w[one] * w[two])
        area = roc_auc_score(one == two, cosines, sample_weight=pair_weights)
        fpr, tpr, _ = roc_curve(one == two, cosines, sample_weight=pair_weights)
        assert resampled.auc()[row] == pytest.approx(area, abs=2e-3)
        assert resampled.eer()[row] == pytest.approx(fpr[np.argmin(abs(fpr + tpr - 1))], abs=0.03)
        ours = resampled.tpr_at_fprs(np.array([0.1]))[row, 0]
        assert np.interp(0.09, fpr, tpr) - 0.01 <= ours <= np.interp(0.11, fpr, tpr) + 0.01


def test_pair_bootstrap_of_the_whole_holds_the_estimate():
    embeddings, people = random_people(30, 8, 1.5)
    resampled, *_ = resampled_pairs(embeddings, people, 500, 0)
    low, high = np.quantile(resampled.tpr_at_fprs(np.array([0.01]))[:, 0], [0.025, 0.975])
    assert (
        low < identification.identification_rate(embeddings, people, embeddings[:0], 0.01)[0] < high
    )
    assert 0.02 < high - low < 0.4


def test_bins_of_cosines_hold_their_middles_from_the_highest_down():
    middles = bin_middles(8)
    assert bins_of(middles, 8).tolist() == list(range(8)) and middles[0] == 0.875
    assert bins_of(np.array([1.5, 1.0, -1.0, -1.5]), 8).tolist() == [0, 0, 7, 7]
