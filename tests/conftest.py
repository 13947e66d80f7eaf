"""The order of the tests, and what is seen while they run: a line for each file, and what is running meanwhile."""

import threading
import time
from collections import Counter

import pytest

import facerec  # noqa: F401  before cv2, which reads its limit of pixels when it is imported

FIRST = "test_end_to_end.py"  # takes longest: begun last, it would keep one process alone waiting for it
QUIET = 10.0  # s without a line, after which one says which tests are running


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=lambda item: item.path.name != FIRST)


@pytest.hookimpl(trylast=True)  # the terminal's reporter is there by then
def pytest_configure(config: pytest.Config) -> None:
    terminal = config.pluginmanager.get_plugin("terminalreporter")
    in_worker = hasattr(config, "workerinput")
    if terminal is not None and not in_worker and config.get_verbosity() == 0:
        config.pluginmanager.register(Progress(terminal))


class Progress:
    """Writes whole lines at once, into a log file too, in place of a dot for each test."""

    def __init__(self, terminal: pytest.TerminalReporter) -> None:
        self.terminal = terminal
        self.left: Counter[str] = Counter()  # tests of each file
        self.took: Counter[str] = Counter()  # seconds of each file's tests
        self.began: dict[str, float] = {}  # of the tests that are running
        self.wrote = time.monotonic()
        self.ended = threading.Event()

    def pytest_report_teststatus(self, report: pytest.TestReport) -> tuple[str, str, str] | None:
        return ("passed", "", "") if report.passed and report.when == "call" else None

    def pytest_sessionstart(self) -> None:
        threading.Thread(target=self._watch, daemon=True).start()

    def pytest_sessionfinish(self) -> None:
        self.ended.set()

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        self._expect([item.nodeid for item in session.items])

    @pytest.hookimpl(optionalhook=True)
    def pytest_xdist_node_collection_finished(self, ids: list[str]) -> None:
        self._expect(ids)

    def pytest_runtest_logstart(self, nodeid: str) -> None:
        self.began[nodeid] = time.monotonic()

    def pytest_runtest_logfinish(self, nodeid: str) -> None:
        file = nodeid.split("::")[0]
        self.took[file] += time.monotonic() - self.began.pop(nodeid)
        self.left[file] -= 1
        if self.left[file] == 0:
            self._write(f"{file}: {self.took[file]:.0f} s, {sum(self.left.values())} tests left")

    def _expect(self, ids: list[str]) -> None:
        """Counts the tests of each file; every process of xdist names the same, before any of them runs."""
        self.left = Counter(one.split("::")[0] for one in ids)

    def _watch(self) -> None:
        while not self.ended.wait(1):
            if time.monotonic() - self.wrote >= QUIET:
                for nodeid, start in [*self.began.items()]:
                    self._write(f"running for {time.monotonic() - start:.0f} s: {nodeid}")

    def _write(self, line: str) -> None:
        self.wrote = time.monotonic()
        self.terminal.ensure_newline()
        self.terminal.write_line(line)
        self.terminal.flush()
