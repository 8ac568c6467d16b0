"""What is wrong with a camera file, said so that a person can put it right: where, what, the nearest known name."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel, ValidationError

from analytics.errors import Refused
from analytics.names import nearest

Path = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong at `path` (keys and list positions from the file's top), in English and Vietnamese."""

    path: Path
    en: str
    vi: str

    @property
    def where(self) -> str:
        """The path as people write it: `rules[2].zone`."""
        out = ""
        for step in self.path:
            out += f"[{step}]" if isinstance(step, int) else f".{step}" if out else step
        return out


class CameraRefused(Refused):
    """A camera file is wrong. `problems` lists everything that is, each with its place in the file."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(_line(p, p.en) for p in self.problems), "\n".join(_line(p, p.vi) for p in self.problems))

    def __reduce__(self) -> tuple[type, tuple[Any, ...]]:
        return type(self), (self.problems,)


def _line(problem: Problem, text: str) -> str:
    return f"{problem.where}: {text}" if problem.path else text


def refuse_unknown_keys(data: Mapping[Any, Any], model: type[BaseModel]) -> None:
    """Raises for keys that `model` does not have, each with the nearest known one.

    Raises:
        CameraRefused: one problem a key.
    """
    known = [f.alias or name for name, f in model.model_fields.items()]
    bad = []
    for key in data:
        if key not in known:
            near = nearest(str(key), known)
            en, vi = f"unknown key `{key}`", f"không có khoá `{key}`"
            if near:
                en, vi = f"{en}; did you mean `{near}`?", f"{vi}; có phải `{near}`?"
            listed = ", ".join(known)
            bad.append(Problem((str(key),), f"{en} Known: {listed}.", f"{vi} Các khoá có: {listed}."))
    if bad:
        raise CameraRefused(bad)


_SAID = {
    "missing": ("this is required", "thiếu mục này"),
    "greater_than": ("it must be greater than {gt:g}", "phải lớn hơn {gt:g}"),
    "greater_than_equal": ("it must be {ge:g} or more", "phải từ {ge:g} trở lên"),
    "less_than": ("it must be less than {lt:g}", "phải nhỏ hơn {lt:g}"),
    "less_than_equal": ("it must be {le:g} or less", "phải từ {le:g} trở xuống"),
    "too_short": ("it needs at least {min_length}, and has {actual_length}", "cần ít nhất {min_length}, hiện có {actual_length}"),
    "too_long": ("it takes at most {max_length}, and has {actual_length}", "nhiều nhất {max_length}, hiện có {actual_length}"),
    "string_pattern_mismatch": ("only letters, digits, `-`, `_` and `.`", "chỉ gồm chữ, số, `-`, `_` và `.`"),
    "literal_error": ("it must be {expected}", "phải là {expected}"),
    "tuple_type": ("it must be a list", "phải là một danh sách"),
    "dict_type": ("it must be a mapping of names", "phải là các mục có tên"),
    "model_type": ("it must be a mapping of keys", "phải là các khoá"),
    "string_type": ("it must be text", "phải là chữ"),
    "float_type": ("it must be a number", "phải là số"),
    "float_parsing": ("it must be a number", "phải là số"),
    "int_type": ("it must be a whole number", "phải là số nguyên"),
    "int_parsing": ("it must be a whole number", "phải là số nguyên"),
    "int_from_float": ("it must be a whole number", "phải là số nguyên"),
    "bool_type": ("it must be true or false", "phải là true hoặc false"),
    "bool_parsing": ("it must be true or false", "phải là true hoặc false"),
}
"""Pydantic's findings in words that need no Python."""


def problems_of(error: ValidationError) -> list[Problem]:
    """Everything that pydantic found, in both languages; nested findings keep their place in the file."""
    out: list[Problem] = []
    for e in error.errors():
        path = tuple(step for step in e["loc"] if step != "[key]")
        context = e.get("ctx", {})
        cause = context.get("error")
        if isinstance(cause, CameraRefused):
            out += [Problem((*path, *p.path), p.en, p.vi) for p in cause.problems]
        elif isinstance(cause, Refused):
            out.append(Problem(path, cause.en, cause.vi))
        elif e["type"] == "missing":
            out.append(Problem(path, *_SAID["missing"]))
        else:
            given = _short(e["input"])
            en, vi = (text.format(**context) for text in _SAID[e["type"]]) if e["type"] in _SAID else (e["msg"], e["msg"])
            out.append(Problem(path, f"{en} (given: {given})", f"{vi} (đã ghi: {given})"))
    return out


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "…"
