import cv2
import numpy as np
import pytest
from skimage import transform as sk

from facerec import geometry
from facerec.imaging import warp

rng = np.random.default_rng(0)


def random_similarity() -> np.ndarray:
    return sk.SimilarityTransform(
        scale=rng.uniform(0.2, 4), rotation=rng.uniform(-3, 3), translation=rng.uniform(-50, 50, 2)
    ).params[:2]


def test_square_has_the_boxs_centre_and_its_smaller_side():
    x, y, side = geometry.crop_squares(np.array([[10.0, 20, 30, 50]]), 1.2)[0]
    assert side == pytest.approx(36)
    assert (x + side / 2, y + side / 2) == pytest.approx((25, 45))


def test_squares_are_whole_pixels_half_a_pixel_at_most_from_the_boxs_centre():
    boxes = np.column_stack([rng.uniform(-50, 400, (200, 2)), rng.uniform(0.1, 300, (200, 2))])
    squares = geometry.crop_squares(boxes, 1.3)
    assert np.array_equal(squares, np.rint(squares)) and squares[:, 2].min() >= 1
    assert np.abs(squares[:, 2] - np.maximum(1.3 * boxes[:, 2:].min(axis=1), 1)).max() <= 0.5
    assert (
        np.abs(squares[:, :2] + squares[:, 2:] / 2 - boxes[:, :2] - boxes[:, 2:] / 2).max() <= 0.5
    )


def test_square_matrix_takes_the_squares_edges_to_the_pictures():
    matrix = geometry.square_matrices(np.array([[10.0, 20.0, 40.0]]), 80)
    edges = np.array([[[9.5, 19.5], [49.5, 59.5]]])
    assert geometry.transform_points(matrix, edges)[0] == pytest.approx(
        np.array([[-0.5, -0.5], [79.5, 79.5]])
    )


def test_box_from_points_is_about_celebas_own():
    """Of its first photograph: the box and the points as CelebA's files have them."""
    points = np.array([[165, 184], [244, 176], [196, 249], [194, 271], [266, 260]])
    assert overlap(geometry.box_from_points(points[None])[0], np.array([95, 71, 226, 313])) > 0.8


def overlap(one: np.ndarray, other: np.ndarray) -> float:
    """Returns the intersection over union of two boxes x, y, width, height."""
    start = np.maximum(one[:2], other[:2])
    end = np.minimum(one[:2] + one[2:], other[:2] + other[2:])
    shared = np.prod(np.maximum(end - start, 0))
    return shared / (np.prod(one[2:]) + np.prod(other[2:]) - shared)


def test_box_from_points_has_the_eyes_where_celebas_has_them():
    points = geometry.template(112)[None]
    (x, y, width, height), *_ = geometry.box_from_points(points)
    assert geometry.eye_distance(points)[0] / width == pytest.approx(0.375)
    middle = (points[0, :2].mean(axis=0) + points[0, 3:].mean(axis=0)) / 2
    assert (x - 0.5 + width / 2, y - 0.5 + height / 2) == pytest.approx(tuple(middle))


def test_box_from_points_of_a_profile_is_no_smaller_than_that_of_the_frontal_face():
    frontal = geometry.template(112)[None]
    profile = frontal * [0.2, 1.0]  # the eyes move together, the mouth stays as far below
    assert geometry.box_from_points(profile)[0, 2] == pytest.approx(
        geometry.box_from_points(frontal)[0, 2], rel=0.02
    )


@pytest.mark.parametrize("bad", [np.nan, np.inf, 0.0])
def test_box_from_unusable_points_is_not_a_number(bad):
    points = np.stack([geometry.template(112), np.full((5, 2), bad)])
    boxes = geometry.box_from_points(points)
    assert np.isfinite(boxes[0]).all() and np.isnan(boxes[1]).all()


@pytest.mark.parametrize("count", [2, 5])
def test_similarity_recovers_random_ones(count):
    source = rng.uniform(0, 200, (50, 5, 2))[:, :count]
    for points in source:
        truth = random_similarity()
        target = geometry.transform_points(truth[None], points[None])[0]
        assert geometry.fit_similarity(points[None], target)[0] == pytest.approx(truth, abs=1e-4)


def test_similarity_equals_scikit_image_on_noisy_points():
    target = geometry.template(112)
    source = target * rng.uniform(0.5, 3, (20, 1, 1)) + rng.normal(0, 5, (20, 5, 2))
    for points, matrix in zip(source, geometry.fit_similarity(source, target), strict=True):
        expected = sk.SimilarityTransform.from_estimate(points, target).params[:2]
        assert matrix == pytest.approx(expected, abs=1e-6)


def test_points_a_tenth_of_a_pixel_apart_are_not_coincident():
    target = geometry.template(112)
    source = 0.1 * target / geometry.eye_distance(target[None])
    expected = sk.SimilarityTransform.from_estimate(source, target).params[:2]
    assert geometry.fit_similarity(source[None], target)[0] == pytest.approx(
        expected, rel=1e-6, abs=1e-3
    )


@pytest.mark.parametrize("pixels", [56, 224])
def test_template_scales_with_its_size(pixels):
    whole = geometry.square_matrices(np.array([[0.0, 0, geometry.ARCFACE_PIXELS]]), pixels)
    drawn = geometry.transform_points(whole, geometry.ARCFACE_TEMPLATE[None])[0]
    assert geometry.template(pixels) == pytest.approx(drawn)
    assert geometry.template(112) == pytest.approx(geometry.ARCFACE_TEMPLATE)


def test_refined_crop_centres_the_face_and_fixes_the_eye_distance():
    shape = geometry.template(112)
    turned = sk.SimilarityTransform(scale=1.7, rotation=0.4, translation=(30, -12))(shape)
    matrix = geometry.refinement_matrices(turned[None], 96)[0]
    by_scikit = sk.SimilarityTransform(matrix=np.vstack([matrix, [0, 0, 1]]))
    assert by_scikit.rotation == pytest.approx(-0.4)
    moved = geometry.transform_points(matrix[None], turned[None])[0]
    assert moved.mean(axis=0) == pytest.approx([47.5, 47.5])
    assert np.linalg.norm(moved[1] - moved[0]) == pytest.approx(geometry.REFINED_EYE_DISTANCE * 96)
    assert moved.min() > 0.1 * 96 and moved.max() < 0.9 * 96
    near_one_place = 7 + 0.5 * (shape - shape.mean(axis=0)) / np.linalg.norm(shape[1] - shape[0])
    for coincident in (np.full((5, 2), 7.0), near_one_place):
        assert np.isnan(geometry.refinement_matrices(coincident[None], 96)).all()


def test_weighted_similarity_equals_repeated_points_and_least_squares():
    source, target = rng.normal(0, 30, (6, 5, 2)), geometry.template(112)
    times = np.array([3, 1, 2, 0, 4])
    found = geometry.fit_similarity(source, target, np.tile(times, (6, 1)) * 0.05)
    repeated = geometry.fit_similarity(source.repeat(times, axis=1), target.repeat(times, axis=0))
    assert found == pytest.approx(repeated)
    for points, (a, b, x, _, _, y) in zip(source, found.reshape(6, 6), strict=True):
        rows = [[[u, -v, 1, 0], [v, u, 0, 1]] for u, v in points]
        root = np.sqrt(times).repeat(2)
        design, right = np.reshape(rows, (10, 4)), target.ravel()
        best = np.linalg.lstsq(design * root[:, None], right * root, rcond=None)[0]
        assert [a, -b, x, y] == pytest.approx(best)


def test_a_refined_crop_ignores_points_without_weight():
    turned = sk.SimilarityTransform(scale=1.7, rotation=0.4, translation=(30, -12))(
        geometry.template(112)
    )
    whole = geometry.refinement_matrices(turned[None], 96)
    astray = turned.copy()
    astray[3:] = [[500, -80], [np.nan, np.nan]]
    weights = np.array([[0.9, 0.5, 0.7, 0.0, 0.3]])
    assert geometry.refinement_matrices(astray[None], 96, weights) == pytest.approx(whole)
    assert geometry.refinement_matrices(astray[None], 96) != pytest.approx(whole, rel=0.1)
    for too_few in ([[0.0] * 5], [[0.0, 0.0, 1.0, 0.0, 1.0]], [[np.nan] * 5]):
        assert np.isnan(geometry.refinement_matrices(astray[None], 96, np.array(too_few))).all()


def test_a_refined_crop_needs_distinct_points_with_weight():
    points = geometry.template(112)[None].copy()
    points[0, 1] = points[0, 0] + [0.4, 0]
    for weights, lost in (([1.0, 1, 0, 0, 0], True), ([0.0, 1, 1, 0, 0], False)):
        assert np.isnan(geometry.refinement_matrices(points, 96, np.array([weights]))).all() == lost


def test_points_closer_than_the_limit_are_no_face():
    """At the bounds: a spread of 1 px in all, and of the eyes a twentieth of all five's."""
    two = np.array([[[0.0, 0], [2, 0], [0, 0], [0, 0], [0, 0]]])
    for size, lost in ((1, False), (0.99, True)):
        matrix = geometry.refinement_matrices(size * two, 96, np.array([[1.0, 1, 0, 0, 0]]))
        assert np.isnan(matrix).all() == lost
    eyes = np.array([[[-1.0, 0], [1, 0], [-6, 39], [6, 39], [0, -3]]])
    small = np.array([[[1.5, 0.5], [-1.5, -0.5], [0, 0], [0, 0], [0, 0]]])
    nearer = eyes * [[[0.99], [0.99], [1], [1], [1]]]
    for points, lost in ((eyes, False), (nearer, True), (small, False), (0.99 * small, True)):
        assert np.isnan(geometry.alignment_matrices(points, 64)[2]).all() == lost


def test_affine_equals_scikit_image():
    target = geometry.template(112)[:3]
    source = target + rng.normal(0, 3, (20, 3, 2))  # eyes and nose never near a line
    for points, matrix in zip(source, geometry.fit_affine(source, target), strict=True):
        assert matrix == pytest.approx(
            sk.AffineTransform.from_estimate(points, target).params[:2], abs=1e-6
        )


@pytest.mark.parametrize("size", [0.05, 40])
def test_thin_triangles_are_refused_in_any_orientation(size):
    """A height of 9.4 % of the base is 9 % of the two squared edges, 1 and 0.04 and its square."""
    target = geometry.template(112)[:3]
    for height, thin in ((0.09, True), (0.1, False)):
        triangle = size * np.array([[0, 0], [1, 0], [0.2, height]])
        for side in (1, -1):
            lying = [
                sk.EuclideanTransform(rotation=angle, translation=(-30, 70))(triangle * [1, side])
                for angle in np.linspace(0, 6, 25)
            ]
            assert (
                np.isnan(geometry.fit_affine(np.array(lying), target)).any(axis=(1, 2)) == thin
            ).all()


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize(
    "points",
    [np.full((5, 2), 7.0), np.full((5, 2), np.nan)],
    ids=["coincident", "nan"],
)
def test_degenerate_points_give_nan_and_a_black_face(points):
    for matrix in geometry.alignment_matrices(points[None], 64).values():
        assert np.isnan(matrix).any()
        face = warp.warp(np.full((50, 50, 3), 255, np.uint8), matrix[0], 64)
        assert not face.any() and face.dtype == np.uint8 and face.shape == (64, 64, 3)


def test_coincident_eyes_can_be_aligned_by_all_points_only():
    points = geometry.template(112)[None].copy()
    points[0, 1] = points[0, 0] + [0.4, 0]
    matrices = geometry.alignment_matrices(points, 64)
    assert np.isnan(matrices[2]).all() and np.isnan(matrices[3]).all()
    assert np.isfinite(matrices[5]).all()
    tiny = geometry.alignment_matrices(0.02 * geometry.template(112)[None], 64)
    assert all(np.isnan(matrix).all() for matrix in tiny.values())


def test_collinear_eyes_and_nose_have_no_affine_alignment_but_a_similarity():
    points = np.array([[[0.0, 0], [20, 0], [10, 0], [5, 20], [15, 20]]])
    matrices = geometry.alignment_matrices(points, 64)
    assert np.isnan(matrices[3]).all()
    assert np.isfinite(matrices[2]).all() and np.isfinite(matrices[5]).all()


@pytest.mark.parametrize("count", [2, 3, 5])
def test_mirrored_face_aligns_to_the_mirrored_result(count):
    """As exactly as ArcFace's template is symmetric: its centre is half a pixel off the face's."""
    points = geometry.template(112)[None] * 2 + rng.normal(0, 3, (30, 5, 2))
    mirrored = points[:, geometry.FLIP_INDEX] * [-1, 1] + [399, 0]
    here, there = (
        geometry.transform_points(geometry.alignment_matrices(faces, 112)[count], faces)
        for faces in (points, mirrored)
    )
    assert np.abs(there[:, geometry.FLIP_INDEX] * [-1, 1] + [111, 0] - here).max() < 1.5


def test_mirrored_faces_align_to_mirrored_faces():
    image = cv2.GaussianBlur(rng.integers(0, 255, (120, 120, 3), dtype=np.uint8), (0, 0), 3)
    symmetric = geometry.template(112).copy()
    symmetric[:, 0] = (symmetric[:, 0] + (111 - symmetric[geometry.FLIP_INDEX, 0])) / 2
    symmetric[:, 1] = (symmetric[:, 1] + symmetric[geometry.FLIP_INDEX, 1]) / 2
    points = symmetric[None] + rng.normal(0, 3, (1, 5, 2))
    mirrored = points[:, geometry.FLIP_INDEX].copy()
    mirrored[..., 0] = 119 - mirrored[..., 0]
    matrix = geometry.fit_similarity(points, symmetric)[0]
    other = geometry.fit_similarity(mirrored, symmetric)[0]
    face = warp.warp(image, matrix, 112)
    face_of_mirrored = warp.warp(np.ascontiguousarray(image[:, ::-1]), other, 112)
    assert np.abs(face.astype(int) - face_of_mirrored[:, ::-1].astype(int)).max() <= 3


def test_inverses_and_scales_equal_scikit_images_and_the_determinants():
    oblique = np.array([[1.2, 0.3, 5], [-0.4, 0.7, -2]])
    matrices = np.stack([random_similarity(), oblique, oblique * [[-1], [1]]])
    for matrix, inverse in zip(matrices, geometry.invert(matrices), strict=True):
        expected = sk.AffineTransform(matrix=np.vstack([matrix, [0, 0, 1]])).inverse.params[:2]
        assert inverse == pytest.approx(expected)
        assert geometry.scale(matrix) ** 2 == pytest.approx(abs(np.linalg.det(matrix[:, :2])))


def test_composed_matrices_equal_scikit_images():
    firsts, then = np.stack([random_similarity(), random_similarity()]), random_similarity()
    as_transform = [
        sk.AffineTransform(matrix=np.vstack([matrix, [0, 0, 1]])) for matrix in (*firsts, then)
    ]
    for index, composed in enumerate(geometry.compose(firsts, then)):
        assert composed == pytest.approx((as_transform[index] + as_transform[2]).params[:2])
    assert geometry.compose(then, firsts)[1] == pytest.approx(
        (as_transform[2] + as_transform[1]).params[:2]
    )


def test_points_in_another_order_are_flagged_as_mirrored():
    shape = geometry.template(112)
    points = np.stack([shape, shape[[1, 0, 2, 3, 4]]])
    matrices = geometry.alignment_matrices(points, 112)[3]
    assert geometry.mirrors(matrices).tolist() == [False, True]
    record = geometry.alignment_record(matrices, points, 112)
    assert record["roll"] == pytest.approx([0, np.nan], nan_ok=True, abs=1e-6)
    assert record["scale"][0] == pytest.approx(1) and np.isfinite(record["scale"][1])
    assert not geometry.mirrors(np.array([[[1.0, 2, 3], [2, 4, 6]]])).any()  # all onto a line


def test_shear_is_zero_for_a_similarity_and_grows_with_squeezing():
    squeezed = np.array([[1.0, 0, 0], [0, 0.8, 0]])
    shears = geometry.shear(np.stack([random_similarity(), squeezed, np.full((2, 3), np.nan)]))
    assert shears[:2] == pytest.approx([0, 0.2])
    assert np.isnan(shears[2])


def test_the_record_of_an_alignment_says_what_it_did():
    turned = sk.SimilarityTransform(scale=2.0, rotation=np.radians(20), translation=(30, -4))
    points = np.stack([turned(geometry.template(112)), np.zeros((5, 2))])
    matrices = geometry.alignment_matrices(points, 112)
    for count in (2, 3, 5):
        record = geometry.alignment_record(matrices[count], points, 112)
        values = [record[name][0] for name in ("roll", "scale", "shear", "residual")]
        assert values == pytest.approx([20, 0.5, 0, 0], abs=1e-6)
        assert all(np.isnan(values[1]) for values in record.values())
    moved = points[:1] + np.array([[0, 0], [0, 0], [8.0, 0], [0, 0], [0, 0]])
    sheared = geometry.alignment_record(geometry.alignment_matrices(moved, 112)[3], moved, 112)
    assert sheared["shear"][0] > 0.05 and sheared["residual"][0] > 1


def test_frontality_of_eyes_close_together_and_one_above_the_other():
    points = np.zeros((3, 5, 2))
    points[:, 1, 0] = [0.5, 0, 0]
    points[:, 2, 0] = [0.2, 0, 3]
    assert geometry.frontality(points).tolist() == pytest.approx([0.4, -np.inf, -np.inf])
