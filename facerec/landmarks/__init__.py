"""The stacked hourglass that finds five facial points."""
