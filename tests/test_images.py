import threading
import time

import cv2
import numpy as np
import pytest

from facerec import images

rng = np.random.default_rng(0)


def smooth_picture(height: int = 40, width: int = 60) -> np.ndarray:
    return cv2.resize(rng.integers(0, 255, (5, 6, 3), dtype=np.uint8), (width, height))


def test_a_picture_survives_writing_and_reading_in_rgb(tmp_path):
    picture = smooth_picture()
    picture[:, :, 0] = 200
    for name, mean_error in (("a.png", 0), ("a.jpg", 3)):  # JPEG is lossy; swapped channels would be off by dozens
        images.write_image(tmp_path / "new" / name, picture)
        back = images.read_image(tmp_path / "new" / name)
        assert back.shape == picture.shape and back.dtype == np.uint8
        assert np.abs(back.astype(int) - picture).mean() <= mean_error
    assert sorted(path.name for path in (tmp_path / "new").iterdir()) == ["a.jpg", "a.png"]


def test_gray_and_transparent_pictures_have_three_channels(tmp_path):
    cv2.imwrite(str(tmp_path / "gray.png"), np.full((4, 5), 9, np.uint8))
    cv2.imwrite(str(tmp_path / "clear.png"), np.full((4, 5, 4), 9, np.uint8))
    assert images.read_image(tmp_path / "gray.png").shape == (4, 5, 3)
    assert images.read_image(tmp_path / "clear.png").shape == (4, 5, 3)


@pytest.mark.parametrize(
    ("content", "words"),
    [(b"", "empty file"), (b"<html></html>", "not a readable image"), (None, "No such file")],
)
def test_what_is_no_picture_is_named(tmp_path, content, words):
    path = tmp_path / "x.jpg"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ValueError, match=rf"x\.jpg: {words}"):
        images.read_image(path)


def test_a_truncated_picture_is_refused(tmp_path):
    images.write_image(tmp_path / "x.png", smooth_picture())
    content = (tmp_path / "x.png").read_bytes()
    (tmp_path / "x.png").write_bytes(content[:40])
    with pytest.raises(ValueError, match="not a readable image"):
        images.read_image(tmp_path / "x.png")


def test_results_come_in_order_and_not_all_at_once(monkeypatch):
    monkeypatch.setenv("FACEREC_WORKERS", "3")
    started, lock = [], threading.Lock()

    def slow_square(number: int) -> int:
        with lock:
            started.append(number)
        time.sleep(0.002 * (number % 3))
        return number**2

    results = images.parallel_map(slow_square, range(200), None)
    assert next(results) == 0
    assert len(started) <= 4 * 3 + 3
    assert [0, *results] == [number**2 for number in range(200)]


def test_an_error_in_a_worker_reaches_the_caller():
    def fail(number: int) -> int:
        if number == 5:
            raise ValueError("five")
        return number

    with pytest.raises(ValueError, match="five"):
        list(images.parallel_map(fail, range(50), None))


def test_faces_are_loaded_in_the_order_of_their_ids(tmp_path):
    for number in range(4):
        images.write_image(tmp_path / f"{number}.png", np.full((8, 8, 3), number, np.uint8))
    faces = images.load_faces(tmp_path, ["2.png", "0.png", "3.png"])
    assert faces.shape == (3, 8, 8, 3) and faces[:, 0, 0, 0].tolist() == [2, 0, 3]
    assert images.load_faces(tmp_path, []).shape[0] == 0
    images.write_image(tmp_path / "1.png", np.zeros((9, 8, 3), np.uint8))
    with pytest.raises(ValueError, match=r"1\.png: expected 8 × 8 px as 0\.png, got 8 × 9"):
        images.load_faces(tmp_path, ["0.png", "1.png"])


def test_batches_cover_everything_once():
    assert [list(batch) for batch in images.in_batches(range(7), 3, "x")] == [[0, 1, 2], [3, 4, 5], [6]]
