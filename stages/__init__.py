"""The stages of the pipeline: each loads its parameters, reads tables, calls facerec, writes outputs."""

import atexit
import os
import signal
import sys

exit_code: int | None = None  # of a stage that has done all that it had to


def _interrupted(*_: object) -> None:
    """Ends this process in one line: raised, Ctrl-C would get lost in what a library does while it is imported."""
    os.write(2, b"interrupted\n")
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    signal.raise_signal(signal.SIGINT)


def _leave() -> None:
    """Ends this process without the second in which torch is taken apart, when Ctrl-C would end it without a word."""
    if exit_code is not None:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(exit_code)


if sys.argv[0] == "-m":  # a command, not a library
    atexit.register(_leave)  # before all others: it is called after them
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, _interrupted)
