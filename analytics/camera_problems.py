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


_VI = {
    "missing": "thiếu mục này",
    "greater_than": "phải lớn hơn {gt}",
    "greater_than_equal": "phải từ {ge} trở lên",
    "less_than": "phải nhỏ hơn {lt}",
    "less_than_equal": "phải từ {le} trở xuống",
    "too_short": "cần ít nhất {min_length} phần tử",
    "too_long": "nhiều nhất {max_length} phần tử",
    "string_pattern_mismatch": "chỉ gồm chữ, số, `-`, `_` và `.`",
    "literal_error": "phải là một trong: {expected}",
}


def problems_of(error: ValidationError) -> list[Problem]:
    """Everything that pydantic found, in both languages; nested findings keep their place in the file."""
    out: list[Problem] = []
    for e in error.errors():
        path = e["loc"]
        cause = e.get("ctx", {}).get("error")
        if isinstance(cause, CameraRefused):
            out += [Problem((*path, *p.path), p.en, p.vi) for p in cause.problems]
        elif isinstance(cause, Refused):
            out.append(Problem(path, cause.en, cause.vi))
        else:
            given = "" if e["type"] == "missing" else f" (given: {_short(e['input'])})"
            vi = _VI.get(e["type"], "giá trị không hợp lệ: " + e["msg"].replace("{", "(").replace("}", ")"))
            en = "this is required" if e["type"] == "missing" else e["msg"][:1].lower() + e["msg"][1:]
            out.append(Problem(path, en + given, vi.format(**e.get("ctx", {})) + given.replace("given", "đã ghi")))
    return out


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "…"
