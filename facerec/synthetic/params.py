"""The section `synthesize`. It imports no torch, so it can be checked fast."""

from typing import Annotated

from pydantic import Field, NonNegativeInt, PositiveInt

from facerec.params import Params


class SynthesizeParams(Params):
    runs: list[str]  # one stage for each; empty: no such stage
    people: PositiveInt
    photos_per_person: PositiveInt
    # probability that a photograph is tiny, blurred, in profile or covered
    flaw_prob: Annotated[float, Field(ge=0, le=1)]
    # share of the photographs that are labelled with another person
    label_noise: Annotated[float, Field(ge=0, le=0.5)]
    # share of the photographs that are altered copies of others
    duplicate_share: Annotated[float, Field(ge=0, le=0.3)]
    seed: NonNegativeInt
