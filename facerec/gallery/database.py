"""The SQLite file under a gallery: opening it safely, and its tables.

It is in the mode "write-ahead log": readers never wait, one process writes at a time, and a
transaction that was committed outlives a kill and a power cut.
"""

import sqlite3
import time
from pathlib import Path

from facerec.gallery.errors import BUSY_TIMEOUT, GalleryError, readable_errors

APPLICATION_ID = 0x46524543  # "FREC" in the file's header
VERSION = 1  # of the tables
PAGE_SIZE = 8192  # bytes: seven embeddings of 256 numbers, or three of 512
SQLITE_NEEDED = (3, 37, 0)  # for STRICT tables
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


def connect(path: Path, create: bool) -> sqlite3.Connection:
    """Returns a connection to a gallery's file, which is empty if it has just been made.

    A file that may only be read is opened for reading.

    Raises:
        OSError: it cannot be opened.
        GalleryError: it is no gallery, or one of a newer version.
    """
    if sqlite3.sqlite_version_info < SQLITE_NEEDED:
        raise GalleryError(
            f"galleries need SQLite 3.37 or newer, and this Python has {sqlite3.sqlite_version}: "
            "install a newer Python"
        )
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
