"""One import at a time for each folder."""

import errno
import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

FILE = "lock"


@contextmanager
def locked(folder: Path, collection: Path) -> Iterator[None]:
    """Makes a folder, and holds its lock. The lock ends with the process, however that ends.

    Args:
        folder: that holds the lock's file.
        collection: for the message.

    Raises:
        ValueError: another process holds the lock.
        OSError: the folder cannot be written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / FILE).open("w") as file:
        try:
            fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)  # worker processes do not inherit it
        except OSError as error:
            if error.errno in (errno.EACCES, errno.EAGAIN):
                raise ValueError(
                    f"{collection}: another import is at work there; wait for its end, or name "
                    "another folder"
                ) from None
            raise OSError(error.errno, error.strerror, str(folder / FILE)) from None
        yield
