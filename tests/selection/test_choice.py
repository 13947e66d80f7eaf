import pandas as pd
import pytest
from collection import make_frame

from facerec import tables
from facerec.selection.choice import read_measures


def measures_of(frame: pd.DataFrame) -> pd.DataFrame:
    numbers = dict.fromkeys(tables.MEASURES.blank, 1.0)
    return frame[["image_id"]].assign(**numbers, hash="00", thumbnail="00", unreadable=None)


def test_measures_follow_the_rows_of_the_collection(tmp_path):
    frame = make_frame(1, 3)
    measures = measures_of(frame).assign(sharpness=[1.0, 2.0, 3.0])
    tables.write(measures[::-1], tmp_path / "measures.csv", tables.MEASURES)
    read = read_measures(tmp_path / "measures.csv", frame[1:])
    assert read.index.tolist() == [1, 2] and read.sharpness.tolist() == [2.0, 3.0]


def test_a_photograph_without_measures_is_named_with_what_to_do(tmp_path):
    frame = make_frame(1, 3)
    tables.write(measures_of(frame[:2]), tmp_path / "measures.csv", tables.MEASURES)
    with pytest.raises(ValueError, match=r"000003.jpg is not listed; run `dvc repro measure`"):
        read_measures(tmp_path / "measures.csv", frame)
