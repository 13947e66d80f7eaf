"""Too few faces to learn from."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from facerec.aligned_faces import AlignedFaces
from facerec.recognizer_training import RecognizerParams, train

PROFILE = Path(__file__).parents[1] / "profiles/synthetic.yaml"


@pytest.mark.parametrize("usable", [[False, False], [True, False]])
def test_a_training_without_two_faces_says_so_before_it_begins(usable):
    frame = pd.DataFrame({"image_id": ["a.jpg", "b.jpg"], "label": [0, 1]})
    faces = AlignedFaces(frame, np.zeros((2, 32, 32, 3), np.uint8), np.array(usable))
    params = RecognizerParams.load("recognizer", PROFILE)
    with pytest.raises(ValueError, match=rf"{sum(usable)} of 2 faces could be aligned: no two to learn from"):
        train(None, faces, faces, params, 1, "toy")
