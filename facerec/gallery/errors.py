"""What a gallery refuses, and SQLite's errors in words."""

import errno
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

BUSY_TIMEOUT = 60.0  # s to wait while another process writes
READ_ONLY = "the gallery, or the folder that it is in, may only be read"


class GalleryError(ValueError):
    """A gallery refuses something; the message says what, and what to do."""


class OtherModel(GalleryError):
    """The gallery holds embeddings of another model."""


class UnknownPerson(GalleryError):
    """The gallery has nobody of that name."""


class NameTaken(GalleryError):
    """Somebody else has the name."""


class OtherPersonsFace(GalleryError):
    """The face on the photograph is enrolled as somebody else's."""


@contextmanager
def readable_errors(path: Path) -> Iterator[None]:
    """Turns SQLite's errors into a ValueError or an OSError that names the file and what to do."""
    try:
        yield
    except UnicodeDecodeError as error:  # SQLite quotes damaged text in its messages
        raise damaged(path, error) from None
    except sqlite3.Error as error:
        if isinstance(error, sqlite3.ProgrammingError):  # a fault of this code
            raise
        # Python's own, about a text that is no UTF-8, has no code.
        code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_CORRUPT) & 0xFF
        if code == sqlite3.SQLITE_FULL:
            raise OSError(errno.ENOSPC, "No space left on device", str(path)) from None
        if code == sqlite3.SQLITE_READONLY:
            raise OSError(errno.EROFS, READ_ONLY, str(path)) from None
        if code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
            message = f"another process has been writing for {BUSY_TIMEOUT:.0f} s; try again"
            raise OSError(errno.EBUSY, message, str(path)) from None
        if code in (sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_PERM):
            raise OSError(errno.EIO, f"cannot be read or written: {error}", str(path)) from None
        if code == sqlite3.SQLITE_NOTADB:
            raise GalleryError(f"{path}: not a gallery: expected an SQLite file") from None
        if code in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_ERROR):
            raise damaged(path, error) from None
        raise


def damaged(path: Path, reason: object) -> GalleryError:
    """Returns the error for a file that does not hold what a gallery must."""
    return GalleryError(
        f"{path}: the gallery is damaged ({reason}): put a backup in its place, or save what can "
        f"be read with `sqlite3 {path.name} .recover`"
    )
