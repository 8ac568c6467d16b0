"""Encodes pictures as real H.264 or H.265, with the frame rate and GOP that are asked for."""

from collections.abc import Iterable
from fractions import Fraction
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

ENCODERS = {"h264": "libx264", "h265": "libx265"}


def encode(frames: Iterable[NDArray[np.uint8]], path: Path, *, fps: float, codec: str = "h264", gop: int = 60, crf: int = 23) -> int:
    """Writes (h, w, 3) blue-first pictures as a video and says how many there were.

    Raises:
        ValueError: there is no such codec.
    """
    import av

    if codec not in ENCODERS:
        raise ValueError(f"unknown codec {codec!r}; there are {', '.join(ENCODERS)}")
    rate = Fraction(fps).limit_denominator(1001)
    count = 0
    with av.open(str(path), "w") as container:
        stream = None
        for frame in frames:
            if stream is None:
                options = {"crf": str(crf), "preset": "veryfast", "g": str(gop)}
                if codec == "h265":
                    options["x265-params"] = f"log-level=none:keyint={gop}:pools=1:frame-threads=1"
                else:
                    options |= {"keyint_min": str(min(gop, 25)), "threads": "1"}
                stream = container.add_stream(ENCODERS[codec], rate=rate, options=options)
                stream.height, stream.width = frame.shape[:2]
                stream.pix_fmt = "yuv420p"
                stream.codec_context.thread_count = 1
                stream.codec_context.colorspace, stream.codec_context.color_range = 6, 1  # BT.601, limited: what the conversion below does
            picture = av.VideoFrame.from_ndarray(frame, format="bgr24")
            picture.pts, picture.time_base = count, 1 / rate
            container.mux(stream.encode(picture))
            count += 1
        if stream is not None:
            container.mux(stream.encode(None))
    return count
