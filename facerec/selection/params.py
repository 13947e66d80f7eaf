"""The section `select` of params.yaml."""

from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import Field, NonNegativeInt, PositiveInt, field_validator, model_validator

from facerec.params import Params
from facerec.selection.criteria import Criterion
from facerec.selection.sizes import REST, ImagesPerPerson, Share, Size, SizeOrRest

AUDIT_FILE = Path("data/audit.csv")


class OpensetParams(Params):
    query_people: SizeOrRest
    distractor_people: SizeOrRest
    images_per_person: PositiveInt  # at most
    seed: NonNegativeInt


class SelectParams(Params):
    strategy: str  # an entry of strategies
    strategies: dict[str, list[Criterion]]
    max_hash_distance: NonNegativeInt  # bits, of 256, between the hashes of near duplicates
    people: PositiveInt | Share | Literal["rest"]
    images_per_person: ImagesPerPerson
    val_per_person: PositiveInt | Share  # of those
    allow_rejected: bool  # to people with too few photographs that keep to the bounds
    strata: list[str]  # attributes; people are drawn in their proportions
    wild_per_person: Size  # set aside before any criterion, never trained on
    openset: OpensetParams  # people set aside before any criterion
    exclude: str  # CSV of image_ids that a person has reviewed and rejected
    on_bad_image: Literal["drop", "fail"]  # at an unreadable photograph
    max_dropped: Annotated[float, Field(ge=0, le=100)]  # % of the photographs; more is an error
    seed: NonNegativeInt

    @field_validator("strategies")
    @classmethod
    def _name_criteria_once(
        cls, strategies: dict[str, list[Criterion]]
    ) -> dict[str, list[Criterion]]:
        for strategy, criteria in strategies.items():
            names = [criterion.name for criterion in criteria]
            if repeated := [name for name in names if names.count(name) > 1]:
                raise ValueError(
                    f"{strategy}: expected each criterion once, got {repeated[0]} again"
                )
        return strategies

    @field_validator("exclude")
    @classmethod
    def _is_reviewed(cls, path: str) -> str:
        if Path(path) == AUDIT_FILE:
            raise ValueError(
                f"{AUDIT_FILE} is made from what select chose, so select cannot wait for it: "
                f"review it, and name a file that git tracks, such as profiles/reviewed.csv"
            )
        return path

    @model_validator(mode="after")
    def _knows_its_strategy(self) -> Self:
        if self.strategy not in self.strategies:
            known = ", ".join(self.strategies)
            raise ValueError(f"strategy: {self.strategy!r} is not among select.strategies: {known}")
        return self

    @model_validator(mode="after")
    def _has_one_rest(self) -> Self:
        sizes = (self.people, self.openset.query_people, self.openset.distractor_people)
        if sizes.count(REST) > 1:
            raise ValueError(
                "people, openset.query_people, openset.distractor_people: expected rest at one of "
                "them at most"
            )
        return self

    @model_validator(mode="after")
    def _leaves_something_to_train_on(self) -> Self:
        val, images = self.val_per_person, self.images_per_person
        if isinstance(val, int) and isinstance(images, int) and val >= images:
            raise ValueError(
                f"val_per_person ({self.val_per_person}) must be less than images_per_person "
                f"({self.images_per_person}): the others are trained on"
            )
        return self
