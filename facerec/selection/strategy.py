"""A strategy: the criteria by which photographs are kept, and the order in which they are taken."""

import logging
from dataclasses import dataclass

import numpy as np
import pandas as pd

from facerec.annotation_names import ATTRIBUTES
from facerec.selection import criteria, steps
from facerec.selection.criteria import DIVERSE, NO_NEAR_DUPLICATES, Criterion
from facerec.selection.pixel_measures import thumbnails
from facerec.selection.steps import Features

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Strategy:
    """The criteria of a strategy that a collection can answer.

    Attributes:
        criteria: those with bounds or weights.
        no_near_duplicates: whether near duplicates are left out.
        diversity: weight by name of the criteria in DIVERSE.
        attributes: of the collection.
    """

    criteria: list[Criterion]
    no_near_duplicates: bool
    diversity: dict[str, float]
    attributes: list[str]

    @classmethod
    def of(cls, entries: list[Criterion], attributes: list[str]) -> "Strategy":
        """Returns the strategy without criteria about attributes that the collection lacks."""
        names = [entry.name for entry in entries]
        unknown = [name for name in names if name in ATTRIBUTES and name not in attributes]
        if unknown:
            log.warning(
                "the collection has no attributes %s: these criteria do not apply",
                ", ".join(unknown),
            )
        if not attributes and "diverse_attributes" in names:
            log.warning("the collection has no attributes: diverse_attributes does not apply")
        special = {NO_NEAR_DUPLICATES, *DIVERSE, *unknown}
        return cls(
            criteria=[entry for entry in entries if entry.name not in special],
            no_near_duplicates=NO_NEAR_DUPLICATES in names,
            diversity={e.name: float(e.weight or 0) for e in entries if e.name in DIVERSE},
            attributes=attributes,
        )

    def values(self, frame: pd.DataFrame, measures: pd.DataFrame) -> pd.DataFrame:
        """Returns the value of each criterion for each photograph, with the frame's index."""
        return criteria.values_of([entry.name for entry in self.criteria], frame, measures)

    def preferred(
        self, frame: pd.DataFrame, values: pd.DataFrame, measures: pd.DataFrame, seed: int
    ) -> pd.DataFrame:
        """Returns photographs sorted by person, each person's in the order of preference."""
        bonus = steps.scores(frame, self.criteria, values)
        return steps.preference(frame, self._features(frame, measures), bonus, seed)

    def _features(self, frame: pd.DataFrame, measures: pd.DataFrame) -> list[Features]:
        """Returns the features in which a person's photographs should differ."""
        features = []
        weight = self.diversity.get("diverse_attributes")
        if weight and self.attributes:
            signs = frame[self.attributes].to_numpy(np.int16)
            features.append(Features(signs, weight / (2 * signs.shape[1])))
        weight = self.diversity.get("diverse_pixels")
        if weight:
            pixels = thumbnails(measures.loc[frame.index])
            features.append(Features(pixels, weight / pixels.shape[1]))
        return features
