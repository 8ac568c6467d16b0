"""Which packets may be dropped, told from hand-made NAL units and checked against the decoder."""

from collections.abc import Callable
from pathlib import Path

import av
import pytest

from cluster.bitstream import non_reference_test, whole_at_once_test
from tests.cluster.conftest import encode

AVCC = bytes([1, 100, 0, 31, 0xFF, 0xE1])
HVCC = bytes([1]) + bytes(20) + bytes([0b00001111, 0])
HVCC_TWO_LAYERS = bytes([1]) + bytes(20) + bytes([0b00010111, 0])
START = b"\x00\x00\x01"


def sized(*units: bytes) -> bytes:
    return b"".join(len(u).to_bytes(4, "big") + u for u in units)


def hevc(kind: int, layer: int = 0) -> bytes:
    return bytes([kind << 1, layer + 1]) + b"rest"


@pytest.mark.parametrize(
    ("codec", "extradata", "packet", "expected"),
    [
        pytest.param("h264", AVCC, sized(b"\x01rest"), True, id="a slice that nothing refers to"),
        pytest.param("h264", AVCC, sized(b"\x41rest"), False, id="a slice that something refers to"),
        pytest.param("h264", AVCC, sized(b"\x65rest"), False, id="an instant refresh"),
        pytest.param("h264", AVCC, sized(b"\x06sei", b"\x01rest"), True, id="information before the slice"),
        pytest.param("h264", AVCC, sized(b"\x09d", b"\x67sps", b"\x68pps", b"\x65rest"), False, id="parameters before the slice"),
        pytest.param("h264", None, START + b"\x06sei" + START + b"\x01rest", True, id="start codes"),
        pytest.param("h264", None, b"\x00" + START + b"\x61rest", False, id="a start code of four bytes"),
        pytest.param("h264", AVCC, b"", False, id="nothing"),
        pytest.param("h264", AVCC, b"\x00\x00\x00\x09\x06", False, id="cut off"),
        pytest.param("h264", AVCC, sized(b"\x06sei"), False, id="no slice at all"),
        pytest.param("hevc", HVCC, sized(hevc(0)), True, id="H.265 TRAIL_N"),
        pytest.param("hevc", HVCC, sized(hevc(1)), False, id="H.265 TRAIL_R"),
        pytest.param("hevc", HVCC, sized(hevc(8)), True, id="H.265 RASL_N"),
        pytest.param("hevc", HVCC, sized(hevc(20)), False, id="H.265 IDR"),
        pytest.param("hevc", HVCC, sized(hevc(39), hevc(0)), True, id="H.265 information before the slice"),
        pytest.param("hevc", HVCC_TWO_LAYERS, sized(hevc(0)), False, id="H.265 of a layer that a higher one may use"),
        pytest.param("hevc", HVCC_TWO_LAYERS, sized(hevc(2, 1)), True, id="H.265 of the top layer"),
        pytest.param("hevc", None, START + hevc(0), True, id="H.265 start codes"),
        pytest.param("hevc", START + b"\x40\x01\x0c\x03", START + hevc(0), False, id="H.265 two layers by its start-coded parameters"),
    ],
)
def test_non_reference(codec: str, extradata: bytes | None, packet: bytes, expected: bool) -> None:
    test = non_reference_test(codec, extradata)
    assert test is not None
    assert test(packet) is expected
    assert test(memoryview(packet)) is expected


@pytest.mark.parametrize("codec", ["mjpeg", "mpeg4", "vp8", "av1"])
def test_codecs_not_known_here(codec: str) -> None:
    assert non_reference_test(codec, None) is None


@pytest.mark.parametrize("suffix", [".mp4", ".ts", ".mkv"])
@pytest.mark.parametrize("codec", ["libx264", "libx265"])
def test_as_many_as_the_decoder_itself_skips(tmp_path: Path, codec: str, suffix: str) -> None:
    path = encode(tmp_path / f"x{suffix}", codec, b_frames=3)

    def shown(skip: str) -> int:
        with av.open(str(path)) as container:
            container.streams.video[0].codec_context.skip_frame = skip
            return sum(1 for _ in container.decode(video=0))

    with av.open(str(path)) as container:
        context = container.streams.video[0].codec_context
        test = non_reference_test(context.codec.canonical_name, context.extradata)
        assert test is not None
        dropped = sum(test(memoryview(p)) for p in container.demux(video=0) if p.size)
    assert dropped == shown("DEFAULT") - shown("NONREF") > 0


def test_whole_at_once(videos: Callable[[str], Path]) -> None:
    for name, expected in (("h264.mp4", {True}), ("h264_open.ts", {True, False}), ("h264_refresh.mp4", {True, False}), ("vp8.mkv", {True})):
        with av.open(str(videos(name))) as container:
            context = container.streams.video[0].codec_context
            test = whole_at_once_test(context.codec.canonical_name, context.extradata)
            assert {test(memoryview(p)) for p in container.demux(video=0) if p.is_keyframe} == expected, name
