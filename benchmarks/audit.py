"""Precision and recall of the audit and of the search for copies, on drawn faces with planted noise.

python -m benchmarks.audit --people 60 --photos 16
"""

import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import cv2
import numpy as np
import pandas as pd
from typer import Option, run

from facerec import geometry, tables
from facerec.annotation_names import LANDMARKS
from facerec.audit import out_of_fold
from facerec.audit.params import AuditParams
from facerec.imaging import warp
from facerec.imaging.io import read_image
from facerec.parallel import parallel_map
from facerec.recognition.datasets import AlignedFaces
from facerec.recognition.params import RecognizerParams
from facerec.selection import near_duplicates
from facerec.selection.photographs import Photographs
from facerec.selection.pixel_measures import PixelMeasures
from facerec.synthetic.drawing import photograph
from facerec.synthetic.label_noise import altered, sample_label_noise
from facerec.training.loop import delete_checkpoints, fingerprint
from stages.audit import pairs, suspicious
from stages.select import SelectParams


def main(
    people: Annotated[int, Option(help="drawn")] = 60,
    photos: Annotated[int, Option(help="of each person")] = 16,
    swapped: Annotated[float, Option(help="share under another person's name")] = 0.03,
    duplicates: Annotated[float, Option(help="share that are altered copies")] = 0.02,
    identity_confusion: Annotated[
        int, Option(help="people of whom every other photograph goes under a second name")
    ] = 2,
    seed: Annotated[int, Option(help="of the collection")] = 7,
) -> None:
    """Prints what was planted, and what of it was found."""
    params, bits = AuditParams.load("audit"), SelectParams.load("select").copy_bits
    of, number = np.divmod(np.arange(people * photos), photos)
    noise = sample_label_noise(of, swapped, duplicates, seed)
    moved = (noise.labels == of) & (of < identity_confusion) & (number % 2 == 1)
    noise, wrong = (
        replace(noise, labels=np.where(moved, people + of, noise.labels)),
        noise.labels != of,
    )
    with tempfile.TemporaryDirectory() as folder:
        frame = draw(
            Path(folder),
            of,
            np.where(noise.copy_of >= 0, number[noise.copy_of], number),
            noise,
            seed,
        )
        once = frame.assign(person_id=np.where(moved, of, frame.person_id))
        report_copies(once, noise.copy_of, noise.alterations, Path(folder), bits)
        faces = align(frame, Path(folder), params)
    fold = out_of_fold.folds(faces, params.folds, params.seed)
    recipe = RecognizerParams.load("recognizer").model_copy(
        update={"epochs": params.epochs, "seeds": [params.seed]}
    )
    names = {
        int(part): fingerprint(f"benchmark_audit-{part}", recipe, faces.faces, fold)
        for part in np.unique(fold)
    }
    found = out_of_fold.probabilities(
        faces, fold, recipe, params.head, params.seed, Path(), names.__getitem__
    )
    delete_checkpoints(names[0])  # and the other folds
    print(
        f"top-1 out of fold, against the given names: {100 * (found.argmax(axis=1) == frame.label).mean():.1f} %"
    )
    twice = {frozenset([person, people + person]) for person in range(identity_confusion)}
    report_twins(pairs(frame, found, params), twice)
    listed = suspicious(frame, found, params)
    between = [
        frozenset(names) in twice
        for names in listed[["person_id", "suggested_person_id"]].to_numpy().tolist()
    ]
    report_swapped(listed[~np.array(between, bool)], set(frame.image_id[wrong]))


def draw(folder: Path, of: np.ndarray, number: np.ndarray, noise, seed: int) -> pd.DataFrame:
    """Returns the drawn photographs' rows, a SELECTED table under the given names, after writing them."""
    rows = []
    for row, (person, photo) in enumerate(zip(of.tolist(), number.tolist(), strict=True)):
        picture = photograph(seed, person, photo, 0.0)
        if noise.alterations[row]:
            picture = altered(picture, noise.alterations[row], [seed, 5, row])
        name = f"{row:06d}.jpg"
        (folder / name).write_bytes(picture.jpeg)
        rows.append(
            [name, noise.labels[row], *picture.landmarks.ravel(), *picture.box, noise.labels[row]]
        )
    return pd.DataFrame(rows, columns=["image_id", "person_id", *LANDMARKS, *tables.BOX, "label"])


def align(frame: pd.DataFrame, folder: Path, params: AuditParams) -> AlignedFaces:
    """Returns the faces as the audit sees them, aligned by their true points."""
    matrices = geometry.alignment_matrices(tables.points(frame), params.pixels)[
        params.head.alignment
    ]
    pictures = parallel_map(read_image, [folder / name for name in frame.image_id], None)
    faces = [
        warp.warp(picture, move, params.pixels)
        for picture, move in zip(pictures, matrices, strict=True)
    ]
    return AlignedFaces(frame, np.stack(faces), np.ones(len(frame), bool))


def report_copies(
    frame: pd.DataFrame, copy_of: np.ndarray, alterations: np.ndarray, folder: Path, bits: int
) -> None:
    """Prints how many of the planted copies are found, by their kind, and how many pairs are none."""
    measured = PixelMeasures(Photographs(folder, "fail"), folder / "kept.csv").of(frame)
    pairs = near_duplicates.pairs(frame.person_id.to_numpy(), measured.hash.to_numpy(), bits)
    found = {frozenset(pair) for pair in pairs.tolist()}
    planted = {
        frozenset([row, int(copy_of[row])]): alterations[row]
        for row in np.flatnonzero(copy_of >= 0)
    }
    for kind in sorted(set(planted.values())):
        of_kind = [pair for pair, how in planted.items() if how == kind]
        print(f"copies {kind}: {sum(pair in found for pair in of_kind)} of {len(of_kind)} found")
    print(f"pairs called copies that are none: {len(found - set(planted))} of {len(found)}")


def report_twins(alike: pd.DataFrame, twice: set[frozenset[int]]) -> None:
    """Prints how many people with two names are found, and how many pairs are none."""
    found = {
        frozenset(names) for names in alike[["person_id", "other_person_id"]].to_numpy().tolist()
    }
    print(f"people with two names: {len(found & twice)} of {len(twice)} found")
    print(f"pairs called one person who are two: {len(found - twice)} of {len(found)}")


def report_swapped(listed: pd.DataFrame, swapped: set[str]) -> None:
    """Prints precision and recall of each action, and of as many as there are swapped."""
    parts = {"all listed": listed, "to exclude": listed[listed.action == "exclude"]}
    parts |= {f"the first {len(swapped)}": listed[: len(swapped)]}
    for name, rows in parts.items():
        hits = rows.image_id.isin(swapped).sum()
        print(
            f"{name}: precision {hits / max(len(rows), 1):.2f} ({hits} of {len(rows)}), "
            f"recall {hits / max(len(swapped), 1):.2f} ({hits} of {len(swapped)})"
        )


if __name__ == "__main__":
    cv2.setNumThreads(1)
    run(main)
