"""What a child of fork(2) must not touch: connections, loops and threads of its parent."""

from __future__ import annotations

import os
import weakref
from typing import Protocol


class Forkable(Protocol):
    """Something that a child must not use."""

    def forked(self) -> None:
        """This is a child now. Called before anything else is run in it."""
        ...


_live: weakref.WeakSet[Forkable] = weakref.WeakSet()
_inherited: list[object] = []


def watch(forkable: Forkable) -> None:
    """Has it told of forks for as long as it lives."""
    _live.add(forkable)


def keep(inherited: object) -> None:
    """Keeps what must not even be let go in a child: the end of a transport closes what the parent uses."""
    _inherited.append(inherited)


def _in_child() -> None:
    for forkable in list(_live):
        forkable.forked()


os.register_at_fork(after_in_child=_in_child)
