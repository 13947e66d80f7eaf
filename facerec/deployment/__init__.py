"""The trained networks as ONNX files, and their use without torch."""
