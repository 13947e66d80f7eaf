"""Say in a few lines what the last run gave and what to try next."""

import json
from pathlib import Path

import yaml

COLUMNS = {"val_top1": "val top-1", "wild_top1": "wild top-1", "openset_auc": "open set AUC"}
NEXT = """Where to look: metrics/comparison.md, metrics/sheets/, and `dvc plots show --open` for the charts.

Try next (after `source .venv/bin/activate`):
  dvc plots show --open                                    curves, ROC, confusion, contact sheets
  dvc exp run -n ce -S publish.head=ce                     publish the other recogniser, then: dvc metrics diff
  make profile NAME=cfp                                    real photographs, then: dvc repro"""


def main() -> None:
    """Prints one row per recogniser, then the next commands."""
    heads = list(yaml.safe_load(Path("params.yaml").read_text(encoding="utf-8"))["heads"])
    hourglass = json.loads(Path("metrics/hourglass.json").read_text())
    print("\nLandmarks, error in % of the eye distance, people never seen:")
    for faces in ("", "_frontal"):
        keys = [f"nme{faces}{boxes}{guess}" for boxes in ("", "_jittered") for guess in ("", "_mean_shape")]
        ours, shape, ours_jittered, shape_jittered = (hourglass.get(key, float("nan")) for key in keys)
        print(
            f"  {'frontal' if faces else 'all'} faces {ours:.1f} (mean shape {shape:.1f}), "
            f"in jittered boxes {ours_jittered:.1f} (mean shape {shape_jittered:.1f})"
        )
    print()
    print(f"{'head':<20}" + "".join(f"{title:>14}" for title in COLUMNS.values()))
    for head in heads:
        values = json.loads(Path(f"metrics/recognizers/{head}.json").read_text())
        print(f"{head:<20}" + "".join(f"{_shown(values.get(key)):>14}" for key in COLUMNS))
    print(f"\n{NEXT}")


def _shown(value: float | None) -> str:
    return "–" if value is None else f"{100 * value:.1f} %"


if __name__ == "__main__":
    main()
