"""Draw a collection of faces in CelebA's layout."""

from collections.abc import Iterable, Iterator
from functools import partial
from pathlib import Path
from typing import Annotated

import numpy as np
from pydantic import Field, NonNegativeInt, PositiveInt
from typer import Option

from facerec.annotation_names import ATTRIBUTES, LANDMARKS
from facerec.files import write_bytes
from facerec.parallel import parallel_map
from facerec.params import Params
from facerec.synthetic.drawing import Photograph, photograph
from facerec.synthetic.label_noise import LabelNoise, altered, sample_label_noise
from stages.cli import run

ID_SPREAD = 10  # person ids lie between 1 and this many times the people: with gaps, as in CelebA
CHUNK = 16  # photographs handed to a worker at a time


class SynthesizeParams(Params):
    runs: list[str]  # one stage for each; empty: no such stage
    people: PositiveInt
    photos_per_person: PositiveInt
    # probability that a photograph is tiny, blurred, in profile or covered
    flaw_prob: Annotated[float, Field(ge=0, le=1)]
    # share of the photographs that are labelled with another person
    label_noise: Annotated[float, Field(ge=0, le=0.5)]
    # share of the photographs that are altered copies of others
    duplicate_share: Annotated[float, Field(ge=0, le=0.3)]
    seed: NonNegativeInt


def main(
    images: Annotated[Path, Option(help="output: folder of the photographs")],
    identity: Annotated[Path, Option(help="output: image_id and person_id")],
    boxes: Annotated[Path, Option(help="output: boxes as a detector finds them, px")],
    landmarks: Annotated[Path, Option(help="output: the five true points, px")],
    attributes: Annotated[Path, Option(help="output: CelebA's 40 attributes, -1 or 1")],
    truth: Annotated[Path, Option(help="output: each photograph's true person and original")],
) -> None:
    """Draw a collection of faces in CelebA's layout."""
    params = SynthesizeParams.load("synthesize")
    people, photos = _shuffled(params)
    person_ids = _person_ids(params)
    names = [f"{number:06d}.jpg" for number in range(1, len(people) + 1)]
    noise = sample_label_noise(people, params.label_noise, params.duplicate_share, params.seed)
    originals = np.where(noise.copy_of >= 0, photos[noise.copy_of], photos)
    pictures = []
    for row, picture in enumerate(_draw(params, people, originals)):
        if noise.alterations[row]:
            picture = altered(picture, noise.alterations[row], [params.seed, 5, row])
        write_bytes(images / names[row], picture.jpeg)
        pictures.append(picture)
    labels = person_ids[noise.labels]
    write_bytes(identity, _lines(f"{name} {id}" for name, id in zip(names, labels, strict=True)))
    write_bytes(truth, _truth_file(names, person_ids[people], noise))
    write_bytes(boxes, _boxes_file(names, pictures))
    write_bytes(landmarks, _landmarks_file(names, pictures))
    write_bytes(attributes, _attributes_file(names, pictures))


def _shuffled(params: SynthesizeParams) -> tuple[np.ndarray, np.ndarray]:
    """Returns the person on each photograph, and its number among that person's photographs."""
    rng = np.random.default_rng([params.seed, 2])
    order = rng.permutation(params.people * params.photos_per_person)
    return np.divmod(order, params.photos_per_person)


def _person_ids(params: SynthesizeParams) -> np.ndarray:
    rng = np.random.default_rng([params.seed, 3])
    return 1 + rng.choice(ID_SPREAD * params.people, params.people, replace=False)


def _draw(params: SynthesizeParams, people: np.ndarray, photos: np.ndarray) -> Iterator[Photograph]:
    """Returns the photographs in order. Each has its own seed: the workers change nothing."""
    numbers = list(zip(people.tolist(), photos.tolist(), strict=True))
    draw = partial(_photograph, params)
    return parallel_map(draw, numbers, "draw faces", processes=True, chunk_size=CHUNK)


def _photograph(params: SynthesizeParams, numbers: tuple[int, int]) -> Photograph:
    person, photo = numbers
    return photograph(params.seed, person, photo, params.flaw_prob)


def _truth_file(names: list[str], people: np.ndarray, noise: LabelNoise) -> bytes:
    """Returns the table that only tests and benchmarks may read, no selection and no training."""
    originals = [names[row] if row >= 0 else "" for row in noise.copy_of]
    rows = zip(names, people, originals, noise.alterations, strict=True)
    header = "image_id,person_id,copy_of,alteration"
    return _lines([header, *(",".join(map(str, row)) for row in rows)])


def _boxes_file(names: list[str], pictures: list[Photograph]) -> bytes:
    rows = [
        name + "".join(f" {value:>5}" for value in picture.box)
        for name, picture in zip(names, pictures, strict=True)
    ]
    return _lines([str(len(names)), "image_id x_1 y_1 width height", *rows])


def _landmarks_file(names: list[str], pictures: list[Photograph]) -> bytes:
    """Returns the points with two decimals. CelebA's are whole pixels; these are known exactly."""
    rows = [
        name + "".join(f" {value:>7.2f}" for value in picture.landmarks.ravel())
        for name, picture in zip(names, pictures, strict=True)
    ]
    return _lines([str(len(names)), " ".join(LANDMARKS), *rows])


def _attributes_file(names: list[str], pictures: list[Photograph]) -> bytes:
    def flags(picture: Photograph) -> str:
        return "".join("  1" if name in picture.attributes else " -1" for name in ATTRIBUTES)

    rows = [name + flags(picture) for name, picture in zip(names, pictures, strict=True)]
    return _lines([str(len(names)), " ".join(ATTRIBUTES), *rows])


def _lines(rows: Iterable[str]) -> bytes:
    return ("\n".join(rows) + "\n").encode()


if __name__ == "__main__":
    run(main)
