"""The exported networks, run by onnxruntime. Nothing here needs torch.

Photographs with boxes become points, aligned faces and embeddings as in `facerec.inference`.
"""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime

from facerec.alignment.points import aligned_faces
from facerec.geometry import invert
from facerec.landmarks.refinement import predict_points, whole_faces
from facerec.parallel import in_batches, num_workers

BATCH_SIZE = 64  # faces in a run
ERRORS_ONLY = 3  # of onnxruntime's levels


class OnnxNetwork:
    """A file that `export` wrote.

    Args:
        path: of the file.
        kind: hourglass or recognizer.
        threads: of a run; None takes all cores.

    Attributes:
        metadata: what the file says about itself.

    Raises:
        ValueError: the file is absent, damaged, or no such export.
    """

    def __init__(self, path: Path, kind: str, threads: int | None = None) -> None:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads or num_workers()
        options.log_severity_level = ERRORS_ONLY
        try:
            content = path.read_bytes()
        except OSError as error:
            raise ValueError(f"{path}: {error.strerror}; the stage `export` writes it") from None
        try:
            self._session = onnxruntime.InferenceSession(
                content, options, providers=["CPUExecutionProvider"]
            )
        except Exception as error:  # onnxruntime's own types
            raise ValueError(f"{path}: damaged ONNX file: {str(error).splitlines()[0]}") from None
        texts = self._session.get_modelmeta().custom_metadata_map
        try:
            self.metadata: dict[str, Any] = {key: json.loads(texts[key]) for key in texts}
        except ValueError:  # another maker's
            self.metadata = {}
        if self.metadata.get("kind") != kind:
            raise ValueError(
                f"{path}: expected the {kind} that the stage `export` wrote, "
                f"got {self.metadata.get('kind', 'another file')}"
            )

    def run(self, **inputs: np.ndarray) -> np.ndarray:
        """Returns the file's output for its named inputs."""
        return self._session.run(None, inputs)[0]


class OnnxHourglass(OnnxNetwork):
    """The hourglass; used as a `StackedHourglass` is.

    Attributes:
        face_size: px, side of the crops.
        box_scale: side of a crop's square, of the smaller side of the face's box.
    """

    def __init__(self, path: Path, threads: int | None = None) -> None:
        super().__init__(path, "hourglass", threads)
        self.face_size: int = self.metadata["face_size"]
        self.box_scale: float = self.metadata["box_scale"]

    def predict(self, faces: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Returns the points (N, 5, 2), px of the faces, and their confidence (N, 5) in [0, 1].

        Args:
            faces: (N, face_size, face_size, 3) uint8 RGB.
        """
        parts = [self._predict(batch) for batch in in_batches(faces, BATCH_SIZE, None)]
        if not parts:
            return np.zeros((0, 5, 2), np.float32), np.zeros((0, 5), np.float32)
        points, confidence = zip(*parts, strict=True)
        return np.concatenate(points), np.concatenate(confidence)

    def _predict(self, faces: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        def heatmaps_at(matrices: np.ndarray) -> np.ndarray:
            return self.run(faces=faces, matrices=invert(matrices).astype(np.float32))

        size, steps = self.metadata["image_size"], self.metadata["refine_steps"]
        return predict_points(heatmaps_at, len(faces), self.face_size, size, steps)

    def heatmaps(self, faces: np.ndarray) -> np.ndarray:
        """Returns the heatmaps (N, 5, S, S) of whole faces, before any closer crop.

        Args:
            faces: (N, face_size, face_size, 3) uint8 RGB.
        """
        matrices = whole_faces(len(faces), self.face_size, self.metadata["image_size"])
        return self.run(faces=faces, matrices=invert(matrices).astype(np.float32))


class OnnxRecognizer(OnnxNetwork):
    """The recogniser.

    Attributes:
        image_size: px, side of the aligned faces.
        alignment: number of points by which they are aligned.
        target: (5, 2) px, where the points lie in them.
        embedding_dim: length of an embedding.
    """

    def __init__(self, path: Path, threads: int | None = None) -> None:
        super().__init__(path, "recognizer", threads)
        self.image_size: int = self.metadata["image_size"]
        self.alignment: int = self.metadata["alignment"]
        self.target = np.array(self.metadata["template"])
        self.embedding_dim: int = self.metadata["embedding_dim"]

    @property
    def threshold(self) -> float | None:
        """The cosine from which two faces count as one person; None if none was published."""
        return self.metadata.get("cosine_threshold")

    def embed(self, faces: np.ndarray) -> np.ndarray:
        """Returns embeddings (N, E) float32, not normalised.

        Args:
            faces: (N, image_size, image_size, 3) uint8 RGB, aligned.
        """
        parts = [self.run(faces=batch) for batch in in_batches(faces, BATCH_SIZE, None)]
        return np.concatenate(parts) if parts else np.zeros((0, self.embedding_dim), np.float32)


def embed_faces(
    hourglass: OnnxHourglass,
    recognizer: OnnxRecognizer,
    photographs: Sequence[np.ndarray],
    boxes: np.ndarray,
) -> np.ndarray:
    """Returns embeddings (N, E), not normalised; a face that cannot be aligned has zeros.

    Args:
        hourglass: finds the points.
        recognizer: embeds the aligned faces.
        photographs: (N,) images (H, W, 3) uint8 RGB, N > 0.
        boxes: (N, 4) x, y, width, height, px.
    """
    faces, is_aligned = aligned_faces(
        hourglass,
        photographs,
        boxes,
        hourglass.box_scale,
        recognizer.alignment,
        recognizer.image_size,
    )
    return recognizer.embed(faces) * is_aligned[:, None]
