"""The store does the same on a folder and on a real MinIO server, and says what to do where it cannot."""

import os
import threading
from dataclasses import replace
from pathlib import Path

import pytest

from analytics.errors import Refused
from cluster.settings import S3, Settings
from cluster.store import evict, localise, open_store


def test_what_is_put_is_there(storage: Settings, tmp_path: Path) -> None:
    store = open_store(storage)
    file = tmp_path / "x.bin"
    file.write_bytes(b"from a file")
    uris = [store.put("clips/a.mp4", b"bytes"), store.put("clips/b c%20đ.mp4", file), store.put("crops/a.jpg", b"")]
    assert [store.get(k) for k in store.keys("")] == [b"bytes", b"from a file", b""]
    assert list(store.keys("clips/")) == ["clips/a.mp4", "clips/b c%20đ.mp4"]
    assert list(store.keys("cl")) == list(store.keys("clips/"))
    assert list(store.keys("none/")) == []
    assert (store.exists("crops/a.jpg"), store.exists("crops")) == (True, False)
    assert store.size("clips/a.mp4") == 5
    assert uris == [store.uri(k) for k in ("clips/a.mp4", "clips/b c%20đ.mp4", "crops/a.jpg")]
    if not storage.on_s3:
        assert localise(storage, uris[1]).read_bytes() == b"from a file"
    store.delete("clips/a.mp4")
    store.delete("clips/a.mp4")
    assert not store.exists("clips/a.mp4")


def test_a_fetched_file_follows_the_object(storage: Settings) -> None:
    store = open_store(storage)
    store.put("a/b.txt", b"one")
    assert store.fetch("a/b.txt").read_bytes() == b"one"
    store.put("a/b.txt", b"two")
    assert store.fetch("a/b.txt").read_bytes() == b"two"
    store.put("a/c.txt", b"c")
    assert [p.read_bytes() for p in store.fetch_all(["a/c.txt", "a/b.txt"])] == [b"c", b"two"]
    assert localise(storage, store.uri("a/b.txt")).read_bytes() == b"two"


@pytest.mark.parametrize("key", ["", "/a", "a//b", "../a", "a/./b", "a/.."])
def test_a_key_stays_inside(storage: Settings, key: str) -> None:
    with pytest.raises(ValueError, match="store key"):
        open_store(storage).put(key, b"")


@pytest.mark.parametrize("act", ["get", "fetch", "size"])
def test_a_missing_object_is_named(storage: Settings, act: str) -> None:
    store = open_store(storage)
    with pytest.raises(Refused, match=r"There is no .*clips/none\.mp4"):
        getattr(store, act)("clips/none.mp4")


def test_a_reader_never_sees_half(storage: Settings) -> None:
    store = open_store(storage)
    contents = [bytes([i]) * 3_000_000 for i in range(4)]
    store.put("big", contents[0])
    seen: set[bytes] = set()
    done = threading.Event()

    def read() -> None:
        while not done.is_set():
            seen.add(store.get("big"))

    reader = threading.Thread(target=read)
    reader.start()
    for content in contents * 3:
        store.put("big", content)
    done.set()
    reader.join()
    assert seen <= set(contents)


@pytest.mark.minio
def test_s3_that_will_not(minio, home: Settings) -> None:
    bucket = minio.bucket()
    good = replace(home, store=f"s3://{bucket}", s3=minio.s3)
    cases = {
        "refuses the key nobody": replace(good, s3=replace(minio.s3, access_key="nobody")),
        "SignatureDoesNotMatch": replace(good, s3=replace(minio.s3, secret_key="wrong")),
        "has no bucket missing-one": replace(good, store="s3://missing-one"),
        "does not answer": replace(good, s3=replace(minio.s3, endpoint="127.0.0.1:9")),
        "no S3 key": replace(good, s3=S3()),
    }
    open_store(good).check()
    for says, settings in cases.items():
        for act in (lambda s: open_store(s).check(), lambda s: open_store(s).put("a/b", b"x")):
            with pytest.raises(Refused, match=says) as caught:
                act(settings)
            assert caught.value.vi != caught.value.en
    assert list(open_store(good).keys()) == []


def test_a_folder_that_will_not(home: Settings, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(Refused):
        open_store(replace(home, store=str(tmp_path / "file" / "store"))).put("a", b"")


def test_eviction_takes_the_longest_unused(tmp_path: Path) -> None:
    for i, age_s in enumerate([9000, 8000, 7000, 10]):
        (tmp_path / f"{i}").write_bytes(b"x" * 100)
        stamp = (tmp_path / f"{i}").stat().st_mtime - age_s
        os.utime(tmp_path / f"{i}", (stamp, stamp))
    assert evict(tmp_path, 250) == 200
    assert sorted(p.name for p in tmp_path.iterdir()) == ["2", "3"]
    assert evict(tmp_path, 0) == 100  # what was just used stays: somebody may be about to open it
