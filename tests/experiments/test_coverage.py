"""Simulated exams are what they say, and the report has a number for each of their settings."""

import numpy as np
import pytest

from experiments import coverage, simulated_exams


def test_hits_have_the_accuracy_and_the_correlation_asked_for():
    names = np.repeat(np.arange(20_000), 4)
    hits = simulated_exams.drawn_hits(names, 0.9, 0.2, np.random.default_rng(0)).reshape(-1, 4)
    assert hits.mean() == pytest.approx(0.9, abs=0.005)
    assert np.corrcoef(hits.T)[np.triu_indices(4, 1)] == pytest.approx(0.2, abs=0.03)


def test_coverage_counts_the_intervals_that_hold_the_truth():
    intervals = np.array([[0.1, 0.5], [0.5, 1.0], [0.6, 0.9], [0.0, 0.4]])
    assert simulated_exams.coverage(intervals, 0.5) == 0.5


def test_a_bootstrap_of_hits_alone_has_no_width_and_ours_has():
    settings = (20, 4, 0.99, 0.2, 50)
    bootstrap = simulated_exams.share_exams(*settings, "bootstrap")
    ours = simulated_exams.share_exams(*settings, "photographs")
    assert (np.ptp(bootstrap, axis=1) == 0).mean() > 0.3
    assert (np.ptp(ours, axis=1) > 0).all()
    assert simulated_exams.coverage(bootstrap, 0.99) < simulated_exams.coverage(ours, 0.99)


def test_the_same_exams_are_drawn_again():
    first, again = (simulated_exams.open_set_exams(8, 3, 0.6, 2) for _ in range(2))
    for name, (estimates, intervals) in first.items():
        assert (estimates == again[name][0]).all() and (intervals == again[name][1]).all()
        assert (intervals[:, 0] <= estimates).all() and (estimates <= intervals[:, 1]).all()


def test_the_report_has_a_row_for_every_setting(tmp_path, monkeypatch):
    monkeypatch.setattr(coverage, "PEOPLE", [10])
    monkeypatch.setattr(coverage, "PHOTOGRAPHS", [2, 20])
    monkeypatch.setattr(coverage, "ACCURACIES", [0.5, 0.99])
    monkeypatch.setattr(coverage, "OPEN_SETS", [(10, 4)])
    coverage.main(exams=3, open_set=2, report=tmp_path / "coverage.md")
    text = (tmp_path / "coverage.md").read_text()
    for row in ("10 × 2", "10 × 20", "320 × 2, 90 %", "10 × 4, hard"):
        assert text.count(f"\n| {row} |") >= 1, row
    assert "experiments.coverage --exams 3 --open-set 2`" in text
