"""Write the hourglass and the published recogniser as ONNX files, for use without torch."""

import json
from pathlib import Path
from typing import Annotated

import torch
from typer import Option

from facerec.deployment.export import hourglass_file, recognizer_file
from facerec.files import write_bytes
from facerec.landmarks import hourglass
from facerec.recognition import recognizer
from stages.cli import run


def main(
    hourglass_model: Annotated[Path, Option("--hourglass", help="the hourglass")],
    model: Annotated[Path, Option(help="the published recogniser")],
    thresholds: Annotated[Path, Option(help="its published threshold and calibration")],
    hourglass_onnx: Annotated[Path, Option(help="output: crops to heatmaps of the landmarks")],
    recognizer_onnx: Annotated[Path, Option(help="output: aligned faces to embeddings")],
) -> None:
    """Write the hourglass and the published recogniser as ONNX files, for use without torch."""
    cpu = torch.device("cpu")
    write_bytes(hourglass_onnx, hourglass_file(hourglass.load(hourglass_model, cpu)))
    published = recognizer.load(model, cpu)
    write_bytes(recognizer_onnx, recognizer_file(published, json.loads(thresholds.read_bytes())))


if __name__ == "__main__":
    run(main)
