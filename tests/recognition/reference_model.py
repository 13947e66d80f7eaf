"""ONNX files made by hand, as references."""

import hashlib
from pathlib import Path
from typing import Any

from onnx import TensorProto, helper


def onnx_model(
    size: int, channels_first: bool = True, batch: int | str = "n", unused_input: bool = False
) -> bytes:
    """Returns a file whose embedding is its input's numbers, in the input's order."""
    shape = [batch, 3, size, size] if channels_first else [batch, size, size, 3]
    inputs = [helper.make_tensor_value_info("faces", TensorProto.FLOAT, shape)]
    if unused_input:
        inputs.append(helper.make_tensor_value_info("nobody_reads", TensorProto.FLOAT, [5]))
    output = helper.make_tensor_value_info("embedding", TensorProto.FLOAT, [batch, 3 * size**2])
    node = helper.make_node("Flatten", ["faces"], ["embedding"])
    graph = helper.make_graph([node], "reference", inputs, [output])
    opset = [helper.make_opsetid("", 21)]
    return helper.make_model(graph, opset_imports=opset, ir_version=10).SerializeToString()


def reference_entry(path: Path, content: bytes | None = None, **changes: Any) -> dict[str, Any]:
    """Writes a file and returns its entry of `recognizers`; `changes` are other values."""
    entry: dict[str, Any] = {
        "type": "onnx",
        "alignment": 5,
        "model": str(path),
        "image_size": 16,
        "template": "arcface",
        "channels": "rgb",
        "mean": [0.0, 0.0, 0.0],
        "scale": [1.0, 1.0, 1.0],
    }
    entry |= changes
    content = onnx_model(entry["image_size"]) if content is None else content
    path.write_bytes(content)
    return {"sha256": hashlib.sha256(content).hexdigest(), **entry}
