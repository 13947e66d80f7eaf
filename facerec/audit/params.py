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
    image_size: PositiveInt  # px, side of the faces that its recognisers see
    epochs: PositiveInt
    recognizer: RecognizerEntry
    review_odds: (
        Odds  # how many times as probable another name must be for a photograph to be listed
    )
    exclude_odds: Odds  # … and for its exclusion to be suggested
    min_identity_confusion: Share  # from which on two people are listed as one
    seed: NonNegativeInt
