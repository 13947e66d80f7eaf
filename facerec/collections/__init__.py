"""People's own photographs: found in folders, with their names, and laid out as CelebA's."""
