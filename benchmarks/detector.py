"""The detector: faces found, time by the photographs' size, recognition in its boxes.

OPENCV_CPU_DISABLE=AVX512-SKX FACEREC_WORKERS=1 python -m benchmarks.detector
python -m benchmarks.detector --only recognizer   # after make profile NAME=cfp, dvc repro

Writes sections of docs/results/detector.md and leaves the others. `found` reads data/raw/cfp and
draws faces; `recognizer` reads what the last run wrote.
"""

import hashlib
import re
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import cv2
import pandas as pd
from typer import Option, run

from benchmarks import detector_accuracy, detector_speed
from benchmarks.common import chosen
from facerec.detection.detector import make_detector
from facerec.detection.params import DetectorParams, DetectParams
from facerec.files import write_bytes
from tools.machine import describe
from tools.profile import current

PAGE = Path("docs/results/detector.md")
TITLE = "# The face detector\n\nWritten by `python -m benchmarks.detector`, section by section.\n"


def main(
    only: Annotated[list[str] | None, Option(help="found, time or recognizer")] = None,
    photographs: Annotated[int, Option(help="of each collection and size, at most")] = 1000,
    cfp: Annotated[Path, Option(help="a collection with boxes")] = Path("data/raw/cfp"),
    data: Annotated[Path, Option(help="tables and photographs of the last run")] = Path("data"),
    models: Annotated[Path, Option(help="models of the last run")] = Path("models"),
    yunet: Annotated[Path | None, Option(help="YuNet's file, to compare with")] = None,
    page: Annotated[Path, Option(help="output: Markdown")] = PAGE,
) -> None:
    """Measures the detector of params.yaml, prints the tables and writes them."""
    params = DetectParams.load("detector")
    detectors = {params.type: params, **({"yunet": of_yunet(params, yunet)} if yunet else {})}
    sections: dict[str, tuple[str, Callable[[], pd.DataFrame]]] = {
        "found": (
            "Faces found",
            lambda: detector_accuracy.found(
                {name: make_detector(one) for name, one in detectors.items()}, cfp, photographs
            ),
        ),
        "time": ("Time", lambda: detector_speed.time_by_size(params)),
        "recognizer": (
            f"Recognition, profile {current()}",
            lambda: detector_accuracy.recognition(make_detector(params), data, models),
        ),
    }
    notes = {
        "found": detector_accuracy.FOUND,
        "time": detector_speed.TIME,
        "recognizer": detector_accuracy.RECOGNITION,
    }
    for name in chosen(only, sections):
        heading, measure = sections[name]
        table = measure().to_markdown(index=False, disable_numparse=True)
        lines = [*describe(), f"OpenCV {cv2.__version__}: {cv2.getCPUFeaturesLine()}", _of(params)]
        if yunet and name == "found":
            lines.append(f"yunet: {yunet.name}, SHA-256 {detectors['yunet'].yunet_sha256}")
        machine = "\n".join(f"- {line}" for line in lines)
        text = f"{notes[name]}\n\n{table}\n\n{machine}\n"
        print(f"\n{heading}\n\n{text}")
        old = page.read_text(encoding="utf-8") if page.is_file() else TITLE
        write_bytes(page, with_section(old, heading, text).encode())


def of_yunet(params: DetectorParams, file: Path) -> DetectorParams:
    """Returns the parameters of YuNet from a file, whose hash is taken for the right one."""
    digest = hashlib.sha256(file.read_bytes()).hexdigest()
    changes = {"type": "yunet", "yunet_model": str(file), "yunet_sha256": digest}
    return params.model_copy(update=changes)


def with_section(page: str, heading: str, text: str) -> str:
    """Returns the page with this section in place of its old one, or at the end."""
    parts = re.split(r"^## ", page, flags=re.MULTILINE)
    sections = {part.split("\n", 1)[0]: part for part in parts[1:]}
    sections[heading] = f"{heading}\n\n{text}"
    return "\n## ".join(part.rstrip("\n") + "\n" for part in [parts[0], *sections.values()])


def _of(params: DetectParams) -> str:
    return (
        f"detector: {params.type}, long side at most {params.long_side} px, score at least "
        f"{params.min_score}, overlap at most {params.max_overlap}"
    )


if __name__ == "__main__":
    run(main)
