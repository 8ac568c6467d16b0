"""The ground plane: pixels to metres by a homography, and how far that can be trusted.

Fit: normalised direct linear transform (Hartley & Zisserman, Multiple View Geometry, 2nd ed., algorithm 4.2).

Error: whoever draws a camera's ground points misses each by up to ±2 px, taken as two standard deviations: sigma = 1 px in x and
in y. With more than four points the fit's own residual, s^2 = sum(r^2) / (2N - 8) in pixels, is added: sigma^2 = 1 + s^2.
Any number f computed through the homography then has the variance sum_i ((f(H_i+) - f(H_i-)) / 2)^2, where H_i+ and H_i- are
refits with the i-th of the 2N clicked coordinates moved by +sigma and -sigma (first-order propagation by central differences).
Because f is computed whole through each refit, errors that move both ends of a path together cancel as they do in truth.
Intervals are ±2 standard deviations.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

import numpy as np
from numpy.typing import ArrayLike, NDArray

from analytics.errors import Refused
from analytics.geometry import Point, bottom_centres, sizes

Floats = NDArray[np.float64]

CLICK_SIGMA_PX = 1.0
"""±2 px of clicking, as two standard deviations."""
ANCHOR_SIGMA = 0.045
"""How far a box's bottom centre strays from one fixed spot of the object between two places, in box sizes; one standard deviation.

On the drill from pixels nine of ten tracked boxes end within 0.072 of their height of the true one.
"""
LEG_S = 1.0
"""Speeds are fitted over legs of about this many seconds, which a vehicle drives almost straight."""


class Degenerate(Refused):
    """Ground points that fix no plane; the message says why."""


@dataclass(frozen=True, slots=True)
class Speed:
    """A speed in km/h with the interval that calibration and box errors give (±2 standard deviations)."""

    kmh: float
    low_kmh: float
    high_kmh: float


@dataclass(frozen=True, eq=False)
class Plane:
    """Fitted ground plane.

    Attributes:
        H: (3, 3) image to metres, signed so that the third coordinate is positive on the visible ground.
        refits: (2N, 2, 3, 3) homographies with each clicked coordinate moved by + and - sigma.
        residual_px: root mean square distance between the clicked and the fitted points, 0 with four.
        sigma_px: standard deviation of a clicked coordinate.
    """

    H: Floats
    refits: Floats
    residual_px: float
    sigma_px: float

    @classmethod
    def fit(cls, image: Sequence[Point], metres: Sequence[Point]) -> "Plane":
        """Fits from four or more points.

        Raises:
            Degenerate: too few points, points on one line, or an order in which the two shapes cannot be one plane.
        """
        a, b = np.asarray(image, np.float64), np.asarray(metres, np.float64)
        if a.shape != b.shape or len(a) < 4:
            raise Degenerate(
                f"the ground needs 4 or more points, as many in metres as in the image; there are {len(a)} and {len(b)}",
                f"mặt đất cần ít nhất 4 điểm, số điểm trong ảnh và theo mét bằng nhau; hiện có {len(a)} và {len(b)}",
            )
        H = _dlt(a, b)
        back = _apply(np.asarray(np.linalg.inv(H), np.float64), b)
        off = back - a
        n = len(a)
        s2 = float((off**2).sum() / (2 * n - 8)) if n > 4 else 0.0
        sigma = float(np.sqrt(CLICK_SIGMA_PX**2 + s2))
        refits = np.empty((2 * n, 2, 3, 3))
        for i in range(2 * n):
            for k, sign in enumerate((sigma, -sigma)):
                moved = a.copy()
                moved[i // 2, i % 2] += sign
                refits[i, k] = _dlt(moved, b)
        return cls(H, refits, float(np.sqrt((off**2).sum(axis=1).mean())), sigma)

    def to_metres(self, points: ArrayLike) -> Floats:
        """(K, 2) pixels give (K, 2) metres; not-a-number where a pixel looks at or above the horizon."""
        return _apply(self.H, np.asarray(points, np.float64).reshape(-1, 2))

    def to_image(self, metres: ArrayLike) -> Floats:
        """(K, 2) metres give (K, 2) pixels; not-a-number behind the camera."""
        return _apply(self._back, np.asarray(metres, np.float64).reshape(-1, 2))

    @cached_property
    def _back(self) -> Floats:
        return np.asarray(np.linalg.inv(self.H), np.float64)

    def error_m(self, points: ArrayLike) -> Floats:
        """(K, 2) pixels give (K,) metres within which the true ground point lies: ±2 standard deviations of the calibration."""
        p = np.asarray(points, np.float64).reshape(-1, 2)
        moved = _apply(self.refits, p)
        out: Floats = 2.0 * np.sqrt((((moved[:, 0] - moved[:, 1]) / 2) ** 2).sum(axis=(0, 2)))
        return out

    def sure(self, boxes: ArrayLike, share: float) -> NDArray[np.bool_]:
        """(K, 4) boxes give (K,) whether each stands where calibration leaves less open than `share` of its size there.

        Towards the horizon the error grows faster than things shrink. Where one refit puts a place over its horizon, nothing is known.
        """
        b = np.asarray(boxes, np.float64).reshape(-1, 4)
        p = bottom_centres(b)
        seen = np.isfinite(self.to_metres(p)).all(axis=1) & np.isfinite(_apply(self.refits, p)).all(axis=(0, 1, 3))
        out = np.zeros(len(b), bool)
        out[seen] = self.error_m(p[seen]) <= share * sizes(b[seen]) * self._metres_per_px(p[seen])
        return out

    def speed(self, times: ArrayLike, boxes: ArrayLike, anchor_sigma: float = ANCHOR_SIGMA) -> Speed | None:
        """Mean speed of an object along its path.

        The path is cut into legs of about `LEG_S`; each leg's velocity is a least-squares fit of the bottom centre on the ground,
        weighted by the square of the pixels that a metre has there; the legs' speeds are averaged by their duration. The
        interval joins the calibration's error (see the module) with the boxes': each end of the path strays by
        `anchor_sigma` box sizes, at least one pixel.

        Args:
            times: (K,) ascending seconds.
            boxes: (K, 4) pixels.

        Returns:
            None where the path has no two instants below the horizon.
        """
        b = np.asarray(boxes, np.float64).reshape(-1, 4)
        t, p = np.asarray(times, np.float64), bottom_centres(b)
        seen = np.isfinite(self.to_metres(p)).all(axis=1)
        t, p, b = t[seen], p[seen], b[seen]
        if len(t) < 2 or t[-1] <= t[0]:
            return None
        scale = self._metres_per_px(p)
        noise = np.maximum(anchor_sigma * sizes(b), 1.0) * scale
        legs = _legs(t)
        every = np.concatenate([self.H[None], self.refits.reshape(-1, 3, 3)])
        speeds = _mean_speed(t, _apply(every, p), 1.0 / scale**2, legs)
        v = float(speeds[0])
        # A refit may push a far point over its horizon; such a place cannot be measured at all.
        if not np.isfinite(speeds).all():
            return None
        pairs = speeds[1:].reshape(-1, 2)
        variance = float((((pairs[:, 0] - pairs[:, 1]) / 2) ** 2).sum())
        span = float(t[-1] - t[0])
        variance += float(noise[0] ** 2 + noise[-1] ** 2) / span**2
        half = 2.0 * float(np.sqrt(variance))
        return Speed(3.6 * v, 3.6 * max(v - half, 0.0), 3.6 * (v + half))

    def _metres_per_px(self, p: Floats) -> Floats:
        """(K, 2) pixels give (K,) the largest singular value of the map's derivative: metres that one pixel can mean."""
        h = np.eye(2)[:, None] / 2
        slope = self.to_metres(p + h).reshape(2, -1, 2) - self.to_metres(p - h).reshape(2, -1, 2)
        J = np.nan_to_num(np.moveaxis(slope, 0, -1), nan=1e3)
        return np.asarray(np.linalg.svd(J, compute_uv=False)[:, 0], np.float64)


def _apply(H: Floats, p: Floats) -> Floats:
    """(…, 3, 3) on (K, 2) gives (…, K, 2); NaN where the third coordinate is not positive."""
    q = np.einsum("...ij,kj->...ki", H, np.column_stack([p, np.ones(len(p))]))
    w = q[..., 2:]
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(w > 1e-9 * np.abs(q).max(axis=-1, keepdims=True), q[..., :2] / w, np.nan)


def _legs(t: Floats) -> list[slice]:
    """Cuts K >= 2 instants into slices that share their ends and last about `LEG_S`."""
    count = max(1, round(float(t[-1] - t[0]) / LEG_S))
    edges = np.searchsorted(t, np.linspace(t[0], t[-1], count + 1)[1:-1])
    cuts = np.unique(np.concatenate([[0], edges, [len(t) - 1]]))
    return [slice(a, b + 1) for a, b in pairwise(cuts.tolist())]


def _mean_speed(t: Floats, g: Floats, weight: Floats, legs: list[slice]) -> Floats:
    """(M, K, 2) paths in metres give (M,) mean speeds, m/s."""
    total = np.zeros(len(g))
    for leg in legs:
        w = weight[leg] / weight[leg].sum()
        dt = t[leg] - (w * t[leg]).sum()
        v = np.einsum("k,mkd->md", w * dt, g[:, leg]) / (w * dt**2).sum()
        total += np.linalg.norm(v, axis=1) * (t[leg][-1] - t[leg][0])
    out: Floats = total / (t[-1] - t[0])
    return out


def _dlt(a: Floats, b: Floats) -> Floats:
    """Homography that takes (N, 2) `a` to (N, 2) `b`, positive third coordinate at the points of `a`."""
    A, Ta = _normalised(a)
    B, Tb = _normalised(b)
    n = len(a)
    one, zero = np.ones(n), np.zeros((n, 3))
    X = np.column_stack([A, one])
    rows = np.concatenate([np.hstack([X, zero, -B[:, :1] * X]), np.hstack([zero, X, -B[:, 1:] * X])])
    _, s, vt = np.linalg.svd(rows)
    plain = vt[-1].reshape(3, 3)
    if s[7] < 1e-4 * s[0] or abs(np.linalg.det(plain)) < 1e-6:
        raise Degenerate(
            "the ground points fix no plane: three of four, or all, lie on one line; spread them over the road",
            "các điểm mặt đất không xác định mặt phẳng: ba trong bốn điểm, hoặc tất cả, thẳng hàng; hãy đặt rải ra trên mặt đường",
        )
    H: Floats = np.linalg.inv(Tb) @ plain @ Ta
    w = np.column_stack([a, one]) @ H[2]
    if not ((w > 0).all() or (w < 0).all()):
        raise Degenerate(
            "the ground points in the image and in metres do not follow the same order around the ground",
            "các điểm mặt đất trong ảnh và theo mét không theo cùng một thứ tự quanh mặt đất",
        )
    return H if w[0] > 0 else -H


def _normalised(p: Floats) -> tuple[Floats, Floats]:
    """(N, 2) points moved to their middle and scaled to a mean distance of sqrt(2), and the (3, 3) that does it."""
    middle = p.mean(axis=0)
    reach = float(np.linalg.norm(p - middle, axis=1).mean())
    if reach == 0:
        raise Degenerate("the ground points are all the same", "các điểm mặt đất đều trùng nhau")
    k = np.sqrt(2.0) / reach
    T = np.array([[k, 0, -k * middle[0]], [0, k, -k * middle[1]], [0, 0, 1.0]])
    return (p - middle) * k, T
