"""The models that have a name: what they find, where they come from, and the file that a name or a path stands for."""

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cache as once
from pathlib import Path
from typing import Any

from analytics.errors import Refused
from models.convert import sha256_of
from models.fetch import Progress, fetch

FOLDER = Path(__file__).parent


@dataclass(frozen=True, slots=True)
class Entry:
    """A model of the catalogue.

    Attributes:
        name: by which it is asked for.
        title: what it is, by language ("en", "vi").
        task: "detect".
        input_size: longer side of the pictures it was trained on, pixels.
        classes: the network's class name to the project's object; other classes of the network are dropped.
        file: the file's name in a folder of weights; for a file that is part of the project, its path from models/.
        url: where to fetch it; None for a file that is part of the project.
        sha256: of the file at `url`, hexadecimal.
        other_sha256: of other releases of the same weights, accepted where they are found.
        licence: SPDX identifier.
        source: who made it, from what.
    """

    name: str
    title: Mapping[str, str]
    task: str
    input_size: int
    classes: Mapping[str, str]
    file: str
    url: str | None
    sha256: str
    licence: str
    source: str
    other_sha256: tuple[str, ...] = ()

    @property
    def accepted(self) -> tuple[str, ...]:
        """The hashes that the file may have, that of `url` first."""
        return (self.sha256, *self.other_sha256)


@dataclass(frozen=True, slots=True)
class Weights:
    """Weights on this disk.

    Attributes:
        path: a .pt or .onnx file, or an OpenVINO folder.
        sha256: of their content.
        entry: of the catalogue, None for a file given by path.
    """

    path: Path
    sha256: str
    entry: Entry | None

    def objects(self, names: Sequence[str]) -> dict[str, str]:
        """The project's object for each of the network's class names that has one."""
        if self.entry is not None:
            return dict(self.entry.classes)
        aliases = _read()["aliases"]
        return {name: aliases[name.lower()] for name in names if name.lower() in aliases}


@once
def _read() -> dict[str, dict[str, Any]]:
    return tomllib.loads((FOLDER / "catalog.toml").read_text(encoding="utf-8"))


@once
def entries() -> Mapping[str, Entry]:
    """The catalogue, by name."""
    made = {}
    for name, fields in _read()["models"].items():
        others = tuple(fields.get("other_sha256", ()))
        made[name] = Entry(**{"url": None, **fields, "name": name, "other_sha256": others})
    return made


def resolve(name: str | Path, *, folders: Sequence[Path], cache: Path, catalogue: Mapping[str, Entry] | None = None) -> Weights:
    """The weights that a name of the catalogue or a path stands for, looked for on this disk only.

    Args:
        name: a name of the catalogue, or the path of a .pt or .onnx file or of an OpenVINO folder, from here or from `folders`.
        folders: looked into first, in order (`MATTHAN_WEIGHTS`).
        cache: the cache folder, into which `pull` puts what it fetches.
        catalogue: another catalogue than the project's own.

    Raises:
        Refused: no such name or file, the weights are not on this disk yet, or a file is not what the catalogue says.
    """
    entry = (entries() if catalogue is None else catalogue).get(str(name))
    if entry is None:
        for path in (Path(name).expanduser(), *(folder / name for folder in folders)):
            if path.exists():
                return Weights(path, sha256_of(path), None)
        raise _unknown(str(name))
    for path in _places(entry, folders, cache):
        if path.exists():
            return Weights(path, _checked(path, entry), entry)
    raise _missing(entry, _places(entry, folders, cache)[0])


def pull(name: str, *, cache: Path, progress: Progress | None = None, catalogue: Mapping[str, Entry] | None = None) -> Weights:
    """The weights of a name, fetched into the cache folder if they are not there.

    Args:
        name: a name of the catalogue.
        cache: the cache folder.
        progress: called with the bytes that are here and the bytes of the whole.
        catalogue: another catalogue than the project's own.

    Raises:
        Refused: no such name, or the file cannot be had; the message says which file to put where.
    """
    entry = (entries() if catalogue is None else catalogue).get(name)
    if entry is None:
        raise _unknown(name)
    path = _places(entry, (), cache)[-1]
    if entry.url is not None and not path.exists():
        fetch(entry.url, path, sha256=entry.accepted, progress=progress)
    if not path.exists():
        raise _missing(entry, path)
    return Weights(path, _checked(path, entry), entry)


def _places(entry: Entry, folders: Sequence[Path], cache: Path) -> list[Path]:
    """Where an entry's file may lie, in the order in which it is looked for; the last one is where `pull` puts it."""
    if entry.url is None:
        return [FOLDER / entry.file]
    return [folder / entry.file for folder in (*folders, cache / "weights")]


def _missing(entry: Entry, path: Path) -> Refused:
    if entry.url is None:
        return Refused(
            en=f"{path} is part of the project and is missing; get it back with `git checkout -- models/{entry.file}` or a fresh clone.",
            vi=f"{path} là một phần của dự án nhưng bị thiếu; hãy lấy lại bằng `git checkout -- models/{entry.file}` hoặc clone lại.",
        )
    return Refused(
        en=f"The weights of {entry.name} are not on this machine. Run `matthan models pull {entry.name}`, or put the file "
        f"{entry.file} ({entry.url}, SHA-256 {entry.sha256}) at {path}.",
        vi=f"Máy này chưa có trọng số của {entry.name}. Hãy chạy `matthan models pull {entry.name}`, hoặc đặt tệp "
        f"{entry.file} ({entry.url}, SHA-256 {entry.sha256}) vào {path}.",
    )


def _checked(path: Path, entry: Entry) -> str:
    found = sha256_of(path)
    if found not in entry.accepted:
        raise Refused(
            en=f"{path} is not the file that the catalogue means by {entry.name}: its SHA-256 is {found}, wanted {entry.sha256}. "
            f"Remove it and run `matthan models pull {entry.name}`; to use it as it is, give its path instead of the name.",
            vi=f"{path} không phải là tệp mà danh mục gọi là {entry.name}: SHA-256 của nó là {found}, cần {entry.sha256}. "
            f"Hãy xoá nó rồi chạy `matthan models pull {entry.name}`; nếu muốn dùng chính tệp này, hãy ghi đường dẫn thay cho tên.",
        )
    return found


def _unknown(name: str) -> Refused:
    near = get_close_matches(name, entries(), 1)
    hint_en, hint_vi = (f" Did you mean {near[0]}?", f" Có phải ý bạn là {near[0]}?") if near else ("", "")
    known = ", ".join(entries())
    return Refused(
        en=f"There is no model and no file {name}.{hint_en} The catalogue has {known}.",
        vi=f"Không có mô hình hay tệp nào là {name}.{hint_vi} Danh mục có {known}.",
    )
