import subprocess
import sys
from pathlib import Path
from urllib.error import URLError

import numpy as np
import pytest
import torch

from facerec.recognition import recognizer
from facerec.recognition.params import RecognizerParams
from facerec.recognition.recognizer import Recognizer, RecognizerConfig

NONE = Path("profiles/none.csv")
CONFIG = {
    "alignment": 5,
    "head": {"type": "arcface", "scale": 30.0, "margin": 0.5},
    "embedding_dim": 16,
    "dropout": 0.0,
    "person_ids": [7, 9, 30],
    "image_size": 32,
}


def network(backbone: str = "resnet18", seed: int = 0, precision: str = "bf16") -> Recognizer:
    torch.manual_seed(seed)
    config = {**CONFIG, "backbone": backbone, "precision": precision}
    return Recognizer(RecognizerConfig.model_validate(config)).eval()


def faces(count: int = 3) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 255, (count, 32, 32, 3), dtype=np.uint8)


def test_embeddings_do_not_depend_on_the_batch_or_on_mirroring():
    net = network()
    whole = net.embed(faces())
    tolerance = 0.02 * whole.abs().max().item()
    assert whole.shape == (3, 16) and whole.dtype == torch.float32
    one_by_one = torch.cat([net.embed(faces()[row : row + 1]) for row in range(3)])
    assert torch.allclose(whole, one_by_one, atol=tolerance)
    mirrored = net.embed(np.ascontiguousarray(faces()[:, :, ::-1]))
    assert torch.allclose(whole, mirrored, atol=tolerance)
    assert not torch.allclose(whole, net.embed(faces(), flip=False), atol=tolerance)
    assert net.embed(faces()[:0]).shape == (0, 16)


def test_it_computes_in_the_precision_that_it_was_made_with():
    whole = network(precision="fp32")
    embeddings = whole.embed(faces())
    half_embeddings = network(precision="bf16").embed(faces())
    assert embeddings.dtype == half_embeddings.dtype == torch.float32
    with torch.autocast("cpu", torch.bfloat16):  # whatever surrounds it
        assert torch.equal(whole.embed(faces()), embeddings)
    assert not torch.equal(embeddings, half_embeddings)
    tolerance = 0.05 * embeddings.abs().max().item()
    assert torch.allclose(embeddings, half_embeddings, atol=tolerance)


def test_faces_of_another_size_are_refused():
    with pytest.raises(ValueError, match="expected faces of 32 px, got 40 × 40"):
        network().embed(np.zeros((1, 40, 40, 3), np.uint8))


@pytest.mark.parametrize("backbone", ["resnet18", "hog"])
def test_save_and_load_give_the_same_scores(tmp_path, backbone):
    net = network(backbone).to(memory_format=torch.channels_last)
    recognizer.save(net, tmp_path / "r.pt")
    back = recognizer.load(tmp_path / "r.pt", torch.device("cpu"))
    assert back.config == net.config and back.config.person_ids == [7, 9, 30]
    embeddings = net.embed(faces())
    assert torch.equal(embeddings, back.embed(faces()))
    assert torch.equal(net.head.scores(embeddings), back.head.scores(embeddings))


def test_weights_start_from_a_checkpoints_backbone(tmp_path):
    trained = network(seed=1)
    fresh = network(seed=2)
    recognizer.save(trained, tmp_path / "r.pt")
    head = fresh.head.weight.clone()
    recognizer.load_weights(fresh, "file", tmp_path / "r.pt")
    weights = fresh.backbone.state_dict()
    for name, expected in trained.backbone.state_dict().items():
        assert torch.equal(weights[name], expected)
    assert torch.equal(fresh.head.weight, head)


def test_weights_of_another_architecture_are_refused(tmp_path):
    recognizer.save(network(), tmp_path / "r.pt")
    with pytest.raises(ValueError, match="does not hold a resnet34"):
        recognizer.load_weights(network("resnet34"), "file", tmp_path / "r.pt")
    with pytest.raises(ValueError, match="no such file"):
        recognizer.load_weights(network(), "file", tmp_path / "none.pt")


def test_imagenet_weights_fit_and_a_missing_network_is_one_sentence(monkeypatch):
    for fault in (URLError("no route"), RuntimeError("invalid hash value")):

        def failing(*args, error=fault, **options):
            raise error

        monkeypatch.setattr("torchvision.models._api.load_state_dict_from_url", failing)
        with pytest.raises(
            ValueError,
            match=r"imagenet: .* cannot be downloaded .* set recognizer\.weights to none",
        ):
            recognizer.load_weights(network(), "imagenet", NONE)

    import torchvision

    state = torchvision.models.resnet18().state_dict()
    monkeypatch.setattr(
        "torchvision.models._api.load_state_dict_from_url", lambda *args, **options: state
    )
    net = network()
    recognizer.load_weights(net, "imagenet", NONE)
    assert torch.equal(net.backbone.conv1.weight, state["conv1.weight"])


def test_hog_has_no_imagenet_weights():
    with pytest.raises(ValueError, match=r"recognizer.weights: imagenet: .* hog, only for ResNets"):
        recognizer.load_weights(network("hog"), "imagenet", NONE)


def test_a_recogniser_with_hog_does_not_wait_for_torchvision():
    code = "import sys, facerec.recognition.recognizer; sys.exit('torchvision' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


def test_the_old_name_of_the_backbone_is_answered():
    params = RecognizerParams.load("recognizer", Path("profiles/base.yaml"))
    with pytest.raises(ValueError, match="`gradients` is now `hog`"):
        RecognizerParams.model_validate({**params.model_dump(), "backbone": "gradients"})
