import pandas as pd
import pytest
import torch
from commands import as_command
from test_faults_numbers import project, training

from facerec.networks import devices


@pytest.mark.parametrize(
    ("ampere", "precision", "enabled"),
    [(True, "auto", True), (False, "auto", False), (False, "bf16", True), (True, "fp32", False)],
)
def test_auto_uses_bf16_on_a_gpu_that_does_not_emulate_it(ampere, precision, enabled, monkeypatch):
    monkeypatch.setattr(
        torch, "autocast", lambda *arguments, **options: (*arguments, options["enabled"])
    )
    monkeypatch.setattr(
        torch.cuda,
        "is_bf16_supported",
        lambda including_emulation=True: ampere or including_emulation,
    )
    assert devices.autocast(torch.device("cuda"), precision) == ("cuda", torch.bfloat16, enabled)


@pytest.mark.parametrize(
    ("capabilities", "precision", "computed"),
    [
        ({"amx_bf16": True}, "auto", torch.bfloat16),
        ({"amx_bf16": False, "avx512_bf16": True}, "auto", torch.float32),
        ({}, "auto", torch.float32),  # not x86
        ({"amx_bf16": True}, "fp32", torch.float32),
        ({}, "bf16", torch.bfloat16),
    ],
)
def test_auto_uses_bf16_on_a_cpu_with_amx(capabilities, precision, computed, monkeypatch):
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: capabilities)
    with devices.autocast(torch.device("cpu"), precision):
        assert torch.nn.Linear(2, 2)(torch.ones(1, 2)).dtype == computed


def test_an_unknown_device_is_named_in_the_error(monkeypatch):
    monkeypatch.setenv("FACEREC_DEVICE", "toaster")
    with pytest.raises(ValueError, match=r"FACEREC_DEVICE: expected cpu, cuda .*got 'toaster'"):
        devices.device()


def test_a_training_runs_with_a_torch_without_cuda(tmp_path, monkeypatch):
    def absent(*_, **__):
        raise AssertionError("Torch not compiled with CUDA enabled")

    monkeypatch.setattr(torch.version, "cuda", None)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    for owner, name in (
        (torch.cuda, "_lazy_init"),
        (torch.Tensor, "pin_memory"),
        (torch.Tensor, "cuda"),
    ):
        monkeypatch.setattr(owner, name, absent)
    project(tmp_path, trained_on=[2, 2], epochs=2)
    result = as_command(tmp_path, *training("arcface"))
    assert result.returncode == 0, result.stderr
    assert pd.read_csv(tmp_path / "arcface/history.csv").train_loss.notna().all()
