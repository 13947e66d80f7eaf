"""Collections as people have them, laid out from drawn faces: a folder each, for tests."""

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pandas as pd

from facerec.annotation_names import LANDMARKS
from facerec.geometry import ARCFACE_TEMPLATE, fit_similarity, transform_points
from facerec.synthetic.drawing import photograph
from facerec.tables import BOX, points, points_frame

NAMES = ["Ana María", "Zoë Ball", "李 娜", "O'Neil, Pat", "Łukasz", "Nguyễn An", "מיכל", "NA"]
ALIGNED = (178, 218)  # px
FILES = {"boxes": "list_bbox_celeba.csv", "landmarks": "list_landmarks_celeba.csv"}
Pictures = dict[str, np.ndarray]


def draw(people: int = 8, photos: int = 6) -> tuple[pd.DataFrame, Pictures]:
    """Returns a table of image_id, person_id, landmarks and boxes, and the pictures (BGR)."""
    rows, pictures = [], {}
    for number in range(people * photos):
        person, photo = divmod(number, photos)
        image_id = f"{number + 1:06d}.jpg"
        drawn = photograph(1, person, photo, 0.0)
        pictures[image_id] = cv2.imdecode(np.frombuffer(drawn.jpeg, np.uint8), cv2.IMREAD_COLOR)
        rows.append([image_id, 3 * person + 7, *drawn.landmarks.ravel(), *drawn.box])
    return pd.DataFrame(rows, columns=["image_id", "person_id", *LANDMARKS, *BOX]), pictures


def lay_out(
    folder: Path,
    frame: pd.DataFrame,
    pictures: Pictures,
    identity: pd.DataFrame | None = None,
    write: Callable[[pd.DataFrame, Path], object] = lambda table, path: table.to_csv(
        path, index=False
    ),
) -> dict[str, Path]:
    """Writes pictures and tables; returns the paths by name.

    Args:
        folder: that is made.
        frame: image_id, person_id, landmarks and boxes.
        pictures: by image_id.
        identity: image_id and person_id, if not as in the frame.
        write: writes one table of boxes or landmarks.
    """
    images = folder / "img"
    for image_id, picture in pictures.items():
        (images / image_id).parent.mkdir(parents=True, exist_ok=True)
        assert cv2.imwrite(str(images / image_id), picture)
    paths = {name: folder / file for name, file in FILES.items()}
    write(frame[["image_id", *BOX]], paths["boxes"])
    write(frame[["image_id", *LANDMARKS]], paths["landmarks"])
    paths["identity"] = folder / "identity.csv"
    table = frame if identity is None else identity
    table[["image_id", "person_id"]].to_csv(paths["identity"], index=False)
    return paths | {"images": images, "attributes": none(), "names": none()}


def none() -> Path:
    return Path(__file__).parents[1] / "profiles/none.csv"


def renamed(
    frame: pd.DataFrame, pictures: Pictures, name: Callable[[int, str], str]
) -> tuple[pd.DataFrame, Pictures]:
    """Returns the table and the pictures under other names, of row and old name."""
    new = [name(row, old) for row, old in enumerate(frame.image_id)]
    return frame.assign(image_id=new), dict(
        zip(new, (pictures[old] for old in frame.image_id), strict=True)
    )


def with_names(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.assign(person_id=[NAMES[number] for number in pd.factorize(frame.person_id)[0]])


def aligned(frame: pd.DataFrame, pictures: Pictures) -> tuple[pd.DataFrame, Pictures]:
    """Returns the faces on pictures of CelebA's aligned size; the boxes stay as they are."""
    target = ARCFACE_TEMPLATE * 1.1 + [27, 55]
    matrices = fit_similarity(points(frame), target)
    moved = frame.assign(**points_frame(transform_points(matrices, points(frame))).round())
    return moved, {
        image_id: cv2.warpAffine(pictures[image_id], matrix, ALIGNED)
        for image_id, matrix in zip(frame.image_id, matrices, strict=True)
    }
