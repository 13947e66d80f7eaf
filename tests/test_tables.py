import numpy as np
import pandas as pd
import pytest

from facerec import tables

FLAGS = {"aligned_2": 1, "aligned_3": 0, "aligned_5": 1}


def frame() -> pd.DataFrame:
    points = tables.points_frame(np.arange(20.0).reshape(2, 5, 2) + 0.12345)
    return pd.concat(
        [pd.DataFrame({"image_id": ["1.jpg", "2.jpg"]}), points.assign(confidence=0.5, **FLAGS)],
        axis=1,
    )


def test_what_is_written_is_read_to_a_thousandth(tmp_path):
    path = tmp_path / "new" / "predicted.csv"
    tables.write(frame(), path, tables.PREDICTED)
    back = tables.read(path, tables.PREDICTED)
    assert list(back) == ["image_id", "confidence", *FLAGS, *tables.LANDMARKS]
    assert tables.points(back) == pytest.approx(tables.points(frame()), abs=6e-4)
    assert b"\r" not in path.read_bytes()
    assert [p.name for p in path.parent.iterdir()] == ["predicted.csv"]


def test_image_ids_stay_text(tmp_path):
    path = tmp_path / "a.csv"
    tables.write(frame().assign(image_id=["001", "002"]), path, tables.PREDICTED)
    assert tables.read(path, tables.PREDICTED).image_id.tolist() == ["001", "002"]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda f: f.drop(columns="nose_x"), "missing columns nose_x"),
        (lambda f: f.assign(image_id="1.jpg"), "line 3: 1.jpg is there twice"),
        (
            lambda f: f.assign(image_id=["1.jpg", "../2.jpg"]),
            r"line 3: image_id: expected a file name, .*got '../2.jpg'",
        ),
        (
            lambda f: f.assign(image_id=["/tmp/1.jpg", "2.jpg"]),
            r"line 2: image_id: expected a file name",
        ),
        (
            lambda f: f.assign(image_id=["1.jpg", "a\\2.jpg"]),
            r"line 3: image_id: expected a file name",
        ),
        (
            lambda f: f.assign(image_id=["1.jpg", ".2.jpg"]),
            r"line 3: image_id: expected a file name",
        ),
        (
            lambda f: f.assign(image_id=["1.jpg", 300 * "2"]),
            r"line 3: image_id: expected a file name",
        ),
        (lambda f: f.assign(confidence=[1.0, np.nan]), "line 3: confidence: expected a number"),
        (lambda f: f.assign(nose_x=["1", "x"]), "line 3: nose_x: expected a number, got 'x'"),
    ],
)
def test_what_does_not_fit_is_refused_both_ways(tmp_path, change, words):
    path = tmp_path / "a.csv"
    with pytest.raises(ValueError, match=words):
        tables.write(change(frame()), path, tables.PREDICTED)
    assert not path.exists()
    change(frame()).to_csv(path, index=False)
    with pytest.raises(ValueError, match=words):
        tables.read(path, tables.PREDICTED)


@pytest.mark.parametrize("label", [-1, 0.5, 2.0**40])
def test_a_label_is_a_whole_number_from_0(tmp_path, label):
    columns = {"image_id": ["a", "b"], "person_id": 1, "label": [0.0, label]}
    rows = pd.DataFrame({**columns, **{name: [1, 1] for name in [*tables.LANDMARKS, *tables.BOX]}})
    with pytest.raises(
        ValueError, match=r"a\.csv, line 3: label: expected a whole number from 0, got "
    ):
        tables.write(rows, tmp_path / "a.csv", tables.SELECTED)
    rows.assign(label=[0, 5]).to_csv(tmp_path / "a.csv", index=False)
    assert tables.read(tmp_path / "a.csv", tables.SELECTED).label.tolist() == [0, 5]


def test_a_number_that_may_be_empty_may_be_nothing_else(tmp_path):
    path = tmp_path / "a.csv"
    tables.write(frame().assign(nose_x=[1.0, np.nan]), path, tables.PREDICTED)
    assert tables.read(path, tables.PREDICTED).nose_x.isna().tolist() == [False, True]
    with pytest.raises(ValueError, match=r"line 2: nose_x: expected a number, got .*inf"):
        tables.write(frame().assign(nose_x=[np.inf, 1.0]), path, tables.PREDICTED)


def test_an_absent_or_empty_file_is_named(tmp_path):
    with pytest.raises(ValueError, match=r"none\.csv: no such file"):
        tables.read(tmp_path / "none.csv", tables.PREDICTED)
    (tmp_path / "empty.csv").touch()
    with pytest.raises(ValueError, match=r"empty\.csv: not a CSV"):
        tables.read(tmp_path / "empty.csv", tables.PREDICTED)


def test_blank_lines_are_counted_and_do_no_harm_at_the_end(tmp_path):
    path = tmp_path / "a.csv"
    tables.write(frame(), path, tables.PREDICTED)
    whole, content = tables.read(path, tables.PREDICTED), path.read_text()
    path.write_text(content + "\n\r\n")
    pd.testing.assert_frame_equal(tables.read(path, tables.PREDICTED), whole)
    path.write_text(content.replace("\n2.jpg", "\n\n2.jpg"))
    with pytest.raises(ValueError, match=r"a\.csv, line 3: image_id: expected text, got nothing"):
        tables.read(path, tables.PREDICTED)


def test_attributes_may_follow_where_the_table_allows(tmp_path):
    columns = {"image_id": ["a"], "person_id": [1], "label": [0], "Smiling": [1]}
    row = pd.DataFrame({**columns, **{name: [1] for name in [*tables.LANDMARKS, *tables.BOX]}})
    tables.write(row, tmp_path / "a.csv", tables.SELECTED)
    assert list(tables.read(tmp_path / "a.csv", tables.SELECTED))[-2:] == ["label", "Smiling"]
