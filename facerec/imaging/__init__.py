"""Reading, cutting, stacking and showing pictures."""
