"""Commands around the pipeline, called by the Makefile: profiles, the table of results, the README's pictures."""

import stages  # noqa: F401  Ctrl-C is told of in one line here too
