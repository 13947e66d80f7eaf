"""Reading and writing of photographs."""

import os

import cv2
import numpy as np
import pytest

from facerec.imaging import io

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
