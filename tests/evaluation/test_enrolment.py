import numpy as np
import pandas as pd

from facerec.evaluation.enrolment import enrolment_metrics
from facerec.recognition.datasets import AlignedFaces


def faces(people, usable):
    frame = pd.DataFrame({"person_id": people})
    return AlignedFaces(frame, np.zeros((len(people), 2, 2, 3), np.uint8), np.array(usable, bool))


def test_photographs_that_cannot_be_aligned_and_people_without_any_are_counted():
    eval_sets = {
        "train": faces([1, 1, 2, 2], [1, 0, 0, 0]),
        "val": faces([1, 2], [1, 1]),  # it enrols nobody
        "wild": faces([], []),
        "openset": faces([3, 3, 4, 4], [1, 1, 1, 0]),
    }
    values = enrolment_metrics(eval_sets)
    assert values["fta"] == 0.4 and values["fte"] == 0.25
    assert values["fta_low"] <= 0.4 <= values["fta_high"]
    assert set(values) == {
        f"{name}{end}" for name in ("fta", "fte") for end in ("", "_low", "_high")
    }


def test_when_all_faces_are_aligned_nothing_fails():
    eval_sets = dict.fromkeys(("train", "val", "wild", "openset"), faces([1, 2], [1, 1]))
    values = enrolment_metrics(eval_sets)
    assert values["fta"] == values["fte"] == 0
