"""Metrics of recognition, with intervals."""
