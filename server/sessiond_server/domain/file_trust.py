"""Which files are believed: regular ones that nobody but this process's user and root can have written."""

from __future__ import annotations

import stat


def distrust(mode: int, owner: int, *, user: int) -> str | None:
    """Why `user` does not believe a file of this mode and owner, in words that follow its name, or None.

    Whoever may write a configuration, a key or an authority decides whose tokens are accepted.
    """
    if not stat.S_ISREG(mode):
        return "is no regular file"
    if owner not in {user, 0}:
        return f"belongs to user {owner}; allowed are this user and root"
    if mode & (stat.S_IWGRP | stat.S_IWOTH):
        return f"has mode {stat.S_IMODE(mode):04o}; group and others must not write to it"
    return None
