import numpy as np
import pytest
from scipy.stats import spearmanr

from facerec.annotation_names import POINTS
from facerec.geometry import template
from facerec.imaging.io import write_image
from facerec.landmarks.evaluation import Predictions, jitter_squares, jittered_eval_set
from facerec.landmarks.metrics import (
    area_under_curve,
    error_curves,
    mean_nme,
    nme,
    summary,
)
from facerec.metrics.bootstrap import bootstrap_interval
from facerec.metrics.intervals import share_interval
from facerec.tables import SQUARE, points_frame

rng = np.random.default_rng(0)


def predictions(count: int = 60, spread: float = 1.5) -> Predictions:
    """Returns predictions whose errors vary between faces, with confidence that follows them."""
    true = template(112) + rng.normal(0, 3, (count, 5, 2))
    error = spread * rng.uniform(0.2, 3, (count, 1, 1))
    predicted = true + error * rng.normal(0, 1, true.shape)
    confidence = np.clip(1 - error[:, :, 0] / 10 + rng.normal(0, 0.05, (count, 5)), 0, 1)
    return Predictions(predicted, confidence, true, np.arange(count) // 4)


def test_nme_is_the_error_in_percent_of_the_eye_distance():
    true = np.tile(template(112), (3, 1, 1))
    eyes = np.linalg.norm(true[0, 0] - true[0, 1])
    assert nme(true + np.array([0.1 * eyes, 0]), true) == pytest.approx(np.full((3, 5), 10.0))
    with pytest.raises(ValueError, match="differ in shape"):
        nme(true[:2], true)


def test_the_area_under_the_error_curve_is_that_of_the_drawn_curve():
    errors = rng.gamma(2, 3, 500)
    steps = np.linspace(0, 8, 20001)
    curve = (errors[:, None] <= steps).mean(axis=0)
    assert area_under_curve(errors).mean() == pytest.approx(
        np.trapezoid(curve, steps) / 8, abs=1e-4
    )


def test_faces_without_landmarks_fail_and_those_without_eye_distance_are_left_out():
    given = predictions()
    spoilt = Predictions(given.predicted.copy(), given.confidence, given.true.copy(), given.people)
    spoilt.predicted[:6, 2] = np.nan
    spoilt.true[6:10, 1] = spoilt.true[6:10, 0]
    rest = Predictions(
        *(values[10:] for values in (given.predicted, given.confidence, given.true, given.people))
    )
    found, clean = (summary({"": one}, template(112), seed=3) for one in (spoilt, rest))
    assert (found["faces"], found["faces_not_found"], clean["faces_not_found"]) == (56, 6, 0)
    assert (
        found["nme"] == clean["nme"] == pytest.approx(mean_nme(rest.predicted, rest.true), abs=1e-4)
    )
    assert found["nme_median"] == clean["nme_median"]
    assert found["failure_rate_at_8"] == pytest.approx(
        (6 + 50 * clean["failure_rate_at_8"]) / 56, abs=1e-4
    )
    assert found["auc_to_8"] == pytest.approx(50 / 56 * clean["auc_to_8"], abs=1e-4)
    assert mean_nme(spoilt.predicted, spoilt.true) == pytest.approx(clean["nme"], abs=1e-4)
    last = (
        error_curves({"given": spoilt}, template(112))
        .query("faces == 'all' and curve == 'hourglass, given'")
        .share
    )
    assert last.max() <= 50 / 56


def test_a_network_without_any_prediction_fails_on_every_face():
    given = predictions()
    nothing = Predictions(
        np.full_like(given.predicted, np.nan), given.confidence, given.true, given.people
    )
    values = summary({"": nothing}, template(112), seed=3)
    assert values["failure_rate_at_8"] == 1 and values["auc_to_8"] == 0 and "nme" not in values
    assert np.isnan(mean_nme(nothing.predicted, nothing.true))


def test_the_summary_holds_every_metric_with_its_interval_and_the_mean_shapes():
    given, jittered = predictions(), predictions(spread=3)
    values = summary({"": given, "_jittered": jittered}, template(112), seed=3)
    for suffix, faces in (("", given), ("_jittered", jittered)):
        errors = nme(faces.predicted, faces.true)
        face_errors = errors.mean(axis=1)
        shape = nme(np.broadcast_to(template(112), faces.true.shape), faces.true)
        expected = {
            "nme": face_errors,
            "failure_rate_at_8": face_errors > 8,
            "auc_to_8": area_under_curve(face_errors),
        }
        expected |= {f"nme_{point}": errors[:, index] for index, point in enumerate(POINTS)}
        for name, by_face in expected.items():
            if name in ("failure_rate_at_8", "auc_to_8"):
                low, high = share_interval(by_face, faces.people)
            else:
                low, high = bootstrap_interval(by_face, faces.people, 1000, 3)
            found = [values[f"{name}{suffix}{end}"] for end in ("", "_low", "_high")]
            assert found == pytest.approx([by_face.mean(), low, high], abs=1e-4), name
        assert values[f"nme{suffix}_mean_shape"] == pytest.approx(shape.mean(), abs=1e-4)
        assert values[f"nme_median{suffix}"] == pytest.approx(np.median(face_errors), abs=1e-4)
        assert values[f"nme_of_confident_half{suffix}"] < values[f"nme_of_other_half{suffix}"]
        expected = spearmanr(faces.confidence.mean(axis=1), face_errors).statistic
        assert (
            values[f"confidence_spearman{suffix}"] == pytest.approx(expected, abs=1e-4)
            and expected < -0.5
        )
    assert values["nme_jittered"] > values["nme"]
    assert all(isinstance(value, int | float) for value in values.values())


def test_frontal_faces_are_counted_and_measured_apart():
    true = np.tile(template(112), (4, 1, 1))
    true[0, 2, 0] = true[0, 0, 0]  # the nose under an eye
    predicted = true.copy()
    predicted[0] += 5
    values = summary(
        {"": Predictions(predicted, np.ones((4, 5)), true, np.arange(4))}, template(112), seed=0
    )
    assert (values["faces"], values["frontal_faces"], values["nme_frontal"]) == (4, 3, 0)
    assert (
        values["nme"] > 0
        and values["auc_to_8_frontal"] == 1
        and values["failure_rate_at_8_frontal"] == 0
    )
    assert "confidence_spearman" not in values  # a constant has no ranks, and JSON no NaN
    turned = summary(
        {"": Predictions(predicted[:1], np.ones((1, 5)), true[:1], np.zeros(1))},
        template(112),
        seed=0,
    )
    assert turned["frontal_faces"] == 0 and "nme_frontal" not in turned


def test_the_curves_give_the_share_of_faces_by_error():
    faces = predictions()
    curves = error_curves({"boxes as given": faces}, template(112))
    errors = nme(faces.predicted, faces.true).mean(axis=1)
    ours = curves[(curves.faces == "all") & (curves.curve == "hourglass, boxes as given")]
    assert ours.share.to_numpy() == pytest.approx(
        [(errors <= step).mean() for step in ours.error], abs=1e-6
    )
    assert set(curves.curve) == {"hourglass, boxes as given", "mean shape, boxes as given"}
    assert set(curves.faces) == {"all", "frontal"}
    assert (
        curves.groupby(["faces", "curve"])
        .share.apply(lambda share: share.is_monotonic_increasing)
        .all()
    )


def test_jittered_boxes_are_the_same_every_time_and_within_their_limits():
    squares = np.column_stack([rng.uniform(-10, 50, (500, 2)), rng.uniform(30, 90, 500)])
    moved = jitter_squares(squares)
    assert np.array_equal(moved, jitter_squares(squares)) and np.array_equal(
        moved[:7], jitter_squares(squares[:7])
    )
    side = moved[:, 2] / squares[:, 2]
    centres = [s[:, :2] + s[:, 2:] / 2 for s in (squares, moved)]
    shift = np.abs(centres[1] - centres[0]) / squares[:, 2:]
    assert 0.85 <= side.min() < 0.86 and 1.14 < side.max() <= 1.15
    assert 0.099 < shift.max() <= 0.1


def test_jittered_faces_show_photograph_beyond_the_crop(tmp_path):
    """The photograph has a bright dot at each point, and is brighter than padding."""
    points = template(112) + 100
    picture = np.full((320, 320, 3), 90, np.uint8)
    y, x = np.mgrid[:320, :320]
    for px, py in points:
        picture[np.hypot(x - px, y - py) < 4] = 255
    names = [f"{number}.png" for number in range(6)]
    for name in names:
        write_image(tmp_path / name, picture)
    frame = points_frame(np.tile(points, (6, 1, 1))).assign(image_id=names, person_id=range(6))
    frame[SQUARE] = [100.0, 100.0, 112.0]
    faces = jittered_eval_set(tmp_path, frame, 64)
    assert faces.faces.min() > 80  # no padding
    assert np.ptp(faces.points[:, 2], axis=0).min() > 2
    for face, places in zip(faces.faces, faces.points, strict=True):
        for px, py in places:
            assert face[round(py), round(px)].min() > 200
