"""Asking a socket until an answer is there: to sleep and be woken takes longer than most answers do."""

from __future__ import annotations

import functools
import os
import select
import socket
import time
from collections.abc import Callable


class BusyPoll:
    """Of one connection."""

    def __init__(self, is_readable: Callable[[], object], limit: float, clock: Callable[[], float]) -> None:
        """`limit` is what is spent on one answer, in seconds of the clock."""
        self._is_readable = is_readable
        self._limit = limit
        self._clock = clock

    @classmethod
    def of(cls, endpoint: socket.socket, limit: float) -> BusyPoll | None:
        """None where it would not help: the broker is on another host, or has no processor meanwhile."""
        if limit <= 0 or endpoint.fileno() < 0 or not _is_of_this_host(endpoint) or len(os.sched_getaffinity(0)) == 1:
            return None
        poll = select.poll()
        poll.register(endpoint.fileno(), select.POLLIN)
        return cls(functools.partial(poll.poll, 0), limit, time.perf_counter)

    def wait(self) -> bool:
        """Whether something came in time. Nobody else of the thread does anything meanwhile."""
        end = self._clock() + self._limit
        while not self._is_readable():
            if self._clock() >= end:
                return False
        return True


def _is_of_this_host(endpoint: socket.socket) -> bool:
    if endpoint.family == socket.AF_UNIX:
        return True
    try:
        return bool(endpoint.getpeername()[0] == endpoint.getsockname()[0])
    except OSError:
        return False
