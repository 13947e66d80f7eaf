"""Faces cut from photographs for the hourglass."""

import cv2
import numpy as np
import pytest

from facerec.geometry import square_matrices
from facerec.imaging import io
from facerec.imaging.warp import warp
from facerec.landmarks.datasets import cut_faces


def painted(side: int) -> np.ndarray:
    """Returns a picture (side, side, 3) of soft shapes, as a photograph has them."""
    small = np.random.default_rng(0).integers(0, 255, (12, 12, 3), dtype=np.uint8)
    return cv2.resize(small, (side, side), interpolation=cv2.INTER_CUBIC)


@pytest.mark.parametrize(("side", "reduced"), [(1600, 4), (300, 1)])
def test_a_large_jpeg_is_decoded_small_and_gives_the_same_face(
    side, reduced, tmp_path, monkeypatch
):
    picture, squares = painted(side), np.array([[side * 0.1, side * 0.2, side * 0.6]])
    io.write_image(tmp_path / "a.jpg", picture)
    read, decoded = io.read_reduced, []

    def told(*arguments) -> tuple[np.ndarray, int]:
        decoded.append(read(*arguments))
        return decoded[-1]

    monkeypatch.setattr("facerec.imaging.warp.read_reduced", told)
    face = cut_faces(tmp_path, ["a.jpg"], squares, 160)[0]
    assert [len(photograph) for photograph, _ in decoded] == [side // reduced]
    whole = warp(io.read_image(tmp_path / "a.jpg"), square_matrices(squares, 160)[0], 160)
    difference = np.abs(whole.astype(int) - face)
    assert difference.mean() < 1 and difference.max() <= (4 if reduced > 1 else 0)
