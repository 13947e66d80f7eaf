"""FMR and FNMR by group against loops over the pairs."""

import itertools

import numpy as np
import pytest
import torch.nn.functional as F
from small_result import small_result

from facerec.evaluation.error_slices import COLUMNS, error_slices
from facerec.evaluation.params import EvaluateParams

PARAMS = EvaluateParams(bootstrap_resamples=100, seed=1)
THRESHOLD = 0.5


@pytest.fixture(scope="module")
def measured():
    """Returns the result, the tables, and the errors by group."""
    result, frames = small_result(threshold=THRESHOLD)
    counts = frames["train"].label.value_counts()
    return result, frames, error_slices(result, frames["openset"], counts, PARAMS)


def slow_rates(cosines, people, is_member):
    """Returns FNMR by probe, and FMR of pairs within the group."""
    missed, matched = [], []
    for i, j in itertools.permutations(range(len(people)), 2):
        if people[i] == people[j] and is_member[i]:
            missed.append(cosines[i, j] <= THRESHOLD)
        if people[i] != people[j] and is_member[i] and is_member[j]:
            matched.append(cosines[i, j] > THRESHOLD)
    return np.mean(missed), np.mean(matched)


@pytest.mark.parametrize(("value", "group"), [(1, "yes"), (-1, "no")])
def test_rates_of_a_group_of_strangers_are_those_of_a_loop(measured, value, group):
    result, frames, table = measured
    strangers = frames["openset"]
    directions = F.normalize(result.strangers)
    cosines = (directions @ directions.T).numpy()
    is_member = (strangers.Smiling == value).to_numpy()
    fnmr, fmr = slow_rates(cosines, strangers.person_id.to_numpy(), is_member)
    row = table[(table.slice == "Smiling") & (table.group == group)].iloc[0]
    assert (row.fnmr, row.fmr) == pytest.approx((fnmr, fmr), abs=1e-6)
    assert 0 < row.fnmr < 1 and 0 < row.fmr < 1
    assert row.photographs == is_member.sum()
    assert row.people == strangers.person_id[is_member].nunique()
    assert row.fnmr_low <= row.fnmr <= row.fnmr_high and row.fmr_low <= row.fmr <= row.fmr_high


def test_every_slice_divides_all_photographs_and_has_one_threshold(measured):
    result, frames, table = measured
    assert list(table) == COLUMNS and (table.threshold == THRESHOLD).all()
    totals = table.groupby("slice").photographs.sum()
    assert totals.pop("training photographs") == len(result.report)
    assert (totals == len(frames["openset"])).all()
    assert set(totals.index) > {"eye distance", "yaw", "Smiling"}


def test_known_people_are_compared_with_their_mean_training_embedding(measured):
    result, _, table = measured
    cosines = (F.normalize(result.embeddings) @ result.prototypes.T).numpy()
    labels = result.report.label.to_numpy()
    rows = table[table.slice == "training photographs"].set_index("group")
    assert set(rows.index) == {3, 5}
    for count, people in ((3, [0]), (5, range(1, 8))):
        probes = [row for row, label in enumerate(labels) if label in people]
        missed = [cosines[row, labels[row]] <= THRESHOLD for row in probes]
        assert rows.fnmr[count] == pytest.approx(np.mean(missed), abs=1e-6)
        false = [
            cosines[row, other] > THRESHOLD
            for row in probes
            for other in people
            if other != labels[row]
        ]
        if false:
            assert rows.fmr[count] == pytest.approx(np.mean(false), abs=1e-6)
        else:
            assert np.isnan(rows.fmr[count])


def test_without_attributes_poses_and_sizes_remain():
    result, frames = small_result()
    strangers = frames["openset"].drop(columns=[*frames["openset"].columns[16:-2]])
    table = error_slices(result, strangers, frames["train"].label.value_counts(), PARAMS)
    assert set(table.slice) == {"eye distance", "yaw", "training photographs"}


def test_without_a_threshold_there_are_no_rows():
    result, frames = small_result(threshold=None)
    counts = frames["train"].label.value_counts()
    table = error_slices(result, frames["openset"], counts, PARAMS)
    assert table.empty and list(table) == COLUMNS
