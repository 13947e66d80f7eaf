"""Faces aligned in batches: the same for any number of cores, and beside a GPU."""

import time
import weakref
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from tiny_hourglass import hourglass_config

from facerec import tables
from facerec.alignment import align
from facerec.alignment.points import FoundPoints, find_points, find_points_in_crops
from facerec.imaging import warp
from facerec.imaging.io import read_reduced, write_image
from facerec.landmarks import hourglass
from facerec.tables import SQUARE

SIDE = 64  # of photographs, crops and aligned faces


@pytest.fixture
def network() -> hourglass.StackedHourglass:
    """Returns an untrained hourglass."""
    torch.manual_seed(0)
    config = hourglass_config(
        image_size=SIDE, flip_test=True, refine_steps=1, crop_oversampling=1.0
    )
    return hourglass.StackedHourglass(config).eval()


@pytest.fixture
def collection(network, tmp_path, monkeypatch):
    """Returns what aligns 14 faces in batches of 3, given the number of cores and a folder."""
    monkeypatch.setattr(align, "BATCH_SIZE", 3)
    monkeypatch.setenv("FACEREC_DEVICE", "cpu")
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(0)
    squares = pd.DataFrame({"image_id": [f"{number}.png" for number in range(14)]})
    squares[SQUARE] = [0.0, 0.0, float(SIDE)]
    for name in squares.image_id:
        for folder in ("photographs", "crops"):
            write_image(Path(folder) / name, rng.integers(0, 255, (SIDE, SIDE, 3), np.uint8))

    def run(cores: int, out: str) -> FoundPoints:
        monkeypatch.setenv("FACEREC_WORKERS", str(cores))
        folders = {count: tmp_path / out / str(count) for count in tables.ALIGNMENTS}
        return align.align_all(network, squares, Path("photographs"), Path("crops"), folders, SIDE)

    return run


def assert_same(first: FoundPoints, second: FoundPoints) -> None:
    for name in ("points", "confidence", "outside"):
        assert np.array_equal(getattr(first, name), getattr(second, name), equal_nan=True)


def written(folder: Path) -> dict[Path, bytes]:
    return {
        path.relative_to(folder): path.read_bytes() for path in folder.rglob("*") if path.is_file()
    }


def test_any_number_of_cores_gives_the_same(collection, tmp_path):
    first, *others = (collection(cores, str(cores)) for cores in (1, 4, 14))
    assert len(written(tmp_path / "1")) == 14 * len(tables.ALIGNMENTS)
    for cores, other in zip((4, 14), others, strict=True):
        assert len(other.points) == 14
        assert_same(first, other)
        assert written(tmp_path / "1") == written(tmp_path / str(cores))


def test_threads_beside_a_gpu_equal_processes_and_run_one_batch_at_a_time(
    collection, tmp_path, monkeypatch
):
    processes, threads, running = collection(2, "processes"), torch.get_num_threads(), []
    predict = hourglass.StackedHourglass.predict

    def predict_alone(
        network: hourglass.StackedHourglass, faces: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        running.append(1)
        assert len(running) == 1
        time.sleep(0.05)
        running.pop()
        return predict(network, faces)

    monkeypatch.setattr(hourglass.StackedHourglass, "predict", predict_alone)
    monkeypatch.setattr(align, "device", lambda: torch.device("cuda"))
    torch.set_num_threads(1)  # two would add up in another order
    try:
        beside = collection(4, "threads")
    finally:
        torch.set_num_threads(threads)
    assert_same(processes, beside)
    assert written(tmp_path / "processes") == written(tmp_path / "threads")


@pytest.mark.parametrize(
    ("kind", "pixels", "channels", "sizes"),
    [
        ("cpu", 96, 64, [32, 32, 6]),
        ("cpu", 256, 256, [8] * 8 + [6]),
        ("cpu", 4096, 4096, [1] * 70),
        ("cuda", 256, 256, [32, 32, 6]),
    ],
)
@pytest.mark.parametrize("cores", [1, 16, 100])
def test_large_network_takes_smaller_batches_on_a_cpu(
    monkeypatch, kind, pixels, channels, sizes, cores
):
    monkeypatch.setenv("FACEREC_WORKERS", str(cores))
    monkeypatch.setattr(align, "device", lambda: torch.device(kind))
    network = SimpleNamespace(config=SimpleNamespace(image_size=pixels, channels=channels))
    batches = align.batches(network, 70)
    assert [len(batch) for batch in batches] == sizes
    assert [index for batch in batches for index in batch] == [*range(70)]


def test_photographs_and_their_crops_give_the_same_points(network):
    rng = np.random.default_rng(0)
    photographs = rng.integers(0, 255, (3, 90, 90, 3), np.uint8)
    squares = np.array([[10.0, 20.0, SIDE]] * 3)
    crops = photographs[:, 20 : 20 + SIDE, 10 : 10 + SIDE]
    in_crops = find_points_in_crops(network, np.ascontiguousarray(crops), squares)
    assert np.array_equal(find_points(network, photographs, squares), in_crops.points)
    assert in_crops.confidence.shape == in_crops.outside.shape == (3,)


def test_an_error_in_a_batch_is_told(collection):
    Path("photographs/7.png").write_bytes(b"no picture")
    with pytest.raises(ValueError, match=r"photographs/7\.png: not a readable image"):
        collection(4, "out")
    assert not list(Path("out").rglob("*.partial"))


def test_a_worker_holds_one_photograph_at_a_time(collection, monkeypatch):
    alive, most = 0, 0

    def count_down() -> None:
        nonlocal alive
        alive -= 1

    def counted(*args: Any) -> tuple[np.ndarray, int]:
        nonlocal alive, most
        photograph, reduction = read_reduced(*args)
        if args[0].parent.name == "photographs":
            weakref.finalize(photograph, count_down)
            alive += 1
            most = max(most, alive)
        return photograph, reduction

    monkeypatch.setattr(warp, "read_reduced", counted)
    monkeypatch.setattr(align, "device", lambda: torch.device("cuda"))  # threads: all counted here
    collection(1, "out")
    assert (most, alive) == (1, 0)
