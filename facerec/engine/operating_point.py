"""Thresholds on cosines, and what they were measured on. They are stored beside a model."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from facerec.files import write_bytes
from facerec.metrics.logistic import Calibration


class OperatingPoint(BaseModel):
    """From which cosine on two faces are one person, and how often that is wrong.

    In a search a stranger is compared with everybody, so that a threshold for pairs would name many
    of them: a search has its own threshold. What was not measured is None.

    Attributes:
        verify_threshold: cosine above which a pair counts as one person.
        verify_fpr: share of different-person pairs above it.
        tpr: share of same-person pairs above it, with its 95 % interval.
        search_threshold: cosine above which the best candidate of a search is named.
        search_fpir: share of strangers whose best candidate is above it.
        gallery_people: in the gallery that it was measured with. More people name more strangers.
        found: share of searches for somebody in the gallery that name this person, with interval.
        slope: of the calibration, see `metrics.calibration.Calibration`.
        intercept: likewise.
        collection: what was measured on: a folder, or the name of a gallery.
        people: on its photographs.
        photographs: how many there were.
        same_pairs: of photographs, of one person.
        different_pairs: of photographs, of different people.
        searches: how many there were.
        fingerprint: of the engine that was measured; None where `publish` wrote it.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)

    verify_threshold: float = Field(alias="cosine_threshold")
    verify_fpr: float = Field(alias="fpr")
    tpr: float | None = None
    tpr_low: float | None = None
    tpr_high: float | None = None
    search_threshold: float | None = None
    search_fpir: float | None = Field(None, alias="fpir")
    gallery_people: int | None = None
    found: float | None = None
    found_low: float | None = None
    found_high: float | None = None
    slope: float | None = Field(None, alias="calibration_slope")
    intercept: float | None = Field(None, alias="calibration_intercept")
    collection: str | None = None
    people: int | None = None
    photographs: int | None = None
    same_pairs: int | None = None
    different_pairs: int | None = None
    searches: int | None = None
    fingerprint: str | None = None

    @classmethod
    def read(cls, path: Path) -> Self:
        """Returns the operating point that `publish` or `calibrate` wrote.

        Raises:
            ValueError: the file is none.
        """
        try:
            return cls.from_values(json.loads(path.read_bytes()))
        except (ValueError, RecursionError, OSError) as error:
            raise ValueError(
                f"{path}: expected the thresholds of a model: {error}; `facerec calibrate` "
                "measures them again"
            ) from None

    @classmethod
    def from_values(cls, values: Mapping[str, Any]) -> Self:
        """Returns the operating point of the values in such a file.

        Raises:
            ValueError: a key is missing, unknown or of a wrong type; the message has no path.
        """
        try:
            return cls.model_validate(values)
        except ValidationError as error:
            problem = error.errors()[0]
            where = ".".join(map(str, problem["loc"]))
            raise ValueError(f"{where}: {problem['msg'].lower()}") from None

    def values(self) -> dict[str, float | str]:
        """Returns what a file holds: all that was measured."""
        return self.model_dump(by_alias=True, exclude_none=True)

    def write(self, path: Path) -> None:
        """Writes it as JSON, whole or not at all."""
        content = json.dumps(self.values(), indent=2, ensure_ascii=False) + "\n"
        write_bytes(path, content.encode())

    @property
    def name_threshold(self) -> float:
        """The threshold of a search; where none was measured, that of a pair."""
        return self.verify_threshold if self.search_threshold is None else self.search_threshold

    @property
    def measured_on(self) -> str:
        """The photographs in a few words: "240 photographs of 20 people of data/faces"."""
        if self.photographs is None:
            return "photographs that are not recorded"
        where = f" of {self.collection}" if self.collection else ""
        return f"{self.photographs:,} photographs of {self.people:,} people{where}"

    @property
    def search_sentence(self) -> str:
        """What the threshold of a search was set for, to be printed below names."""
        if self.search_threshold is None:
            return (
                f"named above a cosine of {self.verify_threshold:.3f}, which {self.verify_fpr:.2%} "
                f"of different-person pairs exceed, measured on {self.measured_on}; in a search "
                "more strangers are named, since each is compared with everybody"
            )
        return (
            f"named above a cosine of {self.search_threshold:.3f}, which {self.search_fpir:.1%} "
            f"of strangers exceed in a gallery of {self.gallery_people} people, measured on "
            f"{self.measured_on}; a larger gallery names more of them"
        )

    def probability(self, cosines: np.ndarray) -> np.ndarray | None:
        """Returns the probability that each pair is one person, where a pair is as likely as not.

        None if the calibration was not measured.

        Args:
            cosines: of any shape.
        """
        if self.slope is None or self.intercept is None:
            return None
        return Calibration(self.slope, self.intercept).probability(np.asarray(cosines, float))
