"""The false-positive rates at which recognisers are measured."""

# By how the metrics' names write them.
OPERATING_FPRS = {"1e-1": 0.1, "1e-2": 0.01, "1e-3": 0.001}
