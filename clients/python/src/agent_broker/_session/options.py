"""What a caller says of a call beside the operation, as fields of a `ClientFrame`."""

from __future__ import annotations

import secrets

from agent_broker._protos import session_pb2
from agent_broker._wire.encoding import field, number_field

CALL_DEADLINE = int(session_pb2.FEATURE_CALL_DEADLINE)
QUEUE_DEADLINE = int(session_pb2.FEATURE_QUEUE_DEADLINE)
WRITE_MODES = int(session_pb2.FEATURE_WRITE_MODES)
PROCESS_DEADLINE = int(session_pb2.FEATURE_PROCESS_DEADLINE)
EXPECTED_ETAG = int(session_pb2.FEATURE_EXPECTED_ETAG)
ENTRY_LIMITS = int(session_pb2.FEATURE_ENTRY_LIMITS)
BACKGROUND_EXECS = int(session_pb2.FEATURE_BACKGROUND_EXECS)
TERMINALS = int(session_pb2.FEATURE_TERMINALS)
EXEC_LIMITS = int(session_pb2.FEATURE_EXEC_LIMITS)
CONDITIONAL_CHANGES = int(session_pb2.FEATURE_CONDITIONAL_CHANGES)
WATCH = int(session_pb2.FEATURE_WATCH)
ARCHIVES = int(session_pb2.FEATURE_ARCHIVES)
TRANSFERS = int(session_pb2.FEATURE_TRANSFERS)
IDEMPOTENCY_KEYS = int(session_pb2.FEATURE_IDEMPOTENCY_KEYS)

_QUEUE_DEADLINE, _REQUIRES, _KEY = 6, 7, 9


def requires(*features: int) -> bytes:
    """Features that a call depends on, so that an older broker refuses what it would otherwise not keep."""
    return field(_REQUIRES, bytes(features)) if features else b""


def queue_deadline(milliseconds: int | None) -> bytes:
    """How long the call may wait for a place."""
    if milliseconds is None:
        return b""
    return number_field(_QUEUE_DEADLINE, max(1, milliseconds)) + requires(QUEUE_DEADLINE)


def idempotency_key(key: str) -> bytes:
    """However often a call is sent with it, it has its effect once."""
    return field(_KEY, key.encode()) + requires(IDEMPOTENCY_KEYS)


def new_key() -> str:
    """One that nobody has used."""
    return secrets.token_hex(16)
