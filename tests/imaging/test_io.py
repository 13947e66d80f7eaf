"""Reading and writing of photographs."""

import os

import cv2
import numpy as np
import pytest
from PIL import Image, ImageOps

from facerec.imaging import io

ORIENTATION = 0x112  # the EXIF tag
rng = np.random.default_rng(0)


def smooth_picture(height: int = 40, width: int = 60) -> np.ndarray:
    return cv2.resize(rng.integers(0, 255, (5, 6, 3), dtype=np.uint8), (width, height))


def test_written_image_is_read_back_in_rgb(tmp_path):
    picture = smooth_picture()
    picture[:, :, 0] = 200
    for name, mean_error in (
        ("a.png", 0),
        ("a.jpg", 3),
    ):  # JPEG is lossy; swapped channels would be off by dozens
        io.write_image(tmp_path / "new" / name, picture)
        back = io.read_image(tmp_path / "new" / name)
        assert back.shape == picture.shape and back.dtype == np.uint8
        assert np.abs(back.astype(int) - picture).mean() <= mean_error
    assert sorted(path.name for path in (tmp_path / "new").iterdir()) == ["a.jpg", "a.png"]


def test_gray_and_transparent_pictures_have_three_channels(tmp_path):
    cv2.imwrite(str(tmp_path / "gray.png"), np.full((4, 5), 9, np.uint8))
    cv2.imwrite(str(tmp_path / "clear.png"), np.full((4, 5, 4), 9, np.uint8))
    assert io.read_image(tmp_path / "gray.png").shape == (4, 5, 3)
    assert io.read_image(tmp_path / "clear.png").shape == (4, 5, 3)


@pytest.mark.parametrize(
    ("content", "words"),
    [(b"", "empty file"), (b"<html></html>", "not a readable image"), (None, "No such file")],
)
def test_unreadable_image_is_named(tmp_path, content, words):
    path = tmp_path / "x.jpg"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ValueError, match=rf"x\.jpg: {words}"):
        io.read_image(path)


def test_a_pipe_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "x.jpg")
    with pytest.raises(ValueError, match=r"x\.jpg: not a file"):
        io.read_image(tmp_path / "x.jpg")


def test_a_truncated_picture_is_refused(tmp_path):
    io.write_image(tmp_path / "x.png", smooth_picture())
    content = (tmp_path / "x.png").read_bytes()
    (tmp_path / "x.png").write_bytes(content[:40])
    with pytest.raises(ValueError, match="not a readable image"):
        io.read_image(tmp_path / "x.png")


TIFFS: dict[str, dict] = {
    "plain": {},
    "lzw": {"compression": "tiff_lzw"},
    "deflate": {"compression": "tiff_deflate"},
    "packbits": {"compression": "packbits"},
    "gray": {"mode": "L"},
    "palette": {"mode": "P"},
    "transparent": {"mode": "RGBA"},
    "cmyk": {"mode": "CMYK"},
    "black and white": {"mode": "1"},
    "turned": {"tiffinfo": {ORIENTATION: 6}},
    "upside down": {"tiffinfo": {ORIENTATION: 3}},
}


@pytest.mark.parametrize("kind", TIFFS)
def test_a_tiff_looks_as_pillow_shows_it(tmp_path, kind):
    options = dict(TIFFS[kind])
    picture = Image.fromarray(smooth_picture()).convert(options.pop("mode", "RGB"))
    picture.save(tmp_path / "a.tif", **options)
    shown = ImageOps.exif_transpose(Image.open(tmp_path / "a.tif")).convert("RGB")
    assert np.array_equal(io.read_image(tmp_path / "a.tif"), np.asarray(shown))


def test_half_a_tiff_is_refused_and_a_written_one_is_read_back(tmp_path):
    picture = smooth_picture()
    io.write_image(tmp_path / "a.TIF", picture)
    assert np.array_equal(io.read_image(tmp_path / "a.TIF"), picture)
    content = (tmp_path / "a.TIF").read_bytes()
    (tmp_path / "a.TIF").write_bytes(content[: len(content) // 2])
    with pytest.raises(ValueError, match=r"a\.TIF: not a readable image"):
        io.read_image(tmp_path / "a.TIF")
