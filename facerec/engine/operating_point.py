"""Thresholds on cosines, and what they were measured on. They are stored beside a model."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from facerec.files import write_bytes
from facerec.metrics.logistic import Calibration
from facerec.metrics.operating_points import OPERATING_FPRS

COUNTS = ("people", "photographs", "same_pairs", "different_pairs")
COUNTS_OF_SEARCH = ("searches", "gallery_people")
CALIBRATION = ("calibration_slope", "calibration_intercept")


class OperatingPoint(BaseModel):
    """From which cosine on two faces are one person, and how often that is wrong.

    In a search a stranger is compared with everybody, so that a threshold for pairs would name many
    of them: a search has its own threshold. What was not measured is None.

    Attributes:
        verify_threshold: cosine above which a pair counts as one person.
        verify_fpr: share of different-person pairs above it, with its 95 % interval.
        tpr: share of same-person pairs above it, with interval.
        search_threshold: cosine above which the best candidate of a search is named.
        search_fpir: share of strangers whose best candidate is above it, with interval.
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
    fpr_low: float | None = None
    fpr_high: float | None = None
    tpr: float | None = None
    tpr_low: float | None = None
    tpr_high: float | None = None
    search_threshold: float | None = None
    search_fpir: float | None = Field(None, alias="fpir")
    fpir_low: float | None = None
    fpir_high: float | None = None
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
    def measured(
        cls,
        values: Mapping[str, float],
        fpr: float,
        fpir: float,
        collection: str,
        fingerprint: str | None = None,
    ) -> Self:
        """Returns the operating point at rates that were chosen.

        A search that has too few searches for `fpir` has no threshold.

        Args:
            values: `evaluation.open_set.OpenSet.thresholds`.
            fpr: of pairs, one of OPERATING_FPRS.
            fpir: of searches, likewise.
            collection: as in the class.
            fingerprint: likewise.

        Raises:
            KeyError: `values` has no threshold for `fpr`.
        """
        pair, search = _rate_name(fpr), _rate_name(fpir)
        shares = {"tpr": f"tpr_at_fpr_{pair}", "fpr": f"fpr_{pair}"}
        if has_search := f"search_threshold_at_fpir_{search}" in values:
            shares |= {"found": f"found_at_fpir_{search}", "fpir": f"fpir_{search}"}
        content: dict[str, float | str | None] = {
            "fpr": fpr,
            "cosine_threshold": values[f"threshold_at_fpr_{pair}"],
            "tpr": values.get(shares["tpr"]),
            "collection": collection,
            "fingerprint": fingerprint,
        }
        if has_search:
            content |= {
                "fpir": fpir,
                "search_threshold": values[f"search_threshold_at_fpir_{search}"],
                "found": values.get(shares["found"]),
            }
        for name, key in shares.items():
            content |= {f"{name}{end}": values.get(f"{key}{end}") for end in ("_low", "_high")}
        copied = [*COUNTS, *(COUNTS_OF_SEARCH if has_search else ()), *CALIBRATION]
        return cls.from_values(content | {name: values.get(name) for name in copied})

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
            f"of strangers exceed{self._fpir_interval} in a gallery of {self.gallery_people} "
            f"people, measured on {self.measured_on}; a larger gallery names more of them"
        )

    @property
    def _fpir_interval(self) -> str:
        if self.fpir_low is None or self.fpir_high is None:
            return ""
        return f" (95 % interval {self.fpir_low:.1%} to {self.fpir_high:.1%})"

    def probability(self, cosines: np.ndarray) -> np.ndarray | None:
        """Returns the probability that each pair is one person, where a pair is as likely as not.

        None if the calibration was not measured.

        Args:
            cosines: of any shape.
        """
        if self.slope is None or self.intercept is None:
            return None
        return Calibration(self.slope, self.intercept).probability(np.asarray(cosines, float))


def _rate_name(rate: float) -> str:
    return next(name for name, each in OPERATING_FPRS.items() if each == rate)
