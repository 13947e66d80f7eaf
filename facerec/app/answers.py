"""Faces, candidates and thresholds as they are answered."""

import base64

import numpy as np

from facerec.app import messages
from facerec.app.looking import Engine
from facerec.engine.faces import Face
from facerec.gallery.search import Candidate
from facerec.report.pictures import data_uri

PICTURE_QUALITY = 80
NOT_MEASURED = (
    "nobody is named, since no threshold was measured for this model; `facerec calibrate` "
    "measures one"
)


def found_face(face: Face, heatmaps: list[np.ndarray]) -> messages.FoundFace:
    """Returns a face without names.

    Args:
        face: of a photograph.
        heatmaps: pictures (S, S, 3) uint8 RGB, if they are wanted.
    """
    return messages.FoundFace(
        box=face.box.round(1).tolist(),
        score=face.score,
        points=face.points.round(1).tolist() if np.isfinite(face.points).all() else None,
        confidence=face.confidence if np.isfinite(face.confidence) else 0.0,
        usable=face.usable,
        aligned=data_uri(face.aligned, PICTURE_QUALITY),
        heatmaps=[data_uri(each, PICTURE_QUALITY) for each in heatmaps],
    )


def candidates(engine: Engine, found: list[Candidate]) -> list[messages.Candidate]:
    """Returns candidates with their probabilities."""
    chances = probabilities(engine, [each.cosine for each in found])
    return [
        messages.Candidate(
            person=each.person_id,
            name=each.name,
            cosine=each.cosine,
            probability=chance,
            photograph=each.face_id,
        )
        for each, chance in zip(found, chances, strict=True)
    ]


def probabilities(engine: Engine, cosines: list[float]) -> list[float | None]:
    """Returns the probability of each pair with these cosines; None where none was measured."""
    point = engine.operating_point
    found = point.probability(np.array(cosines)) if point is not None and cosines else None
    return [None] * len(cosines) if found is None else found.tolist()


def name_of(engine: Engine, found: list[Candidate]) -> str | None:
    """Returns the name of the best candidate, None for "unknown"."""
    point = engine.operating_point
    is_named = point is not None and found and found[0].cosine > point.name_threshold
    return found[0].name if is_named else None


def judgement(engine: Engine, first: Face, second: Face) -> messages.Judgement:
    """Returns whether two faces are one person."""
    cosine = float(first.embedding @ second.embedding)
    point = engine.operating_point
    return messages.Judgement(
        recogniser=recogniser_name(engine),
        cosine=cosine,
        probability=probabilities(engine, [cosine])[0],
        same=None if point is None else cosine > point.verify_threshold,
    )


def recogniser(engine: Engine, compared_with: int) -> messages.Recogniser:
    """Returns what people are told of a recogniser."""
    point = engine.operating_point
    return messages.Recogniser(
        description=engine.description,
        names_above=None if point is None else point.name_threshold,
        threshold=NOT_MEASURED if point is None else point.search_sentence,
        compared_with=compared_with,
    )


def recogniser_name(engine: Engine) -> str:
    """Returns the name of a recogniser."""
    return engine.description.get("name") or engine.description.get("model", "recogniser")


def as_text(embedding: np.ndarray) -> str:
    """Returns an embedding (E,) as little-endian float32 in base64."""
    return base64.b64encode(embedding.astype("<f4").tobytes()).decode()


def as_embeddings(texts: list[str], embedding_dim: int) -> np.ndarray:
    """Returns embeddings (N, E) float32 from `as_text`.

    Raises:
        ValueError: one is none of this size, or not finite.
    """
    try:
        contents = [base64.b64decode(text, validate=True) for text in texts]
    except ValueError:
        raise ValueError("embeddings: expected base64, as /identify gives it") from None
    if any(len(content) != 4 * embedding_dim for content in contents):
        raise ValueError(f"embeddings: expected {embedding_dim} numbers each")
    found = np.frombuffer(b"".join(contents), "<f4").reshape(len(texts), embedding_dim)
    if not np.isfinite(found).all():
        raise ValueError("embeddings: expected finite numbers")
    return found
