"""Paints what stands still, once a scene: sky, ground, houses, trees, posts and their shadows."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from models.drill.light import Light, linear
from models.drill.mesh import Builder, Mesh
from models.drill.mesh import Material as Mat
from models.drill.paint import FINE, Palette, blurred, composite, draw, in_patch
from models.drill.stage import House, Post, Stage, Tree
from models.drill.textures import GROUND, facade, noise, sample
from models.drill.view import View

Array = NDArray[np.float64]
Picture = NDArray[np.uint8]
_EDGES = 3
"""The ground's materials are told apart this many times finer than the picture."""


@dataclass(frozen=True, eq=False)
class Occluder:
    """Something still that can hide what moves: a patch with premultiplied alpha at (x0, y0), and how far it stands."""

    patch: Picture
    x0: int
    y0: int
    distance: float


@dataclass(frozen=True, eq=False)
class Backdrop:
    """The empty scene (h, w, 3), and what of it can hide what moves."""

    picture: Picture
    occluders: tuple[Occluder, ...]


def paint_backdrop(stage: Stage, view: View, light: Light, rng: np.random.Generator) -> Backdrop:
    """Paints the stage as `view` sees it in `light`."""
    picture = _ground_and_sky(stage, view, light, rng)
    things: list[tuple[float, House | Tree | Post]] = [(_distance(view, *thing.at), thing) for thing in (*stage.trees, *stage.posts)]
    things += [(_distance(view, (h.a[0] + h.b[0]) / 2, (h.a[1] + h.b[1]) / 2), h) for h in stage.houses]
    occluders = []
    for distance, thing in sorted(things, key=lambda item: -item[0]):
        if isinstance(thing, House):
            _house(picture, thing, view, light)
            continue
        for mesh, palette in _tree(thing) if isinstance(thing, Tree) else _post(thing, light):
            placed = in_patch(mesh.vertices.astype(np.float64), view)
            if placed is None:
                continue
            x0, y0, x1, y1 = placed[1]
            patch = np.zeros((y1 - y0, x1 - x0, 4), np.uint8)
            _draw_patch(patch, mesh, palette, view, light, x0, y0)
            composite(picture, patch, x0, y0)
            occluders.append(Occluder(patch, x0, y0, distance))
    return Backdrop(picture, tuple(occluders))


def _distance(view: View, x: float, y: float) -> float:
    return float(np.hypot(x - view.position[0], y - view.position[1]))


def _draw_patch(patch: Picture, mesh: Mesh, palette: Palette, view: View, light: Light, x0: int, y0: int) -> None:
    """Draws over black and over white; what differs is the alpha."""
    black = np.zeros((y0 + patch.shape[0], x0 + patch.shape[1], 3), np.uint8)
    white = np.full_like(black, 255)
    for canvas in (black, white):
        draw(canvas, mesh.vertices.astype(np.float64), mesh, palette, view, light)
    a, b = black[y0:, x0:], white[y0:, x0:]
    patch[:, :, :3] = a
    patch[:, :, 3] = 255 - (b.astype(np.int16) - a).clip(0, 255).mean(2).astype(np.uint8)


def _ground_and_sky(stage: Stage, view: View, light: Light, rng: np.random.Generator) -> Picture:
    w, h = view.size
    px, py = np.meshgrid(np.arange(w, dtype=np.float32) + 0.5, np.arange(h, dtype=np.float32) + 0.5)
    inverse = np.linalg.inv(view.homography).astype(np.float32)
    gx, gy, gw = (inverse[i, 0] * px + inverse[i, 1] * py + inverse[i, 2] for i in range(3))
    sign = np.sign(inverse[2] @ np.array([w / 2, h * 4, 1]))
    below = gw * sign > 1e-5
    gw = np.where(below, gw, sign * 1e-5)
    gx, gy = np.clip(gx / gw, -400, 400), np.clip(gy / gw, -400, 900)
    far = np.hypot(gx - view.position[0], gy - view.position[1])
    footprint = np.maximum(far * far / (view.focal * view.position[2]), far / view.focal)  # metres of ground a pixel covers, along the view
    albedo = np.zeros((h, w, 3), np.float32)
    for name, share in _shares(stage, view).items():
        mask = (share > 0) & below
        if mask.any():
            x, y = gx[mask], gy[mask]
            colour = GROUND[name](x, y, footprint[mask])
            if name == "asphalt":
                for at, wide in stage.wheel_tracks:
                    colour *= (1 - 0.10 * np.exp(-(((x - at) / wide) ** 2)))[:, None]
            albedo[mask] += colour * share[mask][:, None]
    lit = _ground_light(stage, light, gx, gy)
    colour = albedo * lit
    haze = (1 - np.exp(-far / 420))[:, :, None].astype(np.float32)
    air = np.asarray(light.horizon, np.float32) * (0.9 if not light.night else 0.5)
    colour = colour * (1 - haze) + air * haze
    up = np.clip((view.size[1] * 0.5 - py) / view.focal + np.tan(np.radians(-view.pitch_deg)) * 1.0, 0, 1.2)[:, :, None]
    clouds = sample(noise(int(rng.integers(1 << 31)), 5), px / view.focal * 180, py / view.focal * 420)[:, :, None]
    zenith = np.asarray(light.sky, np.float32) * (0.75 if not light.night else 0.5)
    sky = air + (zenith - air) * np.clip(up * 1.8, 0, 1)
    sky = sky * (1 + (0.22 if light.sun_colour.max() > 0 else 0.08) * clouds)
    colour = np.where(below[:, :, None], colour, sky)
    return light.develop(colour)


def _shares(stage: Stage, view: View) -> dict[str, NDArray[np.float32]]:
    """Of each material its share of each pixel, (h, w), drawn finer than the picture so that edges are smooth."""
    names = list(GROUND)
    fine = view.resized((view.size[0] * _EDGES, view.size[1] * _EDGES))
    index = np.full(fine.size[::-1], names.index("grass"), np.uint8)
    for region in stage.regions:
        polygon = clipped(np.array(region.polygon, np.float64), fine)
        if len(polygon) > 2:
            pixels = np.clip(fine.ground_pixels(polygon), -30000, 30000)
            cv2.fillPoly(index, [np.round(pixels * 16).astype(np.int32)], names.index(region.material), cv2.LINE_8, 4)
    used = [i for i in range(len(names)) if (index == i).any()]
    return {names[i]: cv2.resize((index == i).astype(np.float32), view.size, interpolation=cv2.INTER_AREA) for i in used}


def clipped(polygon: Array, view: View, near: float = 0.6) -> Array:
    """The part of a ground polygon (K, 2) that lies at least `near` metres in front of the lens (Sutherland and Hodgman)."""
    flat = np.column_stack([polygon, np.zeros(len(polygon))])
    depth = view.camera_points(flat)[:, 2] - near
    out: list[Array] = []
    for i in range(len(polygon)):
        j = (i + 1) % len(polygon)
        if depth[i] >= 0:
            out.append(polygon[i])
        if (depth[i] >= 0) != (depth[j] >= 0):
            out.append(polygon[i] + (polygon[j] - polygon[i]) * depth[i] / (depth[i] - depth[j]))
    return np.array(out).reshape(-1, 2)


def _ground_light(stage: Stage, light: Light, gx: Array, gy: Array) -> NDArray[np.float32]:
    """(h, w, 3) light on the ground, worked out coarsely and enlarged; the shadows of houses and trees are in it."""
    h, w = gx.shape
    small = (max(w // 8, 1), max(h // 8, 1))
    sx, sy = (cv2.resize(np.asarray(g, np.float32), small, interpolation=cv2.INTER_AREA) for g in (gx, gy))
    points = np.column_stack([sx.ravel(), sy.ravel(), np.zeros(sx.size)])
    base = light.on(points, np.broadcast_to([0.0, 0.0, 1.0], points.shape)).reshape(*sx.shape, 3).astype(np.float32)
    lit = cv2.resize(base, (w, h), interpolation=cv2.INTER_LINEAR)
    if light.sun_colour.max() <= 0 or light.night:
        return lit
    shade = _shadow_map(stage, light, gx, gy)
    ambient = (light.sky / lit.reshape(-1, 3).max(0)).astype(np.float32)
    return lit * (1 - shade[:, :, None] * (1 - np.minimum(ambient, 1)))


def _shadow_map(stage: Stage, light: Light, gx: Array, gy: Array) -> NDArray[np.float32]:
    """(h, w) 0..1: how much of the sun is hidden, drawn on a map of the ground in 0.1 m and looked up by position."""
    cell, x0, y0, nx, ny = 0.1, -45.0, -15.0, 900, 1100
    grid = np.zeros((ny, nx), np.uint8)
    slope = -light.sun[:2] / light.sun[2]

    def fill(points: Array, value: int = 255) -> None:
        hull = cv2.convexHull(((points - [x0, y0]) / cell).astype(np.float32))
        cv2.fillConvexPoly(grid, np.round(hull * 16).astype(np.int32), value, cv2.LINE_8, 4)

    for house in stage.houses:
        corners = _footprint(house)
        fill(np.concatenate([corners, corners + slope * house.height]))
    for tree in stage.trees:
        rng = np.random.default_rng(tree.seed)
        for _ in range(34):
            ball = rng.normal(0, 0.42, 3) * tree.crown
            centre = np.array(tree.at) + ball[:2] + slope * (tree.height * 0.72 + ball[2])
            angle = np.linspace(0, 2 * np.pi, 9)
            fill(centre + np.column_stack([np.cos(angle), np.sin(angle)]) * tree.crown * rng.uniform(0.15, 0.4))
        fill(np.array([tree.at, np.array(tree.at) + slope * tree.height * 0.7]).repeat(2, 0) + np.array([[-0.12, 0], [0.12, 0]] * 2))
    for post in stage.posts:
        fill(
            np.array([post.at, np.array(post.at) + slope * post.height]).repeat(2, 0) + np.array([[-post.radius, 0], [post.radius, 0]] * 2)
        )
    soft = cv2.GaussianBlur(grid, (0, 0), 1.6)
    mapped = cv2.remap(soft, ((gx - x0) / cell).astype(np.float32), ((gy - y0) / cell).astype(np.float32), cv2.INTER_LINEAR, borderValue=0)
    return mapped.astype(np.float32) / 255


def _footprint(house: House) -> Array:
    a, b = np.array(house.a), np.array(house.b)
    along = (b - a) / np.linalg.norm(b - a)
    back = np.array([along[1], -along[0]]) * house.depth
    return np.stack([a, b, b + back, a + back])


def _house(picture: Picture, house: House, view: View, light: Light) -> None:
    """Warps a painted front and plain side walls into the picture."""
    a, b, c, d = _footprint(house)
    centre = (a + b + c + d) / 4
    walls = [(a, b, True), (b, c, False), (d, a, False), (c, d, False)]
    walls.sort(key=lambda wall: -float(np.hypot(*((wall[0] + wall[1]) / 2 - np.array(view.position[:2])))))
    for p, q, front in walls:
        out = np.array([(q - p)[1], -(q - p)[0]]) * -1
        out = out / np.linalg.norm(out)
        if out @ ((p + q) / 2 - centre) < 0:
            out = -out
        if out @ (np.array(view.position[:2]) - (p + q) / 2) <= 0:
            continue
        corners = np.array([[*p, 0], [*q, 0], [*q, house.height], [*p, house.height]], np.float64)
        if view.camera_points(corners)[:, 2].min() < 0.5:
            continue
        texture, lamps = facade(house.seed, float(np.linalg.norm(q - p)), house.height, front, light.night)
        normal = np.array([[out[0], out[1], 0.0]])
        middle = corners.mean(0, keepdims=True)
        lit = texture * light.on(middle * [1, 1, 0.3], normal) + lamps
        painted = light.develop(lit.astype(np.float64))
        th, tw = painted.shape[:2]
        pixels = view.pixels(corners).astype(np.float32)
        x0, y0 = np.maximum(np.floor(pixels.min(0)).astype(int), 0)
        x1, y1 = np.minimum(np.ceil(pixels.max(0)).astype(int) + 1, view.size)
        if x1 - x0 < 1 or y1 - y0 < 1:
            continue
        shrink = max(1.0, th / max(float(np.ptp(pixels[:, 1])) * FINE, 1), 1.0)
        if shrink > 1.5:
            painted = cv2.resize(painted, (max(int(tw / shrink), 2), max(int(th / shrink), 2)), interpolation=cv2.INTER_AREA)
            th, tw = painted.shape[:2]
        source = np.array([[0, th], [tw, th], [tw, 0], [0, 0]], np.float32)
        warp = cv2.getPerspectiveTransform(source, ((pixels - [x0, y0]) * FINE).astype(np.float32))
        size = (int(x1 - x0) * FINE, int(y1 - y0) * FINE)
        wall = cv2.warpPerspective(np.dstack([painted, np.full((th, tw), 255, np.uint8)]), warp, size, flags=cv2.INTER_LINEAR)
        composite(picture, blurred(wall, (0, 0)), int(x0), int(y0))


def _tree(tree: Tree) -> list[tuple[Mesh, Palette]]:
    """Trunk and branches, and a crown of many leaves in clumps."""
    rng = np.random.default_rng(tree.seed)
    b = Builder()
    base, top = np.array([*tree.at, 0.0]), np.array([*tree.at, tree.height * 0.72])
    b.tube(base, top, 0.16, 0.09, Mat.BAG, sides=8)
    for _ in range(4):
        end = top + np.array([*(rng.normal(0, 0.45, 2) * tree.crown), rng.uniform(-0.2, 0.5) * tree.crown])
        b.tube(base + (top - base) * rng.uniform(0.6, 0.95), end, 0.07, 0.03, Mat.BAG, sides=5)
    clumps = rng.normal(0, 1, (26, 3))
    clumps = (
        clumps / np.linalg.norm(clumps, axis=1, keepdims=True) * rng.uniform(0.2, 0.85, (26, 1)) * tree.crown * [1, 1, 0.75]
        + top
        + np.array([0, 0, tree.crown * 0.25])
    )
    leaves = 2600
    centre = clumps[rng.integers(0, len(clumps), leaves)]
    way = rng.normal(0, 1, (leaves, 3))
    way /= np.linalg.norm(way, axis=1, keepdims=True)
    at = centre + way * rng.uniform(0.5, 1, (leaves, 1)) ** 0.5 * tree.crown * 0.36
    normal = way + rng.normal(0, 0.5, way.shape)
    normal /= np.linalg.norm(normal, axis=1, keepdims=True)
    u = np.cross(normal, rng.normal(0, 1, way.shape))
    u /= np.linalg.norm(u, axis=1, keepdims=True)
    v = np.cross(normal, u)
    size = rng.uniform(0.05, 0.12, (leaves, 1)) * (tree.crown / 1.6) ** 0.5 * 1.4
    corners = np.stack([at - u * size, at - v * size * 0.6, at + u * size, at + v * size * 0.6], 1)
    corners = corners[:, ::-1] if np.cross(corners[0, 2] - corners[0, 0], corners[0, 3] - corners[0, 1]) @ normal[0] < 0 else corners
    faces = np.arange(leaves * 4).reshape(-1, 4)
    both = np.concatenate([faces, faces[:, ::-1]])
    b.add(corners.reshape(-1, 3), both, np.tile(rng.choice([Mat.TOP, Mat.LEGS, Mat.PAINT], leaves), 2))
    albedo = np.zeros((32, 3))
    hue = rng.uniform(0.85, 1.2)
    albedo[Mat.BAG] = linear((92, 76, 60))
    albedo[Mat.TOP], albedo[Mat.LEGS], albedo[Mat.PAINT] = (linear(c) * hue for c in ((62, 92, 38), (44, 70, 30), (84, 112, 48)))
    return [(b.done(), Palette(albedo, np.zeros((32, 3))))]


def _post(post: Post, light: Light) -> list[tuple[Mesh, Palette]]:
    b = Builder()
    base, top = np.array([*post.at, 0.0]), np.array([*post.at, post.height])
    b.tube(base, top, post.radius * 1.3, post.radius, Mat.METAL, sides=10)
    if post.arm != (0.0, 0.0):
        lamp = top + np.array([*post.arm, 0.1])
        b.tube(top, lamp, post.radius * 0.7, post.radius * 0.5, Mat.METAL, sides=6)
        b.ball(lamp, (0.28, 0.28, 0.09), Mat.HEADLAMP, sides=8)
    albedo, emission = np.zeros((32, 3)), np.zeros((32, 3))
    albedo[Mat.METAL], albedo[Mat.HEADLAMP] = linear((118, 122, 124)), linear((200, 200, 196))
    if light.night:
        emission[Mat.HEADLAMP] = light.lamp_colour * 0.6
    return [(b.done(), Palette(albedo, emission))]
