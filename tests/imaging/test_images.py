import os
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image
from skimage.transform import SimilarityTransform

from facerec import geometry
from facerec.imaging import arrays, io, warp

rng = np.random.default_rng(0)


def smooth_picture(height: int = 40, width: int = 60) -> np.ndarray:
    return cv2.resize(rng.integers(0, 255, (5, 6, 3), dtype=np.uint8), (width, height))


def test_a_picture_survives_writing_and_reading_in_rgb(tmp_path):
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
def test_what_is_no_picture_is_named(tmp_path, content, words):
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


def test_faces_are_loaded_in_the_order_of_their_ids(tmp_path):
    for number in range(4):
        io.write_image(tmp_path / f"{number}.png", np.full((8, 8, 3), number, np.uint8))
    faces = arrays.load_faces(tmp_path, ["2.png", "0.png", "3.png"])
    assert faces.shape == (3, 8, 8, 3) and faces[:, 0, 0, 0].tolist() == [2, 0, 3]
    assert arrays.load_faces(tmp_path, []).shape[0] == 0
    io.write_image(tmp_path / "1.png", np.zeros((9, 8, 3), np.uint8))
    with pytest.raises(ValueError, match=r"1\.png: expected 8 × 8 px as 0\.png, got 8 × 9"):
        arrays.load_faces(tmp_path, ["0.png", "1.png"])


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
def test_a_face_from_a_reduced_jpeg_is_that_from_the_whole(tmp_path, scale, reduction, size):
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
def test_a_turned_jpeg_is_reduced_as_far_as_whole_blocks_go(tmp_path, orientation, size, reduction):
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


def test_what_is_cut_of_a_photograph_is_decoded_once_and_as_small_as_it_may_be(
    tmp_path, monkeypatch
):
    rng, read, sizes = np.random.default_rng(0), io.read_reduced, []
    picture = cv2.resize(
        rng.integers(0, 255, (16, 16, 3), np.uint8), (2048, 2048), interpolation=cv2.INTER_CUBIC
    )
    io.write_image(tmp_path / "large.jpg", picture)

    def told(*args: object) -> tuple[np.ndarray, int]:
        sizes.append((found := read(*args))[0].shape[:2])
        return found

    whole = io.read_image(tmp_path / "large.jpg")
    monkeypatch.setattr(warp, "read_reduced", told)
    for largest, side in ((0.3, 1024), (0.24, 512), (0.1, 256)):
        turned = [
            SimilarityTransform(scale=largest * share, rotation=0.1, translation=(-15, -10))
            for share in (0.5, 1.0, 0.8)
        ]
        matrices = [np.full((2, 3), np.nan), *(transform.params[:2] for transform in turned)]
        faces = warp.crop_faces(tmp_path / "large.jpg", matrices, 60, "BGR")
        assert sizes.pop() == (side, side) and not sizes
        assert not faces[0].any()
        for face, matrix in zip(faces[1:], matrices[1:], strict=True):
            expected = warp.warp(whole, matrix, 60)
            assert np.abs(face[..., ::-1].astype(int) - expected).mean() < 0.5 and expected.any()
