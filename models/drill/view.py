"""The drill's camera: a perspective camera over a flat ground, with its homography known exactly."""

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
NEAR_M = 0.3
"""Nothing nearer to the camera than this is drawn."""


@dataclass(frozen=True)
class View:
    """Where the camera stands and looks. World: metres, x to the right, y away from the camera, z up, ground at z = 0.

    Attributes:
        size: (width, height) of the picture in px.
        position: (3,) of the lens in metres.
        yaw_deg: bearing of the optical axis from +y, positive to the right.
        pitch_deg: how far the axis looks down.
        fov_deg: horizontal field of view.
    """

    size: tuple[int, int]
    position: tuple[float, float, float]
    yaw_deg: float
    pitch_deg: float
    fov_deg: float

    @cached_property
    def focal(self) -> float:
        """Focal length in px."""
        return float(self.size[0] / 2 / np.tan(np.radians(self.fov_deg) / 2))

    @cached_property
    def rotation(self) -> Array:
        """(3, 3): world to camera axes (x right, y down, z forward)."""
        yaw, pitch = np.radians([self.yaw_deg, self.pitch_deg])
        forward = np.array([np.sin(yaw) * np.cos(pitch), np.cos(yaw) * np.cos(pitch), -np.sin(pitch)])
        right = np.array([np.cos(yaw), -np.sin(yaw), 0.0])
        return np.stack([right, np.cross(forward, right), forward])

    def resized(self, size: tuple[int, int]) -> "View":
        """The same view in other pixels; the aspect ratio may change, the width keeps its field of view."""
        return replace(self, size=size)

    def camera_points(self, world: Array) -> Array:
        """(N, 3) world metres to (N, 3) camera metres."""
        return (np.asarray(world) - self.position) @ self.rotation.T

    def pixels(self, world: Array) -> Array:
        """(N, 3) world metres to (N, 2) px; points behind the lens are clamped to `NEAR_M` in front of it."""
        return self.projected(self.camera_points(world))

    def projected(self, points: Array) -> Array:
        """(N, 3) camera metres to (N, 2) px."""
        depth = np.maximum(points[:, 2:], NEAR_M)
        centre = np.array([self.size[0] / 2, self.size[1] / 2])
        return points[:, :2] / depth * self.focal + centre

    def ground_pixels(self, ground: Array) -> Array:
        """(N, 2) metres on the ground to (N, 2) px."""
        flat = np.asarray(ground, np.float64).reshape(-1, 2)
        return self.pixels(np.column_stack([flat, np.zeros(len(flat))]))

    @cached_property
    def homography(self) -> Array:
        """(3, 3) that takes ground metres (x, y, 1) to picture pixels."""
        k = np.array([[self.focal, 0, self.size[0] / 2], [0, self.focal, self.size[1] / 2], [0, 0, 1]])
        r = self.rotation
        return k @ np.column_stack([r[:, 0], r[:, 1], -r @ np.asarray(self.position)])

    def ground_at(self, pixels: Array) -> Array:
        """(N, 2) px to (N, 2) metres on the ground; above the horizon the answer is not finite."""
        points = np.column_stack([np.asarray(pixels, np.float64).reshape(-1, 2), np.ones(np.size(pixels) // 2)])
        flat = points @ np.linalg.inv(self.homography).T
        with np.errstate(divide="ignore", invalid="ignore"):
            ground = flat[:, :2] / flat[:, 2:]
        return np.where(flat[:, 2:] * np.sign(self.position[2]) > 0, ground, np.nan) if self.position[2] > 0 else ground
