"""Measure the published recogniser on a list of pairs, by folds."""

import logging
from os.path import realpath  # unlike Path.resolve, no exception for a link to itself
from pathlib import Path
from typing import Annotated

import numpy as np
from torch.nn.functional import normalize
from typer import Argument, Option

from facerec.data.celeba import read_boxes
from facerec.data.pair_lists import read_pairs
from facerec.inference import embed_photographs
from facerec.landmarks.hourglass import load as load_hourglass
from facerec.metrics.cross_validation import cross_validated_accuracy
from facerec.networks.devices import device
from facerec.recognition.recognizer import load as load_recognizer
from facerec.tables import BOX
from stages.cli import run, write_metrics

log = logging.getLogger(__name__)


def main(
    pairs: Annotated[
        Path,
        Argument(
            help="LFW's pairs.txt, CFP's folder of folds, or a CSV of fold, first, second, same"
        ),
    ],
    images: Annotated[Path, Argument(help="folder of the photographs that the list names")],
    boxes: Annotated[
        Path | None,
        Argument(help="table of boxes, as CelebA's; without: the photograph is the box"),
    ] = None,
    hourglass: Annotated[Path, Option(help="finds the landmarks")] = Path("models/hourglass.pt"),
    model: Annotated[Path, Option(help="the recogniser")] = Path("models/recognizer.pt"),
    metrics: Annotated[Path | None, Option(help="output: the numbers as JSON")] = None,
) -> None:
    """Measure the published recogniser on a list of pairs, by folds."""
    rows = read_pairs(pairs)
    names = sorted({*rows["first"], *rows.second})
    embeddings = normalize(
        embed_photographs(
            load_hourglass(hourglass, device()),
            load_recognizer(model, device()),
            [_inside(images, name) for name in names],
            _boxes(boxes, names),
        )
    )
    row_of = {name: row for row, name in enumerate(names)}
    first = embeddings[[row_of[name] for name in rows["first"]]]
    second = embeddings[[row_of[name] for name in rows["second"]]]
    scores = (first * second).sum(dim=1).numpy().astype(float)
    accuracies, thresholds = cross_validated_accuracy(
        scores, rows.same.to_numpy(bool), rows.fold.to_numpy()
    )
    values = {
        "accuracy": round(float(accuracies.mean()), 6),
        "accuracy_sd": round(float(accuracies.std(ddof=1)), 6),
        "threshold": round(float(thresholds.mean()), 6),
        "folds": len(accuracies),
        "pairs": len(rows),
        "photographs": len(names),
        "not_aligned": int((embeddings == 0).all(dim=1).sum()),
    }
    if metrics:
        write_metrics(metrics, values)
    accuracy = 100 * values["accuracy"]
    deviation = 100 * values["accuracy_sd"]
    print(
        f"{accuracy:.2f} ± {deviation:.2f} % of {len(rows)} pairs "
        f"(mean ± standard deviation of {len(accuracies)} folds); "
        f"threshold {values['threshold']:.3f} (mean); {values['not_aligned']} of {len(names)} "
        "photographs could not be aligned: their cosines are 0"
    )


def _inside(folder: Path, name: str) -> Path:
    """Returns the path of a photograph, which must lie in the folder."""
    path = folder / name
    if not Path(realpath(path)).is_relative_to(realpath(folder)):
        raise ValueError(f"{name}: expected a photograph inside {folder}")
    return path


def _boxes(path: Path | None, names: list[str]) -> np.ndarray | None:
    """Returns the boxes (N, 4) of the photographs, which the table names as the pairs do."""
    if path is None:
        log.info("no table of boxes: each whole photograph is taken for the box")
        return None
    table = read_boxes(path).set_index("image_id")[BOX]
    if missing := [name for name in names if name not in table.index]:
        raise ValueError(f"{path}: no box of {missing[0]} ({len(missing)} photographs have none)")
    return table.loc[names].to_numpy(float)


if __name__ == "__main__":
    run(main)
