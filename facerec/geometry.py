"""Squares around faces, point transforms, and alignment by 2, 3 and 5 points.

Points are (x, y) with pixel centres at integers. A box (x, y, width, height) covers the pixels
x … x + width - 1, so its left edge lies at x - 0.5. A matrix (2, 3) maps source points to target
points.
"""

import math

import numpy as np

# ArcFace's five points on a 112 px face (Deng et al. 2019; insightface `face_align.arcface_dst`):
# eyes from left to right in the image, nose, corners of the mouth from left to right.
ARCFACE_TEMPLATE = np.array(
    [
        [38.2946, 51.6963],
        [73.5318, 51.5014],
        [56.0252, 71.7366],
        [41.5493, 92.3655],
        [70.7299, 92.2041],
    ]
)
ARCFACE_PIXELS = 112

EYES = [0, 1]
EYES_AND_NOSE = [0, 1, 2]
FLIP_INDEX = [1, 0, 2, 4, 3]  # the order of the points after the image is mirrored

REFINED_EYE_DISTANCE = 0.6  # of the side of a refined crop: all five points stay well inside
NOSE_DEPTH = 0.55  # of the tip of the nose in front of the eyes, as a share of the eye distance
MIN_AREA = 0.09  # of the sum of two squared edges: a thinner triangle counts as collinear
MIN_SPREAD = 0.05  # of the spread of all five points: closer points count as coincident
MIN_SPREAD_PX = 1.0  # of all five points: less is no face

# CelebA's own boxes, which `box_from_points` imitates
BOX_EYE_DISTANCE = 0.375  # of a frontal face, of the box's width
BOX_HEIGHT = 1.385  # of the box's width, as of its first one: 226 × 313 px
EYES_TO_MOUTH = 0.866  # of the eye distance to that from eyes to mouth, in ArcFace's template


def box_from_points(points: np.ndarray) -> np.ndarray:
    """Returns the boxes (N, 4) x, y, width, height that CelebA would draw around faces, px.

    The box is upright, around the middle between eyes and mouth. A face in profile has its eyes
    near each other, so the size follows the larger of two lengths: the eye distance, and the
    distance from eyes to mouth in proportion (as Karras et al. 2019, appendix C of FFHQ's paper,
    do). Points that are not finite or coincident give NaN.

    Args:
        points: (N, 5, 2), px.
    """
    is_finite = np.isfinite(points).all(axis=(1, 2), keepdims=True)
    points = np.where(is_finite, points, np.nan)
    eyes = points[:, :2].mean(axis=1)
    mouth = points[:, 3:].mean(axis=1)
    eyes_to_mouth = np.linalg.norm(mouth - eyes, axis=1)
    size = np.maximum(eye_distance(points), EYES_TO_MOUTH * eyes_to_mouth) / BOX_EYE_DISTANCE
    sides = np.where(size > 0, size, np.nan)[:, None] * [1.0, BOX_HEIGHT]
    return np.concatenate([(eyes + mouth) / 2 + 0.5 - sides / 2, sides], axis=1)


def crop_squares(boxes: np.ndarray, scale: float) -> np.ndarray:
    """Returns the squares (N, 3) of x, y, side around the centres of boxes, in whole pixels.

    Args:
        boxes: (N, 4) x, y, width, height.
        scale: side of the square, of the smaller side of the box.
    """
    x, y, width, height = boxes.astype(float).T
    side = np.maximum(np.rint(scale * np.minimum(width, height)), 1)
    return np.stack(
        [np.rint(x + (width - side) / 2), np.rint(y + (height - side) / 2), side], axis=1
    )


def square_matrices(squares: np.ndarray, size: int) -> np.ndarray:
    """Returns the matrices (N, 2, 3) from the source to squares (N, 3) resized to `size` px."""
    x, y, side = squares.T
    scale = size / side
    matrices = np.zeros((len(squares), 2, 3))
    matrices[:, 0, 0] = matrices[:, 1, 1] = scale
    matrices[:, 0, 2] = (0.5 - x) * scale - 0.5
    matrices[:, 1, 2] = (0.5 - y) * scale - 0.5
    return matrices


def template(size: int) -> np.ndarray:
    """Returns ArcFace's template (5, 2) for faces `size` px wide."""
    return (ARCFACE_TEMPLATE + 0.5) * (size / ARCFACE_PIXELS) - 0.5


def alignment_matrices(points: np.ndarray, size: int) -> dict[int, np.ndarray]:
    """Returns the matrices (N, 2, 3) from the source to ArcFace's template, by number of points.

    Args:
        points: (N, 5, 2), px of the source.
        size: side of the aligned face, px.
    """
    return alignment_matrices_to(template(size), points)


def alignment_matrices_to(target: np.ndarray, points: np.ndarray) -> dict[int, np.ndarray]:
    """Returns the matrices (N, 2, 3) from the source to any template, by number of points.

    2: similarity by the eyes; 3: affine by the eyes and the nose; 5: similarity by all points.
    Points that are not finite, coincident or (for 3) collinear give NaN.

    Args:
        target: (5, 2), where the points lie in the aligned face, px.
        points: (N, 5, 2), px of the source.
    """
    all_points = list(range(len(ARCFACE_TEMPLATE)))
    fits = {
        2: (fit_similarity, EYES),
        3: (fit_affine, EYES_AND_NOSE),
        5: (fit_similarity, all_points),
    }
    matrices = {}
    for count, (fit, used) in fits.items():
        usable = _is_spread_out(points, used)[:, None, None]
        matrices[count] = np.where(usable, fit(points[:, used], target[used]), np.nan)
    return matrices


def refinement_matrices(
    points: np.ndarray, size: int, weights: np.ndarray | None = None
) -> np.ndarray:
    """Returns the similarities (N, 2, 3) to upright, close crops, on which points are found again.

    The points are fitted to ArcFace's template, with its mean in the middle of the crop and its
    eyes REFINED_EYE_DISTANCE of the side apart. NaN where fewer than two points have weight, or
    those with weight are coincident.

    Args:
        points: (N, 5, 2). A point that is not finite has no weight.
        size: side of the crop, px.
        weights: (N, 5) of the points, none negative; all equal if None.
    """
    shape = ARCFACE_TEMPLATE - ARCFACE_TEMPLATE.mean(axis=0)
    finite = np.isfinite(points).all(axis=2)
    weights = np.where(finite, 1.0 if weights is None else weights, 0.0)
    points = np.where(finite[..., None], points, 0.0)
    target = shape * (REFINED_EYE_DISTANCE * size / eye_distance(shape[None])[0]) + (size - 1) / 2
    usable = spread(points, weights) >= MIN_SPREAD_PX
    return np.where(usable[:, None, None], fit_similarity(points, target, weights), np.nan)


def _is_spread_out(points: np.ndarray, used: list[int]) -> np.ndarray:
    """Returns whether the used ones of points (N, 5, 2) are far enough apart for a fit, (N,)."""
    spread_of_all = spread(points)
    spread_of_used = spread(points[:, used])
    return (spread_of_all >= MIN_SPREAD_PX) & (spread_of_used >= MIN_SPREAD * spread_of_all)


def spread(points: np.ndarray, weights: np.ndarray | None = None) -> np.ndarray:
    """Returns the root mean square distance (N,) of points (N, K, 2) from their centre.

    Args:
        points: (N, K, 2).
        weights: (N, K); all equal if None.
    """
    shares = _shares(np.ones(points.shape[:2]) if weights is None else weights)
    centre = (shares[..., None] * points).sum(axis=1, keepdims=True)
    return np.sqrt((shares * ((points - centre) ** 2).sum(axis=2)).sum(axis=1))


def _shares(weights: np.ndarray) -> np.ndarray:
    """Returns weights (N, K) scaled so that each row sums to 1; rows of zeros stay."""
    return weights / np.maximum(weights.sum(axis=1, keepdims=True), 1e-12)


def fit_similarity(
    source: np.ndarray, target: np.ndarray, weights: np.ndarray | None = None
) -> np.ndarray:
    """Returns the least-squares similarities (N, 2, 3) from `source` to `target`, never mirrored.

    Umeyama 1991, eq. 40-43. With points of the plane as complex numbers it is the regression
    t = a s + b. Coincident points give NaN.

    Args:
        source: (N, K, 2), K ≥ 2.
        target: (K, 2).
        weights: (N, K) of the squared errors, none negative; all equal if None.
    """
    s = source[..., 0] + 1j * source[..., 1]
    t = target[:, 0] + 1j * target[:, 1]
    shares = _shares(np.ones(s.shape) if weights is None else weights)
    s_mean = (shares * s).sum(axis=1)
    t_mean = shares @ t
    s_centred = s - s_mean[:, None]
    variance = (shares * np.abs(s_centred) ** 2).sum(axis=1)
    covariance = (shares * np.conj(s_centred) * (t - t_mean[:, None])).sum(axis=1)
    with np.errstate(invalid="ignore"):
        a = covariance / np.where(variance > 1e-9, variance, np.nan)
    b = t_mean - a * s_mean
    first_rows = np.stack([a.real, -a.imag, b.real], -1)
    second_rows = np.stack([a.imag, a.real, b.imag], -1)
    return np.stack([first_rows, second_rows], axis=1)


def fit_affine(source: np.ndarray, target: np.ndarray) -> np.ndarray:
    """Returns the affine matrices (N, 2, 3) that map three points exactly; NaN if collinear.

    Args:
        source: (N, 3, 2).
        target: (3, 2).
    """
    edges = source[:, 1:] - source[:, :1]
    area = np.abs(edges[:, 0, 0] * edges[:, 1, 1] - edges[:, 0, 1] * edges[:, 1, 0])
    usable = area > MIN_AREA * np.maximum((edges**2).sum(axis=(1, 2)), 1e-9)
    matrices = np.full((len(source), 2, 3), np.nan)
    homogeneous = np.concatenate([source, np.ones_like(source[..., :1])], axis=2)
    matrices[usable] = np.linalg.solve(
        homogeneous[usable], np.broadcast_to(target, source.shape)[usable]
    ).mT
    return matrices


def transform_points(matrices: np.ndarray, points: np.ndarray) -> np.ndarray:
    """Returns points (N, K, 2) moved by matrices (N, 2, 3)."""
    return points @ matrices[:, :, :2].mT + matrices[:, None, :, 2]


def invert(matrices: np.ndarray) -> np.ndarray:
    """Returns the inverses (N, 2, 3) by Cramer's rule; not finite where there is none."""
    (a, b, x), (c, d, y) = matrices.transpose(1, 2, 0)
    adjugates = np.array([[d, -b, b * y - d * x], [-c, a, c * x - a * y]])
    return (adjugates / _determinants(matrices)).transpose(2, 0, 1)


def compose(first: np.ndarray, then: np.ndarray) -> np.ndarray:
    """Returns the matrices (N, 2, 3) that apply `first`, then `then`; either may be (2, 3)."""
    linear = then[..., :2] @ first[..., :2]
    return np.concatenate([linear, then[..., :2] @ first[..., 2:] + then[..., 2:]], axis=-1)


def where_finite(matrices: np.ndarray, otherwise: np.ndarray) -> np.ndarray:
    """Returns matrices (N, 2, 3), replaced by `otherwise` where they are not finite."""
    return np.where(np.isfinite(matrices).all(axis=(1, 2), keepdims=True), matrices, otherwise)


def shear(matrices: np.ndarray) -> np.ndarray:
    """Returns 1 - smallest / largest singular value of matrices, (N,): 0 for similarities."""
    usable = np.isfinite(matrices).all(axis=(1, 2))
    result = np.full(len(matrices), np.nan)
    values = np.linalg.svd(matrices[usable, :, :2], compute_uv=False)
    result[usable] = 1 - values[:, 1] / values[:, 0]
    return result


def mirrors(matrices: np.ndarray) -> np.ndarray:
    """Returns whether matrices (N, 2, 3) mirror, (N,): by 3 points, if their order is wrong."""
    return _determinants(matrices) < 0


def _determinants(matrices: np.ndarray) -> np.ndarray:
    """Returns the ratio of areas after and before matrices (N, 2, 3), (N,); < 0 if they mirror."""
    return matrices[:, 0, 0] * matrices[:, 1, 1] - matrices[:, 0, 1] * matrices[:, 1, 0]


def alignment_record(matrices: np.ndarray, points: np.ndarray, size: int) -> dict[str, np.ndarray]:
    """Returns what an alignment did to each face, (N,) each; NaN where it has no matrix.

    `roll`: angle of the face before the alignment, degrees, positive if it leans clockwise in the
    photograph; NaN where the matrix mirrors.
    `scale`: px of the aligned face per px of the source (the root of the ratio of areas).
    `shear`: see `shear`.
    `residual`: root mean square distance of all five points from the template, px of the aligned
    face.

    Args:
        matrices: (N, 2, 3), px of the source → px of the aligned face.
        points: (N, 5, 2), px of the source.
        size: side of the aligned face, px.
    """
    (a, b, _), (c, d, _) = matrices.transpose(1, 2, 0)
    rotation = np.arctan2(c - b, a + d)  # of the polar decomposition
    errors = transform_points(matrices, points) - template(size)
    return {
        "roll": np.where(mirrors(matrices), np.nan, -np.degrees(rotation)),
        "scale": np.sqrt(np.abs(_determinants(matrices))),
        "shear": shear(matrices),
        "residual": np.sqrt((errors**2).sum(axis=2).mean(axis=1)),
    }


def eye_distance(points: np.ndarray) -> np.ndarray:
    """Returns the distance (N,) between the eyes of points (N, 5, 2)."""
    return np.linalg.norm(points[:, 1] - points[:, 0], axis=1)


def frontality(points: np.ndarray) -> np.ndarray:
    """Returns the distance in x from the nose to the nearer eye, of that between the eyes, (N,).

    About 0.5 on a frontal face, 0 where the nose is under an eye, negative where it is outside;
    -inf where the eyes are not in order.

    Args:
        points: (N, 5, 2).
    """
    left, right, nose = (points[:, index, 0] for index in (0, 1, 2))
    distance = right - left
    nearer = np.minimum(nose - left, right - nose)
    return np.divide(nearer, distance, out=np.full(len(points), -np.inf), where=distance > 0)


def yaw(points: np.ndarray) -> np.ndarray:
    """Returns how far (N,) the head of points (N, 5, 2) is turned to either side, degrees.

    It is estimated from the place of the nose along the line between the eyes; 90 where the eyes
    coincide.
    """
    turned = upright(points)
    offset = turned[:, 2, 0] - turned[:, :2, 0].mean(axis=1)
    return np.degrees(np.arctan2(np.abs(offset) / NOSE_DEPTH, eye_distance(points)))


def upright(points: np.ndarray) -> np.ndarray:
    """Returns points (N, 5, 2) turned so that the mouth is below the eyes, whose middle is at 0."""
    eyes = points[:, :2].mean(axis=1)
    down = points[:, 3:].mean(axis=1) - eyes
    length = np.maximum(np.linalg.norm(down, axis=1), 1e-9)
    rotation = (down[:, 1] - 1j * down[:, 0]) / length  # takes "down" onto the y axis
    relative = points - eyes[:, None]
    rotated = (relative[..., 0] + 1j * relative[..., 1]) * rotation.conj()[:, None]
    return np.stack([rotated.real, rotated.imag], axis=2)


def scale(matrix: np.ndarray) -> float:
    """Returns px of the target per px of the source, of a matrix (2, 3)."""
    (a, b, _), (c, d, _) = matrix.tolist()
    return math.sqrt(abs(a * d - b * c))
