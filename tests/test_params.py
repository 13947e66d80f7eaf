from pathlib import Path
from typing import Literal

import pytest
from pydantic import PositiveInt

from facerec.params import Params


class ToyParams(Params):
    pixels: PositiveInt
    mode: Literal["fast", "slow"]


def write(folder: Path, text: str) -> Path:
    file = folder / "params.yaml"
    file.write_text(text)
    return file


def test_a_section_is_loaded_by_its_dotted_name(tmp_path):
    file = write(tmp_path, "recognizers:\n  a: {pixels: 3, mode: fast}\n")
    assert ToyParams.load("recognizers.a", file) == ToyParams(pixels=3, mode="fast")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("toy: {pixels: 3, mode: fast, speed: 1}", ["toy.speed", "unknown key", "pixels, mode"]),
        ("toy: {pixels: 3}", ["toy.mode", "missing"]),
        ("toy: {pixels: many, mode: fast}", ["toy.pixels", "valid integer", "'many'"]),
        ("toy: {pixels: 0, mode: fast}", ["toy.pixels", "greater than 0", "got 0"]),
        ("toy: {pixels: 3, mode: odd}", ["toy.mode", "'fast' or 'slow'", "'odd'"]),
        ("other: {}", ["no section `toy`"]),
        ("toy: [", ["not valid YAML"]),
        ("- 1", ["expected sections"]),
        ("toy: 3", ["toy", "got 3"]),
        (
            "toy: {pixels: 3, mode: fast}\ntoy: {pixels: 4, mode: fast}",
            ["not valid YAML", "`toy` is there twice"],
        ),
        ("toy: {[pixels]: 3, mode: fast}", ["not valid YAML", "unhashable key"]),
        ("toy: {pixels: 3, pixels: 4, mode: fast}", ["not valid YAML", "`pixels` is there twice"]),
    ],
)
def test_a_bad_section_names_the_file_and_the_key(tmp_path, text, words):
    file = write(tmp_path, text)
    with pytest.raises(ValueError) as error:
        ToyParams.load("toy", file)
    assert all(word in str(error.value) for word in [str(file), *words]), error.value


def test_a_file_of_another_encoding_is_named(tmp_path):
    (tmp_path / "params.yaml").write_bytes("toy: {pixels: 3, mode: fest ä}".encode("latin-1"))
    with pytest.raises(ValueError, match=r"params\.yaml: not valid YAML: .*utf-8"):
        ToyParams.load("toy", tmp_path / "params.yaml")


def test_an_absent_file_is_named(tmp_path):
    with pytest.raises(ValueError, match="no such file"):
        ToyParams.load("toy", tmp_path / "params.yaml")


def test_an_old_key_is_answered_with_the_new_one(tmp_path, monkeypatch):
    monkeypatch.setattr(
        "facerec.params.RENAMED", {"toy.px": "toy.pixels", "*.how": "mode, in another section"}
    )
    with pytest.raises(ValueError, match=r"toy\.px: is now toy\.pixels"):
        ToyParams.load("toy", write(tmp_path, "toy: {px: 3, mode: fast}"))
    with pytest.raises(ValueError, match=r"toy\.how: is now mode, in another section"):
        ToyParams.load("toy", write(tmp_path, "toy: {how: 3, pixels: 3, mode: fast}"))
