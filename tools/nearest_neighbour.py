"""Top-1 accuracy of a nearest neighbour on pixels: how easy a collection is without learning.

Compare `--aligned data/aligned_5` of `--train data/train.csv` and `--val data/val.csv`.
"""

from pathlib import Path
from typing import Annotated

import numpy as np
import torch
import typer

from facerec import tables
from facerec.imaging.arrays import load_faces


def main(
    train: Annotated[Path, typer.Option(help="table of the faces to compare with")],
    val: Annotated[Path, typer.Option(help="table of the faces to recognise")],
    aligned: Annotated[Path, typer.Option(help="folder of the aligned faces")],
) -> None:
    """Prints the share of validation faces whose nearest training face shows the same person."""
    for name, top1 in top1_by_pixels(train, val, aligned).items():
        print(f"nearest neighbour, {name} pixels: {100 * top1:.1f} %")


def top1_by_pixels(train: Path, val: Path, aligned: Path) -> dict[str, float]:
    """Returns the top-1 accuracy on val, by raw and by normalised pixels.

    Args:
        train: table of the faces to compare with.
        val: table of the faces to recognise.
        aligned: folder of the aligned faces.
    """
    train_frame = tables.read(train, tables.SELECTED)
    val_frame = tables.read(val, tables.SELECTED)
    train_faces = load_faces(aligned, train_frame.image_id)
    val_faces = load_faces(aligned, val_frame.image_id)
    top1 = {}
    for name, prepare in (("raw", _raw), ("normalised", _normalised)):
        distances = torch.cdist(prepare(val_faces), prepare(train_faces))
        nearest = train_frame.label.to_numpy()[distances.argmin(dim=1).numpy()]
        top1[name] = float(np.mean(nearest == val_frame.label))
    return top1


def _raw(faces: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(faces).flatten(1).float()


def _normalised(faces: np.ndarray) -> torch.Tensor:
    """Returns each face with mean 0 and length 1, so that brightness and contrast do not count."""
    centred = _raw(faces) - _raw(faces).mean(dim=1, keepdim=True)
    return torch.nn.functional.normalize(centred)


if __name__ == "__main__":
    typer.run(main)
