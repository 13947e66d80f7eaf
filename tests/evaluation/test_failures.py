"""The list of failures: who was taken for whom, worst first."""

import pandas as pd
import pytest
import torch
import torch.nn.functional as F
from small_result import quality_of, small_result

from facerec.annotation_names import ATTRIBUTES
from facerec.evaluation.failures import COLUMNS, SHOWN, failure_table


@pytest.fixture(scope="module")
def failed():
    """Returns the result, all photographs by image_id, and the failures."""
    result, frames = small_result(noise=2.0, threshold=0.4)
    photographs = pd.concat(frames.values()).set_index("image_id")
    return result, photographs, failure_table(result, frames, quality_of(frames))


def embeddings_of(result, photographs):
    """Returns all directions, by image_id."""
    directions = torch.cat([result.train_embeddings, result.embeddings, result.strangers])
    return dict(zip(photographs.index, F.normalize(directions), strict=True))


def test_columns_are_quality_and_attributes_and_the_worst_come_first(failed):
    _, _, table = failed
    assert list(table) == [*COLUMNS, *ATTRIBUTES]
    assert (table.groupby(["exam", "kind"]).size() <= SHOWN).all()
    assert set(table.kind) == {"wrong_person", "false_match", "false_non_match"}
    for (_, kind), rows in table.groupby(["exam", "kind"]):
        missed = kind == "false_non_match"
        assert (
            rows.cosine.is_monotonic_increasing if missed else rows.cosine.is_monotonic_decreasing
        )
    blank = table[table.embedding_norm == 0]
    assert len(blank) and (blank.cosine == 0).all()  # a face that could not be aligned


def test_a_wrong_person_is_shown_by_the_most_similar_training_photographs(failed):
    result, photographs, table = failed
    wrong = table[table.kind == "wrong_person"]
    report = result.report.set_index("image_id")
    assert len(wrong) == (report.label != report.predicted_label).sum() > 5
    directions = embeddings_of(result, photographs)
    train = photographs.iloc[: len(result.train_embeddings)]
    for row in wrong.itertuples():
        assert photographs.person_id[row.image_id] == row.person_id != row.taken_for_person_id
        assert report.predicted_label[row.image_id] == train.label[row.taken_for_image_id]
        for shown, person in (
            (row.taken_for_image_id, row.taken_for_person_id),
            (row.really_image_id, row.person_id),
        ):
            own = train.index[train.person_id == person]
            cosines = {name: float(directions[row.image_id] @ directions[name]) for name in own}
            assert max(cosines, key=cosines.get) == shown
            if shown == row.taken_for_image_id:
                assert row.cosine == pytest.approx(cosines[shown], abs=1e-5)


def test_false_matches_and_non_matches_are_on_the_wrong_side_of_the_threshold(failed):
    result, photographs, table = failed
    directions = embeddings_of(result, photographs)
    strangers = table[table.exam == "openset"]
    for row in strangers.itertuples():
        other = row.taken_for_image_id if row.kind == "false_match" else row.really_image_id
        cosine = float(directions[row.image_id] @ directions[other])
        assert row.cosine == pytest.approx(cosine, abs=1e-5)
        same = photographs.person_id[row.image_id] == photographs.person_id[other]
        assert same == (row.kind == "false_non_match")
        assert (cosine > 0.4) != same
        assert pd.isna(row.taken_for_person_id) == same
        if isinstance(row.really_image_id, str):
            assert photographs.person_id[row.really_image_id] == row.person_id
            assert row.really_image_id != row.image_id
    counts = strangers.kind.value_counts()
    misses = int(result.decisions.is_missed.sum())
    assert counts["false_non_match"] == min(misses, SHOWN)
    assert counts["false_match"] == min(len(result.decisions.false_matches), SHOWN)


def test_without_a_mistake_there_are_columns_and_no_rows():
    result, frames = small_result(noise=0.0, threshold=None)
    table = failure_table(result, frames, quality_of(frames))
    assert table.empty and list(table) == [*COLUMNS, *ATTRIBUTES]
