"""Reads weights through Ultralytics and keeps what it converted them to, by the weights' hash, in a cache folder."""

import fcntl
import hashlib
import json
import shutil
import tempfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from analytics.errors import Refused
from models.decode import blob
from models.runtime import nncf, openvino, silent, yolo


@dataclass(frozen=True, slots=True)
class Converted:
    """A network on disk that a backend can open.

    Attributes:
        path: a .xml, .onnx or .pt file.
        names: the network's class names, by class number.
        fixed: (width, height) of its input where it has only one, else None.
    """

    path: Path
    names: tuple[str, ...]
    fixed: tuple[int, int] | None


def load_yolo(path: Path, named: Path | None = None) -> Any:
    """The `ultralytics.YOLO` of a .pt file; `named` is what a message calls it where `path` is a copy.

    Raises:
        Refused: the file is not a checkpoint that Ultralytics reads.
    """
    YOLO = yolo()
    with silent():
        try:
            return YOLO(path)
        except Exception as error:  # unpickling foreign bytes raises anything
            raise _unreadable(named or path, f"Ultralytics {_version('ultralytics')} says {type(error).__name__}") from error


def convert(path: Path, sha256: str, target: str, cache: Path) -> Converted:
    """A .pt file as OpenVINO model ("openvino") or ONNX file ("onnx"), converted once for a cache folder."""

    def make(folder: Path) -> None:
        options = {"simplify": False} if target == "onnx" else {}  # simplifying wants a package that nothing else here does
        copy = folder / "weights.pt"  # Ultralytics writes beside its input
        shutil.copyfile(path, copy)
        with silent():
            model = load_yolo(copy, path)
            result = Path(model.export(format=target, dynamic=True, imgsz=640, batch=1, device="cpu", **options))
        names = [model.names[i] for i in range(len(model.names))]
        if result.is_dir():
            for part in result.iterdir():
                if part.suffix in (".xml", ".bin"):
                    part.rename(folder / f"model{part.suffix}")
            shutil.rmtree(result)
        else:
            result.rename(folder / "model.onnx")
        copy.unlink()
        (folder / "model.json").write_text(json.dumps({"names": names}), encoding="utf-8")

    folder = _kept(cache, f"{sha256[:16]}-{target}-f32-{_version(target)}", make)
    names = json.loads((folder / "model.json").read_text(encoding="utf-8"))["names"]
    return Converted(folder / ("model.xml" if target == "openvino" else "model.onnx"), tuple(names), None)


def opened(path: Path) -> Converted:
    """An .onnx file or an OpenVINO folder as it is.

    Raises:
        Refused: it is neither, or it does not name its classes.
    """
    import ast

    import yaml

    xml = next(iter(sorted(path.glob("*.xml"))), None) if path.is_dir() else path if path.suffix == ".onnx" else None
    if xml is None:
        raise _unreadable(path, "no .pt, no .onnx and no OpenVINO folder with a .xml file")
    try:
        model = openvino().Core().read_model(xml)
    except RuntimeError as error:
        raise _unreadable(path, str(error).strip().splitlines()[-1]) from error
    shape = model.input(0).partial_shape
    fixed = None if shape.is_dynamic else (shape[3].get_length(), shape[2].get_length())
    notes = xml.parent / "metadata.yaml"
    if xml.suffix == ".onnx":
        import onnx

        properties = {p.key: p.value for p in onnx.load(xml, load_external_data=False).metadata_props}
        names = ast.literal_eval(properties.get("names", "{}"))
    else:
        names = yaml.safe_load(notes.read_text(encoding="utf-8")).get("names", {}) if notes.is_file() else {}
    if not names:
        raise _unreadable(path, "it does not name its classes; export it with Ultralytics")
    return Converted(xml, tuple(str(names[i]) for i in range(len(names))), fixed)


def _unreadable(path: Path, why: str) -> Refused:
    return Refused(
        en=f"{path} cannot be opened as weights: {why}. Give an Ultralytics .pt file, an .onnx file or an OpenVINO folder.",
        vi=f"Không mở được {path} làm trọng số: {why}. Hãy đưa tệp .pt của Ultralytics, tệp .onnx hoặc thư mục OpenVINO.",
    )


def quantise(source: Converted, sha256: str, canvases: Iterable[NDArray[np.uint8]], size: int, cache: Path) -> Converted:
    """An int8 OpenVINO model, calibrated on frames at hand; converted once for a cache folder and a size.

    Args:
        source: what `convert(…, "openvino")` gave.
        sha256: of the weights.
        canvases: letterboxed (H, W, 3) uint8 BGR frames, as the detector will see them; read only where nothing is kept yet.
        size: longer side of the canvases, for the name in the cache.
        cache: the cache folder.
    """

    def make(folder: Path) -> None:
        blobs = [blob(canvas) for canvas in canvases]
        if not blobs:
            raise Refused(
                en="int8 is calibrated on frames of the footage at hand, and none were given. Give some frames, or use bf16.",
                vi="int8 được hiệu chỉnh trên khung hình của chính video cần xử lý, nhưng chưa có khung hình nào. "
                "Hãy đưa khung hình, hoặc dùng bf16.",
            )
        quantiser, ov = nncf(), openvino()
        with silent():
            model = ov.Core().read_model(source.path)
            nodes = list(model.get_ordered_ops())
            head = [node.get_friendly_name() for node in nodes if node.get_type_name() == "Sigmoid"][-1].split("/", 1)[0]
            kept = [
                n.get_friendly_name()
                for n in nodes
                if n.get_type_name() == "Sigmoid" or n.get_friendly_name().startswith((f"{head}/", f"{head}.dfl"))
            ]
            quantised = quantiser.quantize(
                model,
                quantiser.Dataset(blobs),
                preset=quantiser.QuantizationPreset.MIXED,
                ignored_scope=quantiser.IgnoredScope(names=kept),
                subset_size=len(blobs),
            )
            ov.save_model(quantised, folder / "model.xml", compress_to_fp16=False)

    folder = _kept(cache, f"{sha256[:16]}-openvino-int8-{size}-{_version('openvino')}", make)
    return Converted(folder / "model.xml", source.names, source.fixed)


def _kept(cache: Path, name: str, make: Callable[[Path], None]) -> Path:
    """The folder `name` of the cache, filled by `make` if it is not there; never seen half-filled, made by one process at a time."""
    folder = cache / "models" / name
    if folder.is_dir():
        return folder
    folder.parent.mkdir(parents=True, exist_ok=True)
    with (folder.parent / f".{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if folder.is_dir():
            return folder
        for left_behind in folder.parent.glob(f".{name}-*"):  # by a process that was killed: whoever holds the lock is alone
            shutil.rmtree(left_behind)
        new = Path(tempfile.mkdtemp(prefix=f".{name}-", dir=folder.parent))
        try:
            make(new)
            new.rename(folder)
        except BaseException:
            shutil.rmtree(new, ignore_errors=True)
            raise
    return folder


def _version(package: str) -> str:
    from importlib.metadata import version

    return version(package)


def sha256_of(path: Path) -> str:
    """SHA-256 of a file, or of an OpenVINO folder's .xml and .bin files in order of name, in hexadecimal digits."""
    parts = [path] if path.is_file() else sorted(p for p in path.iterdir() if p.suffix in (".xml", ".bin"))
    digest = hashlib.sha256()
    for part in parts:
        with part.open("rb") as stream:
            while block := stream.read(1 << 20):
                digest.update(block)
    return digest.hexdigest()
