"""The section `detector`. It imports no OpenCV, so it can be checked fast."""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from facerec.params import PARAMS_FILE, Params

DetectorType = Literal["retinaface", "yunet", "whole_image"]


class DetectorParams(Params):
    type: DetectorType
    # px; a larger photograph is shrunk, since the time grows with the area
    long_side: Annotated[int, Field(ge=32)]
    # a face with a lower score is none
    min_score: Annotated[float, Field(gt=0, lt=1)]
    # of two boxes that overlap more (intersection over union), the one with the lower score goes
    max_overlap: Annotated[float, Field(gt=0, le=1)]
    # of yunet alone: the ONNX file and its SHA-256
    yunet_model: str
    yunet_sha256: str


class DetectParams(DetectorParams):
    runs: list[str]  # one stage for each; empty: no such stage


def load_detector_params(file: Path = PARAMS_FILE) -> DetectorParams:
    """Returns the checked section `detector`.

    Raises:
        ValueError: as `Params.load`.
    """
    return DetectParams.load("detector", file)
