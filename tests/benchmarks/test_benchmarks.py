"""Every benchmark at a tiny size: it runs, and its peer does the same work."""

import dataclasses
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import pytest
import torch
import yaml

from benchmarks import (
    crop_speed,
    gpu,
    identification_speed,
    photograph_stages,
    recognizer_speed,
    run,
    selection_tables,
    training_memory,
    unchanged_run,
)
from benchmarks.measure import Measured, alternate
from facerec import tables
from facerec.imaging.io import write_image
from facerec.landmarks import hourglass
from facerec.landmarks.params import HourglassParams
from facerec.landmarks.training import build
from facerec.recognition.params import RecognizerEntry, RecognizerParams

ROOT = Path(__file__).parents[2]
PROFILE = yaml.safe_load((ROOT / "profiles/base.yaml").read_text())
SMALL = {"image_size": 32, "depth": 1, "channels": 8, "precision": "fp32"}
COUNT = 8
WITHOUT_TORCH = """
import sys
sys.modules["torch"] = None  # an import of it fails
from typer import run
from benchmarks.crop_speed import main
run(main)
"""


@pytest.fixture(autouse=True)
def one_core(tmp_path, monkeypatch):
    monkeypatch.setenv("FACEREC_DEVICE", "cpu")
    monkeypatch.setenv("FACEREC_WORKERS", "1")
    monkeypatch.chdir(tmp_path)
    Path("params.yaml").write_text(yaml.safe_dump(PROFILE))


@pytest.fixture
def data(tmp_path) -> Path:
    """Writes what the stages up to `crop` would, of random photographs, and an hourglass."""
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(
        {"image_id": [f"{index}.jpg" for index in range(COUNT)], "person_id": 1, "label": 0}
    )
    frame[tables.LANDMARKS] = 20.0
    frame[tables.BOX] = [[4.0, 6.0, 30.0, 40.0]] * COUNT
    for index, image_id in enumerate(frame.image_id):
        picture = cv2.resize(rng.integers(0, 255, (6, 5, 3), dtype=np.uint8), (50 + index, 60))
        for folder in ("photographs", "cropped"):
            write_image(tmp_path / folder / image_id, picture)
    tables.write(frame[:4], tmp_path / "selected.csv", tables.SELECTED)
    tables.write(frame[4:6], tmp_path / "wild.csv", tables.SELECTED)
    tables.write(frame[6:].assign(role="query"), tmp_path / "openset.csv", tables.OPENSET)
    frame[tables.SQUARE] = [1.0, 8.0, 36.0]
    tables.write(frame, tmp_path / "cropped_landmarks.csv", tables.CROPPED)
    params = HourglassParams(**PROFILE["hourglass"]).model_copy(update=SMALL)
    hourglass.save(build(params, box_scale=1.6), tmp_path / "hourglass.pt")
    return tmp_path


def test_ratios_are_of_pairs_in_turn():
    order, ours, other = [], iter([1.0, 6.0, 2.0]), iter([9.0, 2.0, 1.0])
    found = alternate(
        lambda: (order.append("ours"), next(ours))[1],
        lambda: (order.append("other"), next(other))[1],
        "x",
        2,
    )
    assert order == ["ours", "other"] * 3
    assert found.ratios == [3.0, 2.0] and found.spread == "2.50 (2.00–3.00)"
    assert (found.ours, found.other) == ("4 x/s", "1.5 x/s")


def test_the_notebooks_crop_is_of_the_same_photographs(data):
    for row_lookup in (False, True):
        found = crop_speed.crop(data, 24, COUNT, 1, row_lookup)
        assert found.median > 0 and found.ours.endswith(" selected photographs/s")
    faces = crop_speed.selected_faces(data, COUNT)
    out = data / "theirs"
    out.mkdir()
    crop_speed.notebook_crop(faces, 24, out, True)
    first = {path.name: path.read_bytes() for path in out.iterdir()}
    assert sorted(first) == sorted(faces.some.image_id) and cv2.imread(
        str(out / "0.jpg")
    ).shape == (24, 24, 3)
    crop_speed.notebook_crop(faces, 24, out, False)
    assert first == {path.name: path.read_bytes() for path in out.iterdir()}


def test_the_notebooks_crop_is_shared_out_among_processes(data, monkeypatch):
    monkeypatch.setenv("FACEREC_WORKERS", "2")
    assert crop_speed.crop_in_processes(data, 24, COUNT, 1).median > 0


def test_crop_is_measured_on_cfp_where_it_is(data):
    cfp, names = data / "raw/cfp", [f"{index}.jpg" for index in range(COUNT)]
    cfp.mkdir(parents=True)
    (data / "photographs").rename(cfp / "img_celeba")
    (cfp / "identity_CelebA.txt").write_text("".join(f"{name} 1\n" for name in names))
    boxes = "".join(f"{name} 4 6 30 40\n" for name in names)
    (cfp / "list_bbox_celeba.txt").write_text(f"{COUNT}\nimage_id x_1 y_1 width height\n{boxes}")
    found = crop_speed.crop(data, 24, COUNT, 1)
    assert found.median > 0 and found.ours.endswith(" cfp photographs/s")


def test_crop_is_measured_without_torch_which_would_take_longer_to_fork(data):
    command = [sys.executable, "-c", WITHOUT_TORCH, "loop", "--data", data, "--repeats", "1"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    output = subprocess.run(
        command, env=environment, check=True, capture_output=True, text=True
    ).stdout
    assert Measured(**json.loads(output)).median > 0


def test_align_and_the_growth_of_each_stage_are_measured(data):
    assert photograph_stages.align(data, data, 16, COUNT, 1).median > 0
    for stage in ("measure_select", "crop", "align"):
        found = photograph_stages.growth(data, data, stage, 16, COUNT, 2)
        assert len(found.ratios) == 2 and np.isfinite(found.ratios).all() and "1: " in found.ours


@pytest.mark.parametrize(("steps", "flip_test", "passes"), [(2, True, 6), (0, False, 1)])
def test_ceiling_of_align_has_all_forward_passes_of_the_network(
    steps, flip_test, passes, monkeypatch
):
    changes = SMALL | {"refine_steps": steps, "flip_test": flip_test}
    params = HourglassParams(**PROFILE["hourglass"]).model_copy(update=changes)
    network = build(params, box_scale=1.6)
    seen: list[int] = []
    monkeypatch.setattr(network, "forward", lambda faces: seen.append(len(faces)))
    monkeypatch.setattr(
        photograph_stages, "map_batches", lambda function, items, *_, **__: map(function, items)
    )
    photograph_stages.forward_passes(network, 64)
    assert sum(seen) == 64 * passes


def test_growth_of_a_square_has_exponent_two():
    counts = [1, 2, 4, 8]
    seconds = [0.1 * count**2 for count in counts]
    assert photograph_stages.growth_exponent(counts, seconds) == pytest.approx(2)


def test_steps_of_a_recogniser_train_it_three_ways(tmp_path):
    params = RecognizerParams(**PROFILE["recognizer"]).model_copy(
        update={"batch_size": 4, "embedding_dim": 8}
    )
    faces = np.random.default_rng(0).integers(0, 255, (COUNT, 32, 32, 3), dtype=np.uint8)
    paths = [tmp_path / f"{index}.png" for index in range(COUNT)]
    for path, face in zip(paths, faces, strict=True):
        write_image(path, face)
    labels = torch.arange(COUNT) % 2
    entry = RecognizerEntry.model_validate(PROFILE["recognizers"]["arcface"])
    item, label = recognizer_speed.JpegFaces(paths, labels)[3]
    assert label == 1 and item.dtype == torch.float32
    assert torch.equal(
        item.sum(2), torch.from_numpy(faces[3]).permute(2, 0, 1).float().div(255).sum(2)
    ) or (
        torch.allclose(
            item.sum(2),
            torch.from_numpy(faces[3]).permute(2, 0, 1).float().div(255).sum(2),
            atol=1e-3,
        )
    )
    assert recognizer_speed.against_resident(faces, labels, params, entry, 0.0, 1).median > 0
    assert recognizer_speed.against_plain(faces, paths, labels, params, entry, 0.0, 1).median > 0
    assert recognizer_speed.against_other_precision(faces, labels, params, entry, 0.0, 1).median > 0


def test_identification_is_compared_with_the_product():
    assert identification_speed.against_product(1000, 2000, 1).median > 0


def test_identifications_memory_is_measured_and_a_subset_equals_brute_force():
    work = run.Work(Path("d"), Path("m"), identification=(100, 12_000), repeats=1)
    found = run.measure("identification_memory", work)
    assert len(found.ratios) == 1 and 0 <= found.median < 1


def test_identification_is_compared_with_faiss_which_agrees():
    pytest.importorskip("faiss", reason="the group bench is not installed: make bench")
    assert identification_speed.against_faiss(50, 400, 1).median > 0


def test_ours_and_the_notebooks_selection_are_compared():
    assert selection_tables.against_notebook(3000, 100, 10, 6, 1).median > 0


def test_the_memory_of_selects_tables_is_that_of_a_process_of_its_own():
    work = run.Work(Path("d"), Path("m"), tables=(3000, 100, 10, 6), repeats=1)
    found = run.measure("select_memory", work)
    assert 0.05 < found.median < 1 and re.fullmatch(r"\d+ MiB, \d+\.\d\d s", found.ours)


@pytest.mark.slow  # six times dvc; that nothing changed means nothing runs is tested end to end
def test_an_unchanged_repository_is_asked():
    found = unchanged_run.unchanged(5, 1)
    assert (
        found.median > 0 and found.ours.startswith("repro ") and found.other.startswith("status ")
    )


def test_memory_is_watched_while_a_network_trains(monkeypatch, capsys):
    small = RecognizerParams(**PROFILE["recognizer"]).model_copy(update={"embedding_dim": 8})
    monkeypatch.setattr(RecognizerParams, "load", lambda _: small)
    training_memory.main(12, image_size=32, steps=1, batch_size=4, map_over=0.01)
    assert float(capsys.readouterr().out) > 10
    assert sorted(path.name for path in Path().iterdir()) == ["params.yaml"]


def test_table_has_verdicts_and_keeps_rows_that_are_not_measured_again(monkeypatch):
    ratios = {"crop": 0.8, "memory": 1.05}
    monkeypatch.setattr(
        run, "in_own_process", lambda name, work: Measured([ratios[name]], "a", "b")
    )
    work, report = run.Work(Path("d"), Path("m")), Path("r.md")
    run.measure_all(["crop", "memory"], work, report)
    ratios["crop"] = 0.9
    run.measure_all(["crop"], work, report)
    text = report.read_text()
    assert "| 0.90 | ≥ 0.75 | reached | a | b |" in text and "| 1.05 | ≤ 1.1 | reached |" in text
    assert "numpy " in text and list(json.loads(Path("r.json").read_text())) == ["crop", "memory"]
    ratios["memory"] = 1.2
    run.measure_all(["memory"], work, report)
    assert "| 1.20 | ≤ 1.1 | **missed** |" in report.read_text()
    with pytest.raises(ValueError, match=r"--only: expected some of select, .*crop.*got what"):
        run.main(["what"])


def test_gpu_report_has_a_row_for_each_network_and_needs_a_gpu(monkeypatch):
    with pytest.raises(ValueError, match="needs a CUDA device"):
        gpu.main()
    monkeypatch.setattr(gpu, "REPEATS", 1)
    sizes = dataclasses.replace(gpu.TINY, matrix=16, faces=4)
    text = gpu.measure(sizes, compiled=False)
    assert "| resnet18, 32 px, batch 4 | eager |" in text and "| hourglass, 32 px" in text
    assert "aten::" in text and not Path("benchmarks").exists()
    busy = [int(share) for share in re.findall(r"operations take (\d+) % of it", text)]
    assert len(busy) == 2 and all(0 < share <= 110 for share in busy)


def test_the_operations_of_a_network_are_counted():
    layer = torch.nn.Linear(6, 5, bias=False)
    subject = gpu.Subject("x", layer, iter([]), iter([]), torch.zeros(3, 6))
    assert gpu.forward_operations(subject) == 2 * 6 * 5
