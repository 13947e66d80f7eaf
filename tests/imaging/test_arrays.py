"""Faces of a folder as one array."""

import numpy as np
import pytest

from facerec.imaging import arrays, io


def test_faces_are_loaded_in_the_order_of_their_ids(tmp_path):
    for number in range(4):
        io.write_image(tmp_path / f"{number}.png", np.full((8, 8, 3), number, np.uint8))
    faces = arrays.load_faces(tmp_path, ["2.png", "0.png", "3.png"])
    assert faces.shape == (3, 8, 8, 3) and faces[:, 0, 0, 0].tolist() == [2, 0, 3]
    assert arrays.load_faces(tmp_path, []).shape[0] == 0
    io.write_image(tmp_path / "1.png", np.zeros((9, 8, 3), np.uint8))
    with pytest.raises(ValueError, match=r"1\.png: expected 8 × 8 px as 0\.png, got 8 × 9"):
        arrays.load_faces(tmp_path, ["0.png", "1.png"])
