"""The report: one page without a network, filled from a run's files."""
