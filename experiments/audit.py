"""How well the audit and the search for near duplicates do on drawn faces with label noise.

python -m experiments.audit --people 60 --photos 16
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
from facerec.audit import out_of_fold, report
from facerec.audit.params import AuditParams
from facerec.data.names import PersonNames
from facerec.imaging import warp
from facerec.imaging.io import read_image
from facerec.parallel import parallel_map
from facerec.recognition.datasets import AlignedFaces
from facerec.recognition.params import RecognizerParams
from facerec.selection.near_duplicates import duplicate_pairs
from facerec.selection.params import SelectParams
from facerec.selection.pixel_measures import measure_photographs
from facerec.synthetic.drawing import photograph
from facerec.synthetic.label_noise import altered, sample_label_noise
from facerec.training.loop import delete_checkpoints


def main(
    people: Annotated[int, Option(help="drawn")] = 60,
    photos: Annotated[int, Option(help="of each person")] = 16,
    swapped: Annotated[float, Option(help="share under another person's name")] = 0.03,
    duplicates: Annotated[float, Option(help="share that are altered copies")] = 0.02,
    two_names: Annotated[
        int, Option(help="people with a second name on every other photograph")
    ] = 2,
    seed: Annotated[int, Option(help="of the collection")] = 7,
) -> None:
    """Prints how many of the errors that are put in are found."""
    params = AuditParams.load("audit")
    max_hash_distance = SelectParams.load("select").max_hash_distance
    person, number = np.divmod(np.arange(people * photos), photos)
    noise = sample_label_noise(person, swapped, duplicates, seed)
    is_moved = (noise.labels == person) & (person < two_names) & (number % 2 == 1)
    is_swapped = noise.labels != person
    noise = replace(noise, labels=np.where(is_moved, people + person, noise.labels))
    drawn = np.where(noise.copy_of >= 0, number[noise.copy_of], number)
    with tempfile.TemporaryDirectory() as folder:
        frame = draw(Path(folder), person, drawn, noise, seed)
        with_one_name = frame.assign(person_id=np.where(is_moved, person, frame.person_id))
        hashes = measure_photographs(with_one_name, Path(folder)).hash.to_numpy()
        pairs = duplicate_pairs(with_one_name.person_id.to_numpy(), hashes, max_hash_distance)
        report_near_duplicates(pairs, noise.copy_of, noise.alterations)
        faces = align(frame, Path(folder), params)
    probabilities = out_of_fold.probabilities(
        faces, params, RecognizerParams.load("recognizer"), Path()
    )
    delete_checkpoints(out_of_fold.TRAINING)
    top1 = (probabilities.argmax(axis=1) == frame.label).mean()
    print(f"top-1 out of fold, against the given names: {100 * top1:.1f} %")
    true_pairs = {frozenset([first, people + first]) for first in range(two_names)}
    report_people(report.confused_people(frame, probabilities, PersonNames(), params), true_pairs)
    listed = report.suspicious_photographs(frame, probabilities, PersonNames(), params)
    names = listed[["person_id", "suggested_person_id"]].to_numpy().tolist()
    is_of_two_names = np.array([frozenset(pair) in true_pairs for pair in names], bool)
    report_swapped(listed[~is_of_two_names], set(frame.image_id[is_swapped]))


def draw(folder: Path, people: np.ndarray, numbers: np.ndarray, noise, seed: int) -> pd.DataFrame:
    """Writes photographs into the folder; returns a SELECTED table under the given names."""
    rows = []
    for row, (person, photo) in enumerate(zip(people.tolist(), numbers.tolist(), strict=True)):
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
    size = params.image_size
    matrices = geometry.alignment_matrices(tables.points(frame), size)[params.recognizer.alignment]
    pictures = parallel_map(read_image, [folder / name for name in frame.image_id], None)
    faces = [
        warp.warp(picture, matrix, size) for picture, matrix in zip(pictures, matrices, strict=True)
    ]
    return AlignedFaces(frame, np.stack(faces), np.ones(len(frame), bool))


def report_near_duplicates(pairs: np.ndarray, copy_of: np.ndarray, alterations: np.ndarray) -> None:
    """Prints how many altered copies are found, by alteration, and how many pairs are wrong.

    Args:
        pairs: (P, 2) rows that were listed as near duplicates.
        copy_of: (N,) the row that each row is a copy of; -1: none.
        alterations: (N,) how each copy was altered.
    """
    listed = {frozenset(pair) for pair in pairs.tolist()}
    true_pairs = {
        frozenset([row, int(copy_of[row])]): alterations[row]
        for row in np.flatnonzero(copy_of >= 0)
    }
    for alteration in sorted(set(true_pairs.values())):
        altered_so = {pair for pair, kind in true_pairs.items() if kind == alteration}
        print(
            f"near duplicates, {alteration}: {len(altered_so & listed)} of {len(altered_so)} found"
        )
    print(f"wrong pairs of near duplicates: {len(listed - set(true_pairs))} of {len(listed)}")


def report_people(confused: pd.DataFrame, true_pairs: set[frozenset[int]]) -> None:
    """Prints how many people with two names are found, and how many listed pairs are wrong."""
    names = confused[["person_id", "other_person_id"]].to_numpy().tolist()
    listed = {frozenset(pair) for pair in names}
    print(f"people with two names: {len(listed & true_pairs)} of {len(true_pairs)} found")
    print(f"wrong pairs of people: {len(listed - true_pairs)} of {len(listed)}")


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
