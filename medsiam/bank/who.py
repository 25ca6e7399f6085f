"""Who makes a change, where nobody gave a name."""

from __future__ import annotations

import getpass


def operating_user() -> str | None:
    """Return the name of the operating system's user; None where it has none."""
    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError):  # a container's user without an entry
        return None
