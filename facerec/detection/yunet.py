"""YuNet (Wu et al. 2023) by OpenCV, from a file that the user names.

OpenCV's model zoo has it: face_detection_yunet_2023mar.onnx.
"""

import hashlib
import threading
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from facerec.detection.detections import Detections, enlarged, shrink

CANDIDATES = 5000  # boxes before those that overlap go

_of_thread = threading.local()  # an OpenCV network may only run once at a time


@dataclass(frozen=True)
class YuNet:
    """Finds faces of about 10 to 300 px.

    Attributes:
        model: the ONNX file.
        sha256: of the file, in hexadecimal.
        long_side: px; a larger photograph is shrunk.
        min_score: a face with a lower score is none.
        max_overlap: of two boxes that overlap more, the one with the lower score goes.
    """

    model: Path
    sha256: str
    long_side: int
    min_score: float
    max_overlap: float

    def __post_init__(self) -> None:
        self._read()

    def detect(self, image: np.ndarray) -> Detections:
        """Returns the faces of a photograph (H, W, 3) uint8 RGB."""
        small, zoom = shrink(image, self.long_side)
        network = self._network()
        network.setInputSize(small.shape[1::-1])
        found = network.detect(cv2.cvtColor(small, cv2.COLOR_RGB2BGR))[1]  # None: no face
        faces = np.zeros((0, 15)) if found is None else np.asarray(found, float)
        points = faces[:, 4:14].reshape(-1, 5, 2) - 0.5
        return enlarged(Detections(faces[:, :4], faces[:, 14], points), zoom)

    def _network(self) -> cv2.FaceDetectorYN:
        """Returns the network of this thread."""
        networks: dict[YuNet, cv2.FaceDetectorYN] = vars(_of_thread).setdefault("networks", {})
        if self not in networks:
            networks[self] = cv2.FaceDetectorYN.create(
                "onnx",
                np.frombuffer(self._read(), np.uint8),
                np.zeros(0, np.uint8),
                (320, 320),  # before each detection that of the photograph replaces it
                self.min_score,
                self.max_overlap,
                CANDIDATES,
            )
        return networks[self]

    def _read(self) -> bytes:
        """Returns the file.

        Raises:
            ValueError: it is absent, or has another hash.
        """
        try:
            content = self.model.read_bytes()
        except OSError as error:
            raise ValueError(
                f"detector.yunet_model: {self.model}: {error.strerror}; OpenCV's model zoo has it: "
                "face_detection_yunet_2023mar.onnx"
            ) from None
        found = hashlib.sha256(content).hexdigest()
        if found != self.sha256.lower():
            raise ValueError(
                f"{self.model}: detector.yunet_sha256 expects {self.sha256 or 'nothing'}, the "
                f"file has {found}; put that in if you trust the file"
            )
        return content
