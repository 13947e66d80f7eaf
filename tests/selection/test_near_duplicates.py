import os
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import pytest

from facerec import tables
from facerec.imaging.io import read_image
from facerec.selection import near_duplicates
from facerec.selection.photographs import Photographs
from facerec.selection.pixel_measures import PixelMeasures
from facerec.synthetic.drawing import photograph
from facerec.synthetic.label_noise import ALTERATIONS, altered

BITS = 36
PEOPLE, PHOTOS = 6, 4


@pytest.fixture(scope="module")
def drawn(tmp_path_factory):
    """Drawn photographs of six people, and of each first one every alteration."""
    folder = tmp_path_factory.mktemp("drawn")
    rows = []
    for person in range(PEOPLE):
        pictures = {
            f"{person}-{photo}.jpg": photograph(1, person, photo, 0.0) for photo in range(PHOTOS)
        }
        first = pictures[f"{person}-0.jpg"]
        copies = {f"{person}-{how}.jpg": altered(first, how, [person]) for how in ALTERATIONS}
        for name, picture in (pictures | copies).items():
            (folder / name).write_bytes(picture.jpeg)
            rows.append([name, person, *picture.landmarks.ravel(), *picture.box])
    frame = pd.DataFrame(rows, columns=["image_id", "person_id", *tables.LANDMARKS, *tables.BOX])
    return folder, frame


def test_every_kind_of_copy_is_found_and_nothing_else(drawn, tmp_path):
    folder, frame = drawn
    hashes = (
        PixelMeasures(Photographs(folder, "drop"), tmp_path / "kept.csv").of(frame).hash.to_numpy()
    )
    found = near_duplicates.pairs(frame.person_id.to_numpy(), hashes, BITS)
    names = frame.image_id.to_numpy()[found]
    with_first = {name for pair in names if (pair[0].endswith("-0.jpg")) for name in pair[1:]}
    for how in ("recoloured", "compressed", "mirrored"):
        assert {f"{person}-{how}.jpg" for person in range(PEOPLE)} <= with_first, how
    assert sum(name.endswith("recropped.jpg") for name in with_first) >= PEOPLE - 1
    others = {f"{person}-{photo}.jpg" for person in range(PEOPLE) for photo in range(1, PHOTOS)}
    assert not others & set(names.ravel())


def test_distances_are_those_of_a_loop():
    rng = np.random.default_rng(0)
    bits = rng.integers(0, 2, (5, 2, 256))
    hashes = [np.packbits(both).tobytes().hex() for both in bits]
    found = near_duplicates.distances([*hashes, ""])
    for one in range(5):
        for other in range(5):
            (a, mirrored_a), (b, mirrored_b) = bits[one], bits[other]
            expected = min((a != b).sum(), (a != mirrored_b).sum(), (mirrored_a != b).sum())
            assert found[one, other] == expected
    assert (found[5] == 256).all()


def test_the_better_copy_stays_and_a_fixed_one_always_does():
    same, other = "00" * 64, "ff" * 32 + "0f" * 32
    people, hashes = np.array([1, 1, 1, 2, 2, 2]), np.array([same, same, other, same, same, other])
    fixed = np.array([False, False, False, False, True, False])
    apart, from_fixed = near_duplicates.nearest(people, hashes, BITS, fixed)
    assert (apart < BITS).tolist() == [False, True, False, True, False, False]
    assert (from_fixed < BITS).tolist() == [False, False, False, True, False, False]
    far = near_duplicates.distances([same, other])[0, 1]
    assert apart.tolist() == [np.inf, 0, far, 0, np.inf, far] and np.isinf(from_fixed[:3]).all()


def test_what_was_measured_is_kept_until_the_photograph_or_its_points_change(drawn, tmp_path):
    folder, frame = drawn
    kept = tmp_path / "kept.csv"

    def look(table: pd.DataFrame) -> tuple[int, pd.DataFrame]:
        measures = PixelMeasures(Photographs(folder, "drop"), kept)
        values = measures.of(table)
        return measures.decoded, values

    first, again = look(frame), look(frame)
    assert (first[0], again[0]) == (len(frame), 0)
    pd.testing.assert_frame_equal(first[1], again[1])
    moved = frame.copy()
    moved.loc[0, "nose_x"] += 1
    assert look(moved)[0] == 1
    os.utime(folder / frame.image_id[1], ns=(1, 1))
    assert look(frame)[0] == 1


def test_photographs_that_are_measured_when_they_are_taken_are_decoded_once(
    drawn, tmp_path, monkeypatch
):
    folder, frame = drawn
    monkeypatch.setenv("FACEREC_WORKERS", "1")
    broken = frame.image_id[2]
    decoded: list[str] = []

    def decode(path: Path) -> np.ndarray:
        decoded.append(path.name)
        if path.name == broken:
            raise ValueError("not a readable image")
        return read_image(path)

    for module in ("photographs", "pixel_measures"):
        monkeypatch.setattr(f"facerec.selection.{module}.read_photograph", decode)
    source = Photographs(folder, "drop")
    measures = PixelMeasures(source, tmp_path / "kept.csv")
    taken = source.take(frame, 3, measures.of)
    seen = frame[frame.image_id.isin([*taken.image_id, broken])]
    assert measures.of(seen).hash[2] == ""
    assert broken not in taken.image_id.tolist() and source.dropped == {
        broken: "not a readable image"
    }
    assert source.take(frame, 3).equals(taken)
    assert sorted(decoded) == sorted([*taken.image_id, broken]) and measures.decoded == len(decoded)


@pytest.mark.parametrize(
    "spoil",
    [
        lambda content: b"0000\n" + content.partition(b"\n")[2],
        lambda content: content[: len(content) // 2],
        lambda content: content.replace(b",0.", b",nan."),
        lambda content: content[:-3] + b"zz\n",
        lambda content: content.partition(b"\n")[0] + b"\n\xff\xfe\x00",
        lambda content: b"",
    ],
    ids=["other code", "cut off", "no numbers", "no digits", "no text", "nothing"],
)
def test_what_was_measured_is_measured_again_if_its_file_is_not_as_it_was_left(
    drawn, tmp_path, spoil
):
    folder, frame = drawn
    kept = tmp_path / "kept.csv"
    first = PixelMeasures(Photographs(folder, "drop"), kept).of(frame)
    kept.write_bytes(spoil(kept.read_bytes()))
    measures = PixelMeasures(Photographs(folder, "drop"), kept)
    pd.testing.assert_frame_equal(measures.of(frame), first)
    assert measures.decoded == len(frame)


def test_an_unreadable_photograph_measures_nothing_and_is_listed(drawn, tmp_path):
    _, frame = drawn
    (tmp_path / frame.image_id[0]).write_bytes(b"no picture")
    photographs = Photographs(tmp_path, "drop")
    values = PixelMeasures(photographs, tmp_path / "kept.csv").of(frame[:2])
    assert values.sharpness.isna().all() and (values.hash == "").all()
    assert list(photographs.dropped) == frame.image_id[:2].tolist() and not photographs.shapes


def test_blur_lowers_sharpness_and_light_changes_exposure_alone(drawn, tmp_path):
    folder, frame = drawn
    image = read_image(folder / frame.image_id[0])
    changed = {
        "plain": image,
        "blurred": cv2.GaussianBlur(image, (0, 0), 5),
        "dark": (0.5 * image).astype(np.uint8),
    }
    changed["large"] = cv2.resize(image, None, fx=2, fy=2, interpolation=cv2.INTER_CUBIC)
    for name, picture in changed.items():
        cv2.imwrite(str(tmp_path / f"{name}.png"), picture[..., ::-1])
    row = frame.iloc[[0] * 4].assign(image_id=[f"{name}.png" for name in changed])
    row.iloc[3, 2:] = 2 * row.iloc[3, 2:].astype(float)
    values = (
        PixelMeasures(Photographs(tmp_path, "drop"), tmp_path / "kept.csv")
        .of(row)
        .set_index(row.image_id)
    )
    assert values.sharpness["blurred.png"] < 0.6 * values.sharpness["plain.png"]
    assert values.sharpness["dark.png"] == pytest.approx(values.sharpness["plain.png"], rel=0.05)
    assert values.exposure["dark.png"] == pytest.approx(values.exposure["plain.png"] / 2, abs=1)
    assert values.sharpness["large.png"] == pytest.approx(values.sharpness["plain.png"], rel=0.15)
