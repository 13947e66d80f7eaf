"""Recognisers that others have trained: ONNX files, on the same exams as ours.

They have no head, so people are scored by prototypes.
"""

import hashlib
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from facerec import geometry, tables
from facerec.files import write_bytes
from facerec.imaging.arrays import stack_images
from facerec.imaging.warp import crop_faces
from facerec.parallel import in_batches, num_workers, parallel_map
from facerec.recognition.params import ReferenceEntry

if TYPE_CHECKING:
    import onnxruntime

MODEL = "model.onnx"
CONFIG = "reference.json"
ERRORS_ONLY = 3  # of onnxruntime's levels: its warnings are about files that we did not make


class ReferenceConfig(ReferenceEntry):
    """The entry with what the file and the training photographs add to it."""

    embedding_dim: int
    person_ids: list[int]  # (K,) who each label is

    @property
    def target(self) -> np.ndarray:
        """Returns where the five points lie in its faces, (5, 2), px."""
        is_arcface = self.template == "arcface"
        return geometry.template(self.image_size) if is_arcface else np.array(self.template)


class NoHead:
    """The head of a network that has none."""

    def scores(self, embeddings: Tensor) -> Tensor | None:
        """Returns None: prototypes score people instead."""
        return None


class Reference:
    """Embeddings of aligned faces by an ONNX file; used as a `Recognizer` is.

    Args:
        config: how faces are given to it.
        content: of the file.

    Raises:
        ValueError: onnxruntime cannot run it, or its input is no image; the message has no path.
    """

    def __init__(self, config: ReferenceConfig, content: bytes) -> None:
        self.config = config
        self.head = NoHead()
        self._session = _session(content)
        self._input = self._session.get_inputs()[0]
        shape = self._input.shape
        if len(shape) != 4 or 3 not in (shape[1], shape[3]):
            raise ValueError(f"expected an image of 3 channels as its input, got {shape}")
        self._channels_first = shape[1] == 3
        self._one_by_one = shape[0] == 1

    def embed(
        self, faces: np.ndarray, batch_size: int = 64, flip: bool = True, title: str | None = None
    ) -> Tensor:
        """Returns embeddings (N, E) float32, not normalised, as `Recognizer.embed` does.

        Raises:
            ValueError: the faces have another size, or the file's input has.
        """
        size = self.config.image_size
        if faces.shape[1:3] != (size, size):
            raise ValueError(
                f"expected faces of {size} px, got {faces.shape[2]} × {faces.shape[1]}"
            )
        batch_size = 1 if self._one_by_one else batch_size
        parts = [self._run(batch, flip) for batch in in_batches(faces, batch_size, title)]
        embeddings = np.concatenate(parts) if parts else np.zeros((0, self.config.embedding_dim))
        return torch.from_numpy(embeddings.astype(np.float32))

    def _run(self, faces: np.ndarray, flip: bool) -> np.ndarray:
        """Returns the embeddings of a batch, or their mean with those of the mirror images."""
        images = [faces, faces[:, :, ::-1]] if flip else [faces]
        return np.mean([self._run_once(each) for each in images], axis=0)

    def _run_once(self, faces: np.ndarray) -> np.ndarray:
        pixels = faces[..., ::-1] if self.config.channels == "bgr" else faces
        values = (pixels - np.array(self.config.mean)) * np.array(self.config.scale)
        values = values.transpose(0, 3, 1, 2) if self._channels_first else values
        inputs = {self._input.name: np.ascontiguousarray(values, np.float32)}
        try:
            output = self._session.run(None, inputs)[0]
        except Exception as error:  # onnxruntime's own types
            raise ValueError(f"it cannot run on {values.shape}: {_first_line(error)}") from None
        return output.reshape(len(faces), -1)


def _session(content: bytes) -> "onnxruntime.InferenceSession":
    import onnx  # half a second that no recogniser of ours needs
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = num_workers()
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


def install(name: str, entry: ReferenceEntry, person_ids: list[int], folder: Path) -> None:
    """Copies an entry's file and settings into a folder, after trying it on a face.

    Args:
        name: of the entry.
        entry: the entry.
        person_ids: (K,) who each label is.
        folder: output.

    Raises:
        ValueError: the file is absent or another one, or it does not fit the settings.
    """
    content = read_checked(name, entry)
    where = f"recognizers.{name}.model: {entry.model}"
    settings = entry.model_dump() | {"person_ids": person_ids, "embedding_dim": 1}
    face = np.zeros((1, entry.image_size, entry.image_size, 3), np.uint8)
    try:
        embedding = Reference(ReferenceConfig(**settings), content).embed(face)
    except ValueError as error:
        raise ValueError(f"{where}: {error}") from None
    settings["embedding_dim"] = embedding.shape[1]
    write_bytes(folder / MODEL, content)
    write_bytes(folder / CONFIG, ReferenceConfig(**settings).model_dump_json(indent=2).encode())


def read_checked(name: str, entry: ReferenceEntry) -> bytes:
    """Returns the content of an entry's file.

    Raises:
        ValueError: it is absent, or its hash is not the entry's.
    """
    try:
        content = Path(entry.model).read_bytes()
    except OSError as error:
        raise ValueError(
            f"recognizers.{name}.model: {entry.model}: {error.strerror}; put the file there, or "
            f"remove the entry"
        ) from None
    digest = hashlib.sha256(content).hexdigest()
    if digest != entry.sha256:
        raise ValueError(
            f"recognizers.{name}.sha256: {entry.model} has {digest}, expected {entry.sha256}; "
            f"if you trust this file, write its hash into the entry"
        )
    return content


def load(folder: Path) -> Reference:
    """Returns the reference that `install` put into a folder.

    Raises:
        ValueError: a file is damaged.
    """
    try:
        config = ReferenceConfig.model_validate_json((folder / CONFIG).read_bytes())
        return Reference(config, (folder / MODEL).read_bytes())
    except (ValueError, OSError) as error:
        raise ValueError(f"{folder}: damaged reference: {error}") from None


def warp_faces(
    config: ReferenceConfig, photographs: Path, predicted: Path, image_ids: pd.Series
) -> np.ndarray:
    """Returns faces (N, image_size, image_size, 3) uint8, cut from the photographs.

    Its size and template may be others than those of the pipeline's aligned faces, and an enlarged
    face has less detail. A face that cannot be aligned is black.

    Args:
        config: of the reference.
        photographs: their folder.
        predicted: a PREDICTED table, with the points that the hourglass found.
        image_ids: (N,).

    Raises:
        ValueError: a photograph is unreadable, or the table does not list it.
    """
    size = config.image_size
    if not len(image_ids):
        return np.zeros((0, size, size, 3), np.uint8)
    found = tables.read(predicted, tables.PREDICTED).set_index("image_id").reindex(image_ids)
    matrices = geometry.alignment_matrices_to(config.target, tables.points(found))
    cut = partial(_cut, photographs, size)
    work = zip(image_ids, matrices[config.alignment], strict=True)
    return stack_images(parallel_map(cut, work, "warp for the reference"), len(image_ids))


def _cut(photographs: Path, size: int, work: tuple[str, np.ndarray]) -> np.ndarray:
    image_id, matrix = work
    return crop_faces(photographs / image_id, [matrix], size)[0]
