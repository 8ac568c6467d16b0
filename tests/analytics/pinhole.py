"""A camera whose geometry is known, and vehicles as boxes before it."""

import numpy as np

from analytics.ground import Plane


class Pinhole:
    """A camera `height` metres up at (0, 0), looking along +y, `tilt` radians down, 1280 x 720, focal length in px."""

    def __init__(self, height: float = 7.0, tilt: float = 0.3, focal: float = 1100.0, pan: float = 0.0) -> None:
        self.height, self.focal = height, focal
        c, s = np.cos(tilt), np.sin(tilt)
        turn = np.array([[np.cos(pan), np.sin(pan), 0], [-np.sin(pan), np.cos(pan), 0], [0, 0, 1]])
        self.axes = np.array([[1, 0, 0], [0, -s, -c], [0, c, -s]]) @ turn

    def pixels(self, points: np.ndarray) -> np.ndarray:
        q = (np.asarray(points, float) - [0, 0, self.height]) @ self.axes.T
        return q[:, :2] / q[:, 2:] * self.focal + [640, 360]

    def box(
        self, x: float, y: float, length: float = 4.4, width: float = 1.8, high: float = 1.5, way: tuple[float, float] = (0, 1)
    ) -> np.ndarray:
        """The box of a vehicle whose middle on the ground is at (x, y), driving along `way`."""
        u = np.array(way) / np.hypot(*way)
        v = np.array([-u[1], u[0]])
        corners = [
            [*(np.array([x, y]) + a * u * length / 2 + b * v * width / 2), c * high] for a in (-1, 1) for b in (-1, 1) for c in (0, 1)
        ]
        p = self.pixels(np.array(corners))
        return np.concatenate([p.min(0), p.max(0)])


GROUND = np.array([[-6, 18], [6, 18], [7, 45], [-7, 45]], float)


def clicked(camera: Pinhole, ground: np.ndarray = GROUND, noise: np.ndarray | float = 0.0) -> Plane:
    px = camera.pixels(np.column_stack([ground, np.zeros(len(ground))])) + noise
    return Plane.fit([tuple(p) for p in px], [tuple(g) for g in ground])


def drive(camera: Pinhole, kmh: float, way: tuple[float, float], start: tuple[float, float], seconds: float, fps: float = 12.5):
    t = np.arange(0, seconds + 1e-9, 1 / fps)
    u = np.array(way) / np.hypot(*way)
    at = np.array(start) + np.outer(t * kmh / 3.6, u)
    return t, np.array([camera.box(x, y, way=way) for x, y in at])
