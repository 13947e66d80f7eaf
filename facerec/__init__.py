"""Face recognition, from photographs to compared recognisers: the library behind the DVC stages."""
