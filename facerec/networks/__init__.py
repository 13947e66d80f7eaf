"""What every network needs to run: devices, checkpoints, sampling of pictures."""
