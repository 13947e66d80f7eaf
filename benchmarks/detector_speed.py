"""Milliseconds of a detection by the photograph's size, beside those of its parts."""

import statistics
import time
from collections.abc import Callable

import cv2
import numpy as np
import pandas as pd

from facerec.detection.detections import shrink
from facerec.detection.params import DetectorParams
from facerec.detection.retinaface import RetinaFace, run_network
from facerec.synthetic.drawing import encode, photograph

LONG_SIDES = (240, 480, 640, 1200, 2400, 4800)  # px of the photographs
ASPECT = 4 / 3
REPEATS = 7
SEED = 20
QUALITY = 90  # of the JPEG

TIME = """RetinaFace on one core, median of runs, ms of that core's time, which other work on the
machine lengthens less than the clock's. Decode: the JPEG to pixels. Detect: all of a detection,
with the long side at most as below; network: the forward pass alone; unbounded: a detection at the
photograph's own size."""


def time_by_size(params: DetectorParams) -> pd.DataFrame:
    """Returns a row for each size of a photograph."""
    cv2.setNumThreads(1)
    drawn = photograph(SEED, 0, 0, 0.0).jpeg
    face = cv2.imdecode(np.frombuffer(drawn, np.uint8), cv2.IMREAD_COLOR_RGB)
    rows = []
    for long_side in LONG_SIDES:
        size = (round(long_side / ASPECT), long_side)
        jpeg = np.frombuffer(encode(cv2.resize(face, size), QUALITY), np.uint8)
        image = cv2.imdecode(jpeg, cv2.IMREAD_COLOR_RGB)
        rows.append({"photograph": f"{size[0]} × {size[1]}", **_times(params, jpeg, image)})
    return pd.DataFrame(rows)


def _times(params: DetectorParams, jpeg: np.ndarray, image: np.ndarray) -> dict[str, str]:
    bounded = RetinaFace(params.long_side, params.min_score, params.max_overlap)
    unbounded = RetinaFace(max(image.shape), params.min_score, params.max_overlap)
    small = shrink(image, params.long_side)[0]
    works: dict[str, Callable[[], object]] = {
        "decode": lambda: cv2.imdecode(jpeg, cv2.IMREAD_COLOR_RGB),
        "detect": lambda: bounded.detect(image),
        "network": lambda: run_network(small),
        "unbounded": lambda: unbounded.detect(image),
    }
    times: dict[str, list[float]] = {name: [] for name in works}
    for repeat in range(REPEATS + 1):  # in turn, the first time to warm up
        for name, work in works.items():
            start = time.process_time()
            work()
            if repeat:
                times[name].append(1000 * (time.process_time() - start))
    median = {name: statistics.median(values) for name, values in times.items()}
    return {
        **{f"{name}, ms": f"{value:.1f}" for name, value in median.items()},
        "detect / network": f"{median['detect'] / median['network']:.2f}",
        "detect / decode": f"{median['detect'] / median['decode']:.1f}",
    }
