"""Paths as programs have them, and as the wire has them: bytes."""

from __future__ import annotations

import os

from agent_broker.errors import BackendError, ErrorCode, PathEscapeError

PathLike = str | bytes | os.PathLike[str]
"""A path: relative to the root of its scope, or beneath /workspace. Text stands for bytes as `os.fsencode` has it."""

ROOT = "/workspace"
_ROOT = b"/workspace"


def as_bytes(text: PathLike) -> bytes:
    """The bytes of a path, or of other text that the kernel takes as bytes."""
    if not isinstance(text, str):
        if isinstance(text, bytes):
            return text
        text = os.fspath(text)
    try:
        return text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError as error:
        raise BackendError(f"not text that can be encoded: {text!r}", ErrorCode.INVALID_ARGUMENT) from error


def as_text(content: bytes) -> str:
    """A path, or a name, that came over the wire. What is not UTF-8 is there as surrogates."""
    return content.decode("utf-8", "surrogateescape")


def within(path: PathLike) -> bytes:
    """A path as seen from the root of its scope: without leading slashes, `.` and `..`. Empty: the root itself.

    Raises `PathEscapeError` where it climbs above the root.
    """
    content = as_bytes(path)
    if content == _ROOT or content.startswith(_ROOT + b"/"):
        content = content[len(_ROOT) :]
    names: list[bytes] = []
    for name in content.split(b"/"):
        if name == b"..":
            if not names:
                raise PathEscapeError(as_text(as_bytes(path)))
            names.pop()
        elif name not in (b"", b"."):
            names.append(name)
    return b"/".join(names)


def absolute(path: bytes) -> str:
    """A path from the root of its scope as commands there have it."""
    return f"{ROOT}/{as_text(path)}" if path else ROOT
