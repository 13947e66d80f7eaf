"""Face recognition, from photographs to compared recognisers: the library behind the DVC stages."""

import os

MAX_PIXELS = 200_000_000  # of a photograph; a larger one is refused before it is decoded
os.environ["OPENCV_IO_MAX_IMAGE_PIXELS"] = str(
    MAX_PIXELS
)  # OpenCV reads it once, when it is imported
