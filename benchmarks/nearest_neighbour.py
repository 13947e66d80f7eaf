"""How many validation faces a nearest neighbour on raw pixels recognises: how easy a collection is without learning."""

from pathlib import Path
from typing import Annotated

import numpy as np
import torch
import typer

from facerec import tables
from facerec.imaging.arrays import load_faces


def main(
    train: Annotated[Path, typer.Argument(help="table of the faces to compare with")],
    val: Annotated[Path, typer.Argument(help="table of the faces to recognise")],
    aligned: Annotated[Path, typer.Argument(help="folder of the aligned faces")],
) -> None:
    """Prints the share of validation faces whose nearest training face shows the same person."""
    known, asked = tables.read(train, tables.SELECTED), tables.read(val, tables.SELECTED)
    known_faces, asked_faces = (load_faces(aligned, frame.image_id) for frame in (known, asked))
    for name, prepare in (("raw", _raw), ("normalised", _normalised)):
        distance = torch.cdist(prepare(asked_faces), prepare(known_faces))
        found = known.label.to_numpy()[distance.argmin(dim=1).numpy()]
        print(
            f"nearest neighbour, {name} pixels: {100 * np.mean(found == asked.label):.1f} % of {len(asked)}"
        )


def _raw(faces: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(faces).flatten(1).float()


def _normalised(faces: np.ndarray) -> torch.Tensor:
    """Returns each face with mean 0 and length 1, so that brightness and contrast do not count."""
    centred = _raw(faces) - _raw(faces).mean(dim=1, keepdim=True)
    return torch.nn.functional.normalize(centred)


if __name__ == "__main__":
    typer.run(main)
