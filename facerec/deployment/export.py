"""The hourglass and the recogniser as ONNX files, with all that is needed to use them."""

import json
import logging
from typing import Any

import numpy as np
import onnx
import torch
from torch import Tensor, nn

from facerec.annotation_names import POINTS
from facerec.geometry import template
from facerec.landmarks.hourglass import StackedHourglass
from facerec.networks.warping import grid_px, sample, to_float
from facerec.recognition.recognizer import Recognizer

OPSET = 20
PRODUCER = "facerec"
CHATTY = ("torch.onnx", "onnxscript", "onnx_ir")  # loggers: each renamed constant is a line
EXAMPLES = 2  # faces that the network is traced with; the files take any number


class HourglassOnCrops(nn.Module):
    """Heatmaps of crops in uint8, each warped by a matrix first.

    Args:
        network: the hourglass; it computes in float32 from now on.
    """

    scale: Tensor

    def __init__(self, network: StackedHourglass) -> None:
        super().__init__()
        self.network = network
        face_size = network.face_size
        scale = torch.from_numpy(grid_px(face_size, face_size).astype(np.float32))
        self.register_buffer("scale", scale)

    def forward(self, faces: Tensor, matrices: Tensor) -> Tensor:
        """Returns heatmaps (N, 5, S, S) of faces (N, W, W, 3) uint8.

        Args:
            faces: (N, face_size, face_size, 3) uint8 RGB.
            matrices: (N, 2, 3), px of the network's input → px of the face.
        """
        size = self.network.config.image_size
        return self.network.mean_heatmaps(sample(to_float(faces), matrices * self.scale, size))


class RecognizerOnFaces(nn.Module):
    """Embeddings of aligned faces in uint8.

    Args:
        network: the recogniser; it computes in float32 from now on.
    """

    def __init__(self, network: Recognizer) -> None:
        super().__init__()
        self.network = network

    def forward(self, faces: Tensor) -> Tensor:
        """Returns embeddings (N, E) of faces (N, size, size, 3) uint8, with their mirror images."""
        images = to_float(faces)
        return (self.network(images) + self.network(images.flip(-1))) / 2


def hourglass_file(network: StackedHourglass) -> bytes:
    """Returns the hourglass as an ONNX file; the same network gives the same bytes.

    Inputs `faces` and `matrices` and output `heatmaps` are those of `HourglassOnCrops`.
    """
    config = network.config.model_copy(update={"precision": "fp32"})
    network.config = config
    size = network.face_size
    inputs = {
        "faces": torch.zeros(EXAMPLES, size, size, 3, dtype=torch.uint8),
        "matrices": torch.zeros(EXAMPLES, 2, 3),
    }
    metadata = {
        "kind": "hourglass",
        "face_size": size,
        "image_size": config.image_size,
        "box_scale": config.box_scale,
        "refine_steps": config.refine_steps,
        "flip_test": config.flip_test,
        "points": POINTS,
    }
    return _exported(HourglassOnCrops(network), inputs, "heatmaps", metadata)


def recognizer_file(network: Recognizer, thresholds: dict[str, float | str]) -> bytes:
    """Returns the recogniser as an ONNX file; the same network gives the same bytes.

    Input `faces` and output `embeddings` are those of `RecognizerOnFaces`. The head is left out:
    people are told apart by the cosines of embeddings.

    Args:
        network: the recogniser.
        thresholds: what `publish` wrote beside it.
    """
    network.config = network.config.model_copy(update={"precision": "fp32"})
    size = network.config.image_size
    inputs = {"faces": torch.zeros(EXAMPLES, size, size, 3, dtype=torch.uint8)}
    metadata = {
        "kind": "recognizer",
        "image_size": size,
        "alignment": network.config.alignment,
        "template": template(size).round(6).tolist(),
        "embedding_dim": network.config.embedding_dim,
        **thresholds,
    }
    return _exported(RecognizerOnFaces(network), inputs, "embeddings", metadata)


def _exported(
    module: nn.Module, inputs: dict[str, Tensor], output: str, metadata: dict[str, Any]
) -> bytes:
    """Returns a module as an ONNX file whose inputs may have any number of rows."""
    for name in CHATTY:
        logging.getLogger(name).setLevel(logging.WARNING)
    module = module.cpu().to(memory_format=torch.contiguous_format).eval()
    program = torch.onnx.export(
        module,
        tuple(inputs.values()),
        input_names=[*inputs],
        output_names=[output],
        dynamic_shapes=tuple({0: torch.export.Dim.DYNAMIC} for _ in inputs),
        opset_version=OPSET,
        external_data=False,
        # It drops the addition of 1e-8 that keeps `hog` from dividing by 0 on flat skin.
        optimize=False,
        verbose=False,
    )
    assert program is not None
    model = program.model_proto
    for node in [*model.graph.node, *(n for function in model.functions for n in function.node)]:
        del node.metadata_props[:]  # lines of the source, with paths of this machine
    del model.graph.metadata_props[:], model.metadata_props[:], model.graph.value_info[:]
    model.producer_name, model.producer_version = PRODUCER, ""
    texts = {key: json.dumps(value) for key, value in metadata.items()}
    onnx.helper.set_model_props(model, texts)
    onnx.checker.check_model(model, full_check=True)
    return model.SerializeToString(deterministic=True)
