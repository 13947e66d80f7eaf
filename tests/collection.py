"""A small collection in CelebA's layout, with real JPEG files, for tests."""

from pathlib import Path

import cv2
import numpy as np
import pandas as pd

from facerec.annotation_names import ATTRIBUTES, LANDMARKS
from facerec.tables import BOX


def make_collection(
    folder: Path, people: int = 12, photos: int = 10, seed: int = 0
) -> dict[str, Path]:
    """Writes photographs and CelebA's four .txt files; returns the paths by name."""
    frame = make_frame(people, photos, seed)
    images = folder / "img_celeba"
    images.mkdir(parents=True)
    rng = np.random.default_rng(seed)
    for image_id in frame.image_id:
        picture = cv2.resize(rng.integers(0, 255, (12, 10, 3), dtype=np.uint8), (100, 120))
        cv2.imwrite(str(images / image_id), picture)
    return {"images": images, **write_annotations(folder, frame)}


def make_frame(people: int, photos: int, seed: int = 0) -> pd.DataFrame:
    """Returns rows of a table of annotations: faces in several poses, on 100 × 120 px."""
    rng = np.random.default_rng(seed)
    count = people * photos
    frame = pd.DataFrame({"image_id": [f"{number:06d}.jpg" for number in range(1, count + 1)]})
    frame["person_id"] = rng.permutation(np.repeat(np.arange(people) * 3 + 7, photos))
    eye_distance = rng.uniform(24, 50, count)
    nose = rng.uniform(0.1, 0.9, count)
    shape = np.zeros((count, 5, 2))
    shape[:, 1, 0] = eye_distance
    shape[:, 2] = np.stack([nose * eye_distance, 0.6 * eye_distance], axis=1)
    shape[:, 3] = np.stack([0.15 * eye_distance, eye_distance], axis=1)
    shape[:, 4] = np.stack([0.85 * eye_distance, eye_distance], axis=1)
    shape += [[[20, 30]]]
    frame[LANDMARKS] = shape.reshape(count, 10).round().astype(int)
    frame[BOX] = [[5, 5, 80, 100]] * count
    person_sign = np.where(
        np.random.default_rng(seed + 1).random((people, len(ATTRIBUTES))) < 0.5, -1, 1
    )
    index = (frame.person_id.to_numpy() - 7) // 3
    flips = np.where(rng.random((count, len(ATTRIBUTES))) < 0.25, -1, 1)
    frame[ATTRIBUTES] = person_sign[index] * flips
    return frame


def write_annotations(folder: Path, frame: pd.DataFrame) -> dict[str, Path]:
    """Writes CelebA's four .txt files."""
    paths = {
        "identity": folder / "identity_CelebA.txt",
        "landmarks": folder / "list_landmarks_celeba.txt",
        "boxes": folder / "list_bbox_celeba.txt",
        "attributes": folder / "list_attr_celeba.txt",
    }
    paths["identity"].write_text(rows(frame, ["image_id", "person_id"]))
    landmarks, attributes = (
        rows(frame, ["image_id", *LANDMARKS]),
        rows(frame, ["image_id", *ATTRIBUTES]),
    )
    paths["landmarks"].write_text(f"{len(frame)}\n{' '.join(LANDMARKS)}\n{landmarks}")
    paths["boxes"].write_text(
        f"{len(frame)}\nimage_id {' '.join(BOX)}\n{rows(frame, ['image_id', *BOX])}"
    )
    paths["attributes"].write_text(f"{len(frame)}\n{' '.join(ATTRIBUTES)}\n{attributes}")
    return paths


def rows(frame: pd.DataFrame, columns: list[str], separator: str = "  ") -> str:
    return "".join(
        separator.join(map(str, row)) + "\n" for row in frame[columns].itertuples(index=False)
    )
