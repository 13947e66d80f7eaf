"""Names for faces: the nearest people of a gallery, or nobody below the threshold."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from facerec.commands.output import percent
from facerec.engine.faces import Face
from facerec.engine.operating_point import OperatingPoint
from facerec.gallery.search import Candidate, Search

UNKNOWN = "unknown"
PERCENTAGES = (
    "a percentage says how many of 100 pairs of faces with such a cosine show one person, where "
    "half of all pairs do"
)


@dataclass(frozen=True)
class Likeness:
    """Somebody whom a face resembles.

    Attributes:
        candidate: the person, and the cosine.
        probability: that the face shows this person, where yes is as likely as no before one looks;
            None if the model is not calibrated.
    """

    candidate: Candidate
    probability: float | None

    @property
    def amount(self) -> str:
        """How alike the two are: a probability or, without a calibration, a cosine."""
        if self.probability is None:
            return f"cosine {self.candidate.cosine:.3f}"
        return percent(self.probability)

    def values(self) -> dict[str, Any]:
        """Returns what JSON holds."""
        return {
            "name": self.candidate.name,
            "person_id": self.candidate.person_id,
            "face_id": self.candidate.face_id,
            "cosine": round(self.candidate.cosine, 6),
            "probability": rounded(self.probability),
        }


@dataclass(frozen=True)
class NamedFace:
    """A face, and who it may be.

    Attributes:
        face: that was found.
        nearest: the people whom it resembles most, the nearest first; None if it was compared with
            nobody.
        threshold: the cosine above which the nearest person is named; None names nobody.
    """

    face: Face
    nearest: list[Likeness] | None = None
    threshold: float | None = None

    @property
    def is_known(self) -> bool:
        """Whether the nearest person is near enough to be named."""
        if not self.nearest or self.threshold is None:
            return False
        return self.nearest[0].candidate.cosine > self.threshold

    @property
    def best(self) -> Likeness | None:
        """The person whom the face shows, None for somebody unknown."""
        return self.nearest[0] if self.is_known and self.nearest else None

    @property
    def name(self) -> str | None:
        """The person's name, None for somebody unknown."""
        return self.best.candidate.name if self.best else None

    @property
    def caption(self) -> str:
        """The name with its probability, or `unknown`; nothing if nobody was asked."""
        if self.nearest is None:
            return ""
        return f"{self.name}  {self.best.amount}" if self.best else UNKNOWN

    @property
    def line(self) -> str:
        """The box, the name, its probability, and the next candidates with their cosines.

        Only a name has a probability. That of a candidate is of the pair alone, and may be 90 % and
        yet be a stranger's: of hundreds of people, somebody resembles the face.
        """
        if not self.face.usable:
            return f"{box_text(self.face)}  {UNKNOWN}  its points are not those of a face"
        others = [one.candidate for one in (self.nearest or [])[self.is_known :]]
        rest = ", ".join(f"{one.name} {one.cosine:.3f}" for one in others)
        if not rest:
            candidates = ""
        elif self.is_known or self.threshold is None:
            candidates = f"{'next' if self.is_known else 'nearest'} by cosine: {rest}"
        else:
            candidates = f"nearest by cosine: {rest}; a name needs {self.threshold:.3f}"
        return "  ".join(filter(None, [box_text(self.face), self.caption, candidates]))

    def values(self) -> dict[str, Any]:
        """Returns what JSON holds."""
        if self.nearest is None:
            return face_values(self.face)
        return {
            **face_values(self.face),
            "name": self.name,
            "probability": rounded(self.best.probability) if self.best else None,
            "candidates": [one.values() for one in self.nearest],
        }


@dataclass(frozen=True)
class Namer:
    """Names faces by a gallery.

    Attributes:
        search: in the gallery.
        point: thresholds and calibration of the model; None if they were not measured.
        wanted: cosine from which a face is named; None takes the model's, and without one nobody
            is named.
        candidates: people for each face.
    """

    search: Search
    point: OperatingPoint | None
    wanted: float | None
    candidates: int

    @property
    def threshold(self) -> float | None:
        """The cosine above which a face is named; None names nobody."""
        measured = self.point.name_threshold if self.point else None
        return measured if self.wanted is None else self.wanted

    def __call__(self, photographs: Sequence[list[Face]]) -> list[list[NamedFace]]:
        """Returns who the faces of some photographs are."""
        faces = [face for photograph in photographs for face in photograph]
        if not faces:
            return [[] for _ in photographs]
        found = self.search.nearest(np.stack([face.embedding for face in faces]), self.candidates)
        named = iter([self._named(*pair) for pair in zip(faces, found, strict=True)])
        return [[next(named) for _ in photograph] for photograph in photographs]

    def _named(self, face: Face, candidates: list[Candidate]) -> NamedFace:
        cosines = np.array([one.cosine for one in candidates])
        probabilities = self.point.probability(cosines) if self.point else None
        likely = [None] * len(cosines) if probabilities is None else probabilities.tolist()
        nearest = [Likeness(*pair) for pair in zip(candidates, likely, strict=True)]
        return NamedFace(face, nearest, self.threshold)

    @property
    def sentence(self) -> str:
        """Who is named, and how often that is wrong, to be printed below names."""
        if self.wanted is not None:
            return f"named above a cosine of {self.wanted:g}, as --threshold says"
        if self.point is None:
            return (
                "nobody is named: no threshold was measured for this model; `facerec calibrate` "
                "measures one, or --threshold sets one"
            )
        sentence = self.point.search_sentence
        return sentence if self.point.slope is None else f"{sentence}\n{PERCENTAGES}"

    def values(self) -> dict[str, Any]:
        """Returns what JSON says of the threshold."""
        return {
            "threshold": self.threshold,
            "measured": self.point.values() if self.point else None,
            "sentence": self.sentence,
        }


def face_values(face: Face) -> dict[str, Any]:
    """Returns what JSON holds of a face."""
    points = [[rounded(x, 2), rounded(y, 2)] for x, y in face.points.tolist()]
    return {
        "box": [round(value, 2) for value in face.box.tolist()],
        "score": round(face.score, 4),
        "points": points,
        "usable": face.usable,
    }


def box_text(face: Face) -> str:
    """Returns a box in whole px: x, y, width and height."""
    x, y, width, height = (round(value) for value in face.box.tolist())
    return f"[{x} {y} {width} {height}]"


def rounded(value: float | None, digits: int = 6) -> float | None:
    """Returns a number for JSON, which has no NaN; None for what was not measured."""
    return None if value is None or not np.isfinite(value) else round(float(value), digits)
