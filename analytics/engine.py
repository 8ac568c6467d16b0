"""One camera's engine: tracker and rules behind one step. It owns all state, ids included."""

from dataclasses import dataclass

from analytics.event import Finding
from analytics.fold import RuleFold
from analytics.observation import Observation, OpenBoxes
from analytics.scene import Scene
from analytics.tracker import Tracker


@dataclass(frozen=True, slots=True)
class Step:
    """What one observation made known."""

    scene: Scene
    findings: list[Finding]


class CameraEngine:
    """Folds a camera's observations: `tracker` makes scenes of them, `fold` runs the camera's rules over the scenes."""

    def __init__(self, tracker: Tracker, fold: RuleFold) -> None:
        self._tracker = tracker
        self._fold = fold

    def open_boxes(self) -> OpenBoxes:
        """The boxes it still follows, for sight to carry."""
        return self._tracker.open_boxes()

    def step(self, observation: Observation) -> Step:
        scene = self._tracker.update(observation)
        return Step(scene, self._fold.step(scene))

    def finish(self, at: float) -> Step:
        """Ends every track and closes every event at media time `at`."""
        scene = self._tracker.finish(at)
        return Step(scene, self._fold.step(scene) + self._fold.finish(at))

    def state(self) -> tuple[str, str]:
        """Tracker's and rules' state as JSON; `restore` in a fresh process goes on exactly."""
        return self._tracker.state(), self._fold.state()

    def restore(self, state: tuple[str, str]) -> None:
        self._tracker.restore(state[0])
        self._fold.restore(state[1])
