"""From photographs with boxes to cropped faces, points and aligned faces."""
