"""Speed of `facerec import` against decoding and the detector alone, on the same photographs.

python -m benchmarks.import_speed                # 10,000 drawn photographs
python -m benchmarks.import_speed --large        # 500 of 4,000 px: decoding and copying count most

Both use all cores. The ratio is that of two runs right after one another.
"""

import io
import shutil
import tempfile
from functools import partial
from pathlib import Path
from typing import Annotated

from PIL import Image
from typer import Option
from typer import run as typer_run

from benchmarks.measure import alternate, speed_of
from facerec.collections.importer import CHUNK_SIZE, import_photographs
from facerec.collections.layouts import find_photographs
from facerec.detection.detections import Detector
from facerec.detection.detector import make_detector
from facerec.detection.params import DetectorParams
from facerec.imaging.io import read_reduced
from facerec.parallel import num_workers, parallel_map
from facerec.synthetic.drawing import photograph

TARGET = 0.8
DISTINCT = 400  # photographs that are drawn; the files differ in a comment
PHOTOS_PER_PERSON = 20
LARGE_SIDE = 4000  # px
DETECTOR = DetectorParams(
    type="retinaface",
    long_side=640,
    min_score=0.5,
    max_overlap=0.4,
    yunet_model="",
    yunet_sha256="",
)


def main(
    photographs: Annotated[int, Option(help="how many")] = 10_000,
    repeats: Annotated[int, Option(help="of each of the two, after one to warm up")] = 1,
    large: Annotated[bool, Option(help="500 photographs as large as a camera's")] = False,
) -> None:
    """Print photographs a second of the import, of decoding and detecting alone, and the ratio."""
    count = 500 if large else photographs
    with tempfile.TemporaryDirectory() as temporary:
        folder, out = Path(temporary, "photographs"), Path(temporary, "out")
        side = _write(folder, count, LARGE_SIDE if large else None)
        measured = alternate(
            speed_of(partial(_import, folder, out), count),
            speed_of(partial(_detect_alone, folder, side), count),
            "photographs",
            repeats,
        )
    reached = "reached" if measured.median >= TARGET else "missed"
    print(f"{count} photographs, {side} px at their longest, {num_workers()} cores")
    print(f"import {measured.ours}, decoding and detector alone {measured.other}")
    print(f"ratio {measured.spread}; wanted at least {TARGET}: {reached}")


def _write(folder: Path, count: int, side: int | None) -> int:
    """Writes photographs, a folder for each person; returns their longest side, px."""
    distinct = min(count, DISTINCT if side is None else DISTINCT // 20)
    numbers = [divmod(number, PHOTOS_PER_PERSON) for number in range(distinct)]
    drawn = list(parallel_map(partial(_draw, side), numbers, "draw", processes=True))
    for number in range(count):
        path = folder / f"Person {number // PHOTOS_PER_PERSON}" / f"{number}.jpg"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(_with_comment(drawn[number % distinct], str(number)))
    return max(max(Image.open(io.BytesIO(jpeg)).size) for jpeg in drawn)


def _draw(side: int | None, numbers: tuple[int, int]) -> bytes:
    jpeg = photograph(1, *numbers, flaw_prob=0.0).jpeg
    if side is None:
        return jpeg
    with Image.open(io.BytesIO(jpeg)) as image:
        zoom = side / max(image.size)
        larger = image.resize((round(zoom * image.width), round(zoom * image.height)))
    content = io.BytesIO()
    larger.save(content, "JPEG", quality=92)
    return content.getvalue()


def _with_comment(jpeg: bytes, text: str) -> bytes:
    """Returns a JPEG with a comment behind its first marker, which makes its bytes unique."""
    comment = b"\xff\xfe" + (len(text) + 2).to_bytes(2, "big") + text.encode()
    return jpeg[:2] + comment + jpeg[2:]


def _import(folder: Path, out: Path) -> None:
    import_photographs(folder, find_photographs(folder), out, DETECTOR, "largest")
    shutil.rmtree(out)


def _detect_alone(folder: Path, side: int) -> None:
    work = partial(_detect, make_detector(DETECTOR), min(1.0, DETECTOR.long_side / side))
    paths = sorted(folder.rglob("*.jpg"))
    for _ in parallel_map(work, paths, "detect", processes=True, chunk_size=CHUNK_SIZE):
        pass


def _detect(detector: Detector, scale: float, path: Path) -> None:
    detector.detect(read_reduced(path, scale)[0])


if __name__ == "__main__":
    typer_run(main)
