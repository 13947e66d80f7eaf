"""Make the README's pictures: small copies of the last run's contact sheets and charts, in docs/."""

import json
from pathlib import Path

import pandas as pd
import vl_convert

from facerec.images import read_image, write_bytes, write_image
from facerec.sheets import GAP, fit
from tools.profile import current

SHEETS = Path("metrics/sheets")
DOCS = Path("docs")
WIDTH = 1200
SHARES = {"selected": 3 / 6, "landmarks": 1, "aligned": 1, "mistakes_arcface": 2 / 5}  # rows shown, of all


def main() -> None:
    """Writes docs/<profile>_<sheet>.jpg and docs/<profile>_roc.png."""
    profile = current()
    for name, share in SHARES.items():
        sheet = read_image(SHEETS / f"{name}.jpg")
        top = sheet[: round((len(sheet) - GAP) * share) + GAP]
        write_image(DOCS / f"{profile}_{name}.jpg", fit(top, WIDTH)[0])
    write_bytes(DOCS / f"{profile}_roc.png", roc_chart())
    print("\n".join(str(path) for path in sorted(DOCS.glob(f"{profile}_*"))))


def roc_chart() -> bytes:
    """Returns the ROC of all heads as PNG, drawn by the template that `dvc plots` uses."""
    rows = pd.read_csv("metrics/plots/roc.csv").assign(rev="workspace").to_dict("records")
    spec = Path(".dvc/plots/roc.json").read_text()
    values = {"X": "fpr", "X_LABEL": "fpr", "Y": "tpr", "Y_LABEL": "tpr", "TITLE": "ROC, people never trained on"}
    for anchor, text in values.items():
        spec = spec.replace(f"<DVC_METRIC_{anchor}>", text)
    spec = json.loads(spec)
    spec["data"] = {"values": rows}
    return vl_convert.vegalite_to_png(spec, scale=1.5)


if __name__ == "__main__":
    main()
