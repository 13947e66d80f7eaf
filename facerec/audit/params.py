"""The section `audit` of params.yaml, apart from the stage: to check it takes no torch."""

from typing import Annotated

from pydantic import Field, NonNegativeInt, PositiveInt

from facerec.params import Params
from facerec.recognition.params import RecognizerEntry

Odds = Annotated[float, Field(ge=1)]
Share = Annotated[float, Field(ge=0, le=1)]


class AuditParams(Params):
    runs: list[str]  # one stage for each; empty: no such stage
    folds: Annotated[int, Field(ge=2)]
    pixels: PositiveInt  # side of the faces that its recognisers see
    epochs: PositiveInt
    recognizer: RecognizerEntry
    doubtful: Odds  # how many times as probable as its own name another must be for a photograph to be listed
    certain: Odds  # … and to be excluded, not looked at
    twin_share: Share  # how alike two people must be to be listed as one
    seed: NonNegativeInt
