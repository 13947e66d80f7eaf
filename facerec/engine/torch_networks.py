"""Our checkpoints as an engine uses them. This is the only file of the engine that needs torch."""

from pathlib import Path
from threading import Lock

import numpy as np

from facerec import geometry
from facerec.landmarks import hourglass
from facerec.networks.devices import device
from facerec.recognition import recognizer

# The engine works in threads. Those of torch would wait for each other at each layer.
_lock = Lock()


class TorchPoints:
    """The hourglass of a checkpoint; attributes and methods are those of `networks.Points`.

    Raises:
        ValueError: the file is no such checkpoint.
    """

    def __init__(self, path: Path) -> None:
        self._network = hourglass.load(path, device())
        self.face_size = self._network.face_size
        self.box_scale = self._network.config.box_scale

    def predict(self, faces: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Returns points (N, 5, 2), px of the crops, and their confidence (N, 5)."""
        with _lock:
            return self._network.predict(faces)


class TorchEmbedder:
    """The recogniser of a checkpoint; attributes and methods are those of `networks.Embedder`.

    Raises:
        ValueError: the file is no such checkpoint.
    """

    def __init__(self, path: Path) -> None:
        self._network = recognizer.load(path, device())
        config = self._network.config
        self.image_size = config.image_size
        self.alignment: int = config.alignment
        self.target = geometry.template(config.image_size)
        self.embedding_dim = config.embedding_dim

    def embed(self, faces: np.ndarray) -> np.ndarray:
        """Returns embeddings (N, E) float32, not normalised, of faces (N, S, S, 3) uint8 RGB."""
        with _lock:
            return self._network.embed(faces).numpy()
