import numpy as np
import pandas as pd
import pytest

from facerec.evaluation.alignment_comparison import (
    AlignmentResult,
    alignment_sentence,
    alignment_table,
    compare_alignments,
)
from facerec.evaluation.comparison import EvaluatedRecognizer
from facerec.metrics.intervals import difference_interval

PEOPLE = np.repeat(np.arange(40), 5)


def entry(kind: str, alignment: int, share: float, seed: int) -> EvaluatedRecognizer:
    """Returns a recogniser that is right on this share of 200 photographs, in random order."""
    rng = np.random.default_rng(seed)
    hits = (rng.random(200) < share).astype(float)
    frame = pd.DataFrame(
        {"image_id": [f"{i:03d}" for i in range(200)], "label": PEOPLE, "recognized_share": hits}
    )
    values = {
        "val_top1": hits.mean(),
        "val_top1_low": hits.mean() - 0.05,
        "val_top1_high": hits.mean() + 0.05,
    }
    return EvaluatedRecognizer(
        kind, alignment, frame.assign(split="val").sample(frac=1, random_state=seed), values
    )


def hits(recognizer: EvaluatedRecognizer) -> np.ndarray:
    return recognizer.report.sort_values("image_id").recognized_share.to_numpy()


def test_differences_are_pooled_over_the_types_that_have_both_alignments():
    entries = [
        entry("ce", 2, 0.5, 1),
        entry("ce", 5, 0.8, 2),
        entry("arcface", 2, 0.6, 3),
        entry("arcface", 5, 0.7, 4),
    ]
    entries += [entry("ce", 3, 0.4, 5), entry("triplet", 5, 0.1, 6)]
    results = {(r.first, r.second): r for r in compare_alignments(entries, "val")}
    assert set(results) == {(2, 3), (2, 5), (3, 5)}
    ce_2, ce_5, arcface_2, arcface_5, ce_3, _ = map(hits, entries)
    gains = (ce_5 - ce_2 + arcface_5 - arcface_2) / 2
    expected = gains.mean(), *difference_interval(gains, PEOPLE)
    assert (results[2, 5].difference, results[2, 5].low, results[2, 5].high) == pytest.approx(
        expected
    )
    assert results[3, 5].difference == pytest.approx((ce_5 - ce_3).mean())
    key = "alignment_5_vs_2.val_top1_difference"
    assert results[2, 5].metrics()[key] == pytest.approx(gains.mean(), abs=1e-6)
    assert list(results[2, 5].metrics()) == [key, f"{key}_low", f"{key}_high"]


def test_two_recognisers_of_one_head_and_alignment_count_as_their_mean():
    entries = [entry("ce", 2, 0.5, 1), entry("ce", 5, 0.8, 2), entry("ce", 5, 0.9, 3)]
    (result,) = compare_alignments(entries, "val")
    one, two, three = map(hits, entries)
    assert result.difference == pytest.approx(((two + three) / 2 - one).mean())


def test_one_alignment_or_no_common_type_or_no_photographs_compare_nothing():
    assert compare_alignments([entry("ce", 5, 0.5, 1), entry("arcface", 5, 0.5, 2)], "val") == []
    assert compare_alignments([entry("ce", 5, 0.5, 1), entry("arcface", 2, 0.5, 2)], "val") == []
    assert compare_alignments([entry("ce", 5, 0.5, 1), entry("ce", 2, 0.5, 2)], "wild") == []


def test_reports_of_other_photographs_are_refused():
    other = entry("ce", 2, 0.5, 2)
    other = EvaluatedRecognizer("ce", 2, other.report.assign(label=0), other.metrics)
    with pytest.raises(
        ValueError, match="ce on 2 points: its report on val is not of the others' photographs"
    ):
        compare_alignments([entry("ce", 5, 0.5, 1), other], "val")


def test_the_table_has_a_row_an_alignment_and_a_column_a_type_and_split():
    lines = alignment_table([entry("ce", 5, 0.5, 1), entry("arcface", 2, 0.5, 2)])
    assert lines[0] == "| aligned by | CE, val | ArcFace, val | CE, wild | ArcFace, wild |"
    assert [line.split(" | ")[0] for line in lines[2:]] == ["| 2 points", "| 5 points"]
    assert lines[2].count("–") == 4  # no CE at 2 points, no wild, and the dash of one interval


def test_the_sentence_names_the_best_and_the_alignments_it_differs_from():
    results = [
        AlignmentResult(2, 3, "val", -0.02, -0.03, -0.01),
        AlignmentResult(2, 5, "val", 0.012, -0.004, 0.028),
        AlignmentResult(3, 5, "val", 0.03, 0.011, 0.05),
    ]
    assert alignment_sentence(results) == (
        "On val, faces aligned by 5 points are recognised best: not distinguishable from 2 points, "
        "+1.2 points (-0.4 to +2.8); better than by 3 points, by 3.0 points (1.1 to 5.0)."
    )
    assert "aligned by 5 points lead, but cannot be told to be best" in alignment_sentence(
        results[1:2]
    )


def test_alignments_that_were_not_all_compared_are_not_ranked():
    results = [
        AlignmentResult(2, 3, "val", -0.1, -0.2, -0.05),
        AlignmentResult(3, 5, "val", 0.01, -0.01, 0.03),
    ]
    assert alignment_sentence(results) == (
        "On val, where not every two alignments share a head: 2 points are better than by 3 "
        "points, by 10.0 points (5.0 to 20.0); 5 points are not distinguishable from 3 points, "
        "+1.0 points (-1.0 to +3.0)."
    )
