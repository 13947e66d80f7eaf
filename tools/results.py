"""Say what the last run gave and what to try next; with --write, write its tables."""

import sys
from pathlib import Path
from typing import Any

from facerec.evaluation.comparison import cell
from facerec.files import write_bytes
from facerec.params import PARAMS_FILE, read_yaml
from facerec.recognition.params import is_reference
from stages.cli import read_metrics
from tools.machine import describe
from tools.profile import current

PRINTED = {"val_top1": "val top-1", "wild_top1": "wild top-1", "openset_auc": "open set AUC"}
WRITTEN = {
    "val_top1": "val top-1",
    "wild_top1": "wild top-1",
    "openset_auc": "open set: AUC",
    "openset_tpr_at_fpr_1e-2": "TPR at FPR 1e-2",
    "identification_rate_at_fpr_1e-2": "identification rate at FPR 1e-2",
}
REPORT = Path("metrics/comparison.md")
HTML_REPORT = Path("metrics/report.html")
RESULTS = Path("docs/results")
NEXT = """Where to look: {report}: which recogniser is better, by how much, and what it gets wrong

Try next (after `source .venv/bin/activate`):
  {plots:<49} curves, ROC, confusion, contact sheets
  {other:<49} publish {name}, then: dvc metrics diff"""
NEXT_OF_DRAWN = """  {own:<49} your photographs, then: make profile NAME=own, dvc repro"""

PAGE = """# Results of the profile {profile}

Written by `make results` after `make repro`.

{machine}
- seeds of the recognisers: {seeds}

## Recognisers

In %, with 95 % intervals over people.

{recognizers}

The nearest neighbour on pixels of the same faces (`{aligned}`) learns nothing. It recognises
{raw:.1f} % of val by raw pixels, {normalised:.1f} % by normalised pixels.

## Landmarks

Error in % of the eye distance, on {faces} faces of people never trained on, {frontal} of them
frontal.

{landmarks}
"""


def main(write: bool) -> None:
    """Prints one row a recogniser and the next commands, or writes docs/results/<profile>.md.

    Raises:
        ValueError: a file of the last run is damaged.
        OSError: one is not there.
    """
    params = read_yaml(PARAMS_FILE)
    recognizers = {
        name: read_metrics(Path(f"data/evaluations/{name}/metrics.json"))
        for name in params["recognizers"]
    }
    hourglass = read_metrics(Path("data/hourglass.json"))
    if write:
        path = RESULTS / f"{current()}.md"
        write_bytes(path, markdown(params, recognizers, hourglass).encode())
        print(f"written to {path}")
        return
    print("\nLandmarks, error in % of the eye distance, people never seen:")
    for faces in ("", "_frontal"):
        errors = [hourglass.get(key, float("nan")) for key in _error_keys(faces)]
        print(
            f"  {'frontal' if faces else 'all'} faces {errors[0]:.1f} "
            f"(mean shape {errors[2]:.1f}), "
            f"in jittered boxes {errors[1]:.1f} (mean shape {errors[3]:.1f})"
        )
    print(f"\n{'recogniser':<20}" + "".join(f"{title:>14}" for title in PRINTED.values()))
    for name, values in recognizers.items():
        shown = (f"{100 * values[key]:.1f} %" if key in values else "–" for key in PRINTED)
        print(f"{name:<20}" + "".join(f"{text:>14}" for text in shown))
    published = params["publish"]["recognizer"]
    trained = [name for name, entry in params["recognizers"].items() if not is_reference(entry)]
    other = next((name for name in trained if name != published), published)
    commands = {
        "plots": "dvc plots show --open",
        "other": f"dvc exp run -n {other} -S publish.recognizer={other}",
        "own": "facerec import PHOTOGRAPHS data/own",
    }
    is_drawn = bool(params["synthesize"]["runs"])
    lines = f"{NEXT}\n{NEXT_OF_DRAWN}" if is_drawn else NEXT
    print("\n" + lines.format(report=REPORT, name=other, **commands))
    if HTML_REPORT.is_file():
        print(f"\nThe report, to open in a browser (make report):\n{HTML_REPORT.resolve()}")


def markdown(
    params: dict[str, Any], recognizers: dict[str, dict[str, float]], hourglass: dict[str, float]
) -> str:
    """Returns the tables of the last run: recognisers, landmarks, nearest neighbour on pixels.

    Args:
        params: the sections of params.yaml.
        recognizers: the metrics of each recogniser, by name.
        hourglass: the metrics of the hourglass.
    """
    from tools.nearest_neighbour import top1_by_pixels  # imports torch, which takes seconds

    published = params["recognizers"][params["publish"]["recognizer"]]
    aligned = Path(f"data/aligned_{published['alignment']}")
    neighbours = top1_by_pixels(Path("data/train.csv"), Path("data/val.csv"), aligned)
    return PAGE.format(
        profile=current(),
        machine="\n".join(f"- {line}" for line in describe()),
        seeds=", ".join(map(str, params["recognizer"]["seeds"])),
        recognizers=_recognizer_table(recognizers),
        aligned=aligned,
        raw=100 * neighbours["raw"],
        normalised=100 * neighbours["normalised"],
        faces=hourglass["faces"],
        frontal=hourglass["frontal_faces"],
        landmarks=_landmark_table(hourglass),
    )


def _recognizer_table(recognizers: dict[str, dict[str, float]]) -> str:
    rows = []
    for name, values in recognizers.items():
        rows.append([name, *(cell(values, key) for key in WRITTEN)])
    return _table(["recogniser", *WRITTEN.values()], rows)


def _landmark_table(hourglass: dict[str, float]) -> str:
    rows = []
    for title, faces in {"frontal": "_frontal", "all": ""}.items():
        ours, jittered, *mean_shape = _error_keys(faces)
        cells = [cell(hourglass, key, scale=1, digits=2) for key in (ours, jittered)]
        cells += [cell(hourglass, key, scale=1) for key in mean_shape]
        rows.append([title, *cells])
    header = ["boxes as given", "jittered boxes", "mean shape, as given", "mean shape, jittered"]
    return _table(["faces", *header], rows)


def _error_keys(faces: str) -> list[str]:
    """Returns the names of four errors: ours and the mean shape's, each as given and jittered."""
    nme = f"nme{faces}"
    return [nme, f"{nme}_jittered", f"{nme}_mean_shape", f"{nme}_jittered_mean_shape"]


def _table(header: list[str], rows: list[list[str]]) -> str:
    """Returns a Markdown table."""
    return "\n".join(f"| {' | '.join(cells)} |" for cells in (header, ["---"] * len(header), *rows))


if __name__ == "__main__":
    try:
        main(write="--write" in sys.argv)
    except (ValueError, OSError) as problem:
        sys.exit(f"error: {problem}")
