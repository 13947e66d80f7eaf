"""Thresholds with what they were measured on: by definition, stored, refused."""

import json

import numpy as np
import pytest
from collections_drawn import write_people
from engine_models import DETECTOR, write_models
from scipy.special import expit

from facerec.engine.calibrate import embed_people, measure
from facerec.engine.collections import photographs_of_people
from facerec.engine.load import load_engine
from facerec.engine.operating_point import OperatingPoint
from facerec.evaluation.params import EvaluateParams, PublishParams

EVALUATE = EvaluateParams(bootstrap_resamples=50, seed=1)


def rates(fpr=0.1, fpir=0.1):
    return PublishParams(recognizer="one", fpr=fpr, fpir=fpir)


def strangers(people=12, each=5):
    """Returns normalised embeddings of people, and their names."""
    rng = np.random.default_rng(0)
    names = np.repeat([f"p{number}" for number in range(people)], each)
    centres = np.repeat(rng.normal(size=(people, 16)), each, axis=0)
    embeddings = centres + rng.normal(size=centres.shape)
    return (embeddings / np.linalg.norm(embeddings, axis=1, keepdims=True)).astype("f4"), names


def test_both_thresholds_are_those_of_the_definitions():
    embeddings, names = strangers()
    point = measure(embeddings, names, rates(), EVALUATE, "these", "f" * 64)
    cosines = embeddings @ embeddings.T
    same = names[:, None] == names
    pairs = np.triu(np.ones_like(same), 1)
    false = cosines[pairs & ~same]
    assert (false > point.verify_threshold).mean() == pytest.approx(0.1, abs=1 / len(false))
    assert point.tpr == pytest.approx((cosines[pairs & same] > point.verify_threshold).mean())
    strangers_best = np.where(same, -1, cosines).max(axis=1)
    assert (strangers_best > point.search_threshold).sum() == 6  # of 60
    np.fill_diagonal(cosines, -1)
    own = np.where(same, cosines, -1).max(axis=1)
    is_found = (own > strangers_best) & (own > point.search_threshold)
    assert point.found == pytest.approx(is_found.mean(), abs=1e-6)
    assert point.search_threshold > point.verify_threshold
    assert (point.people, point.photographs, point.gallery_people) == (12, 60, 11)
    assert (point.same_pairs, point.different_pairs, point.searches) == (120, 1650, 60)
    assert point.fpr_low < 0.1 < point.fpr_high and point.fpir_low < 0.1 < point.fpir_high
    assert point.measured_on == "60 photographs of 12 people of these"
    interval = f"(95 % interval {point.fpir_low:.1%} to {point.fpir_high:.1%})"
    assert f"exceed {interval} in a gallery of 11 people" in point.search_sentence
    without = OperatingPoint.from_values(
        {key: each for key, each in point.values().items() if not key.startswith("fpir_")}
    )
    assert "10.0% of strangers exceed in a gallery of 11 people" in without.search_sentence


def test_too_few_pairs_are_refused_with_how_many_are_needed():
    embeddings, names = strangers(people=3, each=2)
    with pytest.raises(ValueError, match=r"these: .* needs at least 100 pairs of two people") as it:
        measure(embeddings, names, rates(fpr=0.01), EVALUATE, "these", "")
    assert "got 12 and 3 (6 faces of 3 people)" in str(it.value)
    enough = int(str(it.value).split("each of ")[1].split()[0])
    assert 2 * enough * (enough - 1) >= 100 > 2 * (enough - 1) * (enough - 2)
    embeddings, names = strangers(people=enough, each=2)
    point = measure(embeddings, names, rates(fpr=0.01, fpir=0.01), EVALUATE, "these", "")
    assert point.search_threshold is None and point.name_threshold == point.verify_threshold
    assert "in a search more strangers are named" in point.search_sentence
    embeddings, names = strangers(people=30, each=1)
    with pytest.raises(ValueError, match="got 435 and 0"):
        measure(embeddings, names, rates(), EVALUATE, "these", "")


def test_a_file_holds_it_and_a_damaged_one_is_refused(tmp_path):
    embeddings, names = strangers()
    point = measure(embeddings, names, rates(), EVALUATE, "these", "f" * 64)
    point.write(tmp_path / "t.json")
    assert OperatingPoint.read(tmp_path / "t.json") == point
    assert {"fpr", "cosine_threshold"} <= set(json.loads((tmp_path / "t.json").read_bytes()))
    for content in ("", "[]", "{}", '{"fpr": 1, "cosine_threshold": "high"}'):
        (tmp_path / "t.json").write_text(content)
        with pytest.raises(ValueError, match=r"t\.json: expected the thresholds .* `facerec calib"):
            OperatingPoint.read(tmp_path / "t.json")


def test_probabilities_are_those_of_the_logistic():
    values = {"fpr": 0.1, "cosine_threshold": 0.3}
    cosines = np.array([[-1.0, 0.2], [0.5, 1.0]])
    assert OperatingPoint.from_values(values).probability(cosines) is None
    values |= {"calibration_slope": 8.0, "calibration_intercept": -2.0}
    probability = OperatingPoint.from_values(values).probability(cosines)
    assert probability == pytest.approx(expit(8 * cosines - 2))


def test_people_are_found_by_folders_and_in_celebas_layout(tmp_path):
    folder = write_people(tmp_path / "people", 3, 2)
    paths, people = photographs_of_people(folder)
    assert [path.parent.name for path in paths] == people and len(set(people)) == 3
    images = tmp_path / "celeba/img_celeba"
    images.mkdir(parents=True)
    rows = []
    for number, path in enumerate(paths, 1):
        (images / f"{number:06}.jpg").write_bytes(path.read_bytes())
        rows.append(f"{number:06}.jpg {1 + sorted(set(people)).index(people[number - 1])}")
    identity = tmp_path / "celeba/identity_CelebA.txt"
    identity.write_text("\n".join(rows))
    same_paths, numbers = photographs_of_people(tmp_path / "celeba")
    assert all(path.exists() for path in same_paths) and len(same_paths) == 6
    assert [numbers.count(each) for each in "123"] == [2, 2, 2]
    identity.write_text("absent.jpg 1\n")
    with pytest.raises(ValueError, match=r"names absent\.jpg, which is in no folder beside it"):
        photographs_of_people(tmp_path / "celeba")
    with pytest.raises(ValueError, match="nobody is named: expected a folder for each person"):
        photographs_of_people(images)


def test_photographs_without_a_face_are_counted(tmp_path):
    models = tmp_path / "models"
    models.mkdir()
    engine = load_engine(None, DETECTOR, write_models(models))
    paths, people = photographs_of_people(write_people(tmp_path / "people", 2, 1))
    (tmp_path / "bad.jpg").write_bytes(b"bad")
    embeddings, names, lost = embed_people(engine, [*paths, tmp_path / "bad.jpg"], [*people, "x"])
    assert names == people and lost == {"not readable": 1, "no usable face": 0}
    assert np.linalg.norm(embeddings, axis=1) == pytest.approx(1)
