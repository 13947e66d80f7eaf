"""The SQLite file under a gallery: opening it safely, its tables, and its errors in words.

It is in the mode "write-ahead log": readers never wait, one process writes at a time, and a
transaction that was committed outlives a kill and a power cut.
"""

import errno
import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from facerec.gallery.records import GalleryError

APPLICATION_ID = 0x46524543  # "FREC" in the file's header
VERSION = 1  # of the tables
BUSY_TIMEOUT = 60.0  # s to wait while another process writes
PAGE_SIZE = 8192  # bytes: seven embeddings of 256 numbers, or three of 512
HEADER = b"SQLite format 3\0"

TABLES = """
CREATE TABLE gallery (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    fingerprint TEXT NOT NULL,
    embedding_dim INTEGER NOT NULL,
    model TEXT NOT NULL,
    changes INTEGER NOT NULL,
    rebuilds INTEGER NOT NULL
) STRICT;
CREATE TABLE people (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    name TEXT NOT NULL UNIQUE
) STRICT;
CREATE TABLE photographs (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    sha256 TEXT NOT NULL UNIQUE,
    path BLOB NOT NULL
) STRICT;
CREATE TABLE faces (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    person INTEGER NOT NULL REFERENCES people ON DELETE CASCADE,
    photograph INTEGER NOT NULL REFERENCES photographs,
    box TEXT NOT NULL,
    points TEXT NOT NULL,
    UNIQUE (photograph, person)
) STRICT;
CREATE INDEX faces_of_person ON faces (person);
CREATE TABLE embeddings (
    face INTEGER PRIMARY KEY REFERENCES faces ON DELETE CASCADE,
    vector BLOB NOT NULL
) STRICT;
CREATE TABLE thumbnails (
    face INTEGER PRIMARY KEY REFERENCES faces ON DELETE CASCADE,
    jpeg BLOB NOT NULL
) STRICT;
"""


@contextmanager
def readable_errors(path: Path) -> Iterator[None]:
    """Turns SQLite's errors into a ValueError or an OSError that names the file and what to do."""
    try:
        yield
    except sqlite3.Error as error:
        code = (getattr(error, "sqlite_errorcode", None) or 0) & 0xFF
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
        if code in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_CONSTRAINT, sqlite3.SQLITE_ERROR):
            raise damaged(path, error) from None
        raise


READ_ONLY = "the gallery, or the folder that it is in, may only be read"


def damaged(path: Path, reason: object) -> GalleryError:
    """Returns the error for a file that does not hold what a gallery must."""
    return GalleryError(
        f"{path}: the gallery is damaged ({reason}): put a backup in its place, or save what can "
        f"be read with `sqlite3 {path.name} .recover`"
    )


def connect(path: Path, create: bool) -> sqlite3.Connection:
    """Returns a connection to a gallery's file, which is empty if it has just been made.

    A file that may only be read is opened for reading.

    Raises:
        OSError: it cannot be opened.
        GalleryError: it is no gallery, or one of a newer version.
    """
    if create:
        path.parent.mkdir(parents=True, exist_ok=True)
    if path.is_dir() or (path.exists() and not path.is_file()):
        raise GalleryError(f"{path}: not a gallery: expected a file")
    if not create and not path.exists():
        raise GalleryError(
            f"{path}: no such gallery; `facerec enroll PHOTOS {path.name}` makes one"
        )
    with readable_errors(path):
        if path.exists():
            _check_header(path, create)
        connection = _connected(path, create)
        try:
            _configure(connection, path, create)
        except BaseException:
            connection.close()
            raise
    return connection


def _check_header(path: Path, create: bool) -> None:
    """Raises GalleryError for a file that is not SQLite's; SQLite would give no good reason."""
    with path.open("rb") as file:
        beginning = file.read(len(HEADER))
    if not beginning and create:  # a kill may leave an empty file behind
        return
    if beginning != HEADER:
        got = "an empty file" if not beginning else f"a file that begins with {beginning[:8]!r}"
        raise GalleryError(f"{path}: not a gallery: expected an SQLite file, got {got}")


def _connected(path: Path, create: bool) -> sqlite3.Connection:
    """Returns a connection, for reading alone if the file or its folder may only be read."""
    uri = path.absolute().as_uri()
    modes = ["mode=rwc" if create else "mode=rw", "mode=ro"]
    if not Path(f"{path}-wal").exists():  # nothing is being written
        modes.append("immutable=1")  # needs no file beside it, so it works in a read-only folder
    failure: sqlite3.Error | None = None
    for mode in modes:
        connection = sqlite3.connect(
            f"{uri}?{mode}",
            uri=True,
            timeout=BUSY_TIMEOUT,
            isolation_level=None,  # transactions begin and end where we say
            check_same_thread=False,  # Gallery has a lock
        )
        try:
            connection.execute("SELECT count(*) FROM sqlite_schema")
            return connection
        except sqlite3.OperationalError as error:
            connection.close()
            failure = failure or error
            if error.sqlite_errorcode & 0xFF not in (
                sqlite3.SQLITE_CANTOPEN,
                sqlite3.SQLITE_READONLY,
            ):
                raise
        except BaseException:
            connection.close()
            raise
    assert failure is not None
    raise failure


def _configure(connection: sqlite3.Connection, path: Path, create: bool) -> None:
    """Sets up a connection; checks that the file is a gallery, or makes it ready to become one."""
    connection.execute("PRAGMA foreign_keys = ON")
    connection.execute("PRAGMA secure_delete = ON")  # what is removed is overwritten
    connection.execute("PRAGMA synchronous = FULL")  # a commit is on the disk when it returns
    if is_empty(connection):
        if not create:
            raise GalleryError(f"{path}: not a gallery: an SQLite file without tables")
        connection.execute(f"PRAGMA page_size = {PAGE_SIZE}")
        _begin_write_ahead_log(connection)
        return
    (application,) = connection.execute("PRAGMA application_id").fetchone()
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if application != APPLICATION_ID:
        raise GalleryError(f"{path}: not a gallery: an SQLite file of another program")
    if version != VERSION:
        raise GalleryError(
            f"{path}: a gallery of version {version}; this facerec knows version {VERSION}: "
            "install a newer one"
        )


def is_empty(connection: sqlite3.Connection) -> bool:
    """Returns whether the file has no tables."""
    return connection.execute("SELECT count(*) FROM sqlite_schema").fetchone() == (0,)


def _begin_write_ahead_log(connection: sqlite3.Connection) -> None:
    """Switches the log on. SQLite does not wait for another process here, so this does."""
    end = time.monotonic() + BUSY_TIMEOUT
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
            return
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() > end:
                raise
            time.sleep(0.01)


def make_tables(
    connection: sqlite3.Connection, fingerprint: str, embedding_dim: int, model: str
) -> None:
    """Makes the tables, in a transaction that has begun, unless another process has made them."""
    if not is_empty(connection):
        return
    for statement in TABLES.split(";\n"):
        connection.execute(statement)
    connection.execute(
        "INSERT INTO gallery VALUES (1, ?, ?, ?, 0, 0)", (fingerprint, embedding_dim, model)
    )
    connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
    connection.execute(f"PRAGMA user_version = {VERSION}")
