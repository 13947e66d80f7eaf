import numpy as np
import pandas as pd

from experiments.audit import report_near_duplicates, report_people, report_swapped


def test_report_swapped_counts_by_action(capsys):
    """Of 4 swapped ones 3 are listed, 1 of them to exclude, beside 1 and 1 that are right."""
    names = ["a.jpg", "x.jpg", "b.jpg", "c.jpg", "y.jpg"]
    listed = pd.DataFrame(
        {"image_id": names, "action": ["exclude", "exclude", "review", "review", "review"]}
    )
    report_swapped(listed, {"a.jpg", "b.jpg", "c.jpg", "d.jpg"})
    assert capsys.readouterr().out.splitlines() == [
        "all listed: precision 0.60 (3 of 5), recall 0.75 (3 of 4)",
        "to exclude: precision 0.50 (1 of 2), recall 0.25 (1 of 4)",
        "the first 4: precision 0.75 (3 of 4), recall 0.75 (3 of 4)",
    ]


def test_report_near_duplicates_counts_by_alteration(capsys):
    """Rows 1 and 3 are altered copies. Row 1 is found. Rows 4 and 5 are listed wrongly."""
    alterations = np.array(["", "darker", "", "mirrored", "", ""], object)
    report_near_duplicates(
        np.array([[0, 1], [4, 5]]), np.array([-1, 0, -1, 2, -1, -1]), alterations
    )
    assert capsys.readouterr().out.splitlines() == [
        "near duplicates, darker: 1 of 1 found",
        "near duplicates, mirrored: 0 of 1 found",
        "wrong pairs of near duplicates: 1 of 2",
    ]


def test_report_people_counts_found_missed_and_wrong_pairs(capsys):
    confused = pd.DataFrame({"person_id": [0, 3], "other_person_id": [10, 4]})
    report_people(confused, {frozenset([0, 10]), frozenset([1, 11])})
    assert capsys.readouterr().out.splitlines() == [
        "people with two names: 1 of 2 found",
        "wrong pairs of people: 1 of 2",
    ]
    report_people(confused[:0], set())
    assert "0 of 0 found" in capsys.readouterr().out
