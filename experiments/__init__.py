"""Experiments that answer one question each: which recipe, which selection, which loss."""
