"""From photographs to faces with embeddings, by trained models and the thresholds beside them."""
