"""What a reader may do with any bytes: give a result, or raise ValueError. As a script, atheris chooses the bytes."""

import sys
import tempfile
from collections.abc import Callable
from inspect import isfunction
from pathlib import Path

import numpy as np

from facerec import celeba, images

FOLDER = Path(tempfile.mkdtemp())


def annotations(content: bytes) -> None:
    """Puts the bytes through every reader of CelebA's files."""
    path = FOLDER / "annotations.txt"
    path.write_bytes(content)
    readers: list[Callable[[Path], object]] = [
        celeba.read_identity,
        celeba.read_boxes,
        celeba.read_attributes,
        celeba.read_image_ids,
        lambda path: celeba.read_table(path, celeba.LANDMARKS),
    ]
    for reader in readers:
        try:
            reader(path)
        except ValueError as error:
            assert str(path) in str(error), f"{reader}: the file is not named: {error}"


def image(content: bytes) -> None:
    """Puts the bytes through the reader of photographs."""
    path = FOLDER / "image.jpg"
    path.write_bytes(content)
    try:
        found = images.read_image(path)
    except ValueError as error:
        assert str(path) in str(error)
    else:
        assert found.dtype == np.uint8 and found.ndim == 3 and found.shape[2] == 3 and found.size


READERS = {"annotations": annotations, "image": image}

if __name__ == "__main__":
    import atheris
    from collection import make_collection

    name = sys.argv.pop(1)
    seeds = make_collection(FOLDER / "seeds", people=1, photos=2)
    corpus = FOLDER / "corpus"  # good files to begin with, and what it finds
    corpus.mkdir()
    files = [seeds["images"] / "000001.jpg"] if name == "image" else [seeds[key] for key in seeds if key != "images"]
    for file in files:
        (corpus / file.name).write_bytes(file.read_bytes())
    for module in (celeba, images):
        for function in [f for f in vars(module).values() if isfunction(f) and f.__module__ == module.__name__]:
            atheris.instrument_func(function)  # in place
    atheris.Setup([*sys.argv, str(corpus)], atheris.instrument_func(READERS[name]))
    atheris.Fuzz()
