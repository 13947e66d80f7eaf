"""One's own photographs: imported, trained on and evaluated, by the commands of the documents."""

import os
import re
import sys
from pathlib import Path

import pandas as pd
import pytest
import yaml
from collections_drawn import write_people
from test_end_to_end import ROOT, TINY, Repository, make_repository

TRANSCRIPT = (ROOT / "docs/own_photographs.md").read_text()
CASES = ROOT.parent / "shared/cases"


@pytest.fixture
def repository(tmp_path) -> Repository:
    repository = make_repository(tmp_path / "repo")
    profile = repository.folder / "profiles/own.yaml"
    content = yaml.safe_load(profile.read_text())
    for section in ("crop", "hourglass", "align", "recognizer", "evaluate"):
        content[section] = TINY[section]
    profile.write_text(yaml.safe_dump(content, sort_keys=False))
    (repository.folder / "params.yaml").unlink()
    make(repository, "profile", "NAME=first_run")  # as in a fresh clone
    return repository


def make(repository: Repository, *words: str) -> str:
    installed = f"{sys.prefix}/bin/.installed"
    return repository.run("make", "-o", installed, *words, f"VENV={sys.prefix}")


def trained(repository: Repository, photographs: Path | str) -> tuple[str, str]:
    """Returns what the import said, and all else; the whole pipeline must have run."""
    said = repository.run("python", "-m", "facerec", "import", str(photographs), "data/own")
    profile = make(repository, "profile", "NAME=own")
    assert "stages to run" in repository.run("python", "-m", "tools.estimate")
    log = repository.run("dvc", "repro")
    published = {path.stem for path in (repository.folder / "metrics/published").iterdir()}
    assert {"val_top1", "auc"} <= published
    assert (repository.folder / "models/recognizer.pt").is_file()
    return said, f"{profile}\n{log}"


def test_ten_people_of_twelve_photographs_as_the_documents_tell_it(repository):
    write_people(repository.folder / "photographs", 10, 12)
    said, log = trained(repository, "photographs")
    block = re.search(r"```console\n(\$ facerec import photographs.*?)\n```", TRANSCRIPT, re.DOTALL)
    assert block is not None
    lines = [line for line in said.strip().splitlines() if not line.startswith("import: ")]
    assert len(lines) == 3 and all(line in block[1] for line in lines)  # without the progress
    printed = {*said.splitlines(), *log.splitlines()}
    shown = [line for line in block[1].splitlines() if line.strip() != "…"]
    assert not [line for line in shown if not line.startswith("$ ") and line not in printed]
    people = pd.read_csv(repository.folder / "data/people.csv").name
    assert set(people) <= {f"Person {number}" for number in range(1, 11)}
    again = repository.run("python", "-m", "facerec", "import", "photographs", "data/own")
    assert "120 photographs had been examined by an earlier run" in again
    assert repository.changed() == set()


@pytest.mark.slow
def test_eight_people_of_six_photographs_give_a_result(repository):
    write_people(repository.folder / "photographs", 8, 6)
    _, log = trained(repository, "photographs")
    assert "6 people to train on, 1 query and 1 distractor people" in log


def test_two_people_of_three_photographs_give_a_sentence(repository):
    write_people(repository.folder / "photographs", 2, 3)
    repository.run("python", "-m", "facerec", "import", "photographs", "data/own")
    make(repository, "profile", "NAME=own")
    with pytest.raises(AssertionError) as error:
        repository.run("python", "-m", "tools.estimate")
    sentence = "error: select: the collection has 2 people; at least 4 are needed: 2 to train on"
    assert sentence in str(error.value) and "Traceback" not in str(error.value)


@pytest.mark.slow
@pytest.mark.skipif(not CASES.is_dir(), reason="the real photographs lie beside the repository")
def test_plain_folders_of_real_photographs(repository, tmp_path):
    data = os.path.join(CASES.parent, "data/cfp")
    repository.run("python", f"{CASES}/make_collections.py", data, str(tmp_path / "cases"))
    folder = tmp_path / "cases/plain_folders"
    said, _ = trained(repository, folder)
    assert "of 12 people" in said
    listed = pd.read_csv(repository.folder / "data/own/import_report.csv").original
    assert {"nobody.jpg", "empty"} <= set(listed)
    ends = {name.rsplit("/")[-1] for name in listed}
    assert {".DS_Store", "Thumbs.db", "notes.txt"} <= ends
    photographs = pd.read_csv(repository.folder / "data/own/photographs.csv").original
    on_disk = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    assert set(photographs) | set(listed) == on_disk | {"empty"}
