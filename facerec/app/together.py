"""Photographs of several requests, looked at together: a network takes a batch in far less time."""

import threading
from concurrent.futures import Future
from dataclasses import dataclass, field
from pathlib import Path

from facerec.app.looking import Engine
from facerec.engine.faces import Face
from facerec.parallel import num_workers

AT_ONCE = 16  # photographs


@dataclass
class Waiting:
    """A photograph that somebody waits for."""

    path: Path
    found: Future[list[Face] | ValueError] = field(default_factory=Future)


class Together:
    """Looks at the photographs that wait, as many batches at once as there are cores.

    Whoever brings a photograph does one round: the photographs that have waited longest, which need
    not be one's own. There are as many rounds as photographs, so that each has its turn.

    Args:
        engine: that looks at them.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._lock = threading.Lock()
        self._cores = threading.Semaphore(num_workers())
        self._waiting: list[Waiting] = []

    def faces(self, path: Path) -> list[Face] | ValueError:
        """Returns the faces of a photograph, or why it cannot be read."""
        own = Waiting(path)
        with self._lock:
            self._waiting.append(own)
        with self._cores:
            with self._lock:
                batch, self._waiting = self._waiting[:AT_ONCE], self._waiting[AT_ONCE:]
            self._look(batch)
        return own.found.result()

    def _look(self, batch: list[Waiting]) -> None:
        try:
            results = [*self._engine.over_files([each.path for each in batch], None)]
        except BaseException as error:
            if len(batch) == 1:
                batch[0].found.set_exception(error)
                return
            for each in batch:  # one fault is not to harm the others
                self._look([each])
            return
        for each, (_, found) in zip(batch, results, strict=True):
            each.found.set_result(found)
