"""All of a camera's rules folded over its scenes; the state can be written out after any scene and read elsewhere."""

import json
from typing import Any

from analytics.camera import Camera
from analytics.errors import Refused
from analytics.event import Finding
from analytics.rules import registry
from analytics.rules.base import Rule
from analytics.scene import Scene


class RuleFold:
    """The rules of one camera. Findings come in the order of the camera's rules."""

    def __init__(self, camera: Camera) -> None:
        self._rules: dict[str, Rule[Any]] = dict(zip(camera.rule_identities(), registry.build(camera), strict=True))

    @property
    def identities(self) -> tuple[str, ...]:
        """What each rule is called in what it finds."""
        return tuple(self._rules)

    def step(self, scene: Scene) -> list[Finding]:
        """Takes the next scene, later than all before, and returns what became known."""
        return [finding for rule in self._rules.values() for finding in rule.update(scene)]

    def finish(self, at: float) -> list[Finding]:
        """Closes what is open at media time `at`; nothing comes after."""
        return [finding for rule in self._rules.values() for finding in rule.finish(at)]

    def state(self) -> str:
        """What the rules remember, as JSON that `restore` reads back exactly."""
        return json.dumps({i: json.loads(rule.state.model_dump_json()) for i, rule in self._rules.items()}, separators=(",", ":"))

    def restore(self, state: str) -> None:
        """Goes on from what `state` wrote.

        Raises:
            Refused: it was written under other rules.
        """
        kept = json.loads(state)
        if set(kept) != set(self._rules):
            raise Refused(
                "the state was written under other rules; fold again from the start",
                "trạng thái được ghi với bộ luật khác; hãy chạy lại từ đầu",
            )
        for i, rule in self._rules.items():
            rule.state = type(rule.state).model_validate_json(json.dumps(kept[i]))
