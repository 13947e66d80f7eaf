"""Draw a collection of faces in CelebA's layout."""

from collections.abc import Iterable, Iterator
from functools import partial
from pathlib import Path
from typing import Annotated

import numpy as np
from pydantic import Field, NonNegativeInt, PositiveInt
from typer import Argument

from facerec.annotation_names import ATTRIBUTES, LANDMARKS
from facerec.files import write_bytes
from facerec.parallel import parallel_map
from facerec.params import Params
from facerec.synthetic.drawing import Photograph, photograph
from facerec.synthetic.label_noise import Planted, altered, plant
from stages.cli import run

ID_SPREAD = (
    10  # person ids are drawn from 1 to this many times the people: they have gaps, as CelebA's
)
CHUNK = 16  # photographs handed to a worker at a time


class SynthesizeParams(Params):
    runs: list[str]  # one stage for each; empty: no such stage
    people: PositiveInt
    photos_per_person: PositiveInt
    bad_share: Annotated[
        float, Field(ge=0, le=1)
    ]  # of photographs: tiny, blurred, profile or covered
    swapped_share: Annotated[
        float, Field(ge=0, le=0.5)
    ]  # of photographs: under another person's name
    duplicate_share: Annotated[
        float, Field(ge=0, le=0.3)
    ]  # of photographs: altered copies of others
    seed: NonNegativeInt


def main(
    images: Annotated[Path, Argument(help="output: folder of the photographs")],
    identity: Annotated[Path, Argument(help="output: image_id and person_id")],
    boxes: Annotated[Path, Argument(help="output: boxes as a detector finds them, px")],
    landmarks: Annotated[Path, Argument(help="output: the five true points, px")],
    attributes: Annotated[Path, Argument(help="output: CelebA's 40 attributes, -1 or 1")],
    truth: Annotated[
        Path, Argument(help="output: who is really on each photograph, and what it is a copy of")
    ],
) -> None:
    """Draw a collection of faces in CelebA's layout."""
    params = SynthesizeParams.load("synthesize")
    people, photos = _shuffled(params)
    person_ids = _person_ids(params)
    names = [f"{number:06d}.jpg" for number in range(1, len(people) + 1)]
    noise = plant(people, params.swapped_share, params.duplicate_share, params.seed)
    originals = np.where(noise.copy_of >= 0, photos[noise.copy_of], photos)
    drawn = []
    for row, picture in enumerate(_draw(params, people, originals)):
        if noise.alterations[row]:
            picture = altered(picture, noise.alterations[row], [params.seed, 5, row])
        write_bytes(images / names[row], picture.jpeg)
        drawn.append(picture)
    write_bytes(
        identity,
        _lines(f"{name} {person_ids[of]}" for name, of in zip(names, noise.names, strict=True)),
    )
    write_bytes(truth, _truth_file(names, person_ids[people], noise))
    write_bytes(boxes, _boxes_file(names, drawn))
    write_bytes(landmarks, _landmarks_file(names, drawn))
    write_bytes(attributes, _attributes_file(names, drawn))


def _shuffled(params: SynthesizeParams) -> tuple[np.ndarray, np.ndarray]:
    """Returns who is on each photograph, and which photograph of that person it is, in the collection's order."""
    order = np.random.default_rng([params.seed, 2]).permutation(
        params.people * params.photos_per_person
    )
    return np.divmod(order, params.photos_per_person)


def _person_ids(params: SynthesizeParams) -> np.ndarray:
    rng = np.random.default_rng([params.seed, 3])
    return 1 + rng.choice(ID_SPREAD * params.people, params.people, replace=False)


def _draw(params: SynthesizeParams, people: np.ndarray, photos: np.ndarray) -> Iterator[Photograph]:
    """Returns the photographs in order; each has its own seed, so that they do not depend on the workers."""
    draw = partial(_photograph, params)
    pairs = list(zip(people.tolist(), photos.tolist(), strict=True))
    return parallel_map(draw, pairs, "draw faces", processes=True, chunk_size=CHUNK)


def _photograph(params: SynthesizeParams, person_and_photo: tuple[int, int]) -> Photograph:
    return photograph(params.seed, *person_and_photo, bad_share=params.bad_share)


def _truth_file(names: list[str], people: np.ndarray, noise: Planted) -> bytes:
    """Returns what nobody who chooses or trains may read: only tests and benchmarks do."""
    copied = [names[row] if row >= 0 else "" for row in noise.copy_of]
    rows = zip(names, people, copied, noise.alterations, strict=True)
    return _lines(
        ["image_id,person_id,copy_of,alteration", *(",".join(map(str, row)) for row in rows)]
    )


def _boxes_file(names: list[str], drawn: list[Photograph]) -> bytes:
    rows = [
        name + "".join(f" {value:>5}" for value in picture.box)
        for name, picture in zip(names, drawn, strict=True)
    ]
    return _lines([str(len(names)), "image_id x_1 y_1 width height", *rows])


def _landmarks_file(names: list[str], drawn: list[Photograph]) -> bytes:
    """Returns the points with two decimals: CelebA's are whole pixels, but these are known exactly."""
    header = " ".join(LANDMARKS)
    rows = [
        name + "".join(f" {value:>7.2f}" for value in picture.landmarks.ravel())
        for name, picture in zip(names, drawn, strict=True)
    ]
    return _lines([str(len(names)), header, *rows])


def _attributes_file(names: list[str], drawn: list[Photograph]) -> bytes:
    rows = [
        name
        + "".join("  1" if attribute in picture.attributes else " -1" for attribute in ATTRIBUTES)
        for name, picture in zip(names, drawn, strict=True)
    ]
    return _lines([str(len(names)), " ".join(ATTRIBUTES), *rows])


def _lines(rows: Iterable[str]) -> bytes:
    return ("\n".join(rows) + "\n").encode()


if __name__ == "__main__":
    run(main)
