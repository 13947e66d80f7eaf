"""The section `audit`. It imports no torch, so it can be checked fast."""

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
    review_odds: Odds  # a photograph is listed if another name is this many times as probable
    exclude_odds: Odds  # … and is suggested for exclusion from here on
    min_identity_confusion: Share  # two people are listed as one from here on
    seed: NonNegativeInt
