"""The align stage on points that somebody else dictates: what is degenerate ends in a record, not in a smear."""

import json
import time
import weakref
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from skimage.transform import AffineTransform, SimilarityTransform
from skimage.transform import warp as skimage_warp
from torch import nn

from facerec import geometry, tables
from facerec.annotation_names import LANDMARKS
from facerec.imaging import warp
from facerec.imaging.io import read_image, read_reduced, write_image
from facerec.landmarks import hourglass
from facerec.landmarks.params import HourglassConfig
from facerec.tables import SQUARE
from stages import align

SIDE = 64  # of photographs, crops and aligned faces
OUTPUTS = [
    "a2",
    "a3",
    "a5",
    "predicted.csv",
    "alignment.csv",
    "m.json",
    "s.jpg",
    "s2.jpg",
    "s3.jpg",
    "s5.jpg",
]


class Dictated(nn.Module):
    """Stands for the network: says the points that it was given, whatever it sees."""

    face_size = SIDE

    def __init__(self, points: np.ndarray) -> None:
        super().__init__()
        self.points = points
        self.config = SimpleNamespace(image_size=SIDE, channels=8)

    def predict(self, faces: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        assert faces.shape == (len(self.points), SIDE, SIDE, 3)
        return self.points, np.full(self.points.shape[:2], 0.5)


def faces() -> dict[str, np.ndarray]:
    """Returns points by what is the matter with them."""
    good = geometry.template(SIDE)
    result = {
        "good": good,
        "turned": SimilarityTransform(scale=0.8, rotation=0.4, translation=(14, -4))(good),
    }
    result["coincident"] = np.full((5, 2), 30.0)
    result["nan"] = np.full((5, 2), np.nan)
    result["one eye"] = good.copy()
    result["one eye"][1] = good[0] + [0.3, 0.2]
    result["collinear"] = good.copy()
    result["collinear"][2] = (good[0] + good[1]) / 2 + [
        0.0,
        1.0,
    ]  # three points would stretch it twelvefold
    result["eyes swapped"] = good[[1, 0, 2, 3, 4]]
    result["nose above"] = good * [1, -1] + [0, SIDE]
    result["outside"] = good.copy()
    result["outside"][3:, 1] += SIDE / 4
    return result


@pytest.fixture
def ran(tmp_path, monkeypatch):
    """Runs the stage; returns the tables, the metrics and the points, by the faces' names."""
    monkeypatch.chdir(tmp_path)
    Path("params.yaml").write_text(f"align: {{pixels: {SIDE}, max_shear: 0.4}}\n")
    return run(monkeypatch, faces())


def run(monkeypatch, points: dict[str, np.ndarray], landmarks: float = 1.0):
    names = [f"{name}.png" for name in points]
    rng = np.random.default_rng(0)
    for name in names:
        picture = np.kron(rng.integers(60, 255, (8, 8, 3)), np.ones((8, 8, 1))).astype(np.uint8)
        for folder in ("photographs", "crops"):
            write_image(Path(folder) / name, picture)
    frame = pd.DataFrame({"image_id": names, **dict.fromkeys(LANDMARKS, landmarks)})
    frame[SQUARE] = [0.0, 0.0, float(SIDE)]
    left_out = frame.iloc[:1].assign(image_id="left out.png")  # of which there is no picture
    tables.write(pd.concat([left_out, frame]), Path("cropped.csv"), tables.CROPPED)
    others = left_out.assign(person_id=1, label=0, **dict.fromkeys(tables.BOX, 1.0))
    tables.write(others, Path("landmarks_only.csv"), tables.SELECTED)
    monkeypatch.setattr(hourglass, "load", lambda *_: Dictated(np.stack([*points.values()])))
    align.main(
        *map(Path, ["h.pt", "cropped.csv", "landmarks_only.csv", "crops", "photographs", *OUTPUTS])
    )
    predicted = tables.read(Path("predicted.csv"), tables.PREDICTED).set_index("image_id")
    record = tables.read(Path("alignment.csv"), tables.ALIGNED).set_index("image_id")
    return predicted, record, json.loads(Path("m.json").read_text())


@pytest.mark.parametrize(
    ("name", "aligned"),
    [
        ("good", (1, 1, 1)),
        ("turned", (1, 1, 1)),
        ("coincident", (0, 0, 0)),
        ("nan", (0, 0, 0)),
        ("one eye", (0, 0, 1)),
        ("collinear", (1, 0, 1)),
        ("outside", (1, 1, 1)),
    ],
)
def test_each_face_is_flagged_for_each_alignment_and_black_where_it_has_none(ran, name, aligned):
    predicted, record, _ = ran
    for count, usable in zip(tables.ALIGNMENTS, aligned, strict=True):
        face = read_image(Path(f"a{count}/{name}.png"))
        assert predicted.loc[f"{name}.png", f"aligned_{count}"] == usable
        assert face.any() == bool(usable)
        values = record.loc[
            f"{name}.png", [f"{what}_{count}" for what in ("roll", "scale", "shear", "residual")]
        ]
        assert values.notna().all() == bool(usable)
        if usable:
            assert 0.5 < values[f"scale_{count}"] < 2  # no smear


@pytest.mark.parametrize("name", ["eyes swapped", "nose above"])
def test_a_face_that_three_points_mirror_is_flagged_however_little_it_is_sheared(ran, name):
    _, record, metrics = ran
    mirrored = record.loc[f"{name}.png"]
    assert mirrored.distorted_3 == 1 and mirrored.shear_3 < 0.1 and np.isnan(mirrored.roll_3)
    assert mirrored[["roll_2", "roll_5"]].notna().all() and mirrored.residual_5 > 1
    assert record.distorted_3.sum() == metrics["distorted_by_3_points"] == 2


def test_the_record_names_what_is_wrong_with_each_face(ran):
    _, record, _ = ran
    named = record.fault.rename(lambda name: name.removesuffix(".png")).to_dict()
    assert named == {
        **dict.fromkeys(["good", "turned", "outside"], "none"),
        **dict.fromkeys(["coincident", "one eye"], "coincident"),
        "nan": "not finite",
        "collinear": "collinear",
        **dict.fromkeys(["eyes swapped", "nose above"], "mirrored"),
    }


def test_a_face_sheared_beyond_the_limit_is_a_fault():
    points = geometry.template(SIDE)[None] * [0.5, 1] + [16, 0]
    matrices = geometry.alignment_matrices(points, SIDE)
    for most, fault in ((0.4, "sheared"), (0.6, "none")):
        record = align._record(points, matrices, align.AlignParams(pixels=SIDE, max_shear=most))
        assert record.shear_3.item() == pytest.approx(0.5) and record.fault.item() == fault


@pytest.mark.parametrize("count", [2, 3, 5])
def test_written_faces_are_what_scikit_image_cuts(ran, count):
    photograph, points = read_image(Path("photographs/turned.png")), faces()["turned"]
    matrix = geometry.alignment_matrices(points[None], SIDE)[count][0]
    expected = skimage_warp(
        photograph,
        np.linalg.inv([*matrix, [0, 0, 1]]),
        output_shape=(SIDE, SIDE),
        preserve_range=True,
    )
    off = np.abs(read_image(Path(f"a{count}/turned.png")) - expected)
    assert off.mean() < 1 and (off > 12).mean() < 0.01  # half a pixel off: 18 and 0.3


def test_the_record_and_the_metrics_count_them(ran):
    predicted, record, metrics = ran
    assert (
        [*predicted.index] == [*record.index] == [f"{name}.png" for name in faces()]
    )  # nothing of what is left out
    assert predicted.loc["nan.png", LANDMARKS].isna().all()
    assert record.points_outside.to_dict() == {
        **dict.fromkeys([f"{name}.png" for name in faces()], 0),
        "nan.png": 5,
        "outside.png": 2,
    }
    assert metrics["points_outside_the_crop"] == 7
    assert [metrics[f"not_aligned_by_{count}_points"] for count in (2, 3, 5)] == [3, 4, 2]
    assert record.loc["turned.png", ["roll_2", "roll_3", "roll_5"]].to_numpy(
        float
    ) == pytest.approx(np.degrees([0.4] * 3), abs=1e-3)


def test_sheets_show_the_faces_of_each_method(ran):
    for name in ("s.jpg", "s2.jpg", "s3.jpg", "s5.jpg"):
        assert read_image(Path(name)).std() > 10


@pytest.mark.parametrize("count", [2, 3, 5])
def test_aligned_faces_are_what_scikit_images_transforms_say(ran, count):
    """A matrix that scikit-image estimates takes the points to the same places."""
    points, target = faces()["turned"], geometry.template(SIDE)
    used = {2: [0, 1], 3: [0, 1, 2], 5: [0, 1, 2, 3, 4]}[count]
    kind = AffineTransform if count == 3 else SimilarityTransform
    expected = kind.from_estimate(points[used], target[used]).params[:2]
    assert geometry.alignment_matrices(points[None], SIDE)[count][0] == pytest.approx(
        expected, abs=1e-6
    )


def _files(path: Path) -> list[Path]:
    return [*path.iterdir()] if path.is_dir() else [path]


def test_the_annotated_points_are_not_looked_at(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("params.yaml").write_text(f"align: {{pixels: {SIDE}, max_shear: 0.4}}\n")
    seen = []
    for landmarks in (1.0, -777.0):
        run(monkeypatch, faces(), landmarks)
        files = sorted(file for out in OUTPUTS for file in _files(Path(out)))
        seen.append({str(file): Path(file).read_bytes() for file in files})
    assert len(seen[0]) == 3 * len(faces()) + 7
    assert seen[0] == seen[1]


@pytest.fixture
def collection(tmp_path, monkeypatch):
    """Returns what aligns 14 faces by an untrained network, in batches of 3 on so many cores, into a folder."""
    monkeypatch.setattr(align, "BATCH", 3)
    monkeypatch.setenv("FACEREC_DEVICE", "cpu")
    monkeypatch.chdir(tmp_path)
    torch.manual_seed(0)
    config = HourglassConfig(
        image_size=SIDE,
        stacks=1,
        channels=8,
        depth=1,
        block="bottleneck",
        loss="kl",
        sigma=1.5,
        flip_test=True,
        refine_steps=1,
        crop_oversampling=1.0,
        precision="fp32",
        box_scale=1.6,
    )
    network = hourglass.StackedHourglass(config).eval()
    rng, squares = (
        np.random.default_rng(0),
        pd.DataFrame({"image_id": [f"{number}.png" for number in range(14)]}),
    )
    squares[SQUARE] = [0.0, 0.0, float(SIDE)]
    for name in squares.image_id:
        for folder in ("photographs", "crops"):
            write_image(Path(folder) / name, rng.integers(0, 255, (SIDE, SIDE, 3), np.uint8))

    def run(cores: int, out: str) -> list[np.ndarray]:
        monkeypatch.setenv("FACEREC_WORKERS", str(cores))
        folders = {count: tmp_path / out / str(count) for count in tables.ALIGNMENTS}
        return align.align_all(network, squares, Path("photographs"), Path("crops"), folders, SIDE)

    return run


def written(folder: Path) -> dict[Path, bytes]:
    return {
        path.relative_to(folder): path.read_bytes() for path in folder.rglob("*") if path.is_file()
    }


def test_any_number_of_cores_gives_the_same(collection, tmp_path):
    first, *others = (collection(cores, str(cores)) for cores in (1, 4, 14))
    assert len(written(tmp_path / "1")) == 14 * len(tables.ALIGNMENTS)
    for cores, other in zip((4, 14), others, strict=True):
        assert all(
            np.array_equal(a, b, equal_nan=True) and len(a) == 14
            for a, b in zip(first, other, strict=True)
        )
        assert written(tmp_path / "1") == written(tmp_path / str(cores))


def test_threads_beside_a_gpu_give_the_same_as_processes_and_have_it_look_at_one_batch_at_a_time(
    collection, tmp_path, monkeypatch
):
    processes, threads, looking = collection(2, "processes"), torch.get_num_threads(), []
    predict = hourglass.StackedHourglass.predict

    def predict_alone(
        network: hourglass.StackedHourglass, faces: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        looking.append(1)
        assert len(looking) == 1
        time.sleep(0.05)
        looking.pop()
        return predict(network, faces)

    monkeypatch.setattr(hourglass.StackedHourglass, "predict", predict_alone)
    monkeypatch.setattr(align, "device", lambda: torch.device("cuda"))
    torch.set_num_threads(1)  # two would add up in another order
    try:
        beside = collection(4, "threads")
    finally:
        torch.set_num_threads(threads)
    assert all(np.array_equal(a, b, equal_nan=True) for a, b in zip(processes, beside, strict=True))
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
def test_a_large_network_looks_at_fewer_faces_at_once_on_a_cpu_whatever_the_number_of_cores(
    monkeypatch, kind, pixels, channels, sizes, cores
):
    monkeypatch.setenv("FACEREC_WORKERS", str(cores))
    monkeypatch.setattr(align, "device", lambda: torch.device(kind))
    network = SimpleNamespace(config=SimpleNamespace(image_size=pixels, channels=channels))
    batches = align.batches(network, 70)
    assert [len(batch) for batch in batches] == sizes
    assert [index for batch in batches for index in batch] == [*range(70)]


def test_nobody_waits_for_the_batches_at_hand_beside_a_gpu(collection, monkeypatch):
    """As after Ctrl-C: an error in one photograph ends what other threads are at within a photograph."""
    Path("photographs/0.png").write_bytes(b"no picture")
    begun = []

    def slowly(photograph: Path, *rest: object) -> list[np.ndarray]:
        begun.append(photograph.name)
        time.sleep(0.0 if photograph.name == "0.png" else 0.2)
        return warp.crop_faces(photograph, *rest)

    monkeypatch.setattr(align, "crop_faces", slowly)
    monkeypatch.setattr(align, "device", lambda: torch.device("cuda"))
    with pytest.raises(ValueError, match="not a readable image"):
        collection(2, "out")
    assert "0.png" in begun and len(begun) <= 3


def test_an_error_in_a_batch_is_told(collection):
    Path("photographs/7.png").write_bytes(b"no picture")
    with pytest.raises(ValueError, match=r"photographs/7\.png: not a readable image"):
        collection(4, "out")
    assert not list(Path("out").rglob("*.partial"))


def test_a_core_holds_one_photograph_at_a_time(monkeypatch, ran):
    alive, most = 0, 0

    def gone() -> None:
        nonlocal alive
        alive -= 1

    def read(*args: Any) -> tuple[np.ndarray, int]:
        nonlocal alive, most
        photograph, reduction = read_reduced(*args)
        if args[0].parent.name != "photographs":
            return photograph, reduction
        weakref.finalize(photograph, gone)
        alive += 1
        most = max(most, alive)
        return photograph, reduction

    monkeypatch.setattr(warp, "read_reduced", read)
    monkeypatch.setattr(
        align, "parallel_map", lambda function, items, *_, **__: map(function, items)
    )
    run(monkeypatch, faces())
    assert (most, alive) == (1, 0)
