"""Two photographs compared."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from facerec.commands.naming import box_text, face_values, rounded
from facerec.commands.output import percent
from facerec.engine.engine import FaceEngine
from facerec.engine.faces import Face
from facerec.engine.operating_point import OperatingPoint


@dataclass(frozen=True)
class Comparison:
    """The largest faces of two photographs, and how alike they are.

    Attributes:
        faces: the two.
        others: how many more faces each photograph shows.
        cosine: of their embeddings.
        point: thresholds and calibration of the model; None if they were not measured.
        wanted: cosine above which they count as one person; None takes the model's.
    """

    faces: tuple[Face, Face]
    others: tuple[int, int]
    cosine: float
    point: OperatingPoint | None
    wanted: float | None

    @property
    def threshold(self) -> float | None:
        """The cosine above which the two count as one person; None if it was not measured."""
        measured = self.point.verify_threshold if self.point else None
        return measured if self.wanted is None else self.wanted

    @property
    def is_same(self) -> bool | None:
        """Whether the two count as one person; None without a threshold."""
        return None if self.threshold is None else self.cosine > self.threshold

    @property
    def probability(self) -> float | None:
        """That the two are one person; None if the model is not calibrated."""
        found = self.point.probability(np.array(self.cosine)) if self.point else None
        return None if found is None else float(found)

    @property
    def sentence(self) -> str:
        """How often the answer is wrong."""
        if self.wanted is not None:
            return f"one person above a cosine of {self.wanted:g}, as --threshold says"
        if self.point is None:
            return (
                "no threshold was measured for this model; `facerec calibrate` measures one, or "
                "--threshold sets one"
            )
        return (
            f"one person above a cosine of {self.point.verify_threshold:.3f}, which "
            f"{self.point.verify_fpr:.2%} of different-person pairs exceed, measured on "
            f"{self.point.measured_on}"
        )

    @property
    def text(self) -> str:
        """The answer, and how often it is wrong, in lines."""
        answers = {True: "the same person", False: "different people", None: "no answer"}
        parts = [answers[self.is_same], f"cosine {self.cosine:.3f}"]
        if self.probability is not None:
            parts.append(f"probability of one person {percent(self.probability)}")
        lines = [": ".join([parts[0], ", ".join(parts[1:])]), self.sentence]
        for which, face, others in zip(("first", "second"), self.faces, self.others, strict=True):
            if others:
                lines.append(
                    f"the {which} photograph shows {others + 1} faces: the largest was compared, "
                    f"at {box_text(face)}"
                )
        return "\n".join(lines)

    def values(self) -> dict[str, Any]:
        """Returns what JSON holds."""
        return {
            "is_same": self.is_same,
            "cosine": rounded(self.cosine),
            "probability": rounded(self.probability),
            "threshold": self.threshold,
            "measured": self.point.values() if self.point else None,
            "sentence": self.sentence,
            "faces": [
                {**face_values(face), "other_faces": others}
                for face, others in zip(self.faces, self.others, strict=True)
            ],
        }


def compare(
    engine: FaceEngine, first: Path, second: Path, threshold: float | None = None
) -> Comparison:
    """Returns the comparison of the largest faces of two photographs.

    Args:
        engine: that finds them.
        first: a photograph.
        second: another one.
        threshold: cosine above which they count as one person; None takes the model's.

    Raises:
        ValueError: one cannot be read, or shows no face that can be compared.
    """
    faces: list[Face] = []
    others: list[int] = []
    for path, found in engine.over_files([first, second], None):
        if isinstance(found, ValueError):
            raise found
        usable = [face for face in found if face.usable]
        if not usable:
            raise ValueError(f"{path}: no face found that can be compared")
        faces.append(max(usable, key=lambda face: face.box[2] * face.box[3]))
        others.append(len(usable) - 1)
    cosine = float(faces[0].embedding @ faces[1].embedding)
    return Comparison(
        (faces[0], faces[1]), (others[0], others[1]), cosine, engine.operating_point, threshold
    )
