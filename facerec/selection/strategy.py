"""How photographs are chosen: the criteria of a strategy applied to a collection, cheap ones first."""

import logging
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from facerec.annotation_names import ATTRIBUTES
from facerec.geometry import eye_distance
from facerec.selection import choice as selection
from facerec.selection import criteria, near_duplicates
from facerec.selection.choice import Funnel, Likeness
from facerec.selection.criteria import DISTINCT, DIVERSE, PIXELS, Criterion
from facerec.selection.pixel_measures import PixelMeasures, thumbs
from facerec.tables import points

log = logging.getLogger(__name__)


@dataclass
class Strategy:
    """The criteria that a collection can answer, and what they measured.

    Attributes:
        criteria: those with bounds or weights.
        attributes: of the collection.
        distinct: whether copies of photographs are left out; those of an exam's always are.
        diverse: weight by name of what photographs of a person shall be unlike in.
        copy_bits: hashes of a person's photographs that differ in fewer are of copies.
        measured: of the pixels.
        seed: of the lots.
        values: what was measured, a column a criterion, a row a photograph; NaN where none was needed; and image_id.
        copies_left_out: among the chosen people's photographs; without `distinct`, of the exam's alone.
    """

    criteria: list[Criterion]
    attributes: list[str]
    distinct: bool
    diverse: dict[str, float]
    copy_bits: int
    measured: PixelMeasures
    seed: int
    values: pd.DataFrame = field(default_factory=pd.DataFrame)
    copies_left_out: int = 0

    @classmethod
    def of(
        cls,
        entries: list[Criterion],
        attributes: list[str],
        copy_bits: int,
        measured: PixelMeasures,
        seed: int,
    ) -> "Strategy":
        """Returns the strategy, without criteria that ask for attributes that the collection does not have."""
        if unknown := [
            e.name for e in entries if e.name in ATTRIBUTES and e.name not in attributes
        ]:
            log.warning(
                "the collection has no attributes %s: these criteria do not apply",
                ", ".join(unknown),
            )
        if not attributes and any(entry.name == "diverse_attributes" for entry in entries):
            log.warning(
                "the collection has no attributes: diverse_attributes does not apply, a lot decides"
            )
        special = (DISTINCT, *DIVERSE, *unknown)
        diverse = {e.name: float(e.weight or 0) for e in entries if e.name in DIVERSE}
        measuring = [entry for entry in entries if entry.name not in special]
        distinct = any(entry.name == DISTINCT for entry in entries)
        return cls(measuring, attributes, distinct, diverse, copy_bits, measured, seed)

    @property
    def measuring(self) -> list[Criterion]:
        """Returns all that has values: the criteria, and at last, if copies are left out, how near the nearest is."""
        nearest = Criterion.model_construct(name=DISTINCT, at_least=self.copy_bits)
        return [*self.criteria, nearest] if self.distinct else self.criteria

    @property
    def of_pixels(self) -> list[Criterion]:
        return [criterion for criterion in self.criteria if criterion.name in PIXELS]

    @property
    def cheap(self) -> list[Criterion]:
        return [criterion for criterion in self.criteria if criterion.name not in PIXELS]

    def keep(self, frame: pd.DataFrame, least: int, funnel: Funnel) -> pd.DataFrame:
        """Returns the photographs that keep to all bounds; only what the cheap ones leave is decoded.

        Args:
            frame: all that may be chosen.
            least: people who are left with fewer after the cheap criteria are not looked at.
            funnel: takes the counts.
        """
        names = [criterion.name for criterion in self.cheap]
        self.values = criteria.of_table(names, frame).assign(image_id=frame.image_id)
        kept = selection.keep(frame, self.cheap, self.values, funnel)
        if not self.of_pixels:
            return kept
        if least:
            kept = selection.enough_photographs(kept, least, funnel, "people_worth_decoding")
        pixels = self.measured.of(kept)[[criterion.name for criterion in self.of_pixels]]
        self.values = self.values.join(pixels)
        return selection.keep(kept, self.of_pixels, self.values, funnel)

    def ordered(
        self, wanted: pd.DataFrame, kept: np.ndarray, exam: pd.DataFrame, fill_up: bool
    ) -> pd.DataFrame:
        """Returns photographs in the order in which each person's are to be taken.

        First those kept, the best or most unlike first; to fill up, for people who have too few of them, the rejected,
        the nearest to the bounds first, and at last the copies among all these. Copies of the exam's are never taken.

        Args:
            wanted: photographs of the chosen people.
            kept: (N,) which of them keep to all bounds.
            exam: photographs of which none may be a copy.
            fill_up: whether those that do not are better than none.
        """
        apart, from_exam = self._nearest(wanted, kept, exam)
        of_exam = from_exam < self.copy_bits
        usable, copied = ~of_exam, (apart < self.copy_bits) & self.distinct
        self.copies_left_out = int((of_exam | copied).sum())
        if self.distinct:
            self.values[DISTINCT] = pd.Series(apart, index=wanted.index)
        good = self._preferred(wanted[kept & usable & ~copied])
        if not fill_up:
            return good
        rejected = wanted[~kept & usable & ~copied]
        nearest_first = selection.least_offending(
            rejected, self.criteria, self._with_pixels(rejected)
        )
        return pd.concat([good, nearest_first, wanted[usable & copied]])

    def _with_pixels(self, frame: pd.DataFrame) -> pd.DataFrame:
        """Returns the values of photographs, with those of pixels where a cheap criterion had rejected them before."""
        if not self.of_pixels:
            return self.values
        names = [criterion.name for criterion in self.of_pixels]
        return self.values.loc[frame.index].assign(**self.measured.of(frame)[names])

    def filled_up(self, selected: pd.DataFrame) -> int:
        """Returns how many of the photographs do not keep to the bounds."""
        values = self.values.set_index("image_id").loc[selected.image_id].set_axis(selected.index)
        return len(selected) - len(selection.keep(selected, self.criteria, values, Funnel()))

    def _nearest(
        self, wanted: pd.DataFrame, kept: np.ndarray, exam: pd.DataFrame
    ) -> tuple[np.ndarray, np.ndarray]:
        """Returns in how many bits photographs (N,) differ from the nearest better one, and from the nearest exam's."""
        everything = pd.concat([exam, wanted])
        faces = self.measured.of(everything)
        people, hashes = everything.person_id.to_numpy(), faces.hash.to_numpy()
        fixed = np.arange(len(everything)) < len(exam)
        good = np.concatenate([np.ones(len(exam), bool), kept])
        detail = faces.sharpness.fillna(-1).to_numpy()
        order = np.lexsort(
            [everything.image_id, -eye_distance(points(everything)), -detail, ~good, ~fixed]
        )
        found = np.zeros((2, len(everything)))
        found[:, order] = near_duplicates.nearest(
            people[order], hashes[order], self.copy_bits, fixed[order]
        )
        return found[0, len(exam) :], found[1, len(exam) :]

    def _preferred(self, frame: pd.DataFrame) -> pd.DataFrame:
        bonus = selection.scores(frame, self.criteria, self.values)
        return selection.preference(frame, self._likenesses(frame), bonus, self.seed)

    def _likenesses(self, frame: pd.DataFrame) -> list[Likeness]:
        """Returns what the wanted kinds of diversity are measured on; attributes that are not there tell nothing."""
        found = []
        if self.attributes and (weight := self.diverse.get("diverse_attributes")):
            features = frame[self.attributes].to_numpy(np.int16)
            found.append(Likeness(features, weight / (2 * len(self.attributes))))
        if weight := self.diverse.get("diverse_pixels"):
            faces = self.measured.of(frame)
            readable = (faces.thumb != "").to_numpy()
            features = np.zeros((len(frame), 1))
            if readable.any():
                seen = thumbs(faces[readable])
                features = np.zeros((len(frame), seen.shape[1]))
                features[readable] = seen
            found.append(Likeness(features, weight / features.shape[1]))
        return found
