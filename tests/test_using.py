"""Names for faces, by the commands of the documents."""

import json
import re
import shlex
from pathlib import Path

import yaml
from collections_drawn import face, write_people
from commands import as_command
from fisherfaces import fisherfaces

from facerec.engine.load import calibrated

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs/using.md").read_text()
PIXELS = 32  # side of the model's faces
HOLIDAY = [(0, 12), (3, 12), (3, 13), (12, 0), (12, 1), (8, 13)]  # person and photograph
LATER = (12, 2)
# What another model gives otherwise: who comes next, percentages, cosines, what was measured.
OF_THE_MODEL = [
    (r"  (next|nearest) by cosine: .*", r"  \1"),
    (r"[<>]?\d+ %", "%"),
    (r"\d+\.\d+%?", "number"),
    (r"gallery of \d+ people", "gallery"),
    (r"measured on .*? of [^ ;]+(;|$)", r"measured\1"),
]


def write_model(models: Path) -> None:
    """Writes a model that knows drawn faces as the published one."""
    models.mkdir()
    model = models / "recognizer.onnx"
    model.write_bytes(fisherfaces(PIXELS))
    settings = {
        "image_size": PIXELS,
        "channels": "rgb",
        "mean": [127.5] * 3,
        "scale": [1 / 255] * 3,
        "template": "arcface",
        "alignment": 5,
        "points": "detector",
        "licence": "none",
    }
    model.with_suffix(".yaml").write_text(yaml.safe_dump({"embedder": settings}))


def write_thresholds(folder: Path) -> None:
    """Measures thresholds as one does, and then takes lower ones: ten people resolve few."""
    result = as_command(folder, "facerec", "calibrate", "photographs", "--fpr", "0.1")
    assert result.returncode == 0, result.stderr
    path = calibrated(folder / "models/recognizer.onnx")
    values = json.loads(path.read_text())
    path.write_text(json.dumps(values | {"cosine_threshold": 0.55, "search_threshold": 0.55}))


def masked(text: str) -> list[str]:
    """Returns lines without what differs from model to model."""
    for pattern, other in OF_THE_MODEL:
        text = re.sub(pattern, other, text, flags=re.MULTILINE)
    return text.splitlines()


def test_the_page_is_what_the_commands_print(tmp_path):
    write_people(tmp_path / "photographs", 10, 12)
    (tmp_path / "holiday").mkdir()
    for number, who in enumerate(HOLIDAY, 1):
        (tmp_path / f"holiday/{number}.jpg").write_bytes(face(*who).jpeg)
    (tmp_path / "later.jpg").write_bytes(face(*LATER).jpeg)
    (tmp_path / "params.yaml").write_text((ROOT / "profiles/base.yaml").read_text())
    write_model(tmp_path / "models")
    write_thresholds(tmp_path)
    blocks = "".join(re.findall(r"```console\n(.*?)```", PAGE, re.DOTALL))
    typed = 0
    for step in re.split(r"^\$ ", blocks, flags=re.MULTILINE)[1:]:
        command, _, expected = step.partition("\n")
        if "|" in command:
            continue
        result = as_command(tmp_path, *shlex.split(command))
        assert result.returncode == 0, f"{command}\n{result.stderr}"
        assert masked(result.stdout) == masked(expected), command
        typed += 1
    assert typed == 7 and (tmp_path / "named.jpg").is_file()
