"""Films a world: the empty scene once, then in each picture shadows, who moves, what hides them, lamps and the lens."""

import cv2
import numpy as np
from numpy.typing import NDArray

from models.drill.actors import Actor
from models.drill.backdrop import Backdrop, paint_backdrop
from models.drill.mesh import Material as Mat
from models.drill.paint import composite, draw, in_patch
from models.drill.view import NEAR_M, View
from models.drill.world import World

Array = NDArray[np.float64]
Picture = NDArray[np.uint8]
_SHADOW = 2
"""Shadows are drawn this many times coarser than the picture."""
_SMALL_PX = 52
"""What is less high is drawn with fewer faces."""


class Film:
    """Pictures of one world at any time. `frame(t)` is the same whatever was filmed before."""

    def __init__(self, world: World, size: tuple[int, int] | None = None) -> None:
        self.world = world
        self.view: View = world.view if size is None else world.view.resized(size)
        rng = np.random.default_rng([world.seed, 77])
        self.backdrop: Backdrop = paint_backdrop(world.stage, self.view, world.light, rng)
        w, h = self.view.size
        self._strength = 0.62 if world.light.sun_colour.max() > 0.05 else 0.0
        ambient = world.light.sky.max() / max((world.light.sky + world.light.sun_colour * world.light.sun[2]).max(), 1e-6)
        self._shadow = min(self._strength, 1 - float(ambient) ** (1 / 2.2))
        grain = (7.0 if world.light.night else 3.2) * (w / 1280) ** 0.5
        noise = rng.normal(0, grain, (h + 64, w + 64, 1)) + rng.normal(0, grain * 0.5, (h + 64, w + 64, 3))
        self._noise = cv2.GaussianBlur(noise.astype(np.float32), (0, 0), 0.6).round().astype(np.int16)
        yy, xx = np.mgrid[0:h, 0:w]
        corner = ((xx - w / 2) ** 2 + (yy - h / 2) ** 2) / ((w / 2) ** 2 + (h / 2) ** 2)
        gain = 255 * (1 - float(rng.uniform(0.08, 0.25)) * corner)
        self._vignette = np.repeat(gain.astype(np.uint8)[:, :, None], 3, 2)
        self._soft = float(rng.uniform(0.0, 0.55)) * w / 1280
        self._exposure_s = 1 / 40 if world.light.night else 1 / 250

    def frame(self, t: float) -> Picture:
        """(h, w, 3) uint8, blue first, `t` seconds from the scene's start."""
        picture = self.backdrop.picture.copy()
        here = [(a, v) for a in self.world.actors if (v := a.outline(t)) is not None and self._in_view(v)]
        self._shadows(picture, here)
        if self.world.light.night:
            self._beams(picture, here, t)
        eye = np.asarray(self.view.position[:2])
        order = sorted(((float(np.hypot(*(v[:, :2].mean(0) - eye))), i) for i, (_, v) in enumerate(here)), reverse=True)
        still = sorted(range(len(self.backdrop.occluders)), key=lambda i: -self.backdrop.occluders[i].distance)
        dirty: list[tuple[int, int, int, int]] = []
        for away, i in order:
            while still and self.backdrop.occluders[still[0]].distance > away:
                self._cover(picture, still.pop(0), dirty)
            actor, outline = here[i]
            placed = in_patch(outline, self.view)
            if placed is None:
                continue
            dirty.append(placed[1])
            mesh = actor.coarse_mesh if np.ptp(placed[0][:, 1]) < _SMALL_PX else actor.mesh
            vertices = actor.vertices(t, mesh)
            if vertices is not None:
                draw(picture, vertices, mesh, actor.palette, self.view, self.world.light, self._smear(actor, t))
        for i in still:
            self._cover(picture, i, dirty)
        if self.world.light.night:
            self._glows(picture, here, t)
        return self._lens(picture, t)

    def _in_view(self, vertices: Array) -> bool:
        points = self.view.camera_points(vertices)
        if points[:, 2].min() < NEAR_M:
            return False
        x, y = points[:, 0] / points[:, 2] * self.view.focal, points[:, 1] / points[:, 2] * self.view.focal
        w, h = self.view.size
        return bool(x.max() > -w and x.min() < w and y.min() < h and y.max() > -h)

    def _cover(self, picture: Picture, i: int, dirty: list[tuple[int, int, int, int]]) -> None:
        """Draws a still thing again where something farther was drawn over it."""
        thing = self.backdrop.occluders[i]
        h, w = thing.patch.shape[:2]
        for x0, y0, x1, y1 in dirty:
            a, b = max(x0, thing.x0), max(y0, thing.y0)
            c, d = min(x1, thing.x0 + w), min(y1, thing.y0 + h)
            if a < c and b < d:
                self._restore(picture, thing.patch[b - thing.y0 : d - thing.y0, a - thing.x0 : c - thing.x0], a, b)

    @staticmethod
    def _restore(picture: Picture, patch: Picture, x0: int, y0: int) -> None:
        if patch[:, :, 3].any():
            composite(picture, patch, x0, y0)

    def _smear(self, actor: Actor, t: float) -> tuple[float, float]:
        """Pixels that an actor moves during the exposure."""
        now = actor.motion.at(t)
        if now is None or now[4] * self._exposure_s < 0.02:
            return 0.0, 0.0
        way = np.array([np.cos(now[2]), np.sin(now[2])]) * now[4] * self._exposure_s
        ends = self.view.ground_pixels(np.array([[now[0], now[1]], [now[0] + way[0], now[1] + way[1]]]))
        return float(ends[1, 0] - ends[0, 0]), float(ends[1, 1] - ends[0, 1])

    def _shadows(self, picture: Picture, here: list[tuple[Actor, Array]]) -> None:
        """Darkens the ground: softly right under each body, and where its outline falls away from the sun."""
        w, h = self.view.size
        mask = np.zeros((h // _SHADOW, w // _SHADOW), np.uint8)
        under = np.zeros_like(mask)
        sun = self.world.light.sun
        for actor, vertices in here:
            heavy = actor.object in ("car", "truck", "bus")
            z = vertices[:, 2]
            self._fill(under, self._on_ground(vertices[z < 0.75] * [1, 1, 0]), 150 if heavy else 90)
            if self._shadow <= 0.05:
                continue
            cast = self._on_ground(vertices - sun * (z[:, None] / sun[2]))
            if cast is None:
                continue
            parts = np.searchsorted([0.62 * z.max()], z) if heavy else actor.corners.part
            for part in range(int(parts.max()) + 1):
                self._fill(mask, cast[parts == part], 255)
        under = cv2.GaussianBlur(under, (0, 0), 2.2 * w / 1280)
        if self._shadow > 0.05:
            mask = cv2.convertScaleAbs(cv2.GaussianBlur(mask, (0, 0), 0.9 * w / 1280), alpha=self._shadow)
            under = cv2.max(cv2.convertScaleAbs(under, alpha=0.9), mask)
        keep = 255 - cv2.resize(under, (w, h), interpolation=cv2.INTER_LINEAR)
        cv2.multiply(picture, cv2.merge([keep, keep, keep]), dst=picture, scale=1 / 255)

    def _on_ground(self, points: Array) -> Array | None:
        """(N, 2) pixels of the shadow mask, or None where a point is behind the lens."""
        seen = self.view.camera_points(points)
        if len(points) < 3 or seen[:, 2].min() < NEAR_M:
            return None
        return self.view.projected(seen) / _SHADOW

    @staticmethod
    def _fill(mask: Picture, points: Array | None, value: int) -> None:
        if points is None or len(points) < 3:
            return
        hull = cv2.convexHull(points.astype(np.float32))
        if np.abs(hull).max() < 20000:
            cv2.fillConvexPoly(mask, np.round(hull * 16).astype(np.int32), value, cv2.LINE_8, 4)

    def _beams(self, picture: Picture, here: list[tuple[Actor, Array]], t: float) -> None:
        """Headlights on the road ahead."""
        for actor, _ in here:
            now = actor.motion.at(t)
            if now is None or actor.object in ("person", "bicycle"):
                continue
            x, y, heading = now[:3]
            wide = 1.0 if actor.object == "motorcycle" else 1.7
            c, s = np.cos(heading), np.sin(heading)
            for reach in (15.0, 9.0, 5.0):  # near the camera only as far as the lens sees
                first, last = actor.radius + 0.1, actor.radius + reach
                spread = wide * (0.5 + 0.1 * reach)
                local = np.array([[first, -wide * 0.5], [first, wide * 0.5], [last, spread], [last, -spread]])
                ground = local @ np.array([[c, s], [-s, c]]) + [x, y]
                if self.view.camera_points(np.column_stack([ground, np.zeros(4)]))[:, 2].min() >= 1:
                    self._add(picture, _BEAM, self.view.ground_pixels(ground), 0.7 if actor.object == "motorcycle" else 1.0)
                    break

    def _add(self, picture: Picture, texture: Picture, corners: Array, strength: float) -> None:
        w, h = self.view.size
        x0, y0 = np.clip(np.floor(corners.min(0)), 0, [w, h]).astype(int)
        x1, y1 = np.clip(np.ceil(corners.max(0)), 0, [w, h]).astype(int)
        if x1 - x0 < 2 or y1 - y0 < 2:
            return
        n = texture.shape[0]
        warp = cv2.getPerspectiveTransform(np.array([[0, 0], [n, 0], [n, n], [0, n]], np.float32), (corners - [x0, y0]).astype(np.float32))
        light = cv2.warpPerspective(texture, warp, (int(x1 - x0), int(y1 - y0)))
        area = picture[y0:y1, x0:x1]
        area[:] = cv2.addWeighted(area, 1.0, light, strength, 0)

    def _glows(self, picture: Picture, here: list[tuple[Actor, Array]], t: float) -> None:
        """The bloom around lamps that look into the camera."""
        w, h = self.view.size
        eye = np.asarray(self.view.position)
        for actor, _ in here:
            if actor.object in ("person", "bicycle"):
                continue
            mesh, now, vertices = actor.mesh, actor.motion.at(t), actor.vertices(t)
            if now is None or vertices is None:
                continue
            ahead = np.array([np.cos(now[2]), np.sin(now[2]), 0])
            for material, sign, colour, size in ((Mat.HEADLAMP, 1, (235, 245, 255), 0.62), (Mat.TAILLAMP, -1, (30, 30, 190), 0.3)):
                faces = mesh.faces[mesh.material == material]
                if not len(faces):
                    continue
                centres = vertices[faces].mean(1)
                to_eye = eye - centres.mean(0)
                facing = float(sign * ahead @ to_eye / np.linalg.norm(to_eye))
                if facing < 0.15:
                    continue
                side = centres[:, :2] @ np.array([-ahead[1], ahead[0]])
                middle = np.median(side)
                groups = [centres[side > middle], centres[side <= middle]] if actor.object != "motorcycle" else [centres]
                for group in groups:
                    if not len(group):
                        continue
                    centre = group.mean(0)
                    pixel = self.view.pixels(centre[None])[0]
                    radius = self.view.focal / float(np.linalg.norm(eye - centre)) * size * (0.6 + 0.6 * facing)
                    corners = pixel + np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]]) * max(radius, 3.0)
                    if 0 < pixel[0] < w and 0 < pixel[1] < h:
                        self._add(picture, np.asarray(_BLOOM * np.array(colour) / 255, np.uint8), corners, facing * 0.9)

    def _lens(self, picture: Picture, t: float) -> Picture:
        h, w = picture.shape[:2]
        if self._soft > 0.25:
            picture = cv2.GaussianBlur(picture, (3, 3), self._soft)
        cv2.multiply(picture, self._vignette, dst=picture, scale=1 / 255)
        dx, dy = np.random.default_rng([self.world.seed, round(t * 1000) % (1 << 31)]).integers(0, 64, 2)
        return np.asarray(cv2.add(picture, self._noise[dy : dy + h, dx : dx + w], dtype=cv2.CV_8U))


def _bloom(n: int = 64) -> Picture:
    yy, xx = np.mgrid[0:n, 0:n]
    r = np.hypot(xx - n / 2 + 0.5, yy - n / 2 + 0.5) / (n / 2)
    value = np.clip(np.exp(-((r / 0.16) ** 2)) + 0.35 * np.exp(-((r / 0.42) ** 2)), 0, 1) * np.clip(1.2 - r * 1.2, 0, 1)
    return np.asarray(np.repeat((value * 255)[:, :, None], 3, 2), np.uint8)


def _beam(n: int = 64) -> Picture:
    yy, xx = np.mgrid[0:n, 0:n]
    ahead, aside = yy / n, (xx - n / 2) / (n / 2)
    value = np.exp(-((aside / 0.55) ** 2) * 2) * np.clip(ahead * 6, 0, 1) * (1 - ahead) ** 1.3 * 120
    return np.asarray(value[:, :, None] * np.array([0.82, 0.94, 1.0]), np.uint8)


_BLOOM, _BEAM = _bloom(), _beam()
