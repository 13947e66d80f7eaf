"""Reading collections of photographs as people have them."""
