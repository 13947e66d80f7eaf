import json
from pathlib import Path

import numpy as np
import yaml
from collection import make_frame
from commands import as_command, options_of

from facerec import tables
from facerec.imaging.io import read_image, write_image
from facerec.synthetic.label_noise import sample_label_noise

ROOT = Path(__file__).parents[2]
PEOPLE, PHOTOS, SIDE = 5, 8, 32


def test_audit_lists_swapped_photographs_and_a_person_with_two_names(tmp_path):
    """Each person is a colour pattern. One photograph is swapped, one person has two names."""
    rng = np.random.default_rng(0)
    patterns = colour_patterns(rng)
    true = np.repeat(np.arange(PEOPLE), PHOTOS)
    names = true.copy()
    names[true == 4] = np.where(np.arange(PHOTOS) % 2, 4, 5)
    names[3] = 1
    frame = make_frame(1, len(true)).assign(label=names, person_id=100 + names)
    for image_id, person in zip(frame.image_id, true, strict=True):
        noisy = patterns[person] + rng.normal(0, 12, patterns[person].shape)
        write_image(tmp_path / "aligned" / image_id, noisy.clip(0, 255).astype(np.uint8))
    tables.write(frame, tmp_path / "selected.csv", tables.SELECTED)
    tables.write(frame[:0], tmp_path / "wild.csv", tables.SELECTED)
    predicted = frame[["image_id", *tables.LANDMARKS]].assign(
        confidence=1.0, aligned_2=1, aligned_3=1, aligned_5=1
    )
    tables.write(predicted, tmp_path / "predicted.csv", tables.PREDICTED)
    (tmp_path / "names.csv").write_text("person_id,name\n100,Zoë Ball\n104,李 娜\n")
    content = yaml.safe_load((ROOT / "profiles/base.yaml").read_text())
    content["audit"] |= {"folds": 2, "image_size": SIDE, "epochs": 12, "review_odds": 1.5}
    content["recognizer"] |= {"embedding_dim": 32, "batch_size": 8, "precision": "fp32"}
    (tmp_path / "params.yaml").write_text(yaml.safe_dump(content))
    paths = {
        "selected": "selected.csv",
        "wild": "wild.csv",
        "names": "names.csv",
        "predicted": "predicted.csv",
        "aligned": "aligned",
        "weights": ROOT / "profiles/none.csv",
        "audit": "audit.csv",
        "people": "people.csv",
        "metrics": "audit.json",
        "sheet": "audit.jpg",
    }
    result = as_command(tmp_path, "stages.audit", *options_of(paths))
    assert result.returncode == 0, result.stderr
    listed = tables.read(tmp_path / "audit.csv", tables.AUDIT)
    people = tables.read(tmp_path / "people.csv", tables.AUDIT_PEOPLE)
    swapped = listed[listed.image_id == frame.image_id[3]].iloc[0]
    assert (swapped.person_id, swapped.suggested_person_id) == (101, 100)
    assert (swapped["name"], swapped.suggested_name) == ("101", "Zoë Ball")
    assert listed.score.is_monotonic_decreasing and set(listed.action) <= {"exclude", "review"}
    assert people.iloc[0, :2].tolist() == ["104", "105"] and people.score[0] >= 0.5
    assert people.loc[0, ["name", "other_name"]].tolist() == ["李 娜", "105"]
    metrics = json.loads((tmp_path / "audit.json").read_text())
    assert metrics["photographs"] == len(true) and metrics["to_exclude"] + metrics[
        "to_review"
    ] == len(listed)
    assert metrics["confused_people"] == len(people)
    assert read_image(tmp_path / "audit.jpg").shape[1] > 9 * 112
    assert not list((tmp_path / ".checkpoints").glob("audit-*"))


def colour_patterns(rng: np.random.Generator) -> np.ndarray:
    return np.kron(rng.integers(30, 225, (PEOPLE, 4, 4, 3)), np.ones((1, SIDE // 4, SIDE // 4, 1)))


def test_sample_label_noise_adds_the_shares_asked_for_without_overlap():
    people = np.repeat(np.arange(20), 10)
    noise = sample_label_noise(people, label_noise=0.05, duplicate_share=0.1, seed=1)
    copies, swapped = np.flatnonzero(noise.copy_of >= 0), np.flatnonzero(noise.labels != people)
    assert (len(copies), len(swapped)) == (20, 10)
    assert (people[noise.copy_of[copies]] == people[copies]).all()
    assert not {*copies, *noise.copy_of[copies]} & set(swapped) and not set(copies) & set(
        noise.copy_of[copies]
    )
    assert set(noise.alterations[copies]) == {"recoloured", "recropped", "compressed", "mirrored"}
    clean = sample_label_noise(people, 0.0, 0.0, 1)
    assert (
        (clean.labels == people).all()
        and (clean.copy_of == -1).all()
        and not clean.alterations.any()
    )
