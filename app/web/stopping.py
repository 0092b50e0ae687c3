"""The end of the app: at SIGTERM or SIGINT answers under way are finished, new ones refused, then it ends."""

import multiprocessing
import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from typing import Any, NoReturn

from .gate import Gate

ANSWERS_S = 6.0  # for the answers under way
CONNECTIONS_S = 1  # then for connections that are still open
LIMIT_S = 9.5  # after which the process ends, whatever still runs


class Stop:
    """The signal to stop, from when this is made until the process ends; a second one ends it at once.

    Only the main thread may make it.
    """

    def __init__(self) -> None:
        self._came = threading.Event()
        self._signal = 0
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._come)

    def _come(self, number: int, frame: Any) -> None:
        if self._came.is_set():
            os._exit(128 + number)
        self._signal = number
        self._came.set()

    def wait(self) -> None:
        """Wait for the signal; the process then ends within ten seconds, by its own means or by force."""
        while not self._came.wait(0.5):  # in pieces: on Windows no signal would be heard meanwhile
            pass
        # Answers that take longer hold threads that Python would wait for.
        limit = threading.Timer(LIMIT_S, os._exit, (128 + self._signal,))
        limit.daemon = True
        limit.start()

    def finish(self, demo: Any, gate: Gate, then: Callable[[], object] = lambda: None) -> NoReturn:
        """End the server of a Gradio page, its answers first, and the process; `then` is done between."""
        gate.is_stopping = True
        deadline = time.monotonic() + ANSWERS_S
        while gate.running and time.monotonic() < deadline:
            time.sleep(0.02)
        demo.server.config.timeout_graceful_shutdown = CONNECTIONS_S
        demo.close(verbose=False)
        then()
        gate.uploads.close()
        for child in multiprocessing.active_children():
            child.terminate()
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(0)  # torch aborts where Python ends under a thread that computes
