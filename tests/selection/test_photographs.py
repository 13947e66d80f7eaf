from pathlib import Path

import cv2
import numpy as np
import pytest

from facerec.selection.photographs import copy_photographs, read_photograph, refuse_absent


@pytest.fixture
def images(tmp_path) -> Path:
    for name in ("in/Ana María/1.jpg", "in/Bo/1.jpg", "out/1.jpg"):
        (tmp_path / name).parent.mkdir(parents=True)
        cv2.imwrite(str(tmp_path / name), np.full((20, 20, 3), 9, np.uint8))
    return tmp_path / "in"


def test_links_may_lead_to_another_folder_inside_but_not_out(images):
    (images / "Bo/inside.jpg").symlink_to(images / "Ana María/1.jpg")
    (images / "Bo/outside.jpg").symlink_to(images.parent / "out/1.jpg")
    (images / "linked").symlink_to(images.parent / "out")
    (images.parent / "link").symlink_to(images)
    assert read_photograph(images / "Bo/inside.jpg", images).shape == (20, 20, 3)
    assert read_photograph(images.parent / "link/Bo/1.jpg", images.parent / "link").size
    for name in ("Bo/outside.jpg", "linked/1.jpg"):
        with pytest.raises(ValueError, match="a symbolic link out of the folder"):
            read_photograph(images / name, images)


def test_photographs_are_copied_with_their_folders(images, tmp_path):
    names = ["Ana María/1.jpg", "Bo/1.jpg"]
    copy_photographs(names, images, tmp_path / "copy")
    for name in names:
        assert (tmp_path / "copy" / name).read_bytes() == (images / name).read_bytes()


def test_a_folder_that_lacks_most_photographs_says_what_it_has(images):
    refuse_absent(["Bo/1.jpg", "x.jpg"], images)  # half of them is not most
    refuse_absent([], images)
    with pytest.raises(ValueError, match=r"only in upper and lower case, as 'bo/1\.JPG' and 'Bo/1"):
        refuse_absent(["bo/1.JPG"], images)
    with pytest.raises(ValueError, match="NFC or NFD"):
        refuse_absent(["Ana Mari\u0301a/1.jpg"], images)
    with pytest.raises(ValueError, match="no such folder of photographs"):
        refuse_absent(["1.jpg"], images / "none")
