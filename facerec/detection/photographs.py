"""The faces of many photographs, on all cores."""

from collections.abc import Generator, Sequence
from functools import partial
from pathlib import Path

from facerec.detection.detections import Detections, Detector
from facerec.imaging.io import read_image
from facerec.parallel import parallel_map

CHUNK_SIZE = 8  # photographs that a process is given at once
NO_FACE = "no face found"  # why a photograph that can be read is left out


def detect_faces(paths: Sequence[Path], detector: Detector) -> Generator[Detections | str]:
    """Yields the faces of each photograph, in order, or the reason why it cannot be read."""
    return parallel_map(
        partial(_detect, detector), paths, "find faces", processes=True, chunk_size=CHUNK_SIZE
    )


def _detect(detector: Detector, path: Path) -> Detections | str:
    try:
        image = read_image(path)
    except ValueError as error:
        return str(error).removeprefix(f"{path}: ")
    return detector.detect(image)
