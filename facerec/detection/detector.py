"""The detector that the parameters name."""

from pathlib import Path

from facerec.detection.detections import Detector
from facerec.detection.params import DetectorParams
from facerec.detection.retinaface import RetinaFace
from facerec.detection.whole_image import WholeImage
from facerec.detection.yunet import YuNet


def make_detector(params: DetectorParams) -> Detector:
    """Returns the detector that the parameters name.

    Raises:
        ValueError: its weights are absent, or are not those that it expects.
    """
    if params.type == "whole_image":
        return WholeImage()
    if params.type == "yunet":
        return YuNet(
            Path(params.yunet_model),
            params.yunet_sha256,
            params.long_side,
            params.min_score,
            params.max_overlap,
        )
    return RetinaFace(params.long_side, params.min_score, params.max_overlap)
