import numpy as np
import pandas as pd
import pytest
from collection import make_frame

from facerec.annotation_names import LANDMARKS
from facerec.evaluation import slices
from facerec.evaluation.comparison import slices_table
from facerec.geometry import eye_distance
from facerec.metrics.intervals import share_interval
from facerec.tables import points


@pytest.fixture(scope="module")
def photographs() -> pd.DataFrame:
    frame = make_frame(people=20, photos=10)
    return frame.assign(label=frame.person_id.rank(method="dense").astype(int) - 1)


@pytest.fixture(scope="module")
def report(photographs) -> pd.DataFrame:
    hits = np.random.default_rng(0).integers(0, 2, len(photographs))
    values = {"is_recognized": hits, "recognized_share": hits, "predicted_label": 0, "score": 0.5}
    split = np.where(np.arange(len(photographs)) % 4 == 0, "wild", "val")
    return photographs[["image_id", "label"]].assign(**values, split=split)


def test_a_slice_is_the_accuracy_of_its_photographs(photographs, report):
    table = slices.slice_table(report, photographs, pd.Series(dict.fromkeys(range(20), 6)))
    assert list(table) == slices.COLUMNS
    male = photographs.merge(report, on=["image_id", "label"]).query("Male == 1 and split == 'val'")
    row = table.query("slice == 'Male' and group == 'yes' and split == 'val'").iloc[0]
    assert (row.photographs, row.top1) == (
        len(male),
        pytest.approx(male.recognized_share.mean(), abs=1e-6),
    )
    expected = share_interval(male.recognized_share.to_numpy(float), male.label.to_numpy())
    assert (row.low, row.high) == pytest.approx(expected, abs=1e-6)


def test_every_slice_divides_all_photographs_of_its_split(photographs, report):
    table = slices.slice_table(report, photographs, pd.Series(dict.fromkeys(range(20), 6)))
    totals = table.groupby(["split", "slice"]).photographs.sum()
    assert (totals["val"] == 150).all() and (totals["wild"] == 50).all()
    assert set(table["slice"]) > {"eye distance", "yaw", "training photographs", "Eyeglasses"}
    quarters = table.query("slice == 'eye distance' and split == 'val'")
    assert len(quarters) == 4 and quarters.photographs.between(30, 45).all()
    assert (
        eye_distance(points(photographs)).min() >= float(sorted(quarters.group)[0].split()[0]) - 1
    )


@pytest.mark.parametrize("missing", [slice(0, 3), slice(None)])
def test_faces_without_found_points_are_a_group_of_their_own(photographs, report, missing):
    blind = photographs.astype(dict.fromkeys(LANDMARKS, float))
    blind.iloc[missing, blind.columns.get_indexer(LANDMARKS)] = np.nan
    table = slices.slice_table(report, blind, pd.Series(dict.fromkeys(range(20), 6)))
    unknown = table[table.group == slices.UNKNOWN]
    lost = len(photographs.iloc[missing])
    assert unknown.groupby("slice").photographs.sum().to_dict() == {
        "eye distance": lost,
        "yaw": lost,
    }
    assert (table.groupby(["split", "slice"]).photographs.sum()["val"] == 150).all()


def test_the_worst_are_of_some_size_and_not_everybody():
    rows = [
        ["val", "Male", "yes", 50, 0.4],
        ["val", "Male", "no", 50, 0.9],
        ["val", "yaw", "profile", 5, 0.0],
    ]
    rows += [["val", "yaw", "frontal", 95, 0.6], ["val", "training photographs", 6, 100, 0.1]]
    table = pd.DataFrame(rows, columns=slices.COLUMNS[:5])
    assert slices.worst(table, 2)[["slice", "group"]].to_numpy().tolist() == [
        ["Male", "yes"],
        ["yaw", "frontal"],
    ]


GROUPS = [("Male", "yes", 50), ("Male", "no", 50), ("training photographs", 6, 100)]


def test_the_worst_slices_of_several_recognisers_are_those_of_their_mean():
    rows = [
        [recognizer, "val", name, group, count, top1]
        for recognizer, accuracies in {"a": (0.2, 0.3, 0.1), "b": (0.9, 0.5, 0.1)}.items()
        for (name, group, count), top1 in zip(GROUPS, accuracies, strict=True)
    ]
    table = pd.DataFrame(rows, columns=["recognizer", *slices.COLUMNS[:5]]).assign(
        low=0.0, high=1.0
    )
    chosen = slices.worst(table, 5)
    assert chosen.group.tolist() == ["no", "yes"]
    lines = slices_table(chosen, table)
    assert lines[0] == "| split | slice | photographs | a | b |"
    assert lines[2] == "| val | Male: no | 50 | 30.0 (0.0–100.0) | 50.0 (0.0–100.0) |"
