"""The catalogue: what its entries say, and which file a name or a path stands for."""

import dataclasses
import hashlib
import http.server
import re
import threading
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from analytics.errors import Refused
from analytics.taxonomy import OBJECTS
from models.catalog import FOLDER, Entry, Weights, entries, pull, resolve

BODY = b"not a network, but a file with a hash"
HASH = hashlib.sha256(BODY).hexdigest()


@pytest.mark.parametrize("entry", entries().values(), ids=entries())
def test_every_entry_is_complete(entry: Entry) -> None:
    assert set(entry.title) == {"en", "vi"}
    assert entry.task == "detect"
    assert entry.input_size % 32 == 0
    assert set(entry.classes.values()) <= set(OBJECTS)
    assert entry.licence
    assert entry.source
    if entry.url is not None:
        assert entry.url.endswith(f"/{entry.file}")
        assert all(re.fullmatch(r"[0-9a-f]{64}", sha256) for sha256 in entry.accepted)


@pytest.mark.parametrize("entry", [e for e in entries().values() if e.url is None], ids=lambda e: e.name)
def test_a_committed_file_is_the_one_that_the_catalogue_means(entry: Entry) -> None:
    path = FOLDER / entry.file
    assert path.is_file(), f"{path} is in the catalogue and not in the tree"
    found = hashlib.sha256(path.read_bytes()).hexdigest()
    assert found == entry.sha256, f'{entry.file} changed: write sha256 = "{found}" to [models.{entry.name}] in models/catalog.toml'
    assert path.stat().st_size < 8_000_000


@pytest.mark.footage
@pytest.mark.parametrize("name", ["street", "street-large"])
def test_the_shared_weights_are_accepted(shared_folder: Path, tmp_path: Path, name: str) -> None:
    weights = resolve(name, folders=[shared_folder / "weights"], cache=tmp_path)
    assert weights.sha256 in entries()[name].accepted
    assert weights.path.parent == shared_folder / "weights"


@pytest.fixture
def catalogue(tmp_path: Path) -> Iterator[dict[str, Entry]]:
    """A catalogue of one entry, `small`, whose file a server on this host has."""
    served = tmp_path / "served"
    served.mkdir()
    (served / "small.pt").write_bytes(BODY)

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(served))) as httpd:
        thread = threading.Thread(target=httpd.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        thread.start()
        url = f"http://127.0.0.1:{httpd.server_address[1]}/small.pt"
        small = dataclasses.replace(entries()["street"], name="small", file="small.pt", url=url, sha256=HASH, other_sha256=())
        yield {"small": small}
        httpd.shutdown()
        thread.join()


def test_pull_then_resolve(catalogue: dict[str, Entry], tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    with pytest.raises(Refused, match=r"not on this machine\. Run `matthan models pull small`"):
        resolve("small", folders=[], cache=cache, catalogue=catalogue)
    wanted = Weights(cache / "weights" / "small.pt", HASH, catalogue["small"])
    assert pull("small", cache=cache, catalogue=catalogue) == wanted
    assert resolve("small", folders=[tmp_path], cache=cache, catalogue=catalogue) == wanted
    (tmp_path / "served" / "small.pt").unlink()
    assert pull("small", cache=cache, catalogue=catalogue) == wanted, "what is there is not fetched again"


def test_folders_come_before_the_cache(catalogue: dict[str, Entry], tmp_path: Path) -> None:
    pull("small", cache=tmp_path, catalogue=catalogue)
    folder = tmp_path / "mine"
    folder.mkdir()
    (folder / "small.pt").write_bytes(BODY)
    assert resolve("small", folders=[folder], cache=tmp_path, catalogue=catalogue).path == folder / "small.pt"


def test_missing_says_which_file_to_put_where(tmp_path: Path) -> None:
    street = entries()["street"]
    with pytest.raises(Refused) as caught:
        resolve("street", folders=[tmp_path / "weights"], cache=tmp_path / "cache")
    for said in (caught.value.en, caught.value.vi):
        assert street.url is not None
        assert street.url in said
        assert street.sha256 in said
        assert str(tmp_path / "weights" / "yolov8n.pt") in said


def test_another_file_of_that_name_is_refused(tmp_path: Path) -> None:
    (tmp_path / "yolov8n.pt").write_bytes(BODY)
    with pytest.raises(Refused, match=f"its SHA-256 is {HASH}.*give its path"):
        resolve("street", folders=[tmp_path], cache=tmp_path)
    assert resolve(tmp_path / "yolov8n.pt", folders=[], cache=tmp_path) == Weights(tmp_path / "yolov8n.pt", HASH, None)


def test_a_path_counts_from_here_and_then_from_the_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "own.pt").write_bytes(BODY)
    assert resolve("own.pt", folders=[tmp_path / "mine"], cache=tmp_path).path == tmp_path / "mine" / "own.pt"
    assert resolve("mine/own.pt", folders=[], cache=tmp_path).path == Path("mine/own.pt")


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("stret", r"no model and no file stret\. Did you mean street\? The catalogue has street, street-large, drill"),
        ("nowhere.pt", r"no model and no file nowhere\.pt\. The catalogue has"),
    ],
)
def test_unknown_names(name: str, said: str, tmp_path: Path) -> None:
    with pytest.raises(Refused, match=said):
        resolve(name, folders=[], cache=tmp_path)
    with pytest.raises(Refused, match=said):
        pull(name, cache=tmp_path)


def test_a_missing_committed_file_says_how_to_get_it_back(tmp_path: Path) -> None:
    gone = {"gone": dataclasses.replace(entries()["drill"], name="gone", file="weights/gone.pt")}
    for ask in (partial(resolve, folders=[tmp_path]), pull):
        with pytest.raises(Refused, match=r"git checkout -- models/weights/gone\.pt"):
            ask("gone", cache=tmp_path, catalogue=gone)


@pytest.mark.parametrize(
    ("names", "objects"),
    [
        (("car", "motor"), {"car": "car", "motor": "motorcycle"}),
        (("Person", "hardhat"), {"Person": "person"}),
        (("fire",), {}),
    ],
)
def test_words_of_a_file_given_by_path(names: tuple[str, ...], objects: dict[str, str], tmp_path: Path) -> None:
    assert Weights(tmp_path, HASH, None).objects(names) == objects
