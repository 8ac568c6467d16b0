"""What a camera file may hold: every key with its type, default and meaning, read from the models themselves."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from analytics.camera import Camera
from analytics.rules import registry
from analytics.rules.base import RuleConfig


@dataclass(frozen=True, slots=True)
class Key:
    """One key of a camera file. `path` as people write it (`zones.<name>`, `rules[illegal_stop].after_s`)."""

    path: str
    type: str
    default: str | None
    about: str


def keys() -> list[Key]:
    """Every key, in the order in which a file is written; then each kind of rule with its parameters."""
    out = list(_of(Camera, ""))
    for kind, config in registry.kinds().items():
        out.append(Key(f"rules[{kind}]", "rule", None, (config.__doc__ or "").strip().splitlines()[0]))
        out += [key for key in _of(config, f"rules[{kind}].") if not key.path.endswith(".kind")]
    return out


def _of(model: type[BaseModel], prefix: str) -> Iterator[Key]:
    for name, field in model.model_fields.items():
        path = prefix + (field.alias or name)
        yield Key(path, _type(field.annotation), _default(field), field.description or "")
        for inner, step in _models(field.annotation):
            yield from _of(inner, f"{path}{step}.")


def _models(annotation: Any) -> Iterator[tuple[type[BaseModel], str]]:
    """Models inside a type, with what stands for their place in it."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        if annotation.__module__ == Camera.__module__:
            yield annotation, ""
        return
    step = ".<name>" if get_origin(annotation) is dict else ""
    for part in get_args(annotation):
        for model, rest in _models(part):
            yield model, step + rest


def _type(annotation: Any) -> str:
    """A type in words that need no Python."""
    origin, parts = get_origin(annotation), get_args(annotation)
    if annotation is type(None):
        return "nothing"
    if hasattr(annotation, "__metadata__"):
        return _type(parts[0])
    if origin is dict:
        return f"<name>: {_type(parts[1])}"
    if origin is tuple:
        if len(parts) == 2 and parts[1] is ...:
            return f"[{_type(parts[0])}, …]"
        return f"[{', '.join(_type(p) for p in parts)}]"
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return "rule" if annotation is RuleConfig else "the keys below"
    if isinstance(annotation, type):
        return _PLAIN.get(annotation.__name__, annotation.__name__.lower())
    if str(origin) == "typing.Literal":
        return " | ".join(str(p) for p in parts)
    return " | ".join(_type(p) for p in parts if p is not type(None))


_PLAIN = {"str": "text", "float": "number", "int": "whole number", "bool": "true | false"}


def _default(field: FieldInfo) -> str | None:
    """The default as a file would say it; None where the key is required."""
    if field.is_required():
        return None
    value = field.default
    if value is PydanticUndefined or value is None or value == ():
        return "—"
    if isinstance(value, tuple):
        return f"[{', '.join(str(v) for v in value)}]"
    return str(value).lower() if isinstance(value, bool) else str(value)
