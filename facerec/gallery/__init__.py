"""Galleries: the people whom faces are compared with, kept in one file; search; grouping."""
