"""Draw a collection of faces in CelebA's layout."""

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Annotated

import numpy as np
from typer import Option

from facerec.files import write_bytes
from facerec.parallel import parallel_map
from facerec.run_record import count_faces
from facerec.synthetic import celeba_files
from facerec.synthetic.drawing import Photograph, photograph
from facerec.synthetic.label_noise import altered, sample_label_noise
from facerec.synthetic.params import SynthesizeParams
from stages.cli import run

ID_SPREAD = 10  # person ids lie between 1 and this many times the people: with gaps, as in CelebA
CHUNK = 16  # photographs handed to a worker at a time


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
    count_faces(len(people))
    pictures = []
    for row, picture in enumerate(_draw(params, people, originals)):
        if noise.alterations[row]:
            picture = altered(picture, noise.alterations[row], [params.seed, 5, row])
        write_bytes(images / names[row], picture.jpeg)
        pictures.append(picture)
    write_bytes(identity, celeba_files.identity_file(names, person_ids[noise.labels]))
    write_bytes(truth, celeba_files.truth_file(names, person_ids[people], noise))
    write_bytes(boxes, celeba_files.boxes_file(names, pictures))
    write_bytes(landmarks, celeba_files.landmarks_file(names, pictures))
    write_bytes(attributes, celeba_files.attributes_file(names, pictures))


def _shuffled(params: SynthesizeParams) -> tuple[np.ndarray, np.ndarray]:
    """Returns the person on each photograph, and its number among that person's photographs."""
    rng = np.random.default_rng([params.seed, 2])
    order = rng.permutation(params.people * params.photos_per_person)
    return np.divmod(order, params.photos_per_person)


def _person_ids(params: SynthesizeParams) -> np.ndarray:
    rng = np.random.default_rng([params.seed, 3])
    return 1 + rng.choice(ID_SPREAD * params.people, params.people, replace=False)


def _draw(params: SynthesizeParams, people: np.ndarray, photos: np.ndarray) -> Iterator[Photograph]:
    """Returns the photographs in order. Each has its own seed, whichever worker draws it."""
    numbers = list(zip(people.tolist(), photos.tolist(), strict=True))
    draw = partial(_photograph, params)
    return parallel_map(draw, numbers, "draw faces", processes=True, chunk_size=CHUNK)


def _photograph(params: SynthesizeParams, numbers: tuple[int, int]) -> Photograph:
    person, photo = numbers
    return photograph(params.seed, person, photo, params.flaw_prob)


if __name__ == "__main__":
    run(main)
