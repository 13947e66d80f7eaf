"""Say in a few lines what the last run gave and what to try next."""

import json
from pathlib import Path

import yaml

COLUMNS = {"val_top1": "val top-1", "wild_top1": "wild top-1", "openset_auc": "open set AUC"}
REPORT = Path("metrics/comparison.md")
NEXT = """Where to look: {report}: which recogniser is better, by how much, and what it gets wrong

Try next (after `source .venv/bin/activate`):
  {plots:<43} curves, ROC, confusion, contact sheets
  {other:<43} publish {head}, then: dvc metrics diff
  {real:<43} real photographs, then: dvc repro"""


def main() -> None:
    """Prints one row per recogniser, then the next commands."""
    params = yaml.safe_load(Path("params.yaml").read_text(encoding="utf-8"))
    heads, published = list(params["recognizers"]), params["publish"]["recognizer"]
    hourglass = json.loads(Path("metrics/hourglass.json").read_text())
    print("\nLandmarks, error in % of the eye distance, people never seen:")
    for faces in ("", "_frontal"):
        keys = [
            f"nme{faces}{boxes}{guess}"
            for boxes in ("", "_jittered")
            for guess in ("", "_mean_shape")
        ]
        ours, shape, ours_jittered, shape_jittered = (
            hourglass.get(key, float("nan")) for key in keys
        )
        print(
            f"  {'frontal' if faces else 'all'} faces {ours:.1f} (mean shape {shape:.1f}), "
            f"in jittered boxes {ours_jittered:.1f} (mean shape {shape_jittered:.1f})"
        )
    print()
    print(f"{'head':<20}" + "".join(f"{title:>14}" for title in COLUMNS.values()))
    for head in heads:
        values = json.loads(Path(f"metrics/recognizers/{head}.json").read_text())
        print(f"{head:<20}" + "".join(f"{_shown(values.get(key)):>14}" for key in COLUMNS))
    other = next((head for head in heads if head != published), published)
    commands = {
        "plots": "dvc plots show --open",
        "other": f"dvc exp run -n {other} -S publish.recognizer={other}",
        "real": "make profile NAME=cfp",
    }
    print("\n" + NEXT.format(report=REPORT, head=other, **commands))


def _shown(value: float | None) -> str:
    return "–" if value is None else f"{100 * value:.1f} %"


if __name__ == "__main__":
    main()
