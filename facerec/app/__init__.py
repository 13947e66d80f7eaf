"""A page that names the faces on photographs, and the same by HTTP; `facerec page`."""
