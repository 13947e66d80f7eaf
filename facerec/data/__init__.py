"""Readers of collections of photographs and lists of pairs."""
