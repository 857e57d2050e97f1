"""What is done for every frame, in C where the package was built with a compiler.

Where it was not, or where the environment has `AGENT_BROKER_PURE_PYTHON`, Python does the same, and takes longer.
Numbers are below 2^64, and frames below 2 GiB.
"""

from __future__ import annotations

import importlib
import logging
import os
from collections.abc import Callable
from types import ModuleType

Frame = tuple[int, bool, int, bytes, bytes]
"""Id, whether it is the last of its id, number and bytes of its body, payload. A number of 0: it has no body."""


def _load() -> ModuleType | None:
    if os.environ.get("AGENT_BROKER_PURE_PYTHON"):
        return None
    try:
        return importlib.import_module("agent_broker._wire._frames")
    except ModuleNotFoundError:
        return None
    except ImportError as error:
        logging.getLogger("agent_broker").warning("the part in C cannot be loaded, Python does its work: %s", error)
        return None


_module = _load()

take_frames: Callable[[bytes, int, bytes, list[Frame]], int] | None = getattr(_module, "take_frames", None)
"""Appends the plain frames that the bytes begin with, none longer than the maximum. Returns how many bytes they take.

The third argument has a byte for each number of a field, which is not 0 where the field is a body.
"""

plain_call: Callable[..., bytes] | None = getattr(_module, "plain_call", None)
"""The only frame of a call: its id, and parts that are its other fields one after the other."""

tagged: Callable[[bytes, bytes], bytes] | None = getattr(_module, "tagged", None)
"""A length-delimited field: bytes, text or a message. Its tag is encoded already."""
