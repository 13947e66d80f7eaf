"""What the pixels of a face say: how sharp and how bright it is, and a hash that copies of a photograph share.

Everything is measured on one small picture of the inner face, upright and of one size, so that it does not depend on
how large the photograph is or how it was cropped.
"""

import hashlib
import io
import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import cv2
import imagehash
import numpy as np
import pandas as pd
from PIL import Image

from facerec import geometry, tables
from facerec.annotation_names import LANDMARKS
from facerec.files import write_bytes
from facerec.imaging import io as image_io
from facerec.imaging import warp
from facerec.parallel import parallel_map
from facerec.selection import photographs
from facerec.selection.photographs import Photographs, read_photograph

SIDE = 64  # px of the inner face
ZOOM = 1.4  # of the template: the hair and the background, which a crop cuts off, stay outside
HASH_SIDE = 16  # bits along a side of the hash
THUMB_SIDE = 8  # px
KEPT_EVERY, KEPT_SHARE = (
    2000,
    0.25,
)  # photographs, and share of those known, after which what was measured is kept
NUMBERS = ["width", "height", "sharpness", "exposure", "contrast", "box_in_picture"]
COLUMNS = ["key", *NUMBERS, "hash", "thumb"]


@dataclass(frozen=True)
class Face:
    """A face to measure; plain values, so that another process can take it."""

    path: Path
    points: np.ndarray
    box: np.ndarray


class PixelMeasures:
    """Measures faces, and remembers what it measured in a file, so that a changed threshold decodes nothing again.

    What is remembered belongs to a photograph of this name, length, time of change, points and box, and to this code.

    Args:
        photographs: the folder; it learns the size of what is decoded here, and what cannot be read.
        kept: the file.
    """

    def __init__(self, photographs: Photographs, kept: Path) -> None:
        self.photographs, self.kept = photographs, kept
        self.decoded = 0
        self._known = _read(kept)

    def of(self, frame: pd.DataFrame) -> pd.DataFrame:
        """Returns a row for each photograph, with the frame's index and COLUMNS; NaN for one that cannot be read.

        Args:
            frame: image_id, landmarks and boxes.
        """
        keys = self._keys(frame)
        points, boxes = tables.points(frame), frame[tables.BOX].to_numpy(float)
        ids = frame.image_id.tolist()
        readable = [image_id not in self.photographs.dropped for image_id in ids]
        fresh = [row for row, key in enumerate(keys) if readable[row] and key not in self._known]
        faces = [Face(self.photographs.folder / ids[row], points[row], boxes[row]) for row in fresh]
        to_keep = self._much_more()
        try:
            for done, (row, found) in enumerate(zip(fresh, _measured(faces), strict=True), 1):
                self._remember(ids[row], keys[row], found)
                if done >= to_keep:
                    self._keep()
                    to_keep = done + self._much_more()
        finally:
            if fresh:
                self._keep()
        known = [self._known.get(key) for key in keys]
        for image_id, measures in zip(ids, known, strict=True):
            if measures is not None:
                self.photographs.remember(image_id, (int(measures[1]), int(measures[2])))
        blank = ("", np.nan, np.nan, np.nan, np.nan, np.nan, np.nan, "", "")
        found = pd.DataFrame([row or blank for row in known], columns=COLUMNS, index=frame.index)
        return found.astype(dict.fromkeys(NUMBERS, float))  # of no photograph they would be objects

    def _keys(self, frame: pd.DataFrame) -> list[str]:
        where = frame[[*LANDMARKS, *tables.BOX]].to_numpy(float)
        return [
            f"{path}?{_stamp(path)}-{zlib.crc32(row.tobytes()):08x}"
            for path, row in zip(
                map(self.photographs.folder.joinpath, frame.image_id), where, strict=True
            )
        ]

    def _remember(self, image_id: str, key: str, found: tuple | str) -> None:
        self.decoded += 1
        if isinstance(found, str):
            self.photographs.remember(image_id, found)
        else:
            self._known[key] = (key, *found)

    def _much_more(self) -> float:
        """Returns how many photographs are worth writing all again: a fixed number would cost their square."""
        return max(KEPT_EVERY, KEPT_SHARE * len(self._known))

    def _keep(self) -> None:
        rows = (
            pd.DataFrame(self._known.values(), columns=COLUMNS)
            .to_csv(index=False, lineterminator="\n")
            .encode()
        )
        write_bytes(self.kept, _seal(rows) + rows)


def _read(kept: Path) -> dict[str, tuple]:
    """Returns what was measured by this very code, by key; nothing if the file was not left as it was written."""
    content = kept.read_bytes() if kept.exists() else b""
    rows = content.partition(b"\n")[2]
    if content != _seal(rows) + rows:
        return {}
    frame = pd.read_csv(io.BytesIO(rows), dtype={name: str for name in ("key", "hash", "thumb")})
    return {row[0]: row for row in frame.itertuples(index=False, name=None)}


def _seal(rows: bytes) -> bytes:
    """Returns the line that goes before the rows: it changes with them and with the code that measured them."""
    digest = hashlib.sha256(rows)
    for module in (__file__, geometry.__file__, image_io.__file__, photographs.__file__):
        digest.update(Path(module).read_bytes())
    digest.update(cv2.__version__.encode())
    return f"{digest.hexdigest()[:16]}\n".encode()


def _stamp(path: Path) -> str:
    try:
        status = path.stat()
    except OSError:
        return "absent"
    return f"{status.st_size}-{status.st_mtime_ns}"


def _measured(faces: list[Face]) -> Iterable[tuple | str]:
    title = "look at faces" if faces else None
    return parallel_map(measure, faces, title, processes=True, chunk_size=32)


def measure(face: Face) -> tuple | str:
    """Returns what a face measures, in the order of COLUMNS but the key, or why it cannot be read.

    The photograph is decoded whole: of 966 of cfp's, which could be decoded at half their size or less, the hash would
    differ in up to 18 bits, and the sharpness by up to 19 %, from those of the same picture in another format.
    """
    try:
        image = read_photograph(face.path)
    except ValueError as error:
        return str(error)
    height, width = image.shape[:2]
    inner = cv2.cvtColor(inner_face(image, face.points), cv2.COLOR_RGB2GRAY)
    contrast = float(inner.std())
    edges = float(cv2.Laplacian(inner.astype(np.float32), cv2.CV_32F).std())
    thumb = cv2.resize(inner, (THUMB_SIDE, THUMB_SIDE), interpolation=cv2.INTER_AREA)
    found = (
        edges / max(contrast, 1.0),
        float(inner.mean()),
        contrast,
        _share_inside(face.box, width, height),
    )
    return (
        width,
        height,
        *(round(value, 4) for value in found),
        perceptual_hash(inner),
        thumb.tobytes().hex(),
    )


def inner_face(image: np.ndarray, points: np.ndarray) -> np.ndarray:
    """Returns the part (SIDE, SIDE, 3) between brows and chin, upright.

    Args:
        image: (H, W, 3) uint8.
        points: (5, 2), px.
    """
    middle = (SIDE - 1) / 2
    half = geometry.template(SIDE) - middle
    even = (
        half + half[geometry.FLIP_INDEX] * [-1, 1]
    ) / 2  # so that a mirrored photograph gives the mirrored face
    return warp.warp(image, geometry.fit_similarity(points[None], ZOOM * even + middle)[0], SIDE)


def perceptual_hash(inner: np.ndarray) -> str:
    """Returns the hash of a face (SIDE, SIDE) uint8 and of its mirror image, one after the other, hexadecimal."""
    both = [Image.fromarray(face) for face in (inner, np.ascontiguousarray(inner[:, ::-1]))]
    return "".join(str(imagehash.phash(face, HASH_SIDE, SIDE // HASH_SIDE)) for face in both)


def _share_inside(box: np.ndarray, width: int, height: int) -> float:
    low, high = np.maximum(box[:2], 0), np.minimum(box[:2] + box[2:], [width, height])
    return float(np.prod(np.maximum(high - low, 0)) / np.prod(box[2:]))


def thumbs(measured: pd.DataFrame) -> np.ndarray:
    """Returns small pictures (N, THUMB_SIDE²) of the inner faces, each with mean 0 and deviation 1: light cancels."""
    pictures = np.frombuffer(bytes.fromhex("".join(measured.thumb)), np.uint8).astype(float)
    pictures = pictures.reshape(len(measured), THUMB_SIDE**2)
    pictures -= pictures.mean(axis=1, keepdims=True)
    return pictures / np.maximum(pictures.std(axis=1, keepdims=True), 1.0)
