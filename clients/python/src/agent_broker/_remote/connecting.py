"""One attempt to connect."""

from __future__ import annotations

import asyncio
import socket
import ssl

from agent_broker._protos import common_pb2, lease_pb2
from agent_broker._remote.busy_poll import BusyPoll
from agent_broker._remote.calls import Reply, UnaryCall
from agent_broker._remote.link import Link
from agent_broker._session import operations, options
from agent_broker._session.session import Session
from agent_broker._session.target import Target
from agent_broker._wire.encoding import field
from agent_broker.errors import BackendError, ErrorCode
from agent_broker.options import EntryConfig, IsolationMode, RemoteFilesystemBackendConfig, TLSConfig

_UNIX = "unix:"
_ALPN = "agentbroker/1"
_STRENGTH = [IsolationMode.NONE, IsolationMode.SOFTWARE, IsolationMode.LANDLOCK, IsolationMode.BWRAP]


async def establish(config: RemoteFilesystemBackendConfig, target: Target) -> tuple[Link, Session]:
    """Connects, says hello and, where the entry is to be like something, takes a lease on it.

    Raises `BackendError`.
    """
    timeout = config.connect_timeout_ms / 1000
    link = await _connect(config, timeout)
    try:
        session = await link.greet(config.auth_token, config.client_name, timeout)
        if config.entry is not None or config.isolation is not IsolationMode.AUTO:
            await _take_lease(session, config, target)
    except BaseException:
        link.close(at_once=True)
        raise
    return link, session


async def _connect(config: RemoteFilesystemBackendConfig, timeout: float) -> Link:
    loop = asyncio.get_running_loop()
    context = _tls_context(config)
    name = (config.tls and config.tls.server_name) or None

    def protocol() -> Link:
        return Link(loop, config.keepalive_interval_ms / 1000, config.keepalive_count_max)

    where = config.host if config.host.startswith(_UNIX) else f"{config.host}:{config.port}"
    try:
        async with asyncio.timeout(timeout):
            if config.host.startswith(_UNIX):
                path = config.host.removeprefix(_UNIX)
                server = (name or "localhost") if context else None
                transport, link = await loop.create_unix_connection(protocol, path, ssl=context, server_hostname=server)
            else:
                server = (name or config.host) if context else None
                transport, link = await loop.create_connection(
                    protocol, config.host, config.port, ssl=context, server_hostname=server
                )
                transport.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            link.busy_poll = BusyPoll.of(transport.get_extra_info("socket"), config.busy_poll_us / 1e6)
    except TimeoutError:
        raise _not_connected(f"{where} was not reached within {timeout} s", None) from None
    except (OSError, ssl.SSLError) as error:
        raise _not_connected(f"no connection to {where}: {error}", error) from error
    return link


def _tls_context(config: RemoteFilesystemBackendConfig) -> ssl.SSLContext | None:
    secure = config.tls is not None if config.secure is None else config.secure
    if not secure:
        return None
    tls = config.tls or TLSConfig()
    if tls.context is not None:
        return tls.context
    try:
        context = ssl.create_default_context(cafile=tls.ca_file)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.set_alpn_protocols([_ALPN])
        if tls.cert_file is not None:
            context.load_cert_chain(tls.cert_file, tls.key_file)
    except (OSError, ssl.SSLError) as error:
        raise BackendError(
            f"the files of the TLS configuration cannot be used: {error}", ErrorCode.INVALID_CONFIGURATION, "connect"
        ) from error
    return context


def _not_connected(message: str, cause: Exception | None) -> BackendError:
    error = BackendError(message, ErrorCode.CONNECTION_CLOSED, "connect")
    # Another certificate does not come by itself.
    error.retryable = not isinstance(cause, ssl.SSLError)
    return error


async def _take_lease(session: Session, config: RemoteFilesystemBackendConfig, target: Target) -> None:
    acquire = lease_pb2.Acquire()
    features: tuple[int, ...] = ()
    if config.entry is not None:
        acquire.configuration.CopyFrom(_entry(config.entry))
        if acquire.configuration.HasField("limits") or acquire.configuration.idle_timeout_ms:
            features = (options.ENTRY_LIMITS,)
    content, _ = await _ask(session, operations.ACQUIRE, target, acquire.SerializeToString(), features)
    session.lease = lease_pb2.AcquireReply.FromString(content).lease
    if config.isolation is not IsolationMode.AUTO:
        content, _ = await _ask(session, operations.DESCRIBE, target, b"")
        found = lease_pb2.DescribeReply.FromString(content).isolation
        if found not in _STRENGTH or _STRENGTH.index(IsolationMode(found)) < _STRENGTH.index(config.isolation):
            raise BackendError(
                f"the broker isolates commands by '{found or 'nothing'}', and {config.isolation} is asked for: ask for "
                "less, or have the broker's host offer more",
                ErrorCode.MISSING_UTILITIES,
                "connect",
            )


async def _ask(
    session: Session, operation: operations.Operation, target: Target, message: bytes, features: tuple[int, ...] = ()
) -> Reply:
    call = UnaryCall(operation, target, field(operation.number, message))
    call.options = options.requires(*features)
    session.begin(call)
    return await call.future


def _entry(entry: EntryConfig) -> lease_pb2.EntryConfiguration:
    for name in ("max_file_bytes", "max_exec_timeout_ms", "max_memory_bytes", "max_leases", "idle_timeout_ms"):
        # What says "none" on the wire would be taken for a limit that was not given.
        if getattr(entry, name) == 0:
            raise BackendError(f"{name} is 0: give it a value, or leave it out", ErrorCode.INVALID_CONFIGURATION)
    message = lease_pb2.EntryConfiguration(
        environment=environment(entry.env),
        log_mode=lease_pb2.LOG_MODE_VERBOSE if entry.verbose_log else lease_pb2.LOG_MODE_UNSPECIFIED,
        idle_timeout_ms=entry.idle_timeout_ms or 0,
    )
    limits = lease_pb2.EntryLimits(
        max_file_bytes=entry.max_file_bytes or 0,
        max_exec_timeout_ms=entry.max_exec_timeout_ms or 0,
        max_memory_bytes=entry.max_memory_bytes or 0,
        max_leases=entry.max_leases or 0,
    )
    if limits.ByteSize():
        message.limits.CopyFrom(limits)
    return message


def environment(variables: object) -> list[common_pb2.EnvironmentVariable]:
    """Names and values as the wire has them."""
    from agent_broker.paths import as_bytes

    return [
        common_pb2.EnvironmentVariable(name=as_bytes(name), value=as_bytes(value))
        for name, value in dict(variables).items()  # type: ignore[call-overload]
    ]
