"""Which kinds of rules there are: every file of this folder that defines `Config` and `Rule`. No list to edit."""

from __future__ import annotations

import pkgutil
from functools import cache
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING, Any

import analytics.rules as folder
from analytics.errors import Refused
from analytics.names import nearest
from analytics.rules.base import Rule, RuleConfig

if TYPE_CHECKING:
    from analytics.camera import Camera

SEE_EN = "(`matthan cameras schema` lists the kinds)"
SEE_VI = "(`matthan cameras schema` liệt kê các loại)"


@cache
def _modules() -> dict[str, ModuleType]:
    found = {}
    for info in pkgutil.iter_modules(folder.__path__):
        module = import_module(f"{folder.__name__}.{info.name}")
        if hasattr(module, "Config") and hasattr(module, "Rule"):
            found[info.name] = module
    return found


def kinds() -> dict[str, type[RuleConfig]]:
    """Each kind's configuration, by kind, in the order of the alphabet."""
    return {kind: module.Config for kind, module in sorted(_modules().items())}


def config_of(kind: str) -> type[RuleConfig]:
    """The configuration of one kind.

    Raises:
        Refused: there is no such kind; the message names the nearest one and the command that lists them all.
    """
    known = kinds()
    if kind not in known:
        near = nearest(kind, known)
        hint = (f"; did you mean `{near}`?", f"; có phải `{near}`?") if near else ("", "")
        raise Refused(f"unknown kind of rule `{kind}`{hint[0]} {SEE_EN}", f"không có loại luật `{kind}`{hint[1]} {SEE_VI}")
    return known[kind]


def build(camera: Camera) -> list[Rule[Any]]:
    """The camera's rules, ready to fold, in the order of its file."""
    return [_modules()[config.kind].Rule(config, camera) for config in camera.rules]
