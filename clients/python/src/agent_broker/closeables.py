"""What is closed with a backend, and the scopes that it has."""

from __future__ import annotations

import logging
from typing import Protocol

_logger = logging.getLogger("agent_broker")


class Closeable(Protocol):
    """Something with an end, such as a client of MCP."""

    async def close(self) -> None:
        """Ends it."""
        ...


class Closeables:
    """Closed once each, the newest first."""

    def __init__(self) -> None:
        self._tracked: list[Closeable] = []

    def track(self, closeable: Closeable) -> None:
        """It is to be closed with the rest."""
        if not any(tracked is closeable for tracked in self._tracked):
            self._tracked.append(closeable)

    async def close(self) -> None:
        """What they raise is logged, and keeps none from being closed."""
        while self._tracked:
            closeable = self._tracked.pop()
            try:
                await closeable.close()
            except Exception:
                _logger.exception("%r failed to close", closeable)
