"""The benchmark of identification at a tiny size: it runs, and its peers do the same work."""

import shutil
from pathlib import Path

import pytest
from collections_drawn import face
from engine_models import write_models

from benchmarks.identify_speed import identify_speed

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("against", ["networks", "core"])
def test_identification_is_measured_against_its_networks_and_a_budget(
    tmp_path, monkeypatch, against
):
    monkeypatch.chdir(tmp_path)
    shutil.copy(ROOT / "params.yaml", "params.yaml")
    for folder in ("models", "photographs"):
        Path(folder).mkdir()
    write_models(Path("models"))
    for person in range(3):
        Path(f"photographs/{person}.jpg").write_bytes(face(person).jpeg)
    measured = identify_speed(Path("photographs"), Path("models"), against, count=2, repeats=1)
    assert len(measured.ratios) == 1 and measured.median > 0
    assert "2 faces" in measured.ours or "photographs/s" in measured.ours
