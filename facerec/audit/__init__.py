"""The search for photographs under a wrong name."""
