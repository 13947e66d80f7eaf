"""Which measures of quality are tried on which exam."""

from dataclasses import replace

import numpy as np
import pytest
from small_result import quality_of, small_result

from facerec.evaluation.discard_curves import COLUMNS, discard_curves
from facerec.evaluation.quality import OF_PHOTOGRAPHS, QUALITY, goodness, quality_table, with_norms


def test_curves_begin_with_the_error_of_all_photographs():
    result, frames = small_result()
    table = discard_curves(result, quality_of(frames))
    assert list(table) == COLUMNS
    assert set(table.measure) == set(QUALITY) and set(table.exam) == {"val", "wild", "openset"}
    whole = table[table.discarded == 0]
    for exam in ("val", "wild"):
        rows = result.report[result.report.split == exam]
        expected = [1 - rows.is_recognized.mean()] * len(QUALITY)
        assert whole.error[whole.exam == exam].tolist() == pytest.approx(expected, abs=1e-6)
    expected = [result.decisions.is_missed.mean()] * len(QUALITY)
    assert whole.error[whole.exam == "openset"].tolist() == pytest.approx(expected, abs=1e-6)


def test_a_measure_that_nobody_has_is_left_out_and_so_is_an_exam_without_a_threshold():
    result, frames = small_result(threshold=None)
    quality = quality_of(frames).assign(sharpness=np.nan)
    table = discard_curves(result, quality)
    assert "sharpness" not in set(table.measure) and set(table.exam) == {"val", "wild"}
    nothing = replace(result, report=result.report[:0], embeddings=result.embeddings[:0])
    assert list(discard_curves(nothing, quality)) == COLUMNS


def test_the_norm_is_the_length_of_the_embedding_and_blank_photographs_have_none():
    result, frames = small_result()
    measured = with_norms(quality_of(frames), result)
    assert list(measured) == QUALITY
    norms = measured.embedding_norm
    assert norms[result.stranger_ids[0]] == 0
    expected = float(result.embeddings[3].norm())
    assert norms[result.report.image_id[3]] == pytest.approx(expected, rel=1e-6)


def test_more_is_better_except_of_yaw_and_of_extreme_exposures():
    assert goodness("sharpness", np.array([1.0, 2.0])).tolist() == [1, 2]
    assert goodness("yaw", np.array([10.0, 0.0])).tolist() == [-10, 0]
    dark, middle, bright = goodness("exposure", np.array([10.0, 120.0, 250.0]))
    assert middle > dark and middle > bright


def test_what_was_not_measured_is_blank():
    _, frames = small_result()
    photographs = frames["val"].astype({"nose_x": float})
    photographs.loc[0, "nose_x"] = np.nan
    predicted = photographs[["image_id"]].assign(confidence=0.7)
    measures = photographs[["image_id"]].iloc[2:].assign(sharpness=0.5, exposure=100.0)
    table = quality_table(photographs, predicted, measures)
    assert list(table) == OF_PHOTOGRAPHS
    assert table.index.tolist() == photographs.image_id.tolist()
    assert table.sharpness.isna().tolist()[:3] == [True, True, False]
    assert np.isnan(table.yaw.iloc[0]) and table.yaw.iloc[1:].between(0, 90).all()
    assert (table.confidence == 0.7).all()
