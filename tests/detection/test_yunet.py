"""YuNet: what is said about its file, and its faces, by a network of constants in YuNet's form."""

import hashlib
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from facerec.detection.yunet import YuNet

SIDE = 64  # px of the network's input
STEPS = (8, 16, 32)  # px between its cells
STEP, ROW, COLUMN = 8, 3, 4  # where its one face is
SCORE = 0.81


def network_of_constants() -> bytes:
    """Returns a model with YuNet's inputs and outputs, which finds one face in any picture."""
    widths = {"cls": 1, "obj": 1, "bbox": 4, "kps": 10}
    names = [f"{name}_{step}" for name in widths for step in STEPS]
    values = {
        f"{name}_{step}": np.zeros((1, (SIDE // step) ** 2, width), np.float32)
        for name, width in widths.items()
        for step in STEPS
    }
    cell = ROW * (SIDE // STEP) + COLUMN
    values[f"cls_{STEP}"][0, cell] = SCORE
    values[f"obj_{STEP}"][0, cell] = SCORE
    values[f"bbox_{STEP}"][0, cell] = [0.5, 0.25, np.log(3), np.log(4)]  # middle, log of sides
    values[f"kps_{STEP}"][0, cell] = [-1, -1, 1, -1, 0, 0, -0.5, 1, 0.5, 1]
    nodes = [
        helper.make_node("Mul", ["input", "zero"], ["zeros"]),
        helper.make_node("ReduceSum", ["zeros", "axes"], ["nothing"], keepdims=0),
        *(helper.make_node("Add", ["nothing", f"{name}_value"], [name]) for name in names),
    ]
    constants = [
        numpy_helper.from_array(np.zeros(1, np.float32), "zero"),
        numpy_helper.from_array(np.array([1, 2, 3]), "axes"),
        *(numpy_helper.from_array(value, f"{name}_value") for name, value in values.items()),
    ]
    graph = helper.make_graph(
        nodes,
        "constants",
        [helper.make_tensor_value_info("input", TensorProto.FLOAT, [1, 3, SIDE, SIDE])],
        [
            helper.make_tensor_value_info(name, TensorProto.FLOAT, values[name].shape)
            for name in names
        ],
        constants,
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    onnx.checker.check_model(model)
    return model.SerializeToString()


@pytest.fixture
def model(tmp_path: Path) -> Path:
    path = tmp_path / "yunet.onnx"
    path.write_bytes(network_of_constants())
    return path


def yunet(model: Path, min_score: float = 0.5, long_side: int = SIDE) -> YuNet:
    return YuNet(
        model, hashlib.sha256(model.read_bytes()).hexdigest(), long_side, min_score, max_overlap=0.4
    )


def test_a_face_has_the_box_the_score_and_the_points_of_its_cell(model):
    found = yunet(model).detect(np.zeros((SIDE, SIDE, 3), np.uint8))
    middle = np.array([COLUMN + 0.5, ROW + 0.25]) * STEP
    sides = np.array([3, 4]) * STEP
    assert found.boxes == pytest.approx(np.array([[*(middle - sides / 2), *sides]]), abs=1e-3)
    assert found.scores == pytest.approx([SCORE], abs=1e-4)  # the root of cls × obj
    offsets = np.array([[-1, -1], [1, -1], [0, 0], [-0.5, 1], [0.5, 1]])
    assert found.points[0] == pytest.approx(
        (offsets + np.array([COLUMN, ROW])) * STEP - 0.5, abs=1e-3
    )


def test_a_larger_photograph_is_shrunk_and_its_faces_are_told_in_its_pixels(model):
    small = yunet(model).detect(np.zeros((SIDE, SIDE, 3), np.uint8))
    large = yunet(model).detect(np.zeros((3 * SIDE, 3 * SIDE, 3), np.uint8))
    assert large.boxes == pytest.approx(3 * small.boxes)
    assert large.points + 0.5 == pytest.approx(3 * (small.points + 0.5))


def test_no_face_is_empty(model):
    found = yunet(model, min_score=0.9).detect(np.zeros((SIDE, SIDE, 3), np.uint8))
    assert (found.boxes.shape, found.points.shape, len(found)) == ((0, 4), (0, 5, 2), 0)


def test_two_detectors_of_one_thread_keep_to_their_own_settings(model):
    image = np.zeros((SIDE, SIDE, 3), np.uint8)
    assert [len(yunet(model, score).detect(image)) for score in (0.5, 0.9, 0.5)] == [1, 0, 1]


def test_an_absent_file_is_told_with_where_to_get_it(tmp_path):
    with pytest.raises(ValueError, match=r"none.onnx: No such file.*face_detection_yunet_2023mar"):
        YuNet(tmp_path / "none.onnx", "", SIDE, 0.5, 0.4)


@pytest.mark.parametrize("sha256", ["", "0" * 64])
def test_another_file_is_refused_with_its_hash(model, sha256):
    found = hashlib.sha256(model.read_bytes()).hexdigest()
    with pytest.raises(ValueError, match=f"yunet_sha256 expects .*{found}"):
        YuNet(model, sha256, SIDE, 0.5, 0.4)
