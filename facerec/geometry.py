"""Squares around faces, point transforms, and alignment by 2, 3 and 5 points.

Points are (x, y) with pixel centres at integers; a box or square (x, y, width, height) covers the pixels
x … x + width - 1, so its left edge lies at x - 0.5. A matrix (2, 3) maps source points to target points.
"""

import math

import cv2
import numpy as np

# ArcFace's five points on a 112 px face (Deng et al. 2019; insightface `face_align.arcface_dst`):
# eyes from left to right in the image, nose, corners of the mouth from left to right.
ARCFACE_TEMPLATE = np.array(
    [[38.2946, 51.6963], [73.5318, 51.5014], [56.0252, 71.7366], [41.5493, 92.3655], [70.7299, 92.2041]]
)
ARCFACE_PIXELS = 112

EYES = [0, 1]
EYES_AND_NOSE = [0, 1, 2]
MIRRORED = [1, 0, 2, 4, 3]  # which point takes whose place when the picture is mirrored

CLOSER = 0.6  # distance of the eyes when a face is looked at again, of the side: all five points stay well inside

SHRINK_UNDER = 2 / 3  # px to a px: above, bilinear interpolation leaves hardly a pixel out
NOT_WHOLE = 1e-6  # px that the corner or the side of a square of whole pixels may be off, by rounding
MAX_HALVINGS = 14  # of a photograph; that many take the largest to a pixel
MIN_AREA = 0.09  # of the sum of two squared edges: as thin a triangle is taken for a line, or a face stretched fivefold
MIN_SPREAD = 0.05  # of the spread of all five points: points that lie closer together are coincident
MIN_SPREAD_PX = 1.0  # of the five points: what is smaller is no face


def crop_squares(boxes: np.ndarray, scale: float) -> np.ndarray:
    """Returns the squares (N, 3) of x, y, side about the boxes' centres, side `scale` × the smaller side of the box.

    All are whole pixels, so that `warp` need not interpolate twice as much as a resize does.

    Args:
        boxes: (N, 4) x, y, width, height.
        scale: of the smaller side.
    """
    x, y, width, height = boxes.astype(float).T
    side = np.maximum(np.rint(scale * np.minimum(width, height)), 1)
    return np.stack([np.rint(x + (width - side) / 2), np.rint(y + (height - side) / 2), side], axis=1)


def square_matrices(squares: np.ndarray, pixels: int) -> np.ndarray:
    """Returns the matrices (N, 2, 3) that take points of the source into squares (N, 3) drawn `pixels` wide."""
    x, y, side = squares.T
    scale = pixels / side
    matrices = np.zeros((len(squares), 2, 3))
    matrices[:, 0, 0] = matrices[:, 1, 1] = scale
    matrices[:, 0, 2] = (0.5 - x) * scale - 0.5
    matrices[:, 1, 2] = (0.5 - y) * scale - 0.5
    return matrices


def template(pixels: int) -> np.ndarray:
    """Returns ArcFace's template (5, 2) for faces `pixels` wide."""
    return (ARCFACE_TEMPLATE + 0.5) * (pixels / ARCFACE_PIXELS) - 0.5


def alignment_matrices(points: np.ndarray, pixels: int) -> dict[int, np.ndarray]:
    """Returns the matrices (N, 2, 3) from the source onto ArcFace's template, by the number of points used.

    2: similarity by the eyes; 3: affine by the eyes and the nose; 5: similarity by all. Points that are not finite,
    coincident or (for 3) collinear give NaN, for what they would give is a smear.

    Args:
        points: (N, 5, 2), px of the source.
        pixels: side of the aligned face.
    """
    target, everything = template(pixels), list(range(len(ARCFACE_TEMPLATE)))
    fits = {2: (fit_similarity, EYES), 3: (fit_affine, EYES_AND_NOSE), 5: (fit_similarity, everything)}
    return {
        count: np.where(_apart(points, used)[:, None, None], fit(points[:, used], target[used]), np.nan)
        for count, (fit, used) in fits.items()
    }


def closer_matrices(points: np.ndarray, pixels: int, weights: np.ndarray | None = None) -> np.ndarray:
    """Returns the similarities (N, 2, 3) that straighten faces and bring them close, for a second look at them.

    The points come to lie as on ArcFace's template, their mean in the middle and the eyes CLOSER of the side apart.
    Where fewer than two points have weight, or those that have are coincident: NaN.

    Args:
        points: (N, 5, 2).
        pixels: side of the result.
        weights: (N, 5) of the points, none negative; one that is not finite has none. All the same if None.
    """
    shape = ARCFACE_TEMPLATE - ARCFACE_TEMPLATE.mean(axis=0)
    finite = np.isfinite(points).all(axis=2)
    weights = np.where(finite, 1.0 if weights is None else weights, 0.0)
    points = np.where(finite[..., None], points, 0.0)
    target = shape * (CLOSER * pixels / eye_distance(shape[None])[0]) + (pixels - 1) / 2
    apart = spread(points, weights) >= MIN_SPREAD_PX
    return np.where(apart[:, None, None], fit_similarity(points, target, weights), np.nan)


def _apart(points: np.ndarray, used: list[int]) -> np.ndarray:
    """Returns whether the used ones of points (N, 5, 2) lie far enough apart to align a face by, (N,)."""
    of_all, of_used = spread(points), spread(points[:, used])
    return (of_all >= MIN_SPREAD_PX) & (of_used >= MIN_SPREAD * of_all)


def spread(points: np.ndarray, weights: np.ndarray | None = None) -> np.ndarray:
    """Returns the root mean square distance (N,) of points (N, K, 2) from their centre, by weights (N, K) if any."""
    shares = _shares(np.ones(points.shape[:2]) if weights is None else weights)
    centre = (shares[..., None] * points).sum(axis=1, keepdims=True)
    return np.sqrt((shares * ((points - centre) ** 2).sum(axis=2)).sum(axis=1))


def _shares(weights: np.ndarray) -> np.ndarray:
    """Returns weights (N, K) of which each row sums to 1, or is 0 where all are."""
    return weights / np.maximum(weights.sum(axis=1, keepdims=True), 1e-12)


def fit_similarity(source: np.ndarray, target: np.ndarray, weights: np.ndarray | None = None) -> np.ndarray:
    """Returns the least-squares similarities (N, 2, 3) from `source` to `target`, without reflection.

    Umeyama 1991, eq. 40-43; in the plane, with points as complex numbers, it is the regression t = a s + b.
    Coincident points give NaN.

    Args:
        source: (N, K, 2), K ≥ 2.
        target: (K, 2).
        weights: (N, K) of the squared errors, none negative; all the same if None.
    """
    s, t = source[..., 0] + 1j * source[..., 1], target[:, 0] + 1j * target[:, 1]
    shares = _shares(np.ones(s.shape) if weights is None else weights)
    s_mean, t_mean = (shares * s).sum(axis=1), shares @ t
    s_centred = s - s_mean[:, None]
    spread = (shares * np.abs(s_centred) ** 2).sum(axis=1)
    with np.errstate(invalid="ignore"):
        a = (shares * np.conj(s_centred) * (t - t_mean[:, None])).sum(axis=1) / np.where(spread > 1e-9, spread, np.nan)
    b = t_mean - a * s_mean
    return np.stack([np.stack([a.real, -a.imag, b.real], -1), np.stack([a.imag, a.real, b.imag], -1)], axis=1)


def fit_affine(source: np.ndarray, target: np.ndarray) -> np.ndarray:
    """Returns the affine maps (N, 2, 3) that take three points exactly onto three; collinear ones give NaN.

    Args:
        source: (N, 3, 2).
        target: (3, 2).
    """
    edges = source[:, 1:] - source[:, :1]
    area = np.abs(edges[:, 0, 0] * edges[:, 1, 1] - edges[:, 0, 1] * edges[:, 1, 0])
    usable = area > MIN_AREA * np.maximum((edges**2).sum(axis=(1, 2)), 1e-9)
    matrices = np.full((len(source), 2, 3), np.nan)
    homogeneous = np.concatenate([source, np.ones_like(source[..., :1])], axis=2)
    matrices[usable] = np.linalg.solve(homogeneous[usable], np.broadcast_to(target, source.shape)[usable]).mT
    return matrices


def transform_points(matrices: np.ndarray, points: np.ndarray) -> np.ndarray:
    """Returns points (N, K, 2) moved by matrices (N, 2, 3)."""
    return points @ matrices[:, :, :2].mT + matrices[:, None, :, 2]


def invert(matrices: np.ndarray) -> np.ndarray:
    """Returns the inverses (N, 2, 3), by Cramer's rule; of what has none, numbers that are not finite."""
    (a, b, x), (c, d, y) = matrices.transpose(1, 2, 0)
    inverses = np.array([[d, -b, b * y - d * x], [-c, a, c * x - a * y]]) / _determinants(matrices)
    return inverses.transpose(2, 0, 1)


def compose(first: np.ndarray, then: np.ndarray) -> np.ndarray:
    """Returns the matrices (N, 2, 3) that do `first`, `then` the other; either may be (2, 3)."""
    linear = then[..., :2] @ first[..., :2]
    return np.concatenate([linear, then[..., :2] @ first[..., 2:] + then[..., 2:]], axis=-1)


def finite_or(matrices: np.ndarray, otherwise: np.ndarray) -> np.ndarray:
    """Returns matrices (N, 2, 3), and the other ones where they are not finite."""
    return np.where(np.isfinite(matrices).all(axis=(1, 2), keepdims=True), matrices, otherwise)


def shear(matrices: np.ndarray) -> np.ndarray:
    """Returns how far (N,) each matrix is from a similarity: 1 - smallest / largest singular value, in [0, 1]."""
    usable = np.isfinite(matrices).all(axis=(1, 2))
    result = np.full(len(matrices), np.nan)
    values = np.linalg.svd(matrices[usable, :, :2], compute_uv=False)
    result[usable] = 1 - values[:, 1] / values[:, 0]
    return result


def mirrors(matrices: np.ndarray) -> np.ndarray:
    """Returns whether matrices (N, 2, 3) mirror, (N,); a three-point one does where the points are in another order."""
    return _determinants(matrices) < 0


def _determinants(matrices: np.ndarray) -> np.ndarray:
    """Returns the ratio (N,) of the areas after and before matrices (N, 2, 3), negative where these mirror."""
    return matrices[:, 0, 0] * matrices[:, 1, 1] - matrices[:, 0, 1] * matrices[:, 1, 0]


def alignment_record(matrices: np.ndarray, points: np.ndarray, pixels: int) -> dict[str, np.ndarray]:
    """Returns what an alignment did to each face, (N,) each; NaN where it has no matrix.

    `roll`: the angle by which the face was turned back, degrees, positive if it leant clockwise in the picture; NaN
    where the matrix mirrors, which is no rotation.
    `scale`: px of the aligned face to a px of the source (the root of the area's ratio).
    `shear`: as `shear` gives it, 0 for similarities.
    `residual`: root mean square distance of all five points from the template, px of the aligned face.

    Args:
        matrices: (N, 2, 3), px of the source → px of the aligned face.
        points: (N, 5, 2), px of the source.
        pixels: side of the aligned face.
    """
    (a, b, _), (c, d, _) = matrices.transpose(1, 2, 0)
    turned = np.arctan2(c - b, a + d)  # polar decomposition
    off = transform_points(matrices, points) - template(pixels)
    return {
        "roll": np.where(mirrors(matrices), np.nan, -np.degrees(turned)),
        "scale": np.sqrt(np.abs(_determinants(matrices))),
        "shear": shear(matrices),
        "residual": np.sqrt((off**2).sum(axis=2).mean(axis=1)),
    }


def eye_distance(points: np.ndarray) -> np.ndarray:
    """Returns the distance (N,) between the eyes of points (N, 5, 2)."""
    return np.linalg.norm(points[:, 1] - points[:, 0], axis=1)


def frontality(points: np.ndarray) -> np.ndarray:
    """Returns how far (N,) the nose is inside the nearer eye, in x, of the distance between the eyes in x.

    About 0.5 on a frontal face, 0 where the nose is under an eye, negative beyond; −inf where the eyes are not in
    order.

    Args:
        points: (N, 5, 2).
    """
    left, right, nose = (points[:, index, 0] for index in (0, 1, 2))
    distance = right - left
    nearer = np.minimum(nose - left, right - nose)
    return np.divide(nearer, distance, out=np.full(len(points), -np.inf), where=distance > 0)


def scale(matrix: np.ndarray) -> float:
    """Returns px of the target to a px of the source, of a matrix (2, 3): the root of the area's ratio."""
    (a, b, _), (c, d, _) = matrix.tolist()
    return math.sqrt(abs(a * d - b * c))


def warp(image: np.ndarray, matrix: np.ndarray, pixels: int) -> np.ndarray:
    """Returns the square (pixels, pixels, 3) that `matrix` cuts from an image, black outside it.

    Only the part that is seen is worked on; where the picture shrinks by more than a third it is averaged first, which
    keeps it from aliasing.

    Args:
        image: (H, W, 3) uint8.
        matrix: (2, 3), px of the image → px of the square. Not finite: the result is black.
        pixels: side of the result.
    """
    if not all(map(math.isfinite, matrix.ravel().tolist())):
        return np.zeros((pixels, pixels, image.shape[2]), np.uint8)
    if (whole := _whole_square(image, matrix, pixels)) is not None:
        return _resized(whole, pixels)
    part, part_matrix = _visible_part(image, matrix, pixels)
    if not part.size:
        return np.zeros((pixels, pixels, image.shape[2]), np.uint8)
    part, part_matrix = _shrink(part, part_matrix)
    return cv2.warpAffine(part, part_matrix, (pixels, pixels), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT)


def _whole_square(image: np.ndarray, matrix: np.ndarray, pixels: int) -> np.ndarray | None:
    """Returns the square that `matrix` only resizes, black outside the image; None if it is not whole pixels of it.

    Nor is it returned where the image is a small part of it.
    """
    (zoom, *sheared, right), (turned, zoom_y, down) = matrix.tolist()
    if any(sheared) or turned or zoom != zoom_y or zoom <= 0:
        return None
    exact = 0.5 - (right + 0.5) / zoom, 0.5 - (down + 0.5) / zoom, pixels / zoom
    left, top, side = (round(value) for value in exact)
    height, width = image.shape[:2]
    if max(abs(left - exact[0]), abs(top - exact[1]), abs(side - exact[2])) > NOT_WHOLE:
        return None
    if side > 2 * min(width, height):
        return None
    part = image[max(top, 0) : max(top + side, 0), max(left, 0) : max(left + side, 0)]
    if not part.size or part.shape[:2] == (side, side):
        return part if part.size else None
    before = max(-top, 0), max(-left, 0)
    after = side - part.shape[0] - before[0], side - part.shape[1] - before[1]
    return cv2.copyMakeBorder(part, before[0], after[0], before[1], after[1], cv2.BORDER_CONSTANT)


def _resized(square: np.ndarray, pixels: int) -> np.ndarray:
    """Returns a square picture `pixels` wide, averaged where it shrinks by more than a third.

    Where it shrinks to more than half, the means are those of 2 × 2 pixels of one twice as wide as wanted: as near to
    the true means as INTER_AREA's, for which parts of pixels cost twice the time.
    """
    side = len(square)
    if pixels >= SHRINK_UNDER * side:
        return cv2.resize(square, (pixels, pixels), interpolation=cv2.INTER_LINEAR)
    if side < 2 * pixels:
        square = cv2.resize(square, (2 * pixels, 2 * pixels), interpolation=cv2.INTER_LINEAR)
    return cv2.resize(square, (pixels, pixels), interpolation=cv2.INTER_AREA)


def _visible_part(image: np.ndarray, matrix: np.ndarray, pixels: int) -> tuple[np.ndarray, np.ndarray]:
    """Returns the part of the image under the square, with a margin for interpolation, and its matrix."""
    spans = [_span(row, pixels) for row in cv2.invertAffineTransform(matrix).tolist()]
    margin = 2 + max(last - first for first, last in spans) / pixels
    (left, right), (top, bottom) = (
        (math.floor(min(max(0, first - margin), side)), math.ceil(min(max(0, last + margin), side)))
        for (first, last), side in zip(spans, image.shape[1::-1], strict=True)
    )
    return image[top:bottom, left:right], _moved(matrix, 1, left, top)


def _span(row: list[float], pixels: int) -> tuple[float, float]:
    """Returns the least and the largest of a coordinate of the image, by the row of the inverse matrix that gives it.

    Over the square and a pixel about it: in plain numbers, for which NumPy takes longer than the warping itself.
    """
    along_x, along_y, start = row
    start -= along_x + along_y
    ends = along_x * (pixels + 1), along_y * (pixels + 1)
    return start + sum(min(end, 0) for end in ends), start + sum(max(end, 0) for end in ends)


def _shrink(image: np.ndarray, matrix: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Returns the image averaged down to no less than the matrix's scale, and the matrix from there.

    Blocks of 2 × 2, 4 × 4, 8 × 8 … pixels become one; what still shrinks to under SHRINK_UNDER is smoothed by 1, 2, 1.
    Either takes out the finest stripes, and a picture twice as large gives the same.
    """
    block = 2 ** int(-math.log2(min(max(scale(matrix), 0.5**MAX_HALVINGS), 1)))
    if block > 1:
        image, matrix = _averaged(image, block), reduced_matrix(matrix, block)
    if scale(matrix) < SHRINK_UNDER:
        image = cv2.GaussianBlur(image, (3, 3), 0, borderType=cv2.BORDER_REPLICATE)
    return image, matrix


def _averaged(image: np.ndarray, block: int) -> np.ndarray:
    """Returns the means of blocks; what they lack at the right and below is as the last pixels."""
    height, width = image.shape[:2]
    below, right = -height % block, -width % block
    if below or right:
        image = cv2.copyMakeBorder(image, 0, below, 0, right, cv2.BORDER_REPLICATE)
    size = ((width + right) // block, (height + below) // block)
    return cv2.resize(image, size, interpolation=cv2.INTER_AREA)


def reduced_matrix(matrix: np.ndarray, block: int) -> np.ndarray:
    """Returns the matrix from a picture whose pixels are blocks of `block` × `block` pixels of the matrix's source."""
    return matrix if block == 1 else _moved(matrix, block, (block - 1) / 2, (block - 1) / 2)


def _moved(matrix: np.ndarray, times: int, x: float, y: float) -> np.ndarray:
    """Returns the matrix from points p, where the given one is from `times` × p + (x, y)."""
    return np.array([[a * times, b * times, c + (a * x + b * y)] for a, b, c in matrix.tolist()])
