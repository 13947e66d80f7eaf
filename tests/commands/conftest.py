"""A folder to use commands in: a model without training, drawn photographs, and a gallery."""

import shutil
from pathlib import Path

import pytest
from collections_drawn import face, write_people
from commands_used import facerec, write_model


@pytest.fixture(scope="session")
def prepared(tmp_path_factory) -> Path:
    """Returns a folder with a model, 4 people × 4 photographs, and their gallery."""
    folder = tmp_path_factory.mktemp("commands")
    write_model(folder)
    write_people(folder / "photographs", 4, 4)
    for name, person, photo in (("new", 0, 4), ("new", 1, 4), ("strangers", 10, 4)):
        path = folder / name / f"{person + 1}.jpg"
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(face(person, photo).jpeg)
    result = facerec(folder, "enroll", "photographs", "people.gallery")
    assert result.returncode == 0, result.stderr
    return folder


@pytest.fixture
def folder(prepared, tmp_path) -> Path:
    """Returns a copy of that folder."""
    return shutil.copytree(prepared, tmp_path / "folder")
