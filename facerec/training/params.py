"""The parameters of every training. The file imports no torch, so they are checked fast."""

from pydantic import NonNegativeFloat, NonNegativeInt, PositiveFloat, PositiveInt

from facerec.params import Params, Precision


class FitParams(Params):
    """How a network is trained: AdamW, linear warm-up, then a cosine to zero."""

    epochs: PositiveInt
    batch_size: PositiveInt
    learning_rate: PositiveFloat
    weight_decay: NonNegativeFloat  # not on biases and norms
    warmup_epochs: NonNegativeInt
    precision: Precision  # of the network's layers
    compile: bool  # the network, by torch.compile
    memory_map_over: NonNegativeFloat  # MiB of faces; beyond, they are mapped from a file
