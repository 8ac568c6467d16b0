"""Camera files: one YAML file a camera, read and checked; what is wrong is said with its file and line. Knows folders, no video."""

import os
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from analytics.camera import Camera
from analytics.camera_problems import CameraRefused, Problem
from analytics.errors import Refused

_SUFFIXES = frozenset({".yaml", ".yml"})
_HINT = """\
# `matthan cameras still {id} --out grid.jpg`: ảnh có lưới toạ độ để vẽ zones, lines, ground; `matthan cameras schema`: giải thích mọi mục.
# `matthan cameras still {id} --out grid.jpg`: a pixel grid to place zones, lines, ground; `matthan cameras schema`: all fields.
"""


class FileRefused(Refused):
    """Something is wrong in a camera file.

    Attributes:
        path: the file.
        found: (line counted from 1, English, Vietnamese) of everything that is wrong.
    """

    def __init__(self, path: Path, found: Sequence[tuple[int, str, str]]) -> None:
        self.path = path
        self.found = tuple(sorted(found))
        super().__init__(
            "\n".join(f"{path}, line {line}: {en}" for line, en, _ in self.found),
            "\n".join(f"{path}, dòng {line}: {vi}" for line, _, vi in self.found),
        )

    def __reduce__(self) -> tuple[type, tuple[Any, ...]]:
        return type(self), (self.path, self.found)


def load(folder: Path) -> dict[str, Camera]:
    """Every camera of a folder by id, in the order of ids; none where there is no such folder.

    Raises:
        Refused: with everything that is wrong in any of the files, each with its file and line.
    """
    cameras, refused = check(folder)
    if refused:
        raise refused[0] if len(refused) == 1 else Refused("\n".join(r.en for r in refused), "\n".join(r.vi for r in refused))
    return cameras


def check(folder: Path) -> tuple[dict[str, Camera], list[Refused]]:
    """The cameras whose files are right, and what is wrong with the other files."""
    cameras: dict[str, Camera] = {}
    refused: list[Refused] = []
    first: dict[str, Path] = {}
    for path in files(folder):
        try:
            camera = load_one(path)
        except Refused as error:
            refused.append(error)
            continue
        same = first.setdefault(camera.id.casefold(), path)  # two that differ by case alone would share a file
        if same != path:
            en, vi = f"`{camera.id}` is in {same.name} already: remove one", f"`{camera.id}` đã có ở {same.name}: hãy bỏ một"
            refused.append(FileRefused(path, [(1, en, vi)]))
            continue
        cameras[camera.id] = camera
    return dict(sorted(cameras.items())), refused


def files(folder: Path) -> list[Path]:
    """The camera files of a folder, in the order of their names."""
    if not folder.is_dir():
        return []
    return sorted(p for p in folder.iterdir() if p.suffix.lower() in _SUFFIXES and not p.name.startswith(".") and p.is_file())


def load_one(path: Path) -> Camera:
    """One camera file.

    Raises:
        Refused: with everything that is wrong in it.
    """
    document = _Document.read(path)
    try:
        return Camera.read(document.content)
    except CameraRefused as error:
        raise document.refused(error.problems) from None


def with_rules(camera: Camera, path: Path) -> Camera:
    """The camera under the rules of a file that is a list of rules, or has one under `rules:`.

    Raises:
        Refused: with everything that is wrong in it.
    """
    document = _Document.read(path)
    at: tuple[str, ...] = ("rules",)
    rules = document.content.get("rules") if isinstance(document.content, dict) else document.content
    if not isinstance(rules, list) or not rules:
        en = "no rules here: a rule file is a list such as `- {kind: loitering, zone: …}`; `matthan cameras schema` lists the kinds"
        vi = "chưa có luật: tệp luật là một danh sách như `- {kind: loitering, zone: …}`; `matthan cameras schema` liệt kê các loại"
        raise document.refused([Problem((), en, vi)])
    try:
        return camera.with_rules(rules)
    except CameraRefused as error:
        listed = isinstance(document.content, list)
        problems = [Problem(p.path[1:] if listed and p.path[:1] == at else p.path, p.en, p.vi) for p in error.problems]
        raise document.refused(problems) from None


def bare(id: str, resolution: tuple[int, int]) -> Camera:
    """A camera of which nothing but its picture is known."""
    return Camera.bare(id, resolution)


def write(folder: Path, camera: Camera) -> Path:
    """Writes a new camera file; readers never see half of it.

    Raises:
        Refused: there is one of that name, or it cannot be written.
    """
    path = folder / f"{camera.id}.yaml"
    content = camera.model_dump(mode="json", by_alias=True, exclude_unset=True)
    text = yaml.safe_dump(content, allow_unicode=True, sort_keys=False, default_flow_style=None, width=120)
    part = folder / f".{camera.id}.{os.getpid()}.part"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if path.exists():
            raise Refused(f"{path} is there already: change it, or choose another id", f"Đã có {path}: hãy sửa tệp đó hoặc chọn id khác")
        part.write_text(text + _HINT.format(id=camera.id), encoding="utf-8")
        part.replace(path)
    except OSError as error:
        with suppress(OSError):
            part.unlink(missing_ok=True)
        raise Refused(
            f"{path} cannot be written ({error.strerror}): check the folder, its permissions and the free space",
            f"Không ghi được {path} ({error.strerror}): hãy kiểm tra thư mục, quyền ghi và dung lượng trống",
        ) from error
    return path


@dataclass(frozen=True, slots=True)
class _Document:
    """A YAML file's content, and the line on which each part of it stands."""

    path: Path
    content: Any
    lines: dict[tuple[str | int, ...], int]

    @classmethod
    def read(cls, path: Path) -> "_Document":
        try:
            text = path.read_text(encoding="utf-8-sig")
        except FileNotFoundError:
            raise Refused(f"there is no file {path}: check its name", f"không có tệp {path}: hãy kiểm tra tên tệp") from None
        except UnicodeDecodeError as error:
            line = path.read_bytes()[: error.start].count(b"\n") + 1
            en, vi = "this is not UTF-8 text: save the file as UTF-8", "không phải văn bản UTF-8: hãy lưu tệp dạng UTF-8"
            raise FileRefused(path, [(line, en, vi)]) from None
        except OSError as error:
            raise Refused(
                f"{path} cannot be read ({error.strerror}): check its permissions",
                f"Không đọc được {path} ({error.strerror}): hãy kiểm tra quyền truy cập",
            ) from error
        try:
            loader = yaml.SafeLoader(text)
            try:
                node = loader.get_single_node()
                lines: dict[tuple[str | int, ...], int] = {(): 1}
                repeated = list(_walk(node, (), lines))
                content = loader.construct_document(node) if node is not None else None
            finally:
                loader.dispose()
        except yaml.YAMLError as error:
            raise FileRefused(path, [_syntax(error)]) from None
        if repeated:
            raise FileRefused(path, repeated)
        if content is None:
            en, vi = "the file is empty: it needs at least `id` and `resolution`", "tệp rỗng: cần ít nhất `id` và `resolution`"
            raise FileRefused(path, [(1, en, vi)])
        return cls(path, content, lines)

    def refused(self, problems: Sequence[Problem]) -> FileRefused:
        """The problems with their lines; where a path is not in the file (a key that is missing), the line of what holds it."""
        found = []
        for problem in problems:
            at: tuple[str | int, ...] = problem.path
            while at not in self.lines:
                at = at[:-1]
            where = f"{problem.where}: " if problem.path else ""
            found.append((self.lines[at], where + problem.en, where + problem.vi))
        return FileRefused(self.path, found)


def _walk(node: yaml.Node | None, at: tuple[str | int, ...], lines: dict[tuple[str | int, ...], int]) -> Iterator[tuple[int, str, str]]:
    """Notes each part's line; yields keys that are there twice, of which YAML would silently take the last."""
    if isinstance(node, yaml.SequenceNode):
        for i, item in enumerate(node.value):
            lines[(*at, i)] = item.start_mark.line + 1
            yield from _walk(item, (*at, i), lines)
    elif isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            name, line = str(key.value), key.start_mark.line + 1
            if (first := lines.get((*at, name))) is not None:
                yield line, f"`{name}` is on line {first} already: remove one", f"`{name}` đã có ở dòng {first}: hãy bỏ một"
                continue
            lines[(*at, name)] = line
            yield from _walk(value, (*at, name), lines)


def _syntax(error: yaml.YAMLError) -> tuple[int, str, str]:
    mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
    said = getattr(error, "problem", None) or str(error).splitlines()[0]
    return (mark.line + 1 if mark else 1), f"this is not YAML: {said}", f"không đúng cú pháp YAML: {said}"
