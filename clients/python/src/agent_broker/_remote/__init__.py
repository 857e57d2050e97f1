"""Sessions over sockets: asyncio drives the plain classes of `_session`."""
