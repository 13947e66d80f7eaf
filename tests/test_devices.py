import pytest
import torch

from facerec import devices


@pytest.mark.parametrize(("where", "precision"), [("cuda", "auto"), ("cuda", "bf16"), ("cpu", "bf16")])
def test_layers_are_bf16_where_that_is_asked_for_and_by_auto_on_a_gpu(where, precision, monkeypatch):
    monkeypatch.setattr(torch, "autocast", lambda *arguments, **options: (*arguments, options["enabled"]))
    assert devices.autocast(torch.device(where), precision) == (where, torch.bfloat16, True)


@pytest.mark.parametrize("precision", ["auto", "fp32"])
def test_layers_are_fp32_on_a_cpu_unless_bf16_is_asked_for(precision):
    layer, x = torch.nn.Linear(2, 2), torch.ones(1, 2)
    with devices.autocast(torch.device("cpu"), precision):
        assert layer(x).dtype == torch.float32
    with devices.autocast(torch.device("cpu"), "bf16"):
        assert layer(x).dtype == torch.bfloat16


def test_a_device_that_does_not_exist_is_named(monkeypatch):
    monkeypatch.setenv("FACEREC_DEVICE", "toaster")
    with pytest.raises(ValueError, match=r"FACEREC_DEVICE: expected cpu, cuda .*got 'toaster'"):
        devices.device()
