"""Reading and writing a gallery's file: one view of it, and all or nothing."""

import contextlib
import errno
import os
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from facerec.gallery.errors import (
    BUSY_TIMEOUT,
    READ_ONLY,
    OtherModel,
    damaged,
    readable_errors,
)

SHORT_TIMEOUT = 0.2  # s to wait for others before the log stays as it is


class Transactions:
    """The connection of one process to a gallery. Several threads may use it.

    Attributes:
        fingerprint: of the model; every transaction checks that it is still the gallery's.
        embedding_dim: E.
        model: its name, for people to read.
    """

    def __init__(self, path: Path, connection: sqlite3.Connection) -> None:
        self._path = path
        self._connection = connection
        self._lock = threading.RLock()
        self._file = os.stat(path)
        self.fingerprint: str
        self.embedding_dim: int
        self.model: str
        self.fingerprint, self.embedding_dim, self.model = self._model()

    def close(self) -> None:
        """Closes the file."""
        with self._lock:
            self._connection.close()

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """One view of the gallery for all that is read inside, whatever others write.

        Raises:
            OtherModel: another process has changed the model since the gallery was opened.
            GalleryError: the gallery is damaged.
        """
        with self._lock, readable_errors(self._path):
            self._connection.execute("BEGIN")
            try:
                self._check_model()
                yield self._connection
            finally:
                self._connection.execute("ROLLBACK")

    @contextmanager
    def writing(self, rebuilds: bool) -> Iterator[sqlite3.Connection]:
        """All or nothing of what is written inside; it is on the disk afterwards.

        Args:
            rebuilds: whether a search must read everything again.

        Raises:
            OSError: the file may only be read, is gone, has no room; another process holds it.
            OtherModel: as `reading`.
            GalleryError: as `reading`.
        """
        with self._lock, readable_errors(self._path):
            self._check_file()
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                self._check_model()
                yield self._connection
                self._connection.execute(
                    "UPDATE gallery SET changes = changes + 1, rebuilds = rebuilds + ?", (rebuilds,)
                )
                self._connection.execute("COMMIT")
            except BaseException:
                if self._connection.in_transaction:  # SQLite ends it itself on a full disk
                    self._connection.execute("ROLLBACK")
                raise

    def read_model(self) -> None:
        """Reads the model again, after this process has changed it."""
        with self._lock:
            self.fingerprint, self.embedding_dim, self.model = self._model()

    def empty_log(self) -> None:
        """Empties the write-ahead log, where what was removed may still be.

        While another process reads, or if the disk is full, it stays: until the next time, or until
        all have closed the gallery.
        """
        with self._lock, contextlib.suppress(sqlite3.OperationalError):
            self._wait_for_others(SHORT_TIMEOUT)
            self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
            self._wait_for_others(BUSY_TIMEOUT)

    def _wait_for_others(self, seconds: float) -> None:
        self._connection.execute(f"PRAGMA busy_timeout = {round(1000 * seconds)}")

    def _check_file(self) -> None:
        """Raises OSError if what is written would be lost, or cannot be written."""
        if not self._path.exists() or not os.path.samestat(self._file, os.stat(self._path)):
            message = "the gallery was moved, replaced or deleted after it had been opened"
            raise FileNotFoundError(errno.ENOENT, message, str(self._path))
        if not os.access(self._path, os.W_OK):
            raise PermissionError(errno.EACCES, READ_ONLY, str(self._path))

    def _check_model(self) -> None:
        if self._model()[0] != self.fingerprint:
            raise OtherModel(
                f"{self._path}: another process has embedded the gallery again for another model; "
                "open it again with that"
            )

    def _model(self) -> tuple[str, int, str]:
        row = self._connection.execute(
            "SELECT fingerprint, embedding_dim, model FROM gallery"
        ).fetchone()
        if row is None or list(map(type, row)) != [str, int, str]:
            raise damaged(self._path, "it does not say which model it is of")
        return row
