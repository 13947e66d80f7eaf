import numpy as np
import pandas as pd
import pytest

from facerec import tables
from facerec.selection import near_duplicates
from facerec.selection.pixel_measures import measure_photographs
from facerec.synthetic.drawing import photograph
from facerec.synthetic.label_noise import ALTERATIONS, altered

MAX_DISTANCE = 35
PEOPLE, PHOTOS = 6, 4


@pytest.fixture(scope="module")
def drawn(tmp_path_factory):
    """Drawn photographs of six people, and each first one with every alteration."""
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


def test_duplicate_pairs_are_the_altered_photographs_and_no_others(drawn):
    folder, frame = drawn
    hashes = measure_photographs(frame, folder).hash.to_numpy()
    pairs = near_duplicates.duplicate_pairs(frame.person_id.to_numpy(), hashes, MAX_DISTANCE)
    names = frame.image_id.to_numpy()[pairs]
    with_first = {name for pair in names if pair[0].endswith("-0.jpg") for name in pair[1:]}
    for how in ("recoloured", "compressed", "mirrored"):
        assert {f"{person}-{how}.jpg" for person in range(PEOPLE)} <= with_first, how
    assert sum(name.endswith("recropped.jpg") for name in with_first) >= PEOPLE - 1
    others = {f"{person}-{photo}.jpg" for person in range(PEOPLE) for photo in range(1, PHOTOS)}
    assert not others & set(names.ravel())


def test_hash_distances_equal_a_loop():
    rng = np.random.default_rng(0)
    bits = rng.integers(0, 2, (5, 2, 256))
    hashes = [np.packbits(both).tobytes().hex() for both in bits]
    distances = near_duplicates.hash_distances(hashes)
    for row, (first, mirrored_first) in enumerate(bits):
        for column, (second, mirrored_second) in enumerate(bits):
            plain = (first != second).sum()
            mirrored = min((first != mirrored_second).sum(), (mirrored_first != second).sum())
            assert distances[row, column] == min(plain, mirrored)


def test_nearest_distances_compare_with_better_and_with_fixed_photographs():
    same = "00" * 64
    other = "ff" * 32 + "0f" * 32
    people = np.array([1, 1, 1, 2, 2, 2])
    hashes = np.array([same, same, other, same, same, other])
    is_fixed = np.array([False, False, False, False, True, False])
    to_better, to_fixed = near_duplicates.nearest_distances(people, hashes, MAX_DISTANCE, is_fixed)
    assert (to_better <= MAX_DISTANCE).tolist() == [False, True, False, True, False, False]
    assert (to_fixed <= MAX_DISTANCE).tolist() == [False, False, False, True, False, False]
    far = near_duplicates.hash_distances([same, other])[0, 1]
    assert to_better.tolist() == [np.inf, 0, far, 0, np.inf, far] and np.isinf(to_fixed[:3]).all()


def test_near_duplicates_differ_in_at_most_as_many_bits_as_the_bound():
    bits = np.zeros((2, 2, 256), int)
    bits[:, 1] = 1  # the mirror images are far from both
    bits[1, 0, :MAX_DISTANCE] = 1
    hashes = np.array([np.packbits(both).tobytes().hex() for both in bits])
    people = np.array([1, 1])
    for bound, expected in ((MAX_DISTANCE, [[0, 1]]), (MAX_DISTANCE - 1, [])):
        assert near_duplicates.duplicate_pairs(people, hashes, bound).tolist() == expected
