"""Decoding of JPEG files at a half, a quarter or an eighth of their size."""

from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from facerec import geometry
from facerec.imaging import io, warp


def write_jpeg(path: Path, width: int, height: int, orientation: int | None = None) -> Path:
    """Writes a smooth picture."""
    y, x = np.mgrid[0:height, 0:width]
    values = np.stack(
        [255 * x / width, 255 * y / height, 128 + 60 * np.sin(x / 37)], axis=2
    ).astype(np.uint8)
    exif = Image.Exif()
    exif[0x112] = orientation
    Image.fromarray(values).save(path, quality=95, **({"exif": exif} if orientation else {}))
    return path


@pytest.mark.parametrize(
    ("scale", "reduction"), [(0.6, 1), (0.5, 2), (0.3, 2), (0.25, 4), (0.12, 8), (0.01, 8)]
)
@pytest.mark.parametrize("size", [(400, 304), (403, 299)])
def test_face_from_a_reduced_jpeg_equals_that_from_the_whole(tmp_path, scale, reduction, size):
    path = write_jpeg(tmp_path / "x.jpg", *size)
    small, found = io.read_reduced(path, scale)
    assert found == reduction and small.shape[:2] == tuple(
        -(-side // reduction) for side in reversed(size)
    )
    whole, side = io.read_image(path), 200
    if reduction == 1:
        assert np.array_equal(small, whole)
    pixels = int(side / reduction)
    matrix = geometry.square_matrices(np.array([[90.3, 60.8, side]]), pixels)[0]
    faces = (
        warp.warp(whole, matrix, pixels),
        warp.warp(small, warp.reduced_matrix(matrix, found), pixels),
    )
    assert (
        np.abs(faces[0].astype(int) - faces[1]).mean() < 0.7
    )  # half a pixel off would be 0.6 × reduction or more


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize(("size", "reduction"), [((400, 304), 8), ((404, 300), 4), ((403, 300), 1)])
def test_rotated_jpeg_is_reduced_as_far_as_whole_blocks_go(tmp_path, orientation, size, reduction):
    path = write_jpeg(tmp_path / "x.jpg", *size, orientation)
    small, found = io.read_reduced(path, 0.1)
    expected = cv2.resize(io.read_image(path), small.shape[1::-1], interpolation=cv2.INTER_AREA)
    assert found == reduction and np.abs(small.astype(int) - expected).mean() < 1


def test_only_a_jpeg_that_is_whole_and_not_too_large_is_reduced(tmp_path):
    path = write_jpeg(tmp_path / "x.jpg", 400, 304)
    content = bytearray(path.read_bytes())
    io.write_image(tmp_path / "x.png", io.read_image(path))
    assert io.read_reduced(tmp_path / "x.png", 0.1)[1] == 1
    path.write_bytes(content[: len(content) // 2])
    with pytest.raises(ValueError, match="not a readable image"):
        io.read_reduced(path, 0.1)
    frame = content.index(b"\xff\xc0")
    content[frame + 5 : frame + 9] = (30_000).to_bytes(2, "big") * 2
    path.write_bytes(content)
    with pytest.raises(ValueError, match="more than 200000000 pixels"):  # at 1/8 they are fewer
        io.read_reduced(path, 0.1)
