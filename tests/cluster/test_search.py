"""What search, counts and coverage answer, over a small written history whose answers are known."""

import json
from dataclasses import replace
from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from analytics.camera import Camera
from analytics.errors import Refused
from cluster.lake import Lake
from cluster.search import CountQuery, Query, counts, coverage, distance_m, heads, hit, search
from cluster.settings import Settings
from tests.chronicle import T0, rows

GROUND = {"image": [[400, 300], [860, 300], [1180, 700], [90, 700]], "metres": [[0, 30], [12, 30], [12, 0], [0, 0]]}
CAMERAS = {
    "a": Camera.read(
        {
            "id": "a",
            "resolution": [640, 360],
            "location": {"lat": 21.02, "lon": 105.85, "heading_deg": 90},
            "zones": {"road": [[0, 0], [9, 0], [9, 9]]},
            "lines": {"across": [[0, 9], [9, 9]]},
            "ground": {"image": [[x / 2, y / 2] for x, y in GROUND["image"]], "metres": GROUND["metres"]},
        }
    ),
    "b": Camera.read({"id": "b", "resolution": [1280, 720], "location": {"lat": 21.03, "lon": 105.85}, "clock_offset_s": 5.0}),
    "c": Camera.bare("c", (640, 360)),
}
TRACKS = [
    # camera, track, start, end, object, colour, heading in the picture, km/h, zones
    ("a", 1, 10, 20, "motorcycle", "red", 0.0, 31.0, ["road"]),
    ("a", 2, 12, 90, "motorcycle", "blue", 90.0, 12.0, ["road", "stop"]),
    ("a", 3, 30, 31, "car", "red", 180.0, 55.0, []),
    ("a", 4, 400, 410, "car", "red", None, None, []),
    ("b", 5, 100, 130, "truck", None, 350.0, None, []),
]
EVENTS = [
    ("a", 7, 11, 15, "wrong_way", "motorcycle", [1], "road", {"angle_deg": 171.5}),
    ("a", 8, 30, 31, "speeding", "car", [3], "road", {"speed_kmh": 58.0}),
    ("a", 9, 200, 260, "congestion", None, [], "road", {}),
]


@pytest.fixture
def lake(storage: Settings) -> Lake:
    """Camera a: 300 s of two files, indexed, then 300 s not indexed; b: indexed, with a clock that is 5 s off; c: nothing."""
    lake = Lake(storage)
    file = {"width": 1280, "height": 720}
    lake.append(
        "footage",
        rows(
            lake, "footage",
            {"camera": "a", "footage": "f1", "uri": "file:///v/a1.mp4", "start": T0, "end": T0 + 200, **file},
            {"camera": "a", "footage": "f2", "uri": "file:///v/a2.mp4", "start": T0 + 200, "end": T0 + 600, **file},
            {"camera": "b", "footage": "f3", "uri": "s3://city/b.mp4", "start": T0 - 5, "end": T0 + 295, **file},
            {"camera": "b", "footage": "f4", "uri": "file:///v/none.mp4", "start": T0 + 400, "end": T0 + 400, "error": "empty / rỗng"},
        ),
    )  # fmt: skip
    for camera, chunk, footage, start, end in [("a", "k0", "f1", 0, 200), ("a", "k1", "f2", 200, 300), ("b", "k2", "f3", 0, 300)]:
        keys = {"camera": camera, "chunk": chunk, "commit": f"c-{chunk}"}

        def inside(row, camera=camera, start=start, end=600 if chunk == "k1" else end) -> bool:
            return row[0] == camera and start <= row[2] < end

        tracks = [
            {**keys, "track": n, "start": T0 + s, "end": T0 + e, "object": o, "colour": c, "heading_deg": h, "speed_kmh": v, "zones": z,
             "box_at": T0 + s + 0.5, "box": [100.0, 50.0, 150.0, 90.0]}
            for _, n, s, e, o, c, h, v, z in filter(inside, TRACKS)
        ]  # fmt: skip
        events = [
            {**keys, "event": n, "start": T0 + s, "end": T0 + e, "kind": k, "object": o, "tracks": t, "zone": z, "evidence": json.dumps(w),
             "box": [100.0, 50.0, 150.0, 90.0] if t else None, "box_at": T0 + s}
            for _, n, s, e, k, o, t, z, w in filter(inside, EVENTS)
        ]  # fmt: skip
        crossings = [
            {
                **keys,
                "track": n,
                "at": T0 + s + 1,
                "object": o,
                "direction": "in" if n % 2 else "out",
                "pcu": 0.3 if o == "motorcycle" else 1.0,
            }
            for _, n, s, e, o, *_ in filter(inside, TRACKS)
        ]  # fmt: skip
        lake.commit_chunk(
            {"tracks": rows(lake, "tracks", *tracks), "events": rows(lake, "events", *events), "counts": rows(lake, "counts", *crossings)},
            rows(
                lake, "coverage",
                {**keys, "footage": footage, "start": T0 + start, "end": T0 + end,
                 "rules": "line_count-1-ab,wrong_way-2-cd,congestion-1-e,speeding-1-f" if camera == "a" else ""},
            ),
        )  # fmt: skip
    return lake


def ask(lake: Lake, **query: object) -> list[int]:
    span = {"start": T0, "end": T0 + 600}
    return [int(h.id[1:], 16) for h in search(lake, Query(**{**span, **query}), CAMERAS).hits]


def test_search(lake: Lake) -> None:
    table = [
        ({}, [1, 2, 3, 5, 4]),
        ({"cameras": ("b",)}, [5]),
        ({"object": "xe máy"}, [1, 2]),
        ({"object": "xe may", "colour": "do"}, [1]),
        ({"object": "motorcycle", "colour": "blue"}, [2]),
        ({"start": T0 + 25, "end": T0 + 100}, [2, 3]),
        ({"start": T0 + 20, "end": T0 + 30}, [1, 2]),
        ({"cameras": ("a",), "zone": "road"}, [1, 2]),
        ({"min_duration_s": 20.0}, [2, 5]),
        ({"cameras": ("a",), "min_speed_kmh": 30.0}, [1, 3]),
        ({"direction": "up"}, [1, 5]),
        ({"direction": "phải"}, [2]),
        ({"cameras": ("a",), "direction": "E"}, [1]),
        ({"cameras": ("a",), "direction": "W"}, [3]),
        ({"near": (21.0201, 105.85, 100.0)}, [1, 2, 3, 4]),
        ({"near": (21.0201, 105.85, 5000.0), "object": "truck"}, [5]),
        ({"limit": 2}, [1, 2]),
        ({"limit": 1, "direction": "up"}, [1]),
        ({"object": "bus"}, []),
        ({"event": "any"}, [7, 8, 9]),
        ({"event": "wrong_way"}, [7]),
        ({"event": "ngược chiều", "colour": "red"}, []),
        ({"event": "any", "object": "car"}, [8]),
        ({"event": "any", "zone": "road", "cameras": ("a",)}, [7, 8, 9]),
        ({"event": "any", "direction": "up"}, [7]),
        ({"event": "any", "min_speed_kmh": 56.0, "cameras": ("a",)}, [8]),
        ({"event": "any", "min_duration_s": 10.0}, [9]),
        ({"event": "any", "start": T0 + 16, "end": T0 + 100}, [8]),
    ]
    answers = [(asked, ask(lake, **asked)) for asked, _ in table]
    assert answers == table


def test_document_of_a_track(lake: Lake) -> None:
    answer = search(lake, Query(("a",), T0, T0 + 200, object="motorcycle", colour="red"), CAMERAS)
    assert answer.document() == {
        "hits": [
            {
                "id": "t0000000000000001",
                "type": "track",
                "camera": "a",
                "start": "2026-11-01T08:00:10.000+07:00",
                "end": "2026-11-01T08:00:20.000+07:00",
                "object": "motorcycle",
                "colour": "red",
                "confidence": 0.5,
                "event": None,
                "evidence": {"heading_deg": 0.0, "distance_px": 0.0, "speed_kmh": 31.0, "zones": ["road"], "duration_s": 10.0},
                # The file has twice the camera's resolution.
                "thumbnail": "file:///v/a1.mp4#t=10.5&xywh=pixel:200,100,100,80",
                "clip": "file:///v/a1.mp4#t=8,22",
            }
        ],
        "coverage": {"asked_s": 200.0, "footage_s": 200.0, "indexed_s": 200.0, "missing": []},
    }


def test_document_of_events(lake: Lake) -> None:
    first, _, last = search(lake, Query(("a",), T0, T0 + 300, event="any"), CAMERAS).document()["hits"]
    assert (first["id"], first["type"], first["event"], first["object"]) == ("e0000000000000007", "event", "wrong_way", "motorcycle")
    assert first["evidence"] == {"angle_deg": 171.5}
    assert (last["object"], last["thumbnail"]) == (None, None)
    assert last["clip"] == "file:///v/a2.mp4#t=0,62"


def test_times_in_a_file_know_the_cameras_clock(lake: Lake) -> None:
    (found,) = search(lake, Query(("b",), T0, T0 + 300), CAMERAS).hits
    assert found.clip == "s3://city/b.mp4#t=98,132"
    assert found.footage_start == T0


def test_open_times_reach_as_far_as_footage(lake: Lake) -> None:
    answer = search(lake, Query(("a",)), CAMERAS)
    assert len(answer.hits) == 4
    assert answer.coverage.asked_s == 600


def test_open_times_know_the_cameras_clocks(home: Settings) -> None:
    """Footage is registered by the camera's clock, what was found in it is told by the true one."""
    lake = Lake(home)
    late = {c: Camera.read({"id": c, "resolution": [640, 360], "clock_offset_s": s}) for c, s in {"a": 3600.0, "b": -10.0}.items()}
    for camera in late.values():
        at = T0 + camera.clock_offset_s
        keys = {"camera": camera.id, "chunk": f"k{camera.id}", "start": at, "end": at + 100}
        lake.append("footage", rows(lake, "footage", {"camera": camera.id, "start": T0, "end": T0 + 100}))
        track = {**keys, "track": 1, "start": at + 10, "end": at + 20}
        count = {"camera": camera.id, "chunk": keys["chunk"], "at": at + 10}
        looked = rows(lake, "coverage", {**keys, "rules": "line_count-1-a"})
        lake.commit_chunk({"tracks": rows(lake, "tracks", track), "counts": rows(lake, "counts", count)}, looked)
    for cameras, asked_s in [(("a",), 100.0), (("b",), 100.0), ((), 2 * 3710.0)]:
        answer, counted = search(lake, Query(cameras), late), counts(lake, CountQuery(cameras), late)
        n = len(cameras) or 2
        assert (len(answer.hits), sum(r.count for r in counted.rows)) == (n, n), cameras
        assert [(c.asked_s, c.indexed_s) for c in (answer.coverage, counted.coverage)] == [(asked_s, 100.0 * n)] * 2


def test_a_hit_over_the_seam_of_two_files_is_shown_whatever_was_asked(lake: Lake) -> None:
    long = {"camera": "a", "chunk": "k9", "commit": "c9", "start": T0 + 190, "end": T0 + 260, "object": "bus", "box_at": T0 + 195}
    kept = {"camera": "a", "chunk": "k9", "commit": "c9", "footage": "f2", "start": T0 + 200, "end": T0 + 300}
    lake.commit_chunk({"tracks": rows(lake, "tracks", long)}, rows(lake, "coverage", kept))
    whole, late = (search(lake, Query(("a",), T0 + at, T0 + 300, object="bus"), CAMERAS) for at in (0, 230))
    assert late.hits == whole.hits
    assert late.hits[0].clip == "file:///v/a1.mp4#t=188,200"
    assert late.hits[0].thumbnail.startswith("file:///v/a1.mp4#t=195&")
    assert (late.coverage.footage_s, late.coverage.indexed_s, late.coverage.missing) == (70.0, 70.0, ())


@pytest.mark.parametrize(
    ("asked", "says"),
    [
        ({"cameras": ("aa",)}, "unknown camera `aa`; did you mean `a`"),
        ({"object": "motorcicle"}, "did you mean `motorcycle`"),
        ({"colour": "rouge"}, "unknown colour"),
        ({"event": "wrong_wey"}, "did you mean `wrong_way`"),
        ({"event": "line_count"}, "unknown kind of event"),
        ({"zone": "raod"}, "did you mean `road`"),
        ({"direction": "sideways"}, "unknown direction"),
        ({"direction": "N", "cameras": ("b",)}, "location.heading_deg"),
        ({"min_speed_kmh": 1.0, "cameras": ("b",)}, "`ground:`"),
        ({"near": (21.0, 105.0, 9.0), "cameras": ("c",)}, "location"),
        ({"near": (21.04, 105.85, 100.0)}, "within 100 m of 21.04,105.85; the nearest is b, 1112 m away"),
        ({"start": T0 + 9, "end": T0}, "reversed"),
    ],
)
def test_refused(home: Settings, asked: dict[str, object], says: str) -> None:
    with pytest.raises(Refused, match=says) as caught:
        ask(Lake(home), **asked)
    assert caught.value.vi != caught.value.en


def missing(found) -> list[tuple[str, float, float, str]]:
    return [(m.camera, m.start - T0, m.end - T0, m.reason) for m in found.missing]


def test_coverage(lake: Lake) -> None:
    found = coverage(lake, ["a", "b", "c"], (T0 - 100, T0 + 600), known=CAMERAS)
    assert (found.asked_s, found.footage_s, found.indexed_s) == (2100.0, 900.0, 600.0)
    assert missing(found) == [
        ("a", -100, 0, "no footage"),
        ("a", 300, 600, "not indexed"),
        ("b", -100, 0, "no footage"),
        ("b", 300, 405, "no footage"),
        ("b", 405, 405, "unread: empty"),
        ("b", 405, 600, "no footage"),
        ("c", -100, 600, "no footage"),
    ]
    assert {m.say("vi") for m in found.missing} == {"không có phim", "chưa lập chỉ mục", "không đọc được: rỗng"}


def test_coverage_of_what_was_asked(lake: Lake) -> None:
    """Zero hits in what cannot be known is not zero hits."""
    people = {"camera": "a", "chunk": "k3", "commit": "p", "footage": "f2", "start": T0 + 300, "end": T0 + 400}
    lake.append("coverage", rows(lake, "coverage", {**people, "classes": ["person"], "models": ["walkers"]}))
    broken = {"state": "unread", "reason": "cut off / bị cắt", "classes": [], "commit": "u", "chunk": "k4"}
    lake.append("coverage", rows(lake, "coverage", {**people, **broken, "start": T0 + 380, "end": T0 + 390, "written_at": T0 + 1}))
    answer = search(lake, Query(("a",), T0, T0 + 400, object="car"), CAMERAS).coverage
    assert answer.indexed_s == 300
    assert missing(answer) == [
        ("a", 300, 380, "indexed only with walkers, which cannot find car"),
        ("a", 380, 390, "unread: cut off"),
        ("a", 390, 400, "indexed only with walkers, which cannot find car"),
    ]
    assert search(lake, Query(("a",), T0, T0 + 400, object="person"), CAMERAS).coverage.indexed_s == 390
    (gap,) = search(lake, Query(("b",), T0, T0 + 300, event="speeding"), CAMERAS).coverage.missing
    assert "without a rule of kind speeding" in gap.reason
    assert "matthan rewind" in gap.reason
    (gap,) = search(lake, Query(("a", "b"), T0, T0 + 300, min_speed_kmh=1), CAMERAS).coverage.missing
    assert gap.camera == "b"
    assert "`ground:`" in gap.reason


def test_who_may_be_near_is_named(lake: Lake) -> None:
    """Of a camera that nobody has placed it is not known whether it should have been asked."""
    lake.append("footage", rows(lake, "footage", {"camera": "c", "footage": "f9", "start": T0, "end": T0 + 50}))
    answer = search(lake, Query((), T0, T0 + 100, near=(21.0201, 105.85, 100.0)), CAMERAS)
    assert {h.camera for h in answer.hits} == {"a"}
    assert answer.coverage.indexed_s == 100
    assert missing(answer.coverage) == [("c", 0, 50, "no location in the camera's file"), ("c", 50, 100, "no footage")]
    assert "không ghi vị trí" in answer.coverage.missing[0].say("vi")


def ruled(*rules: dict[str, object], **more: object) -> Camera:
    """Camera a with other rules."""
    plain = CAMERAS["a"].model_dump(by_alias=True, exclude={"rules"})
    return Camera.read({**plain, "lines": {"across": [[0, 9], [9, 9]], "along": [[5, 0], [5, 9]]}, **more, "rules": list(rules)})


ACROSS, ALONG = {"kind": "line_count", "line": "across"}, {"kind": "line_count", "line": "along"}
WRONG = {"kind": "wrong_way", "zone": "road", "allowed": [0, -1]}
FAST = {"kind": "speeding", "limit_kmh": 50}
WIDER = {"zones": {"road": [[0, 0], [19, 0], [9, 9]]}}


@pytest.mark.parametrize(
    ("label", "before", "now", "asked", "known"),
    [
        ("as it was", (ACROSS, WRONG), ruled(ACROSS, WRONG), CountQuery(line="across"), True),
        ("a second line", (ACROSS,), ruled(ACROSS, ALONG), CountQuery(), False),
        ("the first line", (ACROSS,), ruled(ACROSS, ALONG), CountQuery(line="across"), True),
        ("the second line", (ACROSS,), ruled(ACROSS, ALONG), CountQuery(line="along"), False),
        ("the first rule of all", (), ruled(ACROSS), CountQuery(line="across"), False),
        ("a line moved", (ACROSS,), ruled(ACROSS, lines={"across": [[0, 8], [9, 9]]}), CountQuery(line="across"), False),
        ("a rule taken out", (ACROSS, WRONG), ruled(ACROSS), Query(event="wrong_way"), True),
        ("a rule added", (ACROSS,), ruled(ACROSS, WRONG), Query(event="wrong_way"), False),
        ("another rule added", (WRONG,), ruled(WRONG, FAST), Query(event="wrong_way"), True),
        ("any of them", (WRONG,), ruled(WRONG, FAST), Query(event="any"), False),
        ("any but counting", (WRONG,), ruled(WRONG, ACROSS), Query(event="any"), True),
        ("not for people", (WRONG,), ruled(WRONG, FAST), Query(event="any", object="person"), True),
        ("its zone redrawn", (WRONG,), ruled(WRONG, **WIDER), Query(event="wrong_way"), False),
        ("tracks need no rule", (), ruled(WRONG), Query(), True),
    ],
)
def test_what_was_drawn_after_indexing_is_missing(home: Settings, label, before, now, asked, known) -> None:
    lake = Lake(home)
    lake.append("footage", rows(lake, "footage", {"start": T0, "end": T0 + 100}))
    # A later version of a rule's code is no reason: what it found before is still there.
    identities = ",".join(i.replace("-1-", "-0-", 1) for i in ruled(*before).rule_identities())
    lake.append("coverage", rows(lake, "coverage", {"start": T0, "end": T0 + 100, "rules": identities}))
    given = replace(asked, start=T0, end=T0 + 100)
    found = (counts if isinstance(given, CountQuery) else search)(lake, given, {"a": now}).coverage
    assert (found.share == 1.0) is known, label
    for gap in found.missing:
        assert "run `matthan index`, which decodes nothing" in gap.reason
        assert "matthan index" in gap.say("vi")


def test_a_line_that_nothing_counts(home: Settings) -> None:
    query = CountQuery(("a",), T0, T0 + 100, line="along")
    with pytest.raises(Refused, match="No rule counts the line along; counted are: across") as caught:
        counts(Lake(home), query, {"a": ruled(ACROSS)})
    assert "đếm vạch along" in caught.value.vi
    lake = Lake(home)
    for camera in ("a", "b"):
        lake.append("footage", rows(lake, "footage", {"camera": camera, "footage": camera, "start": T0, "end": T0 + 100}))
    both = {"a": ruled(ACROSS), "b": ruled(ALONG).model_copy(update={"id": "b"})}
    found = counts(lake, replace(query, cameras=("a", "b")), both).coverage
    assert missing(found) == [("a", 0, 100, "no rule of the camera counts the line along"), ("b", 0, 100, "not indexed")]


def test_counts(lake: Lake) -> None:
    found = counts(lake, CountQuery(("a",), T0, T0 + 600), CAMERAS)
    assert found.document()["rows"] == [
        {"camera": "a", "line": "across", "start": "2026-11-01T08:00:00.000+07:00", "end": "2026-11-01T08:10:00.000+07:00",
         "class": o, "direction": d, "count": n, "pcu": pcu}
        for o, d, n, pcu in [("car", "in", 1, 1.0), ("car", "out", 1, 1.0), ("motorcycle", "in", 1, 0.3), ("motorcycle", "out", 1, 0.3)]
    ]  # fmt: skip
    assert found.coverage.indexed_s == 300
    assert [(r.object, r.direction, r.count) for r in counts(lake, CountQuery(("a",), T0, T0 + 600, by=()), CAMERAS).rows] == [
        (None, None, 4)
    ]
    assert [m[3][:24] for m in missing(counts(lake, CountQuery(("b",), T0, T0 + 300), CAMERAS).coverage)] == ["indexed without a rule o"]


@pytest.mark.parametrize(
    ("width", "wanted"),
    [
        ("5min", [(0, 300, 3), (300, 600, 1)]),
        ("1min", [(0, 60, 3), (360, 420, 1)]),
        ("h", [(0, 600, 4)]),
        ("day", [(0, 600, 4)]),
    ],
)
def test_counts_by_time(lake: Lake, width: str, wanted: list[tuple[int, int, int]]) -> None:
    found = counts(lake, CountQuery(("a",), T0, T0 + 600, by=(width,)), CAMERAS).rows
    assert [(r.start - T0, r.end - T0, r.count) for r in found] == wanted


@pytest.mark.parametrize(
    ("asked", "says"),
    [
        ({"line": "acros"}, "did you mean `across`"),
        ({"by": ("colour",)}, "unknown thing to count by"),
        ({"by": ("0min",)}, "unknown thing to count by"),
        ({"by": ("5min", "1h")}, "one width of time"),
        ({"cameras": ("aa",)}, "unknown camera"),
    ],
)
def test_counts_refused(home: Settings, asked: dict[str, object], says: str) -> None:
    with pytest.raises(Refused, match=says):
        counts(Lake(home), CountQuery(**{"cameras": ("a",), "start": T0, "end": T0 + 1, **asked}), CAMERAS)


def test_one_hit(lake: Lake) -> None:
    for found in (*search(lake, Query(start=T0, end=T0 + 600), CAMERAS).hits, *search(lake, Query(("a",), event="any"), CAMERAS).hits):
        assert hit(lake, found.id, CAMERAS) == found
    for id, says in [("t00000000000000ff", "There is no hit"), ("x1", "is no hit's id"), ("t1", "is no hit's id")]:
        with pytest.raises(Refused, match=says):
            hit(lake, id, CAMERAS)


@pytest.mark.parametrize(
    ("direction", "heading_deg", "x", "wanted"),
    [
        ("up", 44.0, 320, True),
        ("up", 46.0, 320, False),
        ("up", 315.5, 320, True),
        ("left", 270.0, 320, True),
        ("E", 0.0, 320, True),  # the camera looks east
        ("N", 270.0, 320, True),
        ("S", 90.0, 320, True),
        ("NE", 0.0, 320, False),
        # On the ground the road's left edge runs straight away from the camera though the picture shows it leaning.
        ("E", 21.0, 140, True),
    ],
)
def test_heads(direction: str, heading_deg: float, x: float, wanted: bool) -> None:
    assert heads(direction, heading_deg, (x - 10, 200, x + 10, 260), CAMERAS["a"]) is wanted


def test_distance() -> None:
    assert distance_m(21.02, 105.85, 21.03, 105.85) == pytest.approx(1112, abs=1)


def test_an_empty_lake_answers(home: Settings) -> None:
    answer = search(Lake(home), Query(), CAMERAS)
    assert (answer.hits, answer.coverage.asked_s) == ((), 0.0)
    assert search(Lake(home), Query()).hits == ()
    day = datetime(2026, 11, 1, tzinfo=ZoneInfo("Asia/Ho_Chi_Minh")).timestamp()
    assert missing(search(Lake(home), Query(("c",), day, day + 86400), CAMERAS).coverage) == [
        ("c", day - T0, day - T0 + 86400, "no footage")
    ]
