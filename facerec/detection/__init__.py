"""Faces in photographs: boxes, scores and five points, by one of several detectors."""
