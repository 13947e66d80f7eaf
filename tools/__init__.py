"""Commands around the pipeline, which the Makefile calls."""

import stages  # noqa: F401  Ctrl-C is told of in one line here too
