"""Names that are imported on first use (PEP 562), so that `import medsiam` loads no torch."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping


def lazy_names(package: str, homes: Mapping[str, str]) -> Callable[[str], object]:
    """Return a module `__getattr__` that finds each public name in its home module.

    Args:
        package: `__name__` of the package.
        homes: public name -> module that defines it, relative to the package (".card").
    """

    def __getattr__(name: str) -> object:
        if name not in homes:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        return getattr(importlib.import_module(homes[name], package), name)

    return __getattr__
