"""What a detector finds on collections with boxes, and what its boxes cost the recogniser."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pandas as pd
import torch
from scipy.stats import binomtest

from facerec import geometry, tables
from facerec.alignment.points import find_points
from facerec.data.celeba import read_boxes, read_landmarks
from facerec.detection.detections import Detections, Detector
from facerec.detection.photographs import detect_faces
from facerec.evaluation.comparison import cell
from facerec.files import write_bytes
from facerec.imaging.io import read_image
from facerec.inference import embed_photographs
from facerec.landmarks.hourglass import load as load_hourglass
from facerec.metrics.bootstrap import bootstrap_interval
from facerec.metrics.verification import auc, roc_of_photographs
from facerec.networks.devices import device
from facerec.recognition.recognizer import load as load_recognizer
from facerec.recognition.scoring import top_k_hits
from facerec.synthetic.drawing import photograph
from facerec.tables import BOX

MIN_OVERLAP = 0.5  # intersection over union from which on a box is found
MIN_FRONTALITY = 0.3  # of a frontal face
SEED = 20  # of the drawn faces and of the sample
PHOTOS = 10  # drawn of each person
FLAW_PROB = 0.15
FPR = 0.01
RESAMPLES = 1000

FOUND = f"""Every photograph has one annotated box. Recall: the share of these that a box of the
detector overlaps (intersection over union at least {MIN_OVERLAP}). Precision: the share of the
detector's boxes that do, all of them, so a bystander whom nobody annotated counts against it. In %,
with 95 % intervals. Points: mean distance of the five points of the largest face from the annotated
ones, % of the eye distance, frontal faces. The drawn faces' points are exact, and their boxes as
inaccurate as a detector's, on purpose; cfp's boxes and points are those of another detector."""
RECOGNITION = """The profile's trained models in three kinds of boxes, on photographs that the
recogniser was not trained on. Landmarks: error of the hourglass, % of the eye distance, and the %
of the faces that are off by more than 10 %. Top-1, %: val and wild, of known people; less
annotated: the paired difference, with its 95 % interval by resampling people. AUC and TPR, %: the
open set. A photograph without a face counts as not recognised."""


@dataclass(frozen=True)
class Annotated:
    """Photographs with one annotated face each: N paths, boxes (N, 4), points (N, 5, 2)."""

    paths: list[Path]
    boxes: np.ndarray
    points: np.ndarray


def found(detectors: dict[str, Detector], cfp: Path, photographs: int) -> pd.DataFrame:
    """Returns recall, precision and error of the points, a row for each detector and collection.

    Args:
        detectors: by name.
        cfp: folder of a collection in CelebA's layout; left out if it is not there.
        photographs: of each collection, at most.
    """
    rows = []
    with TemporaryDirectory() as folder:
        collections = {"drawn": draw(Path(folder), photographs)}
        if cfp.is_dir():
            collections["cfp"] = sample(cfp, photographs)
        for name, annotated in collections.items():
            for detector_name, detector in detectors.items():
                detections = _detections(annotated.paths, detector)
                row = {"collection": name, "detector": detector_name}
                rows.append(row | scores(detections, annotated))
    return pd.DataFrame(rows)


def draw(folder: Path, photographs: int) -> Annotated:
    """Returns drawn faces of people of their own, written into a folder."""
    paths, boxes, points = [], [], []
    for number in range(photographs):
        drawn = photograph(SEED, *divmod(number, PHOTOS), FLAW_PROB)
        paths.append(folder / f"{number}.jpg")
        write_bytes(paths[-1], drawn.jpeg)
        boxes.append(drawn.box)
        points.append(drawn.landmarks)
    return Annotated(paths, np.array(boxes, float), np.array(points))


def sample(folder: Path, photographs: int) -> Annotated:
    """Returns photographs of a collection in CelebA's layout, drawn at random."""
    frame = read_boxes(folder / "list_bbox_celeba.txt").merge(
        read_landmarks(folder / "list_landmarks_celeba.txt"), on="image_id"
    )
    frame = frame.sample(min(photographs, len(frame)), random_state=SEED)
    paths = [folder / "img_celeba" / image_id for image_id in frame.image_id]
    return Annotated(paths, frame[BOX].to_numpy(float), tables.points(frame))


def scores(detections: Sequence[Detections], annotated: Annotated) -> dict[str, str | int]:
    """Returns a row of `found`, as text."""
    overlaps = [
        overlap(each.boxes, box) for each, box in zip(detections, annotated.boxes, strict=True)
    ]
    hits = np.array([(each >= MIN_OVERLAP).any() for each in overlaps])
    is_frontal = geometry.frontality(annotated.points) >= MIN_FRONTALITY
    points = np.stack([_largest(each, each.points) for each in detections])
    errors = np.linalg.norm(points - annotated.points, axis=2).mean(axis=1)
    errors = 100 * errors / geometry.eye_distance(annotated.points)
    return {
        "photographs": len(hits),
        "recall": _percent(hits),
        "frontal": _percent(hits[is_frontal]),
        "others": _percent(hits[~is_frontal]),
        "precision": _percent(np.concatenate(overlaps) >= MIN_OVERLAP),
        "points": f"{np.nanmean(errors[is_frontal]):.1f}",
    }


def overlap(boxes: np.ndarray, box: np.ndarray) -> np.ndarray:
    """Returns the intersection over union (F,) of boxes (F, 4) with one (4,)."""
    start = np.maximum(boxes[:, :2], box[:2])
    end = np.minimum(boxes[:, :2] + boxes[:, 2:], box[:2] + box[2:])
    shared = np.prod(np.maximum(end - start, 0), axis=1)
    return shared / (np.prod(boxes[:, 2:], axis=1) + np.prod(box[2:]) - shared)


def recognition(detector: Detector, data: Path, models: Path) -> pd.DataFrame:
    """Returns the accuracy of the last run's published models, a row for each kind of boxes.

    Args:
        detector: finds the boxes.
        data: folder of the tables `val`, `wild` and `openset`, and of their photographs.
        models: folder of hourglass.pt and recognizer.pt.
    """
    known = pd.concat(
        [tables.read(data / f"{name}.csv", tables.SELECTED) for name in ("val", "wild")]
    )
    openset = tables.read(data / "openset.csv", tables.OPENSET)
    frame = pd.concat([known, openset], ignore_index=True)
    paths = [data / "photographs" / image_id for image_id in frame.image_id]
    detections = _detections(paths, detector)
    boxes = {
        "annotated": frame[BOX].to_numpy(float),
        "the detector's own": np.stack([_largest(each, each.boxes) for each in detections]),
        "CelebA's, from its points": np.stack(
            [_largest(each, each.boxes_as_celeba()) for each in detections]
        ),
    }
    results = {name: _recognized(frame, paths, each, models) for name, each in boxes.items()}
    people = known.person_id.to_numpy()
    reference = results["annotated"].hits
    rows = []
    for name, result in results.items():
        low, high = bootstrap_interval(result.hits - reference, people, RESAMPLES, SEED)
        difference = f"{100 * (result.hits - reference).mean():+.1f} "
        rows.append(
            {
                "boxes": name,
                "no face": result.missed,
                "landmarks, median": f"{100 * np.nanmedian(result.errors):.2f}",
                "over 10 %": f"{100 * np.mean(~(result.errors <= 0.1)):.1f}",
                "top-1": f"{100 * result.hits.mean():.1f}",
                "less annotated": ""
                if name == "annotated"
                else difference + f"({100 * low:+.1f} to {100 * high:+.1f})",
                "AUC": f"{100 * result.auc:.1f}",
                "TPR at FPR 1e-2": f"{100 * result.tpr:.1f}",
            }
        )
    return pd.DataFrame(rows)


@dataclass(frozen=True)
class Recognized:
    """What the models did in one kind of boxes.

    Attributes:
        missed: photographs without a face.
        errors: (N,) of the points, of the eye distance; NaN without a face.
        hits: (K,) 1 where a known person is recognised, else 0.
        auc: of the open set.
        tpr: of the open set, at FPR.
    """

    missed: int
    errors: np.ndarray
    hits: np.ndarray
    auc: float
    tpr: float


def _recognized(
    frame: pd.DataFrame, paths: list[Path], boxes: np.ndarray, models: Path
) -> Recognized:
    hourglass = load_hourglass(models / "hourglass.pt", device())
    recognizer = load_recognizer(models / "recognizer.pt", device())
    is_found = np.isfinite(boxes).all(axis=1)
    boxes = np.where(is_found[:, None], boxes, [0.0, 0.0, 1.0, 1.0])
    squares = geometry.crop_squares(boxes, hourglass.config.box_scale)
    points = np.concatenate(
        [
            find_points(hourglass, [read_image(path)], square[None])
            for path, square in zip(paths, squares, strict=True)
        ]
    )
    annotated = tables.points(frame)
    errors = np.linalg.norm(points - annotated, axis=2).mean(axis=1)
    errors = np.where(is_found, errors / geometry.eye_distance(annotated), np.nan)

    embeddings = embed_photographs(hourglass, recognizer, paths, boxes)
    embeddings = embeddings * torch.from_numpy(is_found)[:, None]
    is_known = frame.role.isna().to_numpy()
    labels = torch.tensor(frame.label[is_known].to_numpy(np.int64))
    with torch.inference_mode():
        of_people = recognizer.head.scores(embeddings[is_known].to(device()))
    if of_people is None:
        raise ValueError("publish a recogniser whose head has scores, such as arcface")
    hits = top_k_hits(of_people.cpu(), labels, 1).numpy() & is_found[is_known]
    strangers = torch.tensor(frame.person_id[~is_known].to_numpy(np.int64))
    fpr, tpr = roc_of_photographs(embeddings[~is_known], strangers)
    return Recognized(
        int((~is_found).sum()),
        errors,
        hits.astype(int),
        auc(fpr, tpr),
        float(np.interp(FPR, fpr.numpy(), tpr.numpy())),
    )


def _detections(paths: list[Path], detector: Detector) -> list[Detections]:
    """Returns the faces of photographs, all of which must be readable."""
    results = list(detect_faces(paths, detector))
    for path, result in zip(paths, results, strict=True):
        if isinstance(result, str):
            raise ValueError(f"{path}: {result}")
    return [result for result in results if isinstance(result, Detections)]


def _largest(detections: Detections, values: np.ndarray) -> np.ndarray:
    """Returns the row of the largest face, NaN if there is none."""
    index = detections.largest()
    return np.full(values.shape[1:], np.nan) if index is None else values[index]


def _percent(hits: np.ndarray) -> str:
    """Returns a share in % with its interval (Wilson 1927, which is no point at 0 and 100 %)."""
    if not len(hits):
        return "–"
    test = binomtest(int(hits.sum()), len(hits))
    low, high = test.proportion_ci(method="wilson")
    return cell({"share": test.statistic, "share_low": low, "share_high": high}, "share")
