"""What a public model reaches on the same exams: the figures that ours can be compared with.

python -m experiments.reference experiments/sface.yaml . ../cfp

Each folder is a repository after `dvc repro`; its trained recognisers are measured beside the
reference. One after `dvc repro select` alone has no landmarks found by the hourglass: there the
collection's own points align the faces, and nothing of ours is measured.
"""

import tempfile
from pathlib import Path
from typing import Annotated

import pandas as pd
from typer import Argument, run

from facerec import tables
from facerec.annotation_names import LANDMARKS
from facerec.evaluation.closed_set import mean_and_sd
from facerec.evaluation.comparison import recognizers_table
from facerec.evaluation.params import EvaluateParams, PublishParams
from facerec.evaluation.recognizer_results import evaluate_recognizer
from facerec.files import write_bytes
from facerec.params import PARAMS_FILE, read_yaml
from facerec.recognition import references
from facerec.recognition.embedders import load_embedders, read_faces
from facerec.recognition.params import RecognizerParams, ReferenceEntry, load_entry
from tools.machine import commit, describe

PAGE = Path("docs/results/reference.md")
SPLITS = {
    "train": tables.SELECTED,
    "val": tables.SELECTED,
    "wild": tables.SELECTED,
    "openset": tables.OPENSET,
}
FOUND = "the points that the hourglass found"
ANNOTATED = "the collection's own points, for want of a trained hourglass"


def main(
    entry_file: Annotated[Path, Argument(help="a YAML file with an entry of `recognizers`")],
    folders: Annotated[list[Path], Argument(help="repositories with a run")],
) -> None:
    """Writes docs/results/reference.md: the reference, and ours where there are any."""
    name = next(iter(read_yaml(entry_file)["recognizers"]))
    entry = load_entry(name, entry_file)
    if not isinstance(entry, ReferenceEntry):
        raise ValueError(f"{entry_file}: {name}: expected a reference, with `type: onnx`")
    lines = [
        "# Reference",
        "",
        f"What a public model reaches on our exams: `{name}` of `{entry_file}`.",
        f"`python -m experiments.reference {entry_file} …` has written this page; a reference is "
        "scored by prototypes alone.",
        "",
        *(f"- {line}" for line in describe() if not line.startswith("parameters")),
        f"- commit {commit()}",
    ]
    for folder in folders:
        lines += ["", *_section(name, entry, folder)]
    write_bytes(PAGE, "\n".join([*lines, ""]).encode())
    print(f"written to {PAGE}")


def _section(name: str, entry: ReferenceEntry, folder: Path) -> list[str]:
    """Returns the lines about one collection."""
    data = folder / "data"
    frames = {split: tables.read(data / f"{split}.csv", table) for split, table in SPLITS.items()}
    found = data / "predicted_landmarks.csv"
    with tempfile.TemporaryDirectory() as scratch:
        points = found if found.exists() else _annotated(frames, Path(scratch))
        people = frames["train"].drop_duplicates("label").sort_values("label").person_id.tolist()
        references.install(name, entry, people, Path(scratch))
        models = {folder.name: folder for folder in sorted(folder.glob("models/recognizers/*"))}
        values = {
            each: _measure(each_folder, folder, frames, points)
            for each, each_folder in {**models, name: Path(scratch)}.items()
        }
    counts = {split: len(frame) for split, frame in frames.items()}
    return [
        f"## `{read_yaml(folder / PARAMS_FILE)['dataset']['images']}`",
        "",
        f"{len(people)} people with {counts['train']} photographs to train on, or to make "
        f"prototypes of; {counts['val']} in val, {counts['wild']} in wild, {counts['openset']} in "
        f"the open set. Aligned by {FOUND if found.exists() else ANNOTATED}.",
        "",
        *recognizers_table(values),
    ]


def _annotated(frames: dict[str, pd.DataFrame], folder: Path) -> Path:
    """Returns a PREDICTED table with the annotated points of all photographs."""
    table = pd.concat(frames.values())[["image_id", *LANDMARKS]]
    table[[*tables.PREDICTED.numbers]] = 1.0
    tables.write(table, folder / "points.csv", tables.PREDICTED)
    return folder / "points.csv"


def _measure(
    models: Path, folder: Path, frames: dict[str, pd.DataFrame], points: Path
) -> dict[str, float]:
    """Returns the metrics of the recognisers in a folder, the mean over seeds."""
    params = EvaluateParams.load("evaluate", folder / PARAMS_FILE)
    fpr = PublishParams.load("publish", folder / PARAMS_FILE).fpr
    seeds = RecognizerParams.load("recognizer", folder / PARAMS_FILE).seeds
    networks = load_embedders(models, seeds)
    aligned = folder / f"data/aligned_{networks[0].config.alignment}"
    faces = {
        split: read_faces(networks[0], aligned, folder / "data/photographs", points, frame)
        for split, frame in frames.items()
    }
    return mean_and_sd([evaluate_recognizer(each, faces, params, fpr).metrics for each in networks])


if __name__ == "__main__":
    run(main)
