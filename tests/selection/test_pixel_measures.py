import cv2
import numpy as np
import pandas as pd
import pytest

from facerec import tables
from facerec.imaging.io import read_image
from facerec.selection.pixel_measures import measure_photographs, thumbnails
from facerec.synthetic.drawing import photograph


@pytest.fixture(scope="module")
def drawn(tmp_path_factory) -> tuple[np.ndarray, pd.DataFrame]:
    """A drawn photograph, and its row."""
    folder = tmp_path_factory.mktemp("drawn")
    picture = photograph(1, 0, 0, 0.0)
    (folder / "drawn.jpg").write_bytes(picture.jpeg)
    row = ["drawn.jpg", *picture.landmarks.ravel(), *picture.box]
    columns = ["image_id", *tables.LANDMARKS, *tables.BOX]
    return read_image(folder / "drawn.jpg"), pd.DataFrame([row], columns=columns)


def test_blur_lowers_sharpness_and_light_changes_exposure_alone(drawn, tmp_path):
    image, row = drawn
    pictures = {
        "plain": image,
        "blurred": cv2.GaussianBlur(image, (0, 0), 5),
        "dark": (0.5 * image).astype(np.uint8),
        "large": cv2.resize(image, None, fx=2, fy=2, interpolation=cv2.INTER_CUBIC),
    }
    for name, picture in pictures.items():
        cv2.imwrite(str(tmp_path / f"{name}.png"), picture[..., ::-1])
    frame = pd.concat([row] * 4, ignore_index=True)
    frame["image_id"] = [f"{name}.png" for name in pictures]
    frame.iloc[3, 1:] = 2 * frame.iloc[3, 1:].astype(float)
    measures = measure_photographs(frame, tmp_path).set_index(pd.Index(pictures))
    plain = measures.loc["plain"]
    assert measures.sharpness["blurred"] < 0.6 * plain.sharpness
    assert measures.sharpness["dark"] == pytest.approx(plain.sharpness, rel=0.05)
    assert measures.exposure["dark"] == pytest.approx(plain.exposure / 2, abs=1)
    assert measures.sharpness["large"] == pytest.approx(plain.sharpness, rel=0.15)
    assert measures.width.tolist() == [*[image.shape[1]] * 3, 2 * image.shape[1]]


def test_measures_survive_being_written_and_read(drawn, tmp_path):
    image, row = drawn
    cv2.imwrite(str(tmp_path / "drawn.jpg"), image[..., ::-1])
    (tmp_path / "broken.jpg").write_bytes(b"no picture")
    frame = pd.concat([row, row.assign(image_id="broken.jpg")], ignore_index=True)
    measures = measure_photographs(frame, tmp_path)
    tables.write(measures, tmp_path / "measures.csv", tables.MEASURES)
    read = tables.read(tmp_path / "measures.csv", tables.MEASURES)
    assert read.unreadable.tolist() == [pytest.approx(np.nan, nan_ok=True), "not a readable image"]
    assert read.hash[0] == measures.hash[0] and pd.isna(read.hash[1]) and pd.isna(read.width[1])
    assert read.sharpness[0] == pytest.approx(measures.sharpness[0], abs=1e-4)
    assert thumbnails(read[:1]) == pytest.approx(thumbnails(measures[:1]))


def test_thumbnails_do_not_depend_on_light(drawn, tmp_path):
    image, row = drawn
    cv2.imwrite(str(tmp_path / "plain.png"), image[..., ::-1])
    cv2.imwrite(str(tmp_path / "dark.png"), (0.5 * image[..., ::-1]).astype(np.uint8))
    frame = pd.concat([row, row], ignore_index=True).assign(image_id=["plain.png", "dark.png"])
    plain, dark = thumbnails(measure_photographs(frame, tmp_path))
    assert np.abs(plain - dark).max() < 0.1
