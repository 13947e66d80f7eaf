"""Faces that nobody knows, grouped so that a person can be named in one go."""

import numpy as np

from facerec.app import answers, messages
from facerec.app.looking import Engine
from facerec.gallery.clusters import group_faces


def groups(engine: Engine, embeddings: list[str]) -> messages.Groups:
    """Returns the faces that seem to be of one person each.

    Args:
        engine: whose embeddings they are.
        embeddings: of the faces, as `answers.as_text` writes them.

    Raises:
        ValueError: an embedding is none of this engine, or no threshold was measured for it.
    """
    point = engine.operating_point
    if point is None:
        raise ValueError(answers.NOT_MEASURED)
    vectors = answers.as_embeddings(embeddings, engine.embedding_dim)
    labels = group_faces(vectors, point.verify_threshold)
    return messages.Groups(
        groups=[np.flatnonzero(labels == group).tolist() for group in range(labels.max() + 1)]
        if len(labels)
        else [],
        alone=np.flatnonzero(labels < 0).tolist(),
    )
