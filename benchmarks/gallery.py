"""Galleries: exact search against faiss, approximate search, reading, memory, enrolment.

python -m benchmarks.gallery                              # 1,000, 100,000 and 1,000,000 faces
python -m benchmarks.gallery --faces 1000 --faces 10000

Made-up embeddings: ten faces a person, as alike as a good recogniser's. Both libraries use the same
number of threads (OMP_NUM_THREADS).
"""

import multiprocessing
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import numpy as np
from typer import Option, run

from benchmarks.measure import alternate, peak_memory, speed_of
from facerec.gallery.approximate import ApproximateSearch
from facerec.gallery.clusters import group_faces
from facerec.gallery.records import NewFace
from facerec.gallery.search import Search
from facerec.gallery.store import Gallery

WIDTH = 256  # of an embedding
PHOTOS = 10  # of a person
SPREAD = 1.0  # of a person's photographs about the person: cosines of about 0.5
CHUNK = 10_000  # faces that are drawn and enrolled together; whole people
CANDIDATES = 5
ADDED = 200  # one by one
MODEL = "made up"
PROBES = (8, 32, 128)
THRESHOLDS = (0.3, 0.1)  # the second leaves one part of nearly all faces


def main(
    faces: Annotated[list[int] | None, Option(help="in a gallery; repeat for several")] = None,
    queries: Annotated[int, Option(help="in a batch")] = 256,
    repeats: Annotated[int, Option(help="of each of two that are compared")] = 3,
    approximate: Annotated[bool, Option(help="measure approximate search too")] = True,
    grouped: Annotated[int, Option(help="unnamed faces to group")] = 20_000,
    folder: Annotated[Path | None, Option(help="for the gallery; without: a temporary one")] = None,
) -> None:
    """Print what a gallery of so many faces takes, and the grouping of unnamed ones."""
    if grouped:
        _in_own_process(_group, grouped)
    for count in faces or [1000, 100_000, 1_000_000]:
        with tempfile.TemporaryDirectory(dir=folder) as temporary:
            path = Path(temporary, "gallery")
            print(f"\n{count:,} faces of {WIDTH} numbers", flush=True)
            _fill(path, count)
            for measure in (_read, _exact, *([_approximate] if approximate else []), _enrol):
                _in_own_process(measure, path, count, queries, repeats)


def _in_own_process(measure: Callable[..., None], *arguments: Any) -> None:
    """Measures in a new process, which inherits no memory."""
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        pool.submit(measure, *arguments).result()


def _vectors(people: np.ndarray, seed: int) -> np.ndarray:
    """Returns embeddings (N, WIDTH) of length 1 of people (N,); the seed is the photographs'."""
    centres = {
        person: np.random.default_rng(int(person)).normal(size=WIDTH).astype("f4")
        for person in np.unique(people)
    }
    mean = np.stack([centres[person] for person in people])
    vectors = mean + SPREAD * np.random.default_rng([seed]).normal(size=mean.shape).astype("f4")
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def _chunks(count: int) -> Iterator[tuple[int, np.ndarray]]:
    """Yields the first number and the embeddings of each chunk of a gallery."""
    for start in range(0, count, CHUNK):
        numbers = np.arange(start, min(start + CHUNK, count))
        yield start, _vectors(numbers // PHOTOS, 10**9 + start)


def _queries(count: int, number: int) -> np.ndarray:
    people = np.random.default_rng(1).integers(0, max(1, count // PHOTOS), number)
    return _vectors(people, 1)


def _face(number: int, vector: np.ndarray) -> NewFace:
    return NewFace(
        name=f"Person {number // PHOTOS}",
        photograph=Path(f"/photographs/{number}.jpg"),
        sha256=f"{number:064x}",
        box=np.array([10.0, 20.0, 30.0, 40.0]),
        points=np.zeros((5, 2)),
        embedding=vector,
        thumbnail=bytes(4000) if number % 100 == 0 else b"",  # all would be 4 GB
    )


def _open(path: Path) -> Gallery:
    return Gallery.open(path, MODEL, WIDTH, MODEL, create=True)


def _fill(path: Path, count: int) -> None:
    spent = 0.0
    with _open(path) as gallery:
        for first, vectors in _chunks(count):
            faces = [_face(first + place, vector) for place, vector in enumerate(vectors)]
            start = time.perf_counter()
            gallery.add_all(faces)
            spent += time.perf_counter() - start
    print(
        f"enrolled {CHUNK:,} at a time: {count / spent:,.0f} a second, file "
        f"{path.stat().st_size / 2**20:,.0f} MiB",
        flush=True,
    )


def _read(path: Path, count: int, queries: int, repeats: int) -> None:
    before = peak_memory()
    start = time.perf_counter()
    gallery = _open(path)
    opened = time.perf_counter()
    search = Search(gallery)
    assert search.refresh() == count
    read = time.perf_counter()
    _ = search.nearest(_queries(count, queries), CANDIDATES)
    memory = (peak_memory() - before) / 2**20
    print(
        f"opened in {1000 * (opened - start):.1f} ms, read in {read - opened:.2f} s; "
        f"with a batch of {queries} queries {memory:,.0f} MiB, of which embeddings "
        f"{count * WIDTH * 4 / 2**20:,.0f}",
        flush=True,
    )


def _exact(path: Path, count: int, queries: int, repeats: int) -> None:
    import faiss  # only `make bench` installs it

    search = Search(_open(path))
    index = faiss.IndexFlatIP(WIDTH)
    for _, vectors in _chunks(count):
        index.add(vectors)
    for number in (1, queries):
        some = _queries(count, number)
        ours = search.nearest(some, CANDIDATES)
        theirs = index.search(some, 1)[1][:, 0]
        same = [best[0].face_id == face + 1 for best, face in zip(ours, theirs, strict=True)]
        measured = alternate(
            speed_of(partial(search.nearest, some, CANDIDATES), number),
            speed_of(partial(index.search, some, CANDIDATES), number),
            "queries",
            repeats if number > 1 else 5 * repeats,
        )
        print(
            f"exact, {number} at a time: ratio {measured.spread} of {measured.ours} and faiss's "
            f"{measured.other}; the same best face for {np.mean(same):.1%}",
            flush=True,
        )


def _approximate(path: Path, count: int, queries: int, repeats: int) -> None:
    some = _queries(count, queries)
    gallery = _open(path)
    exact = [best[0].person_id for best in Search(gallery).nearest(some, 1)]
    start = time.perf_counter()
    search = ApproximateSearch(gallery, PROBES[0])
    search.refresh()
    print(f"approximate: built in {time.perf_counter() - start:.1f} s", flush=True)
    for probes in PROBES:
        search.probes = probes
        found = [best[0].person_id for best in search.nearest(some, 1)]
        seconds = statistics.median(
            1 / speed_of(lambda: search.nearest(some, CANDIDATES), 1)() for _ in range(repeats)
        )
        same = np.mean([one == other for one, other in zip(found, exact, strict=True)])
        print(
            f"approximate, {probes} probes: {queries / seconds:,.4g} queries/s, the same best "
            f"person for {same:.1%}",
            flush=True,
        )


def _enrol(path: Path, count: int, queries: int, repeats: int) -> None:
    gallery = _open(path)
    vectors = _vectors(np.arange(ADDED), 2)
    faces = [_face(count + PHOTOS * place, vector) for place, vector in enumerate(vectors)]
    start = time.perf_counter()
    for face in faces:
        gallery.add(face)
    seconds = time.perf_counter() - start
    print(f"enrolled one by one: {ADDED / seconds:,.0f} a second, each on the disk", flush=True)
    search = Search(gallery)
    search.refresh()
    start = time.perf_counter()
    gallery.add(_face(2 * count + 10**7, vectors[0]))
    search.nearest(vectors[:1], CANDIDATES)
    print(f"found after it was added: {1000 * (time.perf_counter() - start):.1f} ms", flush=True)


def _group(count: int) -> None:
    vectors = _vectors(np.arange(count) // PHOTOS, 3)
    print(f"grouping {count:,} faces of {count // PHOTOS:,} people")
    for threshold in THRESHOLDS:
        before = peak_memory()
        start = time.perf_counter()
        groups = group_faces(vectors, threshold)
        print(
            f"threshold {threshold}: {groups.max() + 1:,} groups in "
            f"{time.perf_counter() - start:.1f} s, memory grew by "
            f"{(peak_memory() - before) / 2**20:,.0f} MiB",
            flush=True,
        )


if __name__ == "__main__":
    run(main)
