"""Squares cut out of photographs, compared with OpenCV and scikit-image."""

import cv2
import numpy as np
import pytest
from skimage import measure
from skimage import transform as sk

from facerec import geometry
from facerec.imaging import io, warp

rng = np.random.default_rng(0)


def test_warp_at_full_scale_equals_opencvs():
    image = rng.integers(0, 255, (90, 70, 3), dtype=np.uint8)
    matrix = sk.SimilarityTransform(scale=1.7, rotation=0.3, translation=(-20, 5)).params[:2]
    expected = cv2.warpAffine(image, matrix, (100, 100), flags=cv2.INTER_LINEAR)
    assert np.abs(warp.warp(image, matrix, 100).astype(int) - expected).max() <= 2


def test_warp_to_two_thirds_is_not_smoothed():
    image = rng.integers(0, 255, (90, 70, 3), dtype=np.uint8)
    for matrix in (
        np.array([[2 / 3, 0, 2.3], [0, 2 / 3, 1.4]]),
        np.array([[0, -2 / 3, 60.3], [2 / 3, 0, 1.4]]),
    ):
        expected = cv2.warpAffine(image, matrix, (62, 62), flags=cv2.INTER_LINEAR)
        assert np.abs(warp.warp(image, matrix, 62).astype(int) - expected).max() <= 2


def test_warp_keeps_points_where_the_matrix_says_while_shrinking():
    y, x = np.mgrid[:400, :600]
    for centre in ([300.3, 200.7], [120.0, 310.0]):
        blob = 255 * np.exp(-((x - centre[0]) ** 2 + (y - centre[1]) ** 2) / (2 * 20**2))
        image = np.repeat(blob[..., None], 3, axis=2).round().astype(np.uint8)
        matrix = sk.SimilarityTransform(scale=0.23, rotation=0.4, translation=(40, -5)).params[:2]
        small = warp.warp(image, matrix, 160)[..., 0].astype(float)
        v, u = np.mgrid[:160, :160]
        seen = np.array([(u * small).sum(), (v * small).sum()]) / small.sum()
        expected = geometry.transform_points(matrix[None], np.array([[centre]]))[0, 0]
        assert seen == pytest.approx(expected, abs=0.1)


def test_warp_does_not_alias():
    stripes = np.zeros((512, 512, 3), np.uint8)
    stripes[:, ::2] = 255
    matrix = geometry.square_matrices(np.array([[0.0, 0, 512]]), 100)[0]
    aliased = cv2.warpAffine(stripes, matrix, (100, 100), flags=cv2.INTER_LINEAR)
    assert warp.warp(stripes, matrix, 100).std() < 0.2 * aliased.std()


@pytest.mark.parametrize(("scale", "most"), [(0.65, 0.3), (0.68, 0.75)])
def test_warp_to_about_two_thirds_keeps_some_of_the_finest_stripes(scale, most):
    stripes = np.zeros((300, 300, 3), np.uint8)
    stripes[:, ::2] = 255
    matrix = geometry.square_matrices(np.array([[0.0, 0, 300]]), round(300 * scale))[0]
    assert warp.warp(stripes, matrix, round(300 * scale)).std() < most * stripes.std()


def about(centre: tuple[float, float], pixels: int, scale: float, angle: float) -> np.ndarray:
    """Returns the matrix that takes a point to the middle of a square, turned and scaled."""
    matrix = sk.SimilarityTransform(scale=scale, rotation=angle).params[:2]
    matrix[:, 2] = (pixels - 1) / 2 - matrix[:, :2] @ centre
    return matrix


@pytest.mark.parametrize("scale", [0.45, 0.3, 0.2, 0.1, 0.04])
def test_shrinking_a_rotated_image_averages_noise(scale):
    """The mean of n pixels of white noise deviates by 1 / √n as much as one of them."""
    noise = rng.integers(0, 256, (640, 700), dtype=np.uint8)
    small = warp.warp(noise[..., None].repeat(3, axis=2), about((350, 320), 21, scale, 0.1), 21)
    assert small.std() < 1.2 * scale * noise.std()


@pytest.mark.parametrize("scale", [0.6, 0.3])
def test_shrinking_a_rotated_image_removes_the_finest_stripes(scale):
    stripes = np.zeros((200, 200, 3), np.uint8)
    stripes[:, ::2] = 255
    small = warp.warp(stripes, about((100, 100), 40, scale, 0.1), 40)
    assert small.min() >= 127 and small.max() <= 128


@pytest.mark.parametrize("times", [2, 8])
def test_warp_does_not_depend_on_the_images_resolution(times):
    image = rng.integers(0, 256, (33, 30, 3), dtype=np.uint8)
    large = image.repeat(times, axis=0).repeat(times, axis=1)
    centre = np.array([14.3, 16.8])
    seen = warp.warp(image, about(centre, 24, 0.6, 0.1), 24).astype(int)
    seen_large = warp.warp(large, about((centre + 0.5) * times - 0.5, 24, 0.6 / times, 0.1), 24)
    assert np.abs(seen - seen_large).max() <= 1


@pytest.mark.parametrize("scale", [0.6, 0.3])
def test_shrinking_keeps_the_brightness_of_the_edges(scale):
    frame = np.full((120, 120, 3), 255, np.uint8)
    frame[1:-1, 1:-1] = 0
    small = warp.warp(frame, about((59.5, 59.5), 110, scale, 0.2), 110)
    assert small.sum(dtype=float) == pytest.approx(scale**2 * frame.sum(dtype=float), rel=0.02)


@pytest.mark.parametrize("pixels", [40, 45, 60, 75, 180])
def test_slightly_resized_square_equals_scikit_images_bilinear_resize(pixels):
    image = rng.integers(0, 256, (90, 80, 3), dtype=np.uint8)
    face = warp.warp(image, geometry.square_matrices(np.array([[11.0, 20, 60]]), pixels)[0], pixels)
    square, size = image[20:80, 11:71], (pixels, pixels)
    expected = sk.resize(
        square, size, order=1, mode="edge", anti_aliasing=False, preserve_range=True
    )
    assert np.abs(face - expected).max() <= 1


@pytest.mark.parametrize("pixels", [24, 40, 71])
@pytest.mark.parametrize("place", [(20, 30), (-9, 30), (20, -9), (55, 30), (20, 70), (-15, -12)])
def test_square_of_whole_pixels_equals_one_that_is_slightly_off(place, pixels):
    """The first is a resize, the second OpenCV's warpAffine."""
    y, x = np.mgrid[:100, :90]
    image = np.stack([2 * x + y / 3, 255 - 2 * y, 128 + 60 * np.sin(x / 9)], axis=2).astype(
        np.uint8
    )
    whole = geometry.square_matrices(np.array([[*place, 40.0]]), pixels)[0]
    nearly = geometry.square_matrices(np.array([[*place, 40.0]]) + 1e-4, pixels)[0]
    apart = np.abs(warp.warp(image, whole, pixels).astype(int) - warp.warp(image, nearly, pixels))
    assert np.mean(apart) < 2
    y, x = geometry.transform_points(whole[None], np.array([[[-0.5, -0.5], [89.5, 99.5]]]))[0].T[
        ::-1
    ]
    steps = np.arange(pixels)
    of_x, of_y = (np.abs(steps[:, None] - edges).min(axis=1) < 1.5 for edges in (x, y))
    at_the_edge = (
        of_y[:, None] | of_x
    )  # where it leaves the picture, a pixel to either side sees what lies outside
    assert apart[~at_the_edge].max() <= 4


@pytest.mark.parametrize("pixels", [8, 20, 25, 30])
def test_shrunk_square_of_whole_pixels_equals_the_means_of_areas(pixels):
    """Each pixel is the mean of what it covers, parts of pixels by their size."""
    image = rng.integers(0, 255, (70, 80, 3), dtype=np.uint8)
    face = warp.warp(image, geometry.square_matrices(np.array([[7.0, 4, 60]]), pixels)[0], pixels)
    parts = image[4:64, 7:67].repeat(pixels, axis=0).repeat(pixels, axis=1)
    assert np.abs(face - measure.block_reduce(parts, (60, 60, 1), np.mean)).max() <= 1


@pytest.mark.parametrize("pixels", [31, 35, 39])
def test_square_shrunk_to_more_than_half_equals_block_means_of_twice_the_size(
    pixels,
):
    image = rng.integers(0, 255, (70, 80, 3), dtype=np.uint8)
    face = warp.warp(image, geometry.square_matrices(np.array([[7.0, 4, 60]]), pixels)[0], pixels)
    size = (2 * pixels, 2 * pixels)
    twice = sk.resize(
        image[4:64, 7:67], size, order=1, mode="edge", anti_aliasing=False, preserve_range=True
    )
    assert np.abs(face - measure.block_reduce(twice, (2, 2, 1), np.mean)).max() <= 1


def test_square_far_larger_than_the_image_takes_no_memory_of_its_size():
    image = np.full((50, 60, 3), 255, np.uint8)
    matrix = geometry.square_matrices(np.array([[-100_000.0, -100_000, 200_000]]), 20)[0]
    assert warp.warp(image, matrix, 20).sum() < 20 * 255


def test_warp_pads_with_black_outside_the_image():
    image = np.full((40, 40, 3), 200, np.uint8)
    face = warp.warp(image, geometry.square_matrices(np.array([[-20.0, -20, 40]]), 40)[0], 40)
    assert not face[:19, :19].any()
    assert (face[21:, 21:] == 200).all()


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize(
    "place", [(-90, 10), (10, -90), (90, 10), (10, 90), (1e30, 10), (10, 1e30)], ids=str
)
def test_square_outside_the_image_is_black(place):
    matrix = geometry.square_matrices(np.array([[*place, 40.0]]), 20)[0]
    face = warp.warp(np.full((50, 60, 3), 255, np.uint8), matrix, 20)
    assert not face.any() and face.dtype == np.uint8 and face.shape == (20, 20, 3)


@pytest.mark.parametrize("scale", [0.05, 0.1, 0.3, 1.0, 2.5])
@pytest.mark.parametrize("angle", [0.0, 0.3, 0.8, 2.0, -2.4])
def test_square_inside_a_white_image_is_white_everywhere(scale, angle):
    pixels = 24
    matrix = about((1000, 420), pixels, scale, angle)
    image = np.full((900, 1600, 3), 255, np.uint8)
    assert (warp.warp(image, matrix, pixels) == 255).all()


@pytest.mark.filterwarnings("error")
def test_huge_square_raises_no_warning():
    image = np.full((50, 60, 3), 255, np.uint8)
    matrix = about((30, 25), 24, 1e-30, 0.1)
    assert warp.warp(image, matrix, 24).shape == (24, 24, 3)


def test_crops_of_a_photograph_share_one_reduced_decoding(tmp_path, monkeypatch):
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
            sk.SimilarityTransform(scale=largest * share, rotation=0.1, translation=(-15, -10))
            for share in (0.5, 1.0, 0.8)
        ]
        matrices = [np.full((2, 3), np.nan), *(transform.params[:2] for transform in turned)]
        faces = warp.crop_faces(tmp_path / "large.jpg", matrices, 60, "BGR")
        assert sizes.pop() == (side, side) and not sizes
        assert not faces[0].any()
        for face, matrix in zip(faces[1:], matrices[1:], strict=True):
            expected = warp.warp(whole, matrix, 60)
            assert np.abs(face[..., ::-1].astype(int) - expected).mean() < 0.5 and expected.any()
