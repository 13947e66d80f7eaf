"""The benchmark of galleries runs, and finds the same faces as faiss."""

import re

import pytest

from benchmarks import gallery


def test_the_benchmark_in_miniature(capsys, monkeypatch, tmp_path):
    pytest.importorskip("faiss")
    monkeypatch.setattr(gallery, "_in_own_process", lambda measure, *rest: measure(*rest))
    monkeypatch.setattr(gallery, "ADDED", 2)
    gallery.main([200], queries=8, repeats=1, approximate=True, grouped=100, folder=tmp_path)
    printed = capsys.readouterr().out
    assert printed.count("the same best face for 100.0%") == 2
    assert re.search(r"approximate, 128 probes: .* the same best person for 100\.0%", printed)
    assert "threshold 0.3: 10 groups" in printed
