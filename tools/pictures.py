"""Make the documents' pictures in docs/: small copies of the last run's sheets and charts."""

import json
from pathlib import Path

import pandas as pd
import vl_convert
import yaml

from facerec.files import write_bytes
from facerec.imaging.contact_sheets import GAP, fit
from facerec.imaging.io import read_image, write_image
from tools.profile import PARAMS, current

SHEETS = Path("metrics/sheets")
DOCS = Path("docs")
WIDE, NARROW = 1200, 600  # px
ALL_ROWS = 1.0
CHARTS = {  # by the name of their table and template: x, y, title
    "roc": ("fpr", "tpr", "ROC, people never trained on"),
    "landmark_errors": ("error", "share", "Landmarks, people never trained on"),
}


def main() -> None:
    """Writes docs/<profile>_<sheet>.jpg and docs/<profile>_<chart>.png."""
    profile = current()
    for name, (rows, width) in _sheets().items():
        sheet = read_image(SHEETS / f"{name}.jpg")
        top = sheet[: round((len(sheet) - GAP) * rows) + GAP]
        write_image(DOCS / f"{profile}_{name}.jpg", fit(top, width)[0])
    for name in CHARTS:
        write_bytes(DOCS / f"{profile}_{name}.png", chart(name))
    print("\n".join(str(path) for path in sorted(DOCS.glob(f"{profile}_*"))))


def _sheets() -> dict[str, tuple[float, int]]:
    """Returns the share of rows and the width, px, of each sheet in the documents."""
    published = yaml.safe_load(PARAMS.read_text(encoding="utf-8"))["publish"]["recognizer"]
    wide = {
        "selected": 3 / 6,
        "landmarks": ALL_ROWS,
        "aligned": ALL_ROWS,
        f"mistakes_{published}": 2 / 5,
    }
    narrow = dict.fromkeys(["aligned_2", "aligned_3", "aligned_5"], ALL_ROWS)
    return {name: (rows, WIDE) for name, rows in wide.items()} | {
        name: (rows, NARROW) for name, rows in narrow.items()
    }


def chart(name: str) -> bytes:
    """Returns a plot as PNG, drawn by the template that `dvc plots` uses."""
    rows = pd.read_csv(f"metrics/plots/{name}.csv").assign(rev="workspace").to_dict("records")
    spec = Path(f".dvc/plots/{name}.json").read_text()
    x, y, title = CHARTS[name]
    for anchor, text in {"X": x, "X_LABEL": x, "Y": y, "Y_LABEL": y, "TITLE": title}.items():
        spec = spec.replace(f"<DVC_METRIC_{anchor}>", text)
    spec = json.loads(spec)
    spec["data"] = {"values": rows}
    return vl_convert.vegalite_to_png(spec, scale=1.5)


if __name__ == "__main__":
    main()
