"""Selection on tables of CelebA's size, without photographs: ours against the notebook's pandas steps."""

import tempfile
from pathlib import Path

import numpy as np
import pandas as pd
import yaml
from scipy.spatial.distance import cdist

from benchmarks.measure import Measured, alternate, speed_of
from facerec.celeba import ATTRIBUTES, read_collection
from facerec.selection import Funnel
from facerec.tables import BOX, LANDMARKS
from stages import select

STRATA = ["Male", "Young", "Smiling", "Eyeglasses"]
PROFILE = Path("profiles/celeba.yaml")


class Everything:
    """Stands for the folder of photographs: all can be read, none is."""

    def take(self, candidates: pd.DataFrame, per_person: int) -> pd.DataFrame:
        """Returns each person's first."""
        return candidates.groupby("person_id").head(per_person)


def against_notebook(photographs: int, people: int, chosen: int, images: int, repeats: int) -> Measured:
    """Returns our speed against the notebook's, both from the four files to the labelled choice.

    Args:
        photographs: rows of each file.
        people: in the collection.
        chosen: people of the choice.
        images: of each of them.
        repeats: of each.
    """
    with tempfile.TemporaryDirectory() as folder:
        paths = make_tables(Path(folder), photographs, people)
        params = yaml.safe_load(PROFILE.read_text())["select"]
        params["openset"] |= {"query_people": people // 50, "distractor_people": people // 12}
        ours = select.SelectParams(**{**params, "people": chosen, "images_per_person": images})
        return alternate(
            speed_of(lambda: our_choice(paths, ours), photographs),
            speed_of(lambda: notebook_choice(paths, chosen, images), photographs),
            "photographs",
            repeats,
            first=False,
        )


def make_tables(folder: Path, photographs: int, people: int) -> dict[str, Path]:
    """Writes CelebA's four files, of faces turned this way and that; returns their paths."""
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"image_id": [f"{number:06d}.jpg" for number in range(1, photographs + 1)]})
    frame["person_id"] = rng.permutation(np.arange(photographs) % people) + 1
    eyes, nose = rng.uniform(25, 90, photographs), rng.uniform(0.15, 0.85, photographs)
    zero = np.zeros(photographs)
    x = [zero, eyes, nose * eyes, 0.15 * eyes, 0.85 * eyes]
    y = [zero, zero, 0.6 * eyes, eyes, eyes]
    points = np.stack([axis for pair in zip(x, y, strict=True) for axis in pair], axis=1) + 100
    frame = frame.join(pd.DataFrame(points.round().astype(int), columns=LANDMARKS))
    frame = frame.assign(**dict(zip(BOX, (60, 50, 160, 220), strict=True)))
    signs = rng.choice([-1, 1], (photographs, len(ATTRIBUTES)))
    frame = frame.join(pd.DataFrame(signs, columns=ATTRIBUTES))
    columns = {"landmarks": LANDMARKS, "boxes": BOX, "attributes": ATTRIBUTES}
    paths = {name: folder / f"{name}.csv" for name in ("identity", *columns)}
    frame[["image_id", "person_id"]].to_csv(paths["identity"], index=False, header=False, sep=" ")
    for name, wanted in columns.items():
        frame[["image_id", *wanted]].to_csv(paths[name], index=False)
    return paths


def our_choice(paths: dict[str, Path], params: select.SelectParams) -> pd.DataFrame:
    """Returns the rows that the stage would select."""
    collection = read_collection(paths["identity"], paths["landmarks"], paths["boxes"], paths["attributes"])
    return select.choose(collection, [], params, Everything(), Funnel())["selected"]


def notebook_choice(paths: dict[str, Path], chosen: int, images: int) -> pd.DataFrame:
    """Returns the notebook's choice, by its steps (NOTEBOOKS 1.1): per-person filters, and a loop with `cdist`."""
    df = pd.read_csv(paths["identity"], sep=" ", header=None, names=["image_id", "person_id"])
    assert df.image_id.is_unique
    for name in ("landmarks", "boxes", "attributes"):
        df = df.merge(pd.read_csv(paths[name]), on="image_id", how="inner")
    left, right = df.nose_x - df.lefteye_x, df.righteye_x - df.nose_x
    eyes = df.righteye_x - df.lefteye_x
    df = df[(left > 0) & (right > 0) & (eyes > 30) & (left >= 0.3 * eyes) & (right >= 0.3 * eyes)]
    counts = df.person_id.value_counts()
    df = df[df.person_id.isin(counts[counts >= images].index)]
    people = [df[df.person_id == person][ATTRIBUTES].mean().rename(person) for person in df.person_id.unique()]
    means = pd.DataFrame(people)
    strata = (means[STRATA] >= 0).astype(int).astype(str).agg("".join, axis=1)
    taken: list[int] = []
    for stratum, share in strata.value_counts(normalize=True).items():
        members = strata[strata == stratum].index.to_series()
        taken += members.sample(min(len(members), round(share * chosen)), random_state=42).tolist()
    rest = strata.index.difference(taken).to_series()
    taken = (taken + rest.sample(min(len(rest), max(chosen - len(taken), 0)), random_state=42).tolist())[:chosen]
    parts = [_diverse(df[df.person_id == person], images) for person in taken]
    result = pd.concat(parts)
    result["label"] = result.person_id.map({person: label for label, person in enumerate(sorted(taken))})
    return result


def _diverse(rows: pd.DataFrame, images: int) -> pd.DataFrame:
    features = rows[ATTRIBUTES].to_numpy()
    chosen = [int(np.random.default_rng(42).integers(len(rows)))]
    while len(chosen) < images:
        rest = [index for index in range(len(rows)) if index not in chosen]
        distance = cdist(features[rest], features[chosen], "hamming").min(axis=1)
        chosen.append(rest[int(distance.argmax())])
    return rows.iloc[chosen]
