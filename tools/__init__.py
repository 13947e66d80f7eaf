"""Commands around the pipeline, called by the Makefile: profiles, the table of results, the README's pictures."""
