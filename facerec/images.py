"""Reading and writing photographs, and mapping a function over many of them. The only cv2.imread."""

import math
import os
import stat
import tempfile
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from concurrent.futures import Executor
from contextlib import suppress
from functools import partial
from itertools import chain
from pathlib import Path
from threading import Event, local
from typing import Literal, TypeVar

import cv2
import numpy as np

from facerec import MAX_PIXELS, geometry, progress, workers

Item = TypeVar("Item")
Items = TypeVar("Items", Sequence, np.ndarray)
Result = TypeVar("Result")
Order = Literal["RGB", "BGR"]

JPEG_QUALITY = 95
MAX_BYTES = 2**30  # of a photograph's file: more than MAX_PIXELS take unpacked
BINARY = getattr(os, "O_BINARY", 0)  # Windows would translate the line ends
RUN = 4  # photographs that a thread is given at once: handing over one costs a tenth of a millisecond
RUN_APART = 128  # that a process is given at once, fewer where there are few: handing a run over costs half a ms
FRAMES = {0xC0, 0xC1, 0xC2}  # markers of a JPEG's size: baseline, extended, progressive
COLOUR = {"RGB": cv2.IMREAD_COLOR_RGB, "BGR": cv2.IMREAD_COLOR}
REDUCED = {  # by which a JPEG is decoded smaller; with either of COLOUR they give colours too
    1: 0,
    2: cv2.IMREAD_REDUCED_GRAYSCALE_2,
    4: cv2.IMREAD_REDUCED_GRAYSCALE_4,
    8: cv2.IMREAD_REDUCED_GRAYSCALE_8,
}

_of_thread = local()

cv2.setNumThreads(1)  # parallel_map runs one photograph a thread; OpenCV's own threads would fight it


def read_image(path: Path) -> np.ndarray:
    """Returns a photograph as RGB uint8 (H, W, 3), turned as its EXIF orientation says.

    Raises:
        ValueError: the file is absent, empty, no image, or larger than MAX_PIXELS or MAX_BYTES.
        MemoryError: there is no room for it, of which a photograph is not to blame.
    """
    return read_reduced(path, 1)[0]


def read_reduced(path: Path, scale: float, order: Order = "RGB") -> tuple[np.ndarray, int]:
    """Returns a photograph as `read_image` does, a JPEG at 1/2, 1/4 or 1/8 of its size if that will do; and by which.

    The second is 2, 4, 8, or 1 if it is whole: the side, px, of the block of the whole picture that a pixel stands for.
    There are never fewer pixels than are wanted, unless the whole picture has fewer.

    Args:
        path: of the photograph.
        scale: px that are wanted to a px of the whole picture.
        order: of the colours; BGR is the files' own, for whoever only moves pixels from one to another.

    Raises:
        ValueError: as `read_image`.
    """
    try:
        found = path.stat()
        if not stat.S_ISREG(found.st_mode):  # a pipe would be waited for without end
            raise ValueError(f"{path}: not a file")
        if found.st_size > MAX_BYTES:
            raise ValueError(f"{path}: more than {MAX_BYTES} bytes")
        content = _read(path, found.st_size)
    except OSError as error:
        raise ValueError(f"{path}: {error.strerror or error}") from None
    if not content:
        raise ValueError(f"{path}: empty file")
    reduction = _reduction(content, scale) if scale <= 0.5 else 1
    try:
        image = cv2.imdecode(np.frombuffer(content, np.uint8), COLOUR[order] | REDUCED[reduction])
    except cv2.error as error:
        if "MAX_IMAGE_PIXELS" in str(error):
            raise ValueError(f"{path}: more than {MAX_PIXELS} pixels") from None
        if error.code == cv2.Error.StsNoMem:
            raise MemoryError(f"{path}: {error.err}") from None
        image = None
    if image is None or _is_cut_off(content):
        raise ValueError(f"{path}: not a readable image")
    return image, reduction


def cut(path: Path, matrices: Sequence[np.ndarray] | np.ndarray, pixels: int, order: Order = "RGB") -> list[np.ndarray]:
    """Returns the squares (pixels, pixels, 3) that matrices (2, 3) cut from a photograph, black outside it.

    It is decoded once, no larger than they need. A matrix that is not finite gives black.

    Args:
        path: of the photograph.
        matrices: px of the photograph → px of the square.
        pixels: side of the squares.
        order: of the colours, as in `read_reduced`.

    Raises:
        ValueError: as `read_image`.
    """
    scales = [scale for matrix in matrices if math.isfinite(scale := geometry.scale(matrix))]
    photograph, reduction = read_reduced(path, max(scales, default=0), order)
    return [geometry.warp(photograph, geometry.reduced_matrix(matrix, reduction), pixels) for matrix in matrices]


def _read(path: Path, count: int) -> bytes:
    """Returns a file's bytes; Path.read_bytes takes half as long again, for it asks what is known and buys a buffer."""
    file = os.open(path, os.O_RDONLY | BINARY)
    try:
        content = os.read(file, count)
        while len(content) < count and (more := os.read(file, count - len(content))):
            content += more
    finally:
        os.close(file)
    return content


def _reduction(content: bytes, scale: float) -> int:
    """Returns by how much a photograph may be reduced while it is decoded.

    Only a JPEG; only if OpenCV, which sees the reduced size, could not take it for one that is not too large; and where
    EXIF may turn it, only if whole blocks fill it, for else those at the right and below would come first.
    """
    segments = dict(_segments(content))
    frame = next((content[place + 5 : place + 9] for name, place in segments.items() if name in FRAMES), b"")
    height, width = int.from_bytes(frame[:2], "big"), int.from_bytes(frame[2:], "big")
    if not 0 < height * width <= MAX_PIXELS:
        return 1
    turned = 0xE1 in segments  # APP1, EXIF's
    whole = [block for block in (8, 4, 2) if not turned or (height % block == width % block == 0)]
    return next((block for block in whole if block * scale <= 1), 1)


def _is_cut_off(content: bytes) -> bool:
    """Returns whether a JPEG has no end-of-image marker after its header; the decoder turns the rest gray, or zero."""
    if content.endswith(b"\xff\xd9"):
        return False
    return any(name == 0xDA and content.find(b"\xff\xd9", place) < 0 for name, place in _segments(content))


def _segments(content: bytes) -> Iterator[tuple[int, int]]:
    """Yields the marker and the place of each part of a JPEG's header, to the start of its pixels (0xDA)."""
    place = 2
    while content.startswith(b"\xff\xd8") and content[place : place + 1] == b"\xff":
        marker, high, low = (*content[place + 1 : place + 4], 0, 0, 0)[:3]
        yield marker, place
        if marker == 0xDA:
            return
        place += 2 + 256 * high + low


def write_image(path: Path, image: np.ndarray, order: Order = "RGB") -> None:
    """Writes uint8 (H, W, 3) in the format of the path's ending, whole or not at all."""
    ending = path.suffix.lower()
    options = [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY] if ending in {".jpg", ".jpeg"} else []
    image = image if order == "BGR" else cv2.cvtColor(image, cv2.COLOR_RGB2BGR)
    encoded, content = cv2.imencode(ending, image, options)
    if not encoded:
        raise ValueError(f"{path}: cannot encode this picture")
    write_bytes(path, content.data)


def write_bytes(path: Path, content: bytes | memoryview) -> None:
    """Writes a file under a temporary name, then renames it: a reader sees all of it or nothing."""
    folder, name = os.path.split(path)
    partial = os.path.join(folder, f".{name}.partial")
    try:
        _write(partial, content)
        os.replace(partial, path)
    except BaseException as error:  # a full disk, which what was written so far would only fill further; Ctrl-C
        with suppress(FileNotFoundError):
            os.unlink(partial)
        if isinstance(error, OSError):
            raise OSError(error.errno, error.strerror, str(path)) from None
        raise


def _write(path: str, content: bytes | memoryview) -> None:
    """Writes a file, without the buffer of `open`, which takes a third of the time of a small one."""
    file, rest = _opened_new(path), memoryview(content)
    try:
        while rest:
            rest = rest[os.write(file, rest) :]
    finally:
        os.close(file)


def _opened_new(path: str) -> int:
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | BINARY
    try:
        return os.open(path, flags, 0o666)
    except FileNotFoundError:  # to look for the folder before each file would cost more than the file
        os.makedirs(os.path.dirname(path), exist_ok=True)
        return os.open(path, flags, 0o666)


def parallel_map(
    function: Callable[[Item], Result],
    items: Iterable[Item],
    title: str | None,
    ahead: int = 0,
    processes: bool = False,
    run: int = 0,
) -> Generator[Result]:
    """Yields `function(item)` in the items' order, on every core, and tells how far it is if it has a title.

    Threads share memory: for results that are pictures. OpenCV's decoding, warping and encoding release the
    interpreter's lock, but what lies between them waits for it: processes are faster for results that are small.

    Args:
        function: of one item; for processes a module's, or a `partial` of one.
        items: in order.
        title: of the task, as in `progress.over`.
        ahead: how many items at least are begun before their turn; a few a core in any case.
        processes: whether to work in processes, not in threads; unless `run` is given, a few items, and all on one
            core, are left to threads.
        run: items that a worker is given at once, for those that take long; 0: as many as pay for photographs.
    """
    items, cores = list(items), num_workers()
    apart = processes and (run > 0 or (cores > 1 and len(items) > RUN))
    length = run or (min(RUN_APART, math.ceil(len(items) / (RUN * cores))) if apart else RUN)
    runs = [slice(start, start + length) for start in range(0, len(items), length)]
    window = max(math.ceil(ahead / length), 2 * cores)
    stop = Event()
    with workers.processes(min(cores, len(runs)) or 1, (function, items)) if apart else workers.threads(cores) as pool:
        each = workers.each_given if apart else partial(_each, function, items, stop)
        results = chain.from_iterable(_ahead(pool, each, runs, window))
        try:
            yield from progress.over(results, title, len(items))
        finally:
            stop.set()


def _each(function: Callable[[Item], Result], items: Sequence[Item], stop: Event, run: slice) -> list[Result]:
    """Returns the results of a run of the items, of which nobody reads those after `stop`."""
    _of_thread.stop = stop
    return [function(item) for item in items[run] if not stop.is_set()]


class Stopped(Exception):
    """Nobody waits for the item that a thread is at."""


def go_on() -> None:
    """Raises `Stopped` in a thread of `parallel_map` whose item nobody waits for any more: for items that take long."""
    if (stop := getattr(_of_thread, "stop", None)) and stop.is_set():
        raise Stopped


def _ahead(pool: Executor, function: Callable[[Item], Result], items: Sequence[Item], window: int) -> Iterator[Result]:
    """Submits at most `window` items ahead of the reader, so that results do not pile up."""
    futures = [pool.submit(function, item) for item in items[:window]]
    for index in range(len(items)):
        result = futures[index].result()
        futures[index] = None  # type: ignore[call-overload]  # frees the result
        if index + window < len(items):
            futures.append(pool.submit(function, items[index + window]))
        yield result


def in_batches(items: Items, batch: int, title: str | None) -> Iterator[Items]:
    """Yields runs of at most `batch` items, of a sequence or an array, and tells how far it is if it has a title."""
    with progress.Progress(title, len(items)) as bar:
        for start in range(0, len(items), batch):
            yield items[start : start + batch]
            bar.advance(len(items[start : start + batch]))


def load_faces(folder: Path, image_ids: Iterable[str], map_over: float = math.inf) -> np.ndarray:
    """Returns the faces of a folder, all of one size, as uint8 (N, H, W, 3) in the order of the ids.

    Args:
        folder: of the faces.
        image_ids: their names.
        map_over: as in `stack_images`.

    Raises:
        ValueError: a file is unreadable, or its size differs from the first one's.
    """
    paths = [folder / image_id for image_id in image_ids]
    if not paths:
        return np.zeros((0, 0, 0, 3), np.uint8)
    faces = parallel_map(read_image, paths, f"read {folder.name}")
    return stack_images(_of_one_size(faces, paths), len(paths), map_over)


def _of_one_size(images: Iterable[np.ndarray], paths: Sequence[Path]) -> Iterator[np.ndarray]:
    first = None
    for path, image in zip(paths, images, strict=True):
        first = first or image.shape
        if image.shape != first:
            raise ValueError(
                f"{path}: expected {first[1]} × {first[0]} px as {paths[0].name}, got "
                f"{image.shape[1]} × {image.shape[0]}"
            )
        yield image


def stack_images(images: Iterable[np.ndarray], count: int, map_over: float = math.inf) -> np.ndarray:
    """Returns pictures of one size as uint8 (count, H, W, 3), of which no second copy is ever held.

    Args:
        images: (H, W, 3) uint8 each.
        count: how many, at least one.
        map_over: MiB beyond which the array is a nameless temporary file in the working folder, mapped into memory.
    """
    images = iter(images)
    first = next(images)
    shape = (count, *first.shape)
    if math.prod(shape) > map_over * 2**20:
        return _mapped(chain([first], images), shape)
    stacked = np.empty(shape, np.uint8)
    for index, image in enumerate(chain([first], images)):
        stacked[index] = image
    return stacked


def _mapped(images: Iterable[np.ndarray], shape: tuple[int, ...]) -> np.ndarray:
    with tempfile.TemporaryFile(dir=Path.cwd()) as file:
        for image in images:
            file.write(np.ascontiguousarray(image).data)
        file.flush()
        return np.memmap(file, np.uint8, "c", shape=shape)  # the file goes when the array does


def num_workers() -> int:
    """Returns how many cores to use: FACEREC_WORKERS, or all that this process may run on."""
    if wanted := os.environ.get("FACEREC_WORKERS"):
        if not wanted.isdecimal() or int(wanted) < 1:
            raise ValueError(f"FACEREC_WORKERS: expected a whole number of at least 1, got {wanted!r}")
        return int(wanted)
    affinity = getattr(os, "sched_getaffinity", None)  # not on macOS and Windows
    return len(affinity(0)) if affinity else os.cpu_count() or 1
