"""The recogniser: backbones, heads, and their training."""
