"""Embeddings by ONNX files that others have trained. Nothing here needs torch."""

from typing import TYPE_CHECKING

import numpy as np

from facerec import geometry
from facerec.recognition.params import FaceInput

if TYPE_CHECKING:
    import onnxruntime

ERRORS_ONLY = 3  # of onnxruntime's levels: its warnings are about files that we did not make
MAX_BATCH = 64  # faces at a time


def target(settings: FaceInput) -> np.ndarray:
    """Returns where the five points lie in a model's faces, (5, 2), px."""
    size, points = settings.image_size, settings.template
    return geometry.template(size) if points == "arcface" else np.array(points)


class OnnxEmbedder:
    """Embeddings of aligned faces by an ONNX file.

    Args:
        settings: how faces are given to it.
        content: of the file.
        threads: of a run.

    Attributes:
        image_size: px, side of the aligned faces.
        alignment: number of points by which they are aligned.
        target: (5, 2) px, where the points lie in them.
        embedding_dim: length of an embedding, found with a blank face.

    Raises:
        ValueError: onnxruntime cannot run it, or its input is no such image; the message has no
            path.
    """

    def __init__(self, settings: FaceInput, content: bytes, threads: int) -> None:
        self.image_size = settings.image_size
        self.alignment: int = settings.alignment
        self.target = target(settings)
        self._is_bgr = settings.channels == "bgr"
        self._mean, self._scale = np.array(settings.mean), np.array(settings.scale)
        self._session = _session(content, threads)
        self._input = self._session.get_inputs()[0]
        shape = self._input.shape
        if len(shape) != 4 or 3 not in (shape[1], shape[3]):
            raise ValueError(f"expected an image of 3 channels as its input, got {shape}")
        self._channels_first = shape[1] == 3
        self._batch_size = 1 if shape[0] == 1 else MAX_BATCH
        blank = np.zeros((1, self.image_size, self.image_size, 3), np.uint8)
        self.embedding_dim = self.embed(blank).shape[1]

    def embed(self, faces: np.ndarray, flip: bool = True) -> np.ndarray:
        """Returns embeddings (N, E) float32, not normalised; N > 0.

        Args:
            faces: (N, image_size, image_size, 3) uint8 RGB.
            flip: whether each is the mean of the face's and its mirror image's.

        Raises:
            ValueError: the faces have another size, or the file's input has.
        """
        size = self.image_size
        if faces.shape[1:3] != (size, size):
            raise ValueError(
                f"expected faces of {size} px, got {faces.shape[2]} × {faces.shape[1]}"
            )
        starts = range(0, len(faces), self._batch_size)
        parts = [self._run(faces[start : start + self._batch_size], flip) for start in starts]
        return np.concatenate(parts).astype(np.float32)

    def _run(self, faces: np.ndarray, flip: bool) -> np.ndarray:
        images = [faces, faces[:, :, ::-1]] if flip else [faces]
        return np.mean([self._run_once(each) for each in images], axis=0)

    def _run_once(self, faces: np.ndarray) -> np.ndarray:
        pixels = faces[..., ::-1] if self._is_bgr else faces
        values = (pixels - self._mean) * self._scale
        values = values.transpose(0, 3, 1, 2) if self._channels_first else values
        inputs = {self._input.name: np.ascontiguousarray(values, np.float32)}
        try:
            output = self._session.run(None, inputs)[0]
        except Exception as error:  # onnxruntime's own types
            raise ValueError(f"it cannot run on {values.shape}: {_first_line(error)}") from None
        return output.reshape(len(faces), -1)


def _session(content: bytes, threads: int) -> "onnxruntime.InferenceSession":
    import onnx  # half a second that no recogniser of ours needs
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.log_severity_level = ERRORS_ONLY
    try:
        model = onnx.load_from_string(content)
        # Some public files list inputs that no layer reads; onnxruntime would ask for them.
        used = {name for node in model.graph.node for name in node.input}
        inputs = [each for each in model.graph.input if each.name in used]
        del model.graph.input[:]
        model.graph.input.extend(inputs)
        return onnxruntime.InferenceSession(
            model.SerializeToString(), options, providers=["CPUExecutionProvider"]
        )
    except Exception as error:  # a damaged file can make either library raise anything
        raise ValueError(f"not a model that onnxruntime runs: {_first_line(error)}") from None


def _first_line(error: Exception) -> str:
    return next(iter(str(error).splitlines()), type(error).__name__)
