"""Footage that is not as it should be, through the front door: what is said of it, that the others go on, what coverage tells."""

import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

import matthan
from analytics.errors import Refused
from cluster.lake import Lake
from cluster.settings import Settings
from cluster.store import open_store
from jobs import index
from jobs.index import IndexRequest, Progress
from tests.chronicle import T0
from tests.cluster.conftest import KINDS, encode, remux
from tests.jobs import blocks
from tests.jobs.blocks import CROSSINGS, STREET, STREET_S
from tests.jobs.conftest import Reel
from tests.jobs.lakes import covered, crossings, events, everything, indexed, settle

ROOT = Path(__file__).resolve().parents[2]
START = "2026-11-01T08:00"
Said = tuple[int, dict[str, Any], str]


@pytest.fixture
def door(town: Settings, capfd: pytest.CaptureFixture[str]) -> Callable[..., Said]:
    """`door("index", …)` is the exit code, the JSON on standard output and what else was said."""

    def call(*words: str) -> Said:
        capfd.readouterr()
        code = matthan.main([*words, "--format", "json"])
        out, err = capfd.readouterr()
        return code, json.loads(out) if out else {}, err

    return call


def missing(door: Callable[..., Said], camera: str = "gate") -> list[tuple[float, float, str]]:
    """What coverage misses of the street's 24 seconds: from, to, why."""
    _, told, _ = door("coverage", "--camera", camera, "--from", f"{START}:00", "--to", f"{START}:24")
    return [(_second(m["start"]), _second(m["end"]), m["reason"]) for m in told["missing"]]


def _second(moment: str) -> float:
    return float(moment[17:23])


def cut_short(film: Path, out: Path) -> Path:
    """The film with its index in front, of which the last 40 % are missing."""
    whole = remux(film, out.with_suffix(".whole.mp4"), lambda i, p: True, movflags="faststart")
    out.write_bytes(whole.read_bytes()[: whole.stat().st_size * 6 // 10])
    return out


def sound(path: Path) -> Path:
    with av.open(str(path), "w") as container:
        stream = container.add_stream("aac", rate=16000)
        noise = av.AudioFrame.from_ndarray(np.zeros((1, 16000), np.float32), format="fltp", layout="mono")
        noise.rate = 16000
        for packet in [*stream.encode(noise), *stream.encode()]:
            container.mux(packet)
    return path


def garbled(film: Path, out: Path) -> Path:
    """The film with noise from 40 % to 60 % of its bytes."""
    data = bytearray(film.read_bytes())
    a, b = len(data) * 4 // 10, len(data) * 6 // 10
    data[a:b] = np.random.default_rng(0).integers(0, 256, b - a, dtype=np.uint8).tobytes()
    out.write_bytes(data)
    return out


def written_to(path: Path, data: bytes) -> Path:
    path.write_bytes(data)
    return path


@pytest.mark.parametrize(
    ("make", "says"),
    [
        pytest.param(lambda film, out: written_to(out, b""), "is empty", id="zero bytes"),
        pytest.param(lambda film, out: written_to(out, b"a letter\n" * 200), "not a video", id="a text named .mp4"),
        pytest.param(lambda film, out: sound(out), "only audio", id="audio only"),
        pytest.param(lambda film, out: written_to(out, film.read_bytes()[:30_000]), "moov", id="truncated before its index"),
    ],
)
def test_what_cannot_be_read_at_all(
    door: Callable[..., Said], town: Settings, reel: Reel, tmp_path: Path, make: Callable[[Path, Path], Path], says: str
) -> None:
    bad = make(reel(0, 8), tmp_path / "bad.mp4")
    code, told, _ = door("index", str(bad), str(reel(0, 24)), "--camera", "gate", "--start", START, "--workers", "0")
    assert code == 3
    assert [f["state"] for f in told["files"]] == ["unread", "indexed"]
    assert says in told["files"][0]["reason"]
    assert "bad.mp4" in told["files"][0]["reason"]
    assert crossings(town) == CROSSINGS, "the other file is indexed"
    [(a, b, why)] = missing(door)
    assert (a, b) == (0.0, 0.0)
    assert why.startswith("unread: ")
    assert says in why
    again, told, _ = door("index", "--workers", "0")
    assert (again, [f["state"] for f in told["files"]]) == (3, ["unread"]), "and it is said again"


@pytest.mark.parametrize(
    ("make", "lost", "says"),
    [
        pytest.param(cut_short, (13.0, 24.0), "cut off here: copy it again", id="truncated"),
        pytest.param(garbled, (9.0, 15.0), "damaged|could not be read", id="damaged in the middle"),
        pytest.param(lambda film, out: remux(film, out, lambda i, p: i > 24), (0.0, 0.5), "no key frame before", id="no first key frame"),
    ],
)  # fmt: skip
def test_what_can_be_read_in_part(
    door: Callable[..., Said],
    town: Settings,
    reel: Reel,
    tmp_path: Path,
    make: Callable[[Path, Path], Path],
    lost: tuple[float, float],
    says: str,
) -> None:
    bad = make(reel(0, 24), tmp_path / "bad.mp4")
    code, told, _ = door("index", str(bad), "--camera", "gate", "--start", START, "--workers", "0")
    assert code == 3
    [file] = told["files"]
    assert file["state"] == "unread"
    assert any(part in file["reason"] for part in says.split("|"))
    assert told["footage_s"] > 10, "what is good is indexed"
    gaps = [m for m in missing(door) if m[2].startswith("unread")]
    assert (gaps[0][0], gaps[-1][1]) == pytest.approx(lost, abs=1.1)
    assert any(part in gaps[0][2] for part in says.split("|"))
    before = everything(town)
    code, told, _ = door("index", str(bad), "--camera", "gate", "--workers", "0")
    assert (code, told["footage_s"], told["files"][0]["state"]) == (3, 0.0, "unread"), "not tried again, but said"
    assert everything(town) == before
    bad.unlink()
    (town.cameras / "gate.yaml").write_text(blocks.camera(rules=blocks.RULES[:1]), encoding="utf-8")
    code, told, _ = door("index", "--workers", "0")
    assert (code, told["footage_s"]) == (3, 0.0)
    assert [m for m in missing(door) if m[2].startswith("unread")] == gaps, "what was lost stays lost when rules are folded anew"


def test_a_pause_in_the_recording_is_no_error(door: Callable[..., Said], reel: Reel, tmp_path: Path) -> None:
    film = remux(reel(0, 24), tmp_path / "paused.mp4", lambda i, p: not 100 <= i < 160)
    code, told, _ = door("index", str(film), "--camera", "gate", "--start", START, "--workers", "0")
    assert (code, told["complete"], told["files"][0]["state"]) == (0, True, "indexed")
    [(a, b, why)] = missing(door)
    assert (a, b) == pytest.approx((10.0, 16.0), abs=0.2)
    assert why.startswith("no pictures here: the recording paused")
    code, told, _ = door("index", str(film), "--camera", "gate", "--workers", "0")
    assert (code, told["footage_s"]) == (0, 0.0)


@pytest.mark.parametrize(
    "name",
    [
        "h264_vfr.mkv",
        "h264_turned.mp4",
        "mjpeg_1x1.avi",
        "mjpeg_odd.mkv",
        "h264_odd.mp4",
        "h264_wide.mp4",
        "h265_10bit.ts",
        "h264_long.mkv",
    ],
)
def test_strange_but_good_footage_is_indexed(door: Callable[..., Said], town: Settings, tmp_path: Path, name: str) -> None:
    film = encode(tmp_path / name, **KINDS[name])
    code, told, err = door("index", str(film), "--model", blocks.MODEL, "--workers", "0")
    assert (code, told["files"][0]["state"]) == (0, "indexed"), err
    assert told["footage_s"] == pytest.approx(told["files"][0]["end"] - told["files"][0]["start"], abs=0.05)
    [row] = Lake(town).rows("SELECT width, height FROM footage", ["footage"])
    upright = {"h264_turned.mp4": (96, 160), "mjpeg_1x1.avi": (1, 1), "h264_wide.mp4": (7680, 96)}
    assert (row["width"], row["height"]) == upright.get(name, (row["width"], row["height"]))
    assert all(state == "seen" for *_, state, _ in covered(town))


def test_a_variable_rate_changes_no_count(door: Callable[..., Said], town: Settings, tmp_path: Path) -> None:
    times, rng = [0.0], np.random.default_rng(3)
    while times[-1] < STREET_S:
        times.append(round(times[-1] + float(rng.uniform(0.05, 0.2)), 3))
    film = blocks.film(tmp_path / "variable.mkv", STREET, 0.0, STREET_S, times=times[:-1])
    code, _, _ = door("index", str(film), "--camera", "gate", "--start", START, "--workers", "0")
    assert (code, crossings(town)) == (0, CROSSINGS)


class TestVanishing:
    def films(self, reel: Reel, folder: Path) -> list[Path]:
        return [written_to(folder / f"part{a}.mp4", reel(a, a + 8).read_bytes()) for a in (0, 8, 16)]

    def test_between_registration_and_indexing(self, door: Callable[..., Said], town: Settings, reel: Reel, tmp_path: Path) -> None:
        films = self.films(reel, tmp_path)
        assert matthan.main(["footage", "add", *map(str, films), "--camera", "gate", "--start", START]) == 0
        data = films[1].read_bytes()
        films[1].unlink()
        code, told, _ = door("index", "--workers", "0")
        assert (code, told["footage_s"]) == (3, 16.0)
        reason = next(f["reason"] for f in told["files"] if f["state"] == "unread")
        assert "part8.mp4" in reason
        assert "not there" in reason
        [(a, b, why)] = missing(door)
        assert (a, b) == (8.0, 16.0)
        assert "not there" in why
        films[1].write_bytes(data)
        code, told, _ = door("index", "--workers", "0")
        assert (code, told["footage_s"], crossings(town), missing(door)) == (0, 8.0, CROSSINGS, [])

    def test_while_it_is_read(self, town: Settings, reel: Reel, tmp_path: Path) -> None:
        film = written_to(tmp_path / "street.mp4", reel(0, 24).read_bytes())
        good = reel(16, 24)

        def vanish(step: Progress) -> None:
            if 0 < step.footage_s_done < 24 and film.exists():
                film.unlink()

        request = IndexRequest((str(film), str(good)), "gate", T0, workers=0, chunk_s=6.0)
        report = index.run(town, request, vanish)
        assert not report.complete
        assert [f.state for f in report.files] == ["unread", "indexed"]
        assert "street.mp4" in (report.files[0].reason or "")
        assert [c[2] for c in covered(town)] == ["seen", "unread", "unread", "unread", "seen", "seen"]
        film.write_bytes(reel(0, 24).read_bytes())
        assert indexed(town).complete
        assert all(c[2] == "seen" for c in covered(town))

    def test_after_it_was_indexed_changes_nothing(self, town: Settings, reel: Reel, tmp_path: Path) -> None:
        film = written_to(tmp_path / "street.mp4", reel(0, 24).read_bytes())
        indexed(town, film)
        before = everything(town)
        film.unlink()
        report = indexed(town)
        assert (report.complete, report.footage_s, report.files) == (True, 0.0, ())
        assert everything(town) == before


class TestCameraFiles:
    CROSSED = "id: {0}\nresolution: [320, 192]\nzones: {{road: [[0, 0], [300, 100], [300, 0], [0, 100]]}}\n"
    POINT = "id: {0}\nresolution: [320, 192]\nlines: {{across: [[10, 10]]}}\n"

    @pytest.mark.parametrize(("text", "says"), [(CROSSED, "cross each other"), (POINT, "two different ends")])
    def test_a_wrong_one_is_named_with_its_line(self, door: Callable[..., Said], town: Settings, reel: Reel, text: str, says: str) -> None:
        (town.cameras / "gate.yaml").write_text(text.format("gate"), encoding="utf-8")
        code, _, err = door("index", str(reel(0, 8)), "--camera", "gate", "--workers", "0")
        assert code == 2
        assert "gate.yaml, line 3" in err
        assert says in err
        assert covered(town) == []

    def test_a_wrong_one_does_not_stop_the_others(self, door: Callable[..., Said], town: Settings, reel: Reel) -> None:
        (town.cameras / "square.yaml").write_text(blocks.camera("square"), encoding="utf-8")
        for camera in ("gate", "square"):
            assert matthan.main(["footage", "add", str(reel(0, 8)), "--camera", camera, "--start", START]) == 0
        (town.cameras / "square.yaml").write_text(self.POINT.format("square"), encoding="utf-8")
        code, _, err = door("index", str(reel(8, 16)), "--camera", "gate", "--start", f"{START}:08", "--workers", "0")
        assert code == 0, err
        code, _, err = door("index", "--workers", "0")
        assert code == 2
        assert "square.yaml, line 3" in err
        assert [c[:2] for c in covered(town)] == [(0.0, 8.0), (8.0, 16.0)], "gate was indexed all the same"
        code, _, err = door("index", "--camera", "square", "--workers", "0")
        assert (code, "square.yaml, line 3" in err) == (2, True)

    def test_one_that_is_gone_is_asked_back(self, door: Callable[..., Said], town: Settings, reel: Reel) -> None:
        assert matthan.main(["footage", "add", str(reel(0, 8)), "--camera", "gate", "--start", START]) == 0
        (town.cameras / "gate.yaml").unlink()
        code, _, err = door("index", "--workers", "0")
        assert (code, "restore it" in err) == (2, True)


CRAMPED = """
import resource, signal, sys
import matthan
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[1]), resource.RLIM_INFINITY))
sys.exit(matthan.main(sys.argv[2:]))
"""


@pytest.mark.parametrize("room", [3000, 9000])
def test_a_full_disk(town: Settings, studio: Path, reel: Reel, tmp_path: Path, room: int) -> None:
    """No file may grow beyond `room` bytes, which fails as a full disk does, at one write or another."""
    words = ["index", str(reel(0, 24)), "--camera", "gate", "--start", START, "--workers", "0"]
    command = [sys.executable, "-c", CRAMPED, str(room), *words]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=120)
    assert (done.returncode, done.stdout) == (2, "")
    assert "No space left to write" in done.stderr
    assert "Traceback" not in done.stderr
    assert [c for c in covered(town) if c[2] == "seen"] == []
    indexed(town, reel(0, 24))
    calm = settle(tmp_path / "calm", studio)
    indexed(calm, reel(0, 24))
    assert everything(town) == everything(calm)


@pytest.mark.minio
class TestS3:
    def bucket(self, town: Settings, minio: Any) -> Settings:
        return replace(town, store=f"s3://{minio.bucket()}/city", s3=minio.s3)

    def test_footage_and_lake_in_a_bucket(self, town: Settings, minio: Any, reel: Reel) -> None:
        there = self.bucket(town, minio)
        store = open_store(there)
        uris = [store.put(f"raw/part{a}.mp4", reel(a, a + 8)) for a in (0, 8, 16)]
        request = IndexRequest(tuple(uris), "gate", T0, workers=0, chunk_s=6.0)
        assert index.run(there, replace(request, within=(T0, T0 + 8))).footage_s == 8.0
        store.delete("raw/part8.mp4")
        report = index.run(there, IndexRequest(camera="gate", workers=0, chunk_s=6.0))
        assert [(f.state, Path(f.path).name) for f in report.files if f.state == "unread"] == [("unread", "part8.mp4")]
        store.put("raw/part8.mp4", reel(8, 16))
        assert index.run(there, IndexRequest(camera="gate", workers=0, chunk_s=6.0)).complete
        assert crossings(there) == CROSSINGS
        assert [e[0] for e in events(there)] == ["wrong_way", "illegal_stop", "intrusion", "wrong_way"]

    def test_a_store_that_refuses_the_key(self, town: Settings, minio: Any, reel: Reel) -> None:
        there = self.bucket(town, minio)
        wrong = replace(there, s3=replace(minio.s3, secret_key="not this one"))
        with pytest.raises(Refused, match="refuses the key") as caught:
            indexed(wrong, reel(0, 8))
        assert caught.value.vi != caught.value.en
        assert covered(there) == []
