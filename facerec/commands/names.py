"""From photographs and a gallery's file to names, in batches."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import islice
from pathlib import Path

from facerec.commands.naming import NamedFace, Namer
from facerec.engine.faces import Face
from facerec.engine.load import load_engine
from facerec.gallery.approximate import make_search
from facerec.gallery.store import Gallery

BATCH_SIZE = 16  # photographs whose faces are looked up at once

Named = tuple[Path, list[NamedFace] | ValueError]


def faces_over_files(files: Sequence[Path], model: Path | None, title: str) -> Iterator[Named]:
    """Yields the faces of each photograph, without names, or why it cannot be read."""
    for path, faces in load_engine(model).over_files(files, title):
        yield path, faces if isinstance(faces, ValueError) else [NamedFace(face) for face in faces]


@contextmanager
def names_over_files(
    files: Sequence[Path],
    gallery: Path,
    model: Path | None,
    threshold: float | None,
    candidates: int,
    probes: int | None,
    title: str,
) -> Iterator[tuple[Namer, Iterator[Named]]]:
    """Gives what names faces, and the named faces of each photograph or why it cannot be read.

    Args:
        files: the photographs.
        gallery: its file.
        model: as in `load_engine`.
        threshold: cosine from which a face is named; None takes the model's.
        candidates: people for each face.
        probes: lists of an approximate index that are searched; None searches all faces.
        title: of the progress report.

    Raises:
        ValueError: the model, the gallery or the index cannot be used.
    """
    engine = load_engine(model)
    description = engine.description["model"]
    with Gallery.open(gallery, engine.fingerprint, engine.embedding_dim, description) as opened:
        search = make_search(opened, probes)
        namer = Namer(search, engine.operating_point, threshold, candidates)
        yield namer, _named(namer, engine.over_files(files, title))


def _named(
    namer: Namer, results: Iterable[tuple[Path, list[Face] | ValueError]]
) -> Iterator[Named]:
    results = iter(results)
    while batch := list(islice(results, BATCH_SIZE)):
        named = iter(namer([each for _, each in batch if not isinstance(each, ValueError)]))
        for path, each in batch:
            yield path, each if isinstance(each, ValueError) else next(named)
