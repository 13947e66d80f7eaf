"""The open set's numbers by blocks of pairs, against scikit-learn on all pairs at once."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from random_embeddings import set_block
from sklearn.metrics import roc_auc_score, roc_curve

from facerec.evaluation.open_set import open_set_metrics
from facerec.evaluation.params import EvaluateParams
from facerec.metrics.calibration import fit_calibration
from facerec.metrics.operating_points import OPERATING_FPRS

SETTINGS = EvaluateParams(bootstrap_resamples=50, seed=1)


def strangers(people=12, each=6):
    """Returns embeddings, who is on them and who is a query, in no order."""
    generator = torch.Generator().manual_seed(0)
    names = torch.arange(people).repeat_interleave(each)[
        torch.randperm(people * each, generator=generator)
    ]
    centres = torch.randn(people, 16, generator=generator)
    embeddings = centres[names] + 1.2 * torch.randn(len(names), 16, generator=generator)
    return embeddings, 100 + 7 * names.numpy(), (names < 2 * people // 3).numpy()


def test_an_open_set_without_pairs_has_no_numbers_and_the_log_says_so(caplog):
    caplog.set_level("INFO")
    settings = EvaluateParams(bootstrap_resamples=10, seed=1)
    for count in (0, 1):
        result = open_set_metrics(
            torch.randn(count, 4), np.full(count, 7), np.ones(count, bool), settings
        )
        assert not result.values and result.roc.empty
        assert "too few for pairs" in caplog.text


def test_numbers_are_those_of_all_pairs_at_once(monkeypatch):
    set_block(monkeypatch, 1000)
    embeddings, people, is_query = strangers()
    embeddings[3] = 0  # a face that could not be aligned
    result = open_set_metrics(embeddings, people, is_query, SETTINGS)
    i, j = torch.triu_indices(len(people), len(people), 1)
    cosines = (F.normalize(embeddings)[i] * F.normalize(embeddings)[j]).sum(dim=1).numpy()
    same = people[i] == people[j]
    assert result.values["openset_auc"] == pytest.approx(roc_auc_score(same, cosines), abs=1e-5)
    fpr, tpr, _ = roc_curve(same, cosines, drop_intermediate=False)
    for name, rate in OPERATING_FPRS.items():
        assert result.values[f"openset_tpr_at_fpr_{name}"] == pytest.approx(
            tpr[fpr <= rate].max(), abs=1e-6
        )
    for row in result.roc.itertuples():
        assert row.tpr == pytest.approx(tpr[fpr <= row.fpr + 1e-6].max(), abs=2e-6)
    calibration = fit_calibration(cosines, same, np.ones(len(same), int))
    assert result.values["calibration_slope"] == pytest.approx(calibration.slope, rel=0.01)
    assert result.values["calibration_intercept"] == pytest.approx(calibration.intercept, rel=0.01)
    shares = result.cosines.groupby("pairs").share.sum()
    assert shares.to_numpy() == pytest.approx(1, abs=1e-4)
    of_one_person = result.cosines[result.cosines.pairs == "same person"]
    assert (of_one_person.share * of_one_person.cosine).sum() == pytest.approx(
        cosines[same].mean(), abs=0.01
    )


def test_neither_blocks_nor_the_order_of_photographs_change_anything(monkeypatch):
    embeddings, people, is_query = strangers()
    once = open_set_metrics(embeddings, people, is_query, SETTINGS)
    set_block(monkeypatch, 300)
    monkeypatch.setattr("facerec.metrics.bootstrap.BLOCK", 10_000)
    order = np.random.default_rng(0).permutation(len(people))
    again = open_set_metrics(embeddings[order], people[order], is_query[order], SETTINGS)
    assert again.values == pytest.approx(once.values, abs=2e-6)
    for name in ("roc", "cosines", "reliability"):
        expected = getattr(once, name).select_dtypes("number").to_numpy()
        table = getattr(again, name).select_dtypes("number").to_numpy()
        assert table == pytest.approx(expected, abs=1e-5)
