"""What every network needs to run: devices, checkpoints, warping of batches."""
