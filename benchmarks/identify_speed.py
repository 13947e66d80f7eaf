"""Speed of identification, from files to names, against its networks alone.

python -m benchmarks.identify_speed data/photographs
python -m benchmarks.identify_speed --against core data/raw/cfp/img_celeba

Nothing here imports torch if the exported networks are there.
"""

import json
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
from typer import Argument, Option
from typer import run as typer_run

from benchmarks.measure import REPEATS, Measured, alternate, speed_of
from facerec.deployment.onnx_networks import OnnxHourglass
from facerec.detection.detections import shrink
from facerec.detection.params import DetectorParams, load_detector_params
from facerec.detection.retinaface import run_network
from facerec.engine.engine import BATCH_SIZE, FaceEngine
from facerec.engine.load import MODELS, load_engine
from facerec.gallery.records import NewFace
from facerec.gallery.search import Search
from facerec.gallery.store import Gallery
from facerec.geometry import invert
from facerec.imaging.io import read_image
from facerec.landmarks.refinement import whole_faces
from facerec.parallel import parallel_map

PHOTOGRAPHS = 1000
PEOPLE, FACES_EACH = 500, 10  # of the gallery
CANDIDATES = 5
BUDGET = 40.0  # ms of one core for a face
SEED = 1

Peer = Literal["networks", "core"]


def identify_speed(
    photographs: Path, models: Path, against: Peer, count: int, repeats: int
) -> Measured:
    """Returns the speed of identification against that of its networks, or against BUDGET.

    Args:
        photographs: their folder.
        models: folder of the published models.
        against: `networks`: their forward passes alone, on the same faces in the same batches, on
            all cores. `core`: the time of a face on one core.
        count: photographs, at most.
        repeats: of each of the two.
    """
    paths = sorted(path for path in photographs.iterdir() if path.is_file())[:count]
    params = load_detector_params()
    engine = load_engine(detector=params, models=models)
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "people"
        with Gallery.open(file, engine.fingerprint, engine.embedding_dim, create=True) as gallery:
            gallery.add_all(_people(engine.embedding_dim))
            search = Search(gallery)
            if against == "core":
                return _against_budget(engine, search, paths, repeats)
            ours = speed_of(lambda: identify(engine, search, paths), len(paths))
            networks = _Networks(engine, params, paths)
            alone = speed_of(networks.run, len(paths))
            return alternate(ours, alone, "photographs", repeats)


def identify(engine: FaceEngine, search: Search, paths: Sequence[Path]) -> int:
    """Returns how many faces were searched, from files to candidates."""
    faces = 0
    for path, found in engine.over_files(paths, None):
        if isinstance(found, ValueError):
            raise ValueError(f"{path}: {found}")
        if found:
            search.nearest(np.stack([face.embedding for face in found]), CANDIDATES)
        faces += len(found)
    return faces


def _against_budget(
    engine: FaceEngine, search: Search, paths: Sequence[Path], repeats: int
) -> Measured:
    """Returns BUDGET by the processor time of a face, which other work lengthens less."""
    times = []
    for turn in range(repeats + 1):
        start = time.process_time()
        faces = identify(engine, search, paths)
        if turn:  # the first one warms up
            times.append(1000 * (time.process_time() - start) / faces)
    ours = f"{np.median(times):.1f} ms a face, {faces} faces"
    return Measured([BUDGET / each for each in times], ours, f"{BUDGET:g} ms of one core")


class _Networks:
    """The inputs of all networks, in the batches in which the engine runs them."""

    def __init__(self, engine: FaceEngine, params: DetectorParams, paths: Sequence[Path]) -> None:
        self._engine = engine
        batches = [paths[at : at + BATCH_SIZE] for at in range(0, len(paths), BATCH_SIZE)]
        self._batches = [
            (
                [shrink(read_image(path), params.long_side)[0] for path in batch],
                np.concatenate([engine.finder.in_file(path).crops for path in batch]),
                np.stack(
                    [
                        face.aligned
                        for _, faces in engine.over_files(batch, None)
                        if not isinstance(faces, ValueError)
                        for face in faces
                    ]
                ),
            )
            for batch in batches
        ]

    def run(self) -> None:
        """Runs them on all cores."""
        for _ in parallel_map(self._run, self._batches, None):
            pass

    def _run(self, batch: tuple[list[np.ndarray], np.ndarray, np.ndarray]) -> None:
        photographs, crops, aligned = batch
        for photograph in photographs:
            run_network(photograph)
        points = self._engine.points
        if isinstance(points, OnnxHourglass):  # without finding the peaks
            matrices = invert(
                whole_faces(len(crops), points.face_size, points.metadata["image_size"])
            )
            for _ in range(points.metadata["refine_steps"] + 1):
                points.run(faces=crops, matrices=matrices.astype(np.float32))
        elif points is not None:
            points.predict(crops)
        self._engine.embedder.embed(aligned)


def _people(embedding_dim: int) -> list[NewFace]:
    random = np.random.default_rng(SEED)
    embeddings = random.normal(size=(PEOPLE * FACES_EACH, embedding_dim))
    embeddings /= np.linalg.norm(embeddings, axis=1, keepdims=True)
    nowhere = np.zeros(4), np.zeros((5, 2))
    return [
        NewFace(
            f"person {index // FACES_EACH}",
            Path(f"{index}.jpg"),
            f"{index:064x}",
            *nowhere,
            embedding.astype(np.float32),
            b"",
        )
        for index, embedding in enumerate(embeddings)
    ]


def main(
    photographs: Annotated[Path, Argument(help="folder of photographs with a face each")],
    against: Annotated[Peer, Option(help="the networks alone, or the budget of a core")] = (
        "networks"
    ),
    models: Annotated[Path, Option(help="folder of the published models")] = MODELS,
    count: Annotated[int, Option(help="photographs, at most")] = PHOTOGRAPHS,
    repeats: Annotated[int, Option(help="measurements of each of the two, in turn")] = REPEATS,
) -> None:
    """Prints the measurement as JSON."""
    measured = identify_speed(photographs, models, against, count, repeats)
    print(json.dumps(asdict(measured)))


if __name__ == "__main__":
    typer_run(main)
