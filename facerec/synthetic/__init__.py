"""Drawn faces with known identity, points and attributes."""
