"""Speed and memory of choosing from CelebA's full tables, beside the notebook's pandas steps.

python -m benchmarks.selection_tables
"""

import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import numpy as np
import pandas as pd
from scipy.spatial.distance import cdist
from typer import Option, run

from benchmarks.measure import Measured, alternate, peak_memory, speed_of
from facerec.annotation_names import ATTRIBUTES, LANDMARKS
from facerec.data.celeba import read_collection
from facerec.random_order import person_order, rank_in_person
from facerec.selection import criteria, steps
from facerec.selection.criteria import Criterion
from facerec.selection.steps import Features, Funnel
from facerec.tables import BOX

STRATA = ["Male", "Young", "Smiling", "Eyeglasses"]
CHOSEN, PHOTOS = 500, 20
NOTEBOOK = [
    Criterion(name="frontality", at_least=0.3),
    Criterion(name="eye_distance_x", above=30.0),
]


def main(
    rows: Annotated[int, Option(help="photographs")] = 202_599,
    people: Annotated[int, Option(help="people")] = 10_177,
    peer: Annotated[bool, Option(help="whether the notebook's steps run too")] = True,
) -> None:
    """Prints seconds of reading, joining, rules, strata and diversity, and the peak of memory."""
    with tempfile.TemporaryDirectory() as folder:
        paths = write_tables(Path(folder), rows, people)
        ours = _seconds(lambda: choose(*paths))
        print(
            f"ours {ours:.2f} s, peak memory {peak_memory() / 2**20:.0f} MiB "
            f"with the interpreter and its libraries"
        )
        if peer:
            theirs = _seconds(lambda: notebook(*paths))
            print(f"the notebook's steps {theirs:.2f} s: {theirs / ours:.1f} times as long")


def write_tables(folder: Path, rows: int, people: int, seed: int = 0) -> list[Path]:
    """Writes random tables in CelebA's layout; returns identity, landmarks, boxes, attributes."""
    rng = np.random.default_rng(seed)
    ids = [f"{number:06d}.jpg" for number in range(1, rows + 1)]
    person = (
        rng.permutation(np.concatenate([np.arange(people), rng.integers(0, people, rows - people)]))
        + 1
    )
    apart = rng.lognormal(np.log(60), 0.5, rows)
    nose = np.clip(rng.normal(0.5, 0.13, rows), -0.2, 1.2)
    shape = np.array([[0, 0], [1, 0], [0, 0.6], [0.1, 1.05], [0.9, 1.05]]) * apart[:, None, None]
    shape[:, 2, 0] = nose * apart
    points = np.rint(shape + rng.uniform(80, 200, (rows, 1, 2))).astype(int).reshape(rows, 10)
    boxes = np.column_stack(
        [
            points[:, :2] - apart[:, None].astype(int),
            (3 * apart).astype(int),
            (4 * apart).astype(int),
        ]
    )
    lasting = rng.random((people + 1, len(ATTRIBUTES))) < rng.uniform(0.05, 0.5, len(ATTRIBUTES))
    flipped = rng.random((rows, len(ATTRIBUTES))) < 0.1
    signs = np.where(lasting[person] ^ flipped, 1, -1)
    parts = [
        ("identity.txt", [], person[:, None]),
        ("landmarks.txt", [str(rows), " ".join(LANDMARKS)], points),
    ]
    parts += [("boxes.txt", [str(rows), "image_id " + " ".join(BOX)], boxes)]
    parts += [("attributes.txt", [str(rows), " ".join(ATTRIBUTES)], signs)]
    for name, head, values in parts:
        body = pd.DataFrame(values, index=ids).to_csv(sep=" ", header=False, lineterminator="\n")
        (folder / name).write_text("".join(f"{line}\n" for line in head) + body)
    return [folder / name for name, _, _ in parts]


def against_notebook(rows: int, people: int, chosen: int, photos: int, repeats: int) -> Measured:
    """Returns our speed against the notebook's, both from the four files to the choice.

    Args:
        rows: photographs.
        people: in the collection.
        chosen: people of the choice.
        photos: of each of them.
        repeats: of each.
    """
    with tempfile.TemporaryDirectory() as folder:
        paths = write_tables(Path(folder), rows, people)
        ours, theirs = (
            speed_of(lambda steps=steps: steps(*paths, chosen=chosen, photos=photos), rows)
            for steps in (choose, notebook)
        )
        return alternate(ours, theirs, "photographs", repeats)


def choose(
    identity: Path,
    landmarks: Path,
    boxes: Path,
    attributes: Path,
    chosen: int = CHOSEN,
    photos: int = PHOTOS,
) -> pd.DataFrame:
    """Returns what `select` chooses of these tables by the notebook's strategy."""
    collection = read_collection(identity, landmarks, boxes, attributes)
    frame, funnel = collection.frame, Funnel()
    order = person_order(frame, 1, "wild")
    rest = frame[rank_in_person(frame, order) >= 2]
    values = criteria.values_of([criterion.name for criterion in NOTEBOOK], rest, rest)
    good = steps.keep(rest, NOTEBOOK, values, funnel)
    pool = steps.enough_photographs(good, photos, funnel, "people_with_enough")
    wanted = min(chosen, pool.person_id.nunique())
    of_chosen = pool[pool.person_id.isin(steps.choose_people(pool, wanted, STRATA, 1))]
    features = [Features(of_chosen[collection.attributes].to_numpy(np.int16), 1.0)]
    return (
        steps.preference(of_chosen, features, np.zeros(len(of_chosen)), 1)
        .groupby("person_id")
        .head(photos)
    )


def notebook(
    identity: Path,
    landmarks: Path,
    boxes: Path,
    attributes: Path,
    chosen: int = CHOSEN,
    photos: int = PHOTOS,
) -> pd.DataFrame:
    """Returns the same by the notebook's pandas steps: a filter a person, a loop with `cdist`."""
    table = pd.read_csv(identity, sep=r"\s+", header=None, names=["image_id", "person_id"])
    for path, names in ((landmarks, LANDMARKS), (boxes, BOX), (attributes, ATTRIBUTES)):
        other = pd.read_csv(path, sep=r"\s+", skiprows=2, header=None, names=["image_id", *names])
        table = table.merge(other, on="image_id", how="inner")
    left, right = table.nose_x - table.lefteye_x, table.righteye_x - table.nose_x
    apart = table.righteye_x - table.lefteye_x
    table = table[
        (left > 0) & (right > 0) & (apart > 30) & (left >= 0.3 * apart) & (right >= 0.3 * apart)
    ]
    counts = table.person_id.value_counts()
    table = table[table.person_id.isin(counts.index[counts >= photos])]
    means = pd.DataFrame(
        {
            person: table[table.person_id == person][STRATA].mean()
            for person in table.person_id.unique()
        }
    )
    strata = (means.T >= 0).groupby(STRATA)
    drawn = [
        group.sample(round(chosen * len(group) / means.shape[1]), random_state=42)
        for _, group in strata
    ]
    parts = []
    for person in pd.concat(drawn).index:
        own = table[table.person_id == person].reset_index(drop=True)
        taken = [0]
        while len(taken) < photos:
            apart = cdist(own[ATTRIBUTES], own.loc[taken, ATTRIBUTES], "hamming").min(axis=1)
            apart[taken] = -1
            taken.append(int(apart.argmax()))
        parts.append(own.loc[taken])
    return pd.concat(parts)


def _seconds(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


if __name__ == "__main__":
    run(main)
