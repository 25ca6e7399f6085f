"""Strict TOML into frozen pydantic models: all faults at once, the nearest known key named."""

from __future__ import annotations

import difflib
import json
import os
import re
import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Any, TypeVar, get_args

from pydantic import BaseModel, ValidationError

from medsiam.errors import ConfigError
from medsiam.writing import write_atomically

M = TypeVar("M", bound=BaseModel)
_VARIABLE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")


def load_config(path: Path | str, model: type[M], overrides: Sequence[str] = ()) -> M:
    """Read a TOML file into `model`.

    Args:
        path: the TOML file. `${NAME}` in its strings stands for an environment variable.
        model: a frozen pydantic model that forbids unknown keys.
        overrides: `section.key=value`; the value is TOML, or a bare word taken as text.

    Raises:
        ConfigError: with every fault of file and overrides.
    """
    source = Path(path)
    try:
        tree = tomllib.loads(source.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ConfigError(f"configuration {source}: there is no such file") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"configuration {source}: not valid TOML: {error}") from error
    except OSError as error:
        raise ConfigError(f"configuration {source}: cannot be read: {error.strerror}") from error
    faults: list[str] = []
    for override in overrides:
        _apply(override, tree, faults)
    tree = _expand(tree, "", faults)
    try:
        config = model.model_validate(tree)
    except ValidationError as error:
        faults += [_sentence(fault, model) for fault in error.errors()]
    if faults:
        raise ConfigError(f"configuration {source}: " + "; ".join(faults))
    return config


def dump_config(config: BaseModel, path: Path | str) -> None:
    """Write a model as TOML that `load_config` reads back to an equal model."""
    write_atomically(path, "\n".join(_toml(config.model_dump(mode="json"), ())) + "\n")


def different_keys(one: BaseModel, other: BaseModel) -> list[str]:
    """Name the keys, as section.key, whose values differ between two models of one kind."""
    return _different(one.model_dump(mode="json"), other.model_dump(mode="json"), "")


def _different(one: Any, other: Any, where: str) -> list[str]:
    if not isinstance(one, dict) or not isinstance(other, dict):
        return [] if one == other else [where]
    keys = dict.fromkeys([*one, *other])
    return [
        name
        for key in keys
        for name in _different(one.get(key), other.get(key), f"{where}.{key}".lstrip("."))
    ]


def _apply(override: str, tree: dict[str, Any], faults: list[str]) -> None:
    key, sign, text = override.partition("=")
    if not sign or not key.strip():
        faults.append(f"override {override!r} is not of the form section.key=value")
        return
    *sections, name = key.strip().split(".")
    node: Any = tree
    for section in sections:
        node = node.setdefault(section, {})
        if not isinstance(node, dict):
            faults.append(f"override {override!r}: {section} is a value, not a section")
            return
    node[name] = _value(text.strip())


def _value(text: str) -> Any:
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return text


def _expand(node: Any, where: str, faults: list[str]) -> Any:
    if isinstance(node, dict):
        return {k: _expand(v, f"{where}.{k}".lstrip("."), faults) for k, v in node.items()}
    if isinstance(node, list):
        return [_expand(item, where, faults) for item in node]
    if not isinstance(node, str):
        return node
    for name in _VARIABLE.findall(node):
        if name not in os.environ:
            faults.append(
                f"{where}: environment variable {name} is not set; set it, or give the value with "
                f"an override ({where}=...)"
            )
    return _VARIABLE.sub(lambda match: os.environ.get(match[1], match[0]), node)


def _sentence(fault: Any, model: type[BaseModel]) -> str:
    where = ".".join(str(part) for part in fault["loc"])
    if fault["type"] == "extra_forbidden":
        known = _keys_beside(model, fault["loc"])
        near = difflib.get_close_matches(str(fault["loc"][-1]), known, n=1, cutoff=0.5)
        hint = f"did you mean {near[0]}?" if near else f"known: {', '.join(known)}"
        return f"{where}: unknown key; {hint}"
    if fault["type"] == "missing":
        return f"{where}: missing"
    message = fault["msg"].removeprefix("Value error, ")
    shown = fault.get("input")
    given = "" if isinstance(shown, dict) else f" (given: {shown!r})"
    return f"{where + ': ' if where else ''}{message}{given}"


def _keys_beside(model: type[BaseModel], location: Sequence[Any]) -> list[str]:
    """Names of the fields that could stand where the unknown key stands."""
    current: type[BaseModel] = model
    for part in location[:-1]:
        field = current.model_fields.get(str(part))
        types = (field.annotation, *get_args(field.annotation)) if field else ()
        models = [a for a in types if isinstance(a, type) and issubclass(a, BaseModel)]
        if not models:
            break
        current = models[0]
    return list(current.model_fields)


def _toml(node: dict[str, Any], sections: tuple[str, ...]) -> list[str]:
    """Lines of one table: its values first, then its sub-tables. None is left out (absent)."""
    lines = []
    for key, value in node.items():
        if value is not None and not isinstance(value, dict):
            lines.append(f"{key} = {json.dumps(value, ensure_ascii=False)}")
    for key, value in node.items():
        if isinstance(value, dict):
            name = ".".join((*sections, key))
            lines += ["", f"[{name}]", *_toml(value, (*sections, key))]
    return lines
