"""Which compressed pictures no other picture refers to, told from the packet's first bytes. Knows H.264 and H.265, decodes nothing."""

from collections.abc import Callable

Test = Callable[[bytes | memoryview], bool]
"""Takes a packet's bytes; True where dropping the packet changes no other picture."""


def non_reference_test(codec: str, extradata: bytes | None) -> Test | None:
    """The test for a stream, or None where its codec is not known here.

    Args:
        codec: FFmpeg's name of the codec.
        extradata: the stream's parameter sets, as the container has them: avcC or hvcC (packets hold NAL units that begin with
            their length), else Annex B (they begin with a start code).
    """
    extra = extradata or b""
    if codec == "h264":
        return _test(_length_size(codec, extra), _h264)
    if codec == "hevc":
        top: int | None = None
        if len(extra) >= 23 and extra[0] == 1:
            layers = (extra[21] >> 3) & 7
            top = layers - 1 if layers else None
        elif (vps := extra.find(b"\x00\x00\x01\x40")) >= 0 and len(extra) > vps + 6:
            top = (extra[vps + 6] >> 1) & 7
        return _test(_length_size(codec, extra), lambda a, b: _hevc(a, b, top))
    return None


def whole_at_once_test(codec: str, extradata: bytes | None) -> Test:
    """The test whether a key packet's picture is whole by itself: not so where H.264 refreshes the picture gradually."""
    if codec != "h264":
        return lambda _: True
    return _test(_length_size(codec, extradata or b""), lambda a, _: a & 31 == 5 if 1 <= a & 31 <= 5 else None)


def _length_size(codec: str, extra: bytes) -> int:
    """Bytes of each NAL unit's length, 0 for Annex B."""
    at = {"h264": 4, "hevc": 21}[codec]
    return (extra[at] & 3) + 1 if len(extra) > at and extra[0] == 1 else 0


def _h264(first: int, _second: int) -> bool | None:
    """None where the NAL unit is no slice (ITU-T H.264 table 7-1)."""
    return (first >> 5) & 3 == 0 if 1 <= first & 31 <= 5 else None


def _hevc(first: int, second: int, top: int | None) -> bool | None:
    """Sub-layer non-reference pictures (ITU-T H.265 table 7-1: even types below 16) of the top layer; a higher layer may use the others."""
    kind = (first >> 1) & 0x3F
    if kind > 31:
        return None
    layer = (second & 7) - 1
    return kind < 16 and kind % 2 == 0 and layer == (0 if top is None else top)


def _test(length_size: int, slice_test: Callable[[int, int], bool | None]) -> Test:
    def by_length(data: bytes | memoryview) -> bool:
        at, size = 0, len(data)
        while at + length_size + 1 < size:
            body = at + length_size
            answer = slice_test(data[body], data[body + 1])
            if answer is not None:
                return answer
            at = body + int.from_bytes(data[at:body], "big")
        return False

    def by_start_code(data: bytes | memoryview) -> bool:
        head = bytes(data[:4096])  # parameter sets and SEI come first and are short
        at = head.find(b"\x00\x00\x01")
        while 0 <= at < len(head) - 4:
            answer = slice_test(head[at + 3], head[at + 4])
            if answer is not None:
                return answer
            at = head.find(b"\x00\x00\x01", at + 3)
        return False

    return by_length if length_size else by_start_code
