"""Made-up faces for galleries."""

from pathlib import Path

import numpy as np

from facerec.gallery.records import NewFace

DIM = 8


def unit_vectors(count: int, rng: np.random.Generator, dim: int = DIM) -> np.ndarray:
    """Returns random vectors (count, dim) of length 1, float32."""
    vectors = rng.normal(size=(count, dim)).astype("f4")
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def new_face(name: str, number: int, vector: np.ndarray | None = None) -> NewFace:
    """Returns a face on a photograph of its own for each number."""
    if vector is None:
        vector = unit_vectors(1, np.random.default_rng(number))[0]
    return NewFace(
        name=name,
        photograph=Path(f"/photographs/{number}.jpg"),
        sha256=f"{number:064x}",
        box=np.array([10.0, 20.0, 30.0, 40.0]),
        points=np.arange(10.0).reshape(5, 2),
        embedding=vector,
        thumbnail=b"\xff\xd8thumbnail of %06d" % number,
    )
