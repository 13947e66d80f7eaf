import json
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from commands import as_command

from facerec import tables
from facerec.annotation_names import LANDMARKS
from facerec.imaging.io import write_image
from tools.profile import composed

ROOT = Path(__file__).parents[2]
ERRORS = {"nme": 4.0, "nme_jittered": 5.0, "nme_mean_shape": 30.0, "nme_jittered_mean_shape": 40.0}


@pytest.fixture
def folder(tmp_path):
    """Returns a folder as the first run leaves it; each person has one brightness."""
    shutil.copytree(ROOT / "profiles", tmp_path / "profiles")
    (tmp_path / "params.yaml").write_text(composed("first_run"))
    (tmp_path / "docs/results").mkdir(parents=True)
    (tmp_path / "metrics").mkdir()
    (tmp_path / "data/aligned_5").mkdir(parents=True)
    values = {"val_top1": 0.5, "val_top1_low": 0.25, "val_top1_high": 0.75, "val_top1_sd": 0.01}
    for name in ("ce", "arcface"):
        evaluation = tmp_path / f"data/evaluations/{name}"
        evaluation.mkdir(parents=True)
        (evaluation / "metrics.json").write_text(json.dumps(values))
    frontal = {key.replace("nme", "nme_frontal"): value / 2 for key, value in ERRORS.items()}
    counts = {"faces": 240, "frontal_faces": 208}
    (tmp_path / "data/hourglass.json").write_text(json.dumps({**ERRORS, **frontal, **counts}))
    for split, shades in {"train": (50, 150), "val": (60, 40)}.items():
        _write_split(tmp_path / "data", split, shades)
    return tmp_path


def _write_split(data: Path, split: str, shades: tuple[int, ...]) -> None:
    names = [f"{split}_{shade}.jpg" for shade in shades]
    columns = dict.fromkeys([*LANDMARKS, *tables.BOX], 1.0)
    labels = list(range(len(shades)))
    frame = pd.DataFrame({"image_id": names, "person_id": labels, "label": labels})
    tables.write(frame.assign(**columns), data / f"{split}.csv", tables.SELECTED)
    for name, shade in zip(names, shades, strict=True):
        write_image(data / "aligned_5" / name, np.full((8, 8, 3), shade, np.uint8))


def test_written_tables_have_intervals_and_seeds_and_the_nearest_neighbour(folder):
    result = as_command(folder, "tools.results", "--write")
    assert result.returncode == 0, result.stderr
    page = (folder / "docs/results/first_run.md").read_text()
    assert "| arcface | 50.0 ± 1.0 (25.0–75.0) | – | – | – | – |" in page
    assert "| frontal | 2.00 | 2.50 | 15.0 | 20.0 |" in page
    assert "| all | 4.00 | 5.00 | 30.0 | 40.0 |" in page
    assert "50.0 % of val by raw pixels" in page  # the first person's face, not the second's
    assert "parameters: first_run, commit" in page and "seeds of the recognisers: 1" in page


def test_printed_rows_end_with_the_next_commands(folder):
    result = as_command(folder, "tools.results")
    assert result.returncode == 0, result.stderr
    assert "frontal faces 2.0 (mean shape 15.0), in jittered boxes 2.5" in result.stdout
    assert "50.0 %" in result.stdout
    assert "dvc exp run -n ce -S publish.recognizer=ce" in result.stdout


def test_the_reports_path_comes_last(folder):
    path = folder / "metrics/report.html"
    path.write_text("")
    result = as_command(folder, "tools.results")
    assert result.stdout.splitlines()[-1] == str(path)


def test_a_missing_result_is_told_in_one_line(folder):
    (folder / "data/hourglass.json").unlink()
    result = as_command(folder, "tools.results")
    assert result.returncode == 1 and "data/hourglass.json" in result.stderr
