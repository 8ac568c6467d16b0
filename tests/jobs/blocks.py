"""A world that is quick to film and to see: coloured blocks on a grey ground, and a network, written by hand, that finds them.

The network is a real ONNX file and runs as any other; it finds a block's box from the first and second moments of its colour,
so it is right to a pixel and takes a millisecond. Everything else (decoding, flow, tracking, rules) is what it always is.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
from numpy.typing import NDArray

W, H = 320, 192
FPS = 10
MODEL = "blocks.onnx"
COLOURS = {"car": (225, 45, 45), "truck": (45, 45, 225), "person": (45, 205, 45)}
"""What is of which colour, RGB."""
_SIDE, _STRIDE, _INNER, _OUTER = 40, 8, 64, 80


@dataclass(frozen=True)
class Block:
    """A block of a class that goes at a steady pace: at `at` seconds its middle is at (x, y), `vx`, `vy` pixels a second.

    Between `stands`, seconds, it stands where it was when they began.
    """

    kind: str
    at: float
    x: float
    y: float
    vx: float = 0.0
    vy: float = 0.0
    stands: tuple[float, float] | None = None
    born: float = -1e9
    died: float = 1e9

    def place(self, t: float) -> tuple[float, float]:
        if self.stands is not None:
            a, b = self.stands
            t -= min(max(t - a, 0.0), b - a)
        return self.x + self.vx * (t - self.at), self.y + self.vy * (t - self.at)


def _soft(seed: int, width: int, height: int, low: int, high: int) -> NDArray[np.float32]:
    noise = np.random.default_rng(seed).integers(low, high, (height // 5 + 2, width // 5 + 2)).astype(np.float32)
    return np.asarray(cv2.resize(noise, (width, height), interpolation=cv2.INTER_CUBIC))


_GROUND = np.repeat(_soft(1, W, H, 80, 150)[:, :, None], 3, 2)


def picture(blocks: Sequence[Block], t: float) -> NDArray[np.uint8]:
    """(H, W, 3) RGB at time t."""
    out = _GROUND.copy()
    for i, block in enumerate(blocks):
        if not block.born <= t < block.died:
            continue
        cx, cy = block.place(t)
        face = np.float32(COLOURS[block.kind]) * _soft(100 + i, _SIDE, _SIDE, 55, 110)[:, :, None] / 100
        where = np.array([[1, 0, cx - _SIDE / 2], [0, 1, cy - _SIDE / 2]])
        moved = cv2.warpAffine(face, where, (W, H), flags=cv2.INTER_LINEAR)
        mask = cv2.warpAffine(np.ones((_SIDE, _SIDE), np.float32), where, (W, H), flags=cv2.INTER_LINEAR)
        out = out * (1 - mask[:, :, None]) + moved
    return np.clip(out, 0, 255).astype(np.uint8)


def film(
    path: Path,
    blocks: Sequence[Block],
    start: float,
    end: float,
    *,
    fps: float = FPS,
    gop_s: float = 1.0,
    times: Sequence[float] | None = None,
) -> Path:
    """H.264 of the world from `start` to `end`, seconds of its own clock, with a key frame every `gop_s`.

    `times`: when pictures are taken, seconds from `start` to the millisecond; `fps` a second where left out.
    """
    taken = [i / fps for i in range(round((end - start) * fps))] if times is None else times
    path.parent.mkdir(parents=True, exist_ok=True)
    with av.open(str(path), "w") as container:
        options = {"preset": "ultrafast", "crf": "14", "x264-params": f"keyint={round(gop_s * fps)}:scenecut=0:threads=1"}
        stream = container.add_stream("libx264", rate=Fraction(fps).limit_denominator(1000), options=options)
        stream.width, stream.height, stream.pix_fmt = W, H, "yuv420p"
        stream.time_base = stream.codec_context.time_base = Fraction(1, 1000)
        for t in taken:
            frame = av.VideoFrame.from_ndarray(picture(blocks, start + t), format="rgb24")
            frame.pts, frame.time_base = round(t * 1000), Fraction(1, 1000)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path


def camera(id: str = "gate", rules: Sequence[str] = (), extra: str = "") -> str:
    """A camera file for the world: a line down the middle, the right half as a zone, rules as YAML."""
    listed = "\n".join(f"  - {rule}" for rule in rules)
    return (
        f"id: {id}\nresolution: [{W}, {H}]\nlines: {{middle: [[160, 0], [160, {H}]]}}\n"
        f"zones: {{right: [[160, 0], [{W}, 0], [{W}, {H}], [160, {H}]]}}\nanalysis: {{models: [{MODEL}]}}\n"
        + (f"rules:\n{listed}\n" if rules else "rules: []\n")
        + extra
    )


def write_network(path: Path) -> Path:
    """Writes the network that finds the blocks: classes by colour, boxes by moments."""
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    nodes: list[onnx.NodeProto] = []
    constants: list[onnx.TensorProto] = []

    def constant(name: str, value: NDArray[np.float32] | NDArray[np.int64]) -> str:
        constants.append(numpy_helper.from_array(value, name))
        return name

    def node(kind: str, inputs: Sequence[str], out: str, **given: object) -> str:
        nodes.append(helper.make_node(kind, list(inputs), [out], **given))
        return out

    def number(value: float) -> str:
        return constant(f"n{len(constants)}", np.array(value, np.float32))

    def summed(of: str, window: int, out: str) -> str:
        """Sums over windows of that size around every eighth pixel."""
        pad = (window - _STRIDE) // 2
        wide = node("AveragePool", [of], f"{out}_w", kernel_shape=[1, window], strides=[1, _STRIDE], pads=[0, pad, 0, pad],
                    count_include_pad=1)  # fmt: skip
        high = node("AveragePool", [wide], f"{out}_h", kernel_shape=[window, 1], strides=[_STRIDE, 1], pads=[pad, 0, pad, 0],
                    count_include_pad=1)  # fmt: skip
        return node("Mul", [high, number(window * window)], out)

    n = len(COLOURS)
    rgb = np.array(list(COLOURS.values()), np.float32)
    own = (rgb == rgb.max(axis=1, keepdims=True)).astype(np.float32)
    weights = (own - (1 - own) / 2).reshape(n, 3, 1, 1)  # its own channel less the mean of the two others
    strength = node("Conv", ["images", constant("weights", weights)], "strength")
    mask = node("Cast", [node("Greater", [strength, number(0.15)], "is")], "mask", to=TensorProto.FLOAT)
    x = constant("x", np.broadcast_to((np.arange(W, dtype=np.float32) + 0.5 - W / 2) / 100, (1, 1, H, W)).copy())
    y = constant("y", np.broadcast_to(((np.arange(H, dtype=np.float32) + 0.5 - H / 2) / 100)[:, None], (1, 1, H, W)).copy())
    moments = {"m": mask}
    for name, (a, b) in {"mx": ("m", x), "my": ("m", y), "mxx": ("mx", x), "myy": ("my", y)}.items():
        moments[name] = node("Mul", [moments[a], b], name)
    inner = {name: summed(of, _INNER, f"{name}_in") for name, of in moments.items()}
    outer = summed(mask, _OUTER, "m_out")
    mass = node("Max", [inner["m"], number(1.0)], "mass")
    shape = constant("shape", np.array([1, 1, -1], np.int64))

    def side(first: str, second: str, out: str) -> tuple[str, str]:
        """Middle and extent, in hundreds of pixels, by mean and variance of an even distribution."""
        mean = node("Div", [first, mass], f"{out}_mean")
        square = node("Sub", [node("Div", [second, mass], f"{out}_sq"), node("Mul", [mean, mean], f"{out}_mm")], f"{out}_var")
        var = node("Max", [square, number(0.0)], f"{out}_pos")
        return mean, node("Sqrt", [node("Mul", [var, number(12.0)], f"{out}_12")], f"{out}_extent")

    rows = []
    (cx, width), (cy, height) = side(inner["mx"], inner["mxx"], "h"), side(inner["my"], inner["myy"], "v")
    for name, of, middle in (("cx", cx, W / 2), ("cy", cy, H / 2), ("w", width, 0.0), ("h_", height, 0.0)):
        pixels = node("Add", [node("Mul", [of, number(100.0)], f"{name}_px"), number(middle)], f"{name}_abs")
        rows.append(node("Reshape", [pixels, shape], f"{name}_row"))
    whole = node("Less", [node("Sub", [outer, inner["m"]], "rim"), number(1.0)], "whole")
    large = node("Greater", [inner["m"], number(200.0)], "large")
    good = node("Cast", [node("And", [whole, large], "good")], "good_f", to=TensorProto.FLOAT)
    score = node("Reshape", [node("Mul", [good, number(0.9)], "score"), shape], "score_row")
    places = (W // _STRIDE) * (H // _STRIDE)
    which = constant("which", np.repeat(np.eye(n, dtype=np.float32), places, axis=1)[None])
    rows.append(node("Mul", [score, which], "scores"))
    node("Concat", rows, "output0", axis=1)
    graph = helper.make_graph(
        nodes,
        "blocks",
        [helper.make_tensor_value_info("images", TensorProto.FLOAT, [1, 3, H, W])],
        [helper.make_tensor_value_info("output0", TensorProto.FLOAT, [1, 4 + n, n * places])],
        constants,
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)])
    model.ir_version = 9
    helper.set_model_props(model, {"names": str(dict(enumerate(COLOURS)))})
    onnx.checker.check_model(model)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(model.SerializeToString())
    return path


RULES = (
    "{kind: line_count, line: middle}",
    "{kind: wrong_way, zone: right, allowed: [1, 0]}",
    "{kind: illegal_stop, zone: right, after_s: 3}",
    "{kind: intrusion, zone: right}",
)
STREET = (
    Block("car", 0.5, 0, 40, vx=60),
    Block("truck", 1.5, 320, 95, vx=-45),
    Block("car", 4.5, 0, 40, vx=60, stands=(8.5, 14.5)),  # stops in the zone at x = 240
    Block("person", 9.0, 150, 160, vx=12, born=9.0, died=20.5),
    Block("truck", 15.5, 320, 95, vx=-45),
    Block("car", 17.0, 0, 40, vx=60),
)
"""Twenty-four seconds: three cars to the right of which the second stops, two trucks to the left against the allowed direction,
a person who comes out of nowhere and walks into the zone."""
STREET_S = 24.0
CROSSINGS = {("car", "in"): 3, ("truck", "out"): 2}
