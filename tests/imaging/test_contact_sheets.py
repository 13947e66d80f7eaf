import numpy as np
import pytest

from facerec.imaging.contact_sheets import CAPTION, PAPER, contact_sheet


def caption(text: str, tile: int = 160) -> np.ndarray:
    """Returns the part of a sheet below its only tile."""
    blank = np.full((tile, tile, 3), PAPER, np.uint8)
    sheet = contact_sheet([blank], 1, tile, [text])
    assert (sheet[:tile] == PAPER).all()
    return sheet[-CAPTION - 6 :]


@pytest.mark.parametrize(
    "name",
    ["Zoë", "Łukasz", "Nguyễn", "李 娜", "さく", "김", "Иван", "Αλέξης", "מיכל", "عمر"],
)
def test_captions_show_names_in_these_scripts(name):
    """Where a letter is missing, OpenCV draws a question mark."""
    shown = caption(name)
    assert (shown != PAPER).any()
    for letter in {*name} - {" "}:
        assert (caption(letter) != caption("?")).any(), letter
        assert (caption(letter) != PAPER).any(), letter


def test_letters_that_no_font_has_and_long_names_do_no_harm():
    assert (caption("अ") == caption("?")).all()
    assert (caption("") == PAPER).all()
    long = caption("Wolfeschlegelsteinhausenbergerdorff" * 3)
    assert (long[:, -3:] == PAPER).all() and (long != PAPER).any()
