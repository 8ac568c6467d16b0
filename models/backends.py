"""How a converted network runs on this host: OpenVINO, ONNX Runtime or torch, at a precision, with a number of threads."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from analytics.errors import Refused
from models.convert import load_yolo
from models.decode import blob
from models.runtime import openvino

PRECISIONS: dict[str, tuple[str, ...]] = {"openvino": ("f32", "bf16", "int8"), "onnxruntime": ("f32",), "torch": ("f32", "bf16")}
"""The backends and the precisions at which each of them runs here."""


@dataclass(frozen=True, slots=True)
class Choice:
    """How to run a detector.

    Attributes:
        backend: a key of `PRECISIONS`.
        precision: "f32", "bf16" or "int8".
        threads: threads of one inference.
        size: longer side of the network's input, pixels.
    """

    backend: str = "openvino"
    precision: str = "f32"
    threads: int = 1
    size: int = 640

    def __post_init__(self) -> None:
        known = [f"{backend}-{precision}" for backend, precisions in PRECISIONS.items() for precision in precisions]
        if f"{self.backend}-{self.precision}" not in known:
            raise Refused(
                en=f"No backend {self.backend}-{self.precision}; there are {', '.join(known)}.",
                vi=f"Không có backend {self.backend}-{self.precision}; hiện có {', '.join(known)}.",
            )
        if self.threads < 1 or self.size < 32:
            raise ValueError(f"wanted threads >= 1 and size >= 32, given {self.threads} and {self.size}")

    def __str__(self) -> str:
        return f"{self.backend}-{self.precision}"

    def document(self) -> dict[str, Any]:
        """As it is remembered in JSON."""
        return asdict(self)


def choices(path: Path, size: int, threads: Sequence[int]) -> list[Choice]:
    """All ways in which a weights file or folder can run here; int8 is made of .pt files only."""
    backends = {".pt": ("openvino", "onnxruntime", "torch"), ".onnx": ("openvino", "onnxruntime")}.get(path.suffix, ("openvino",))
    return [
        Choice(backend, precision, count, size)
        for backend in backends
        for precision in PRECISIONS[backend]
        for count in threads
        if precision != "int8" or path.suffix == ".pt"
    ]


class Network(Protocol):
    """A network that is ready to run."""

    def infer(self, canvas: NDArray[np.uint8]) -> NDArray[np.float32]:
        """The raw output of one (H, W, 3) uint8 BGR canvas, valid until the next call; see `decode.decode` for its shape."""
        ...


def capabilities() -> frozenset[str]:
    """What this host's processor computes natively, in OpenVINO's words, such as BF16 and INT8."""
    return frozenset(openvino().Core().get_property("CPU", "OPTIMIZATION_CAPABILITIES"))


class OpenVinoNetwork:
    """An OpenVINO model (or an ONNX file read by it), compiled once for each size of canvas."""

    def __init__(self, path: Path, precision: str, threads: int) -> None:
        self._core = openvino().Core()
        self._path = path
        self._settings = {
            "INFERENCE_NUM_THREADS": threads,
            "NUM_STREAMS": 1,
            "PERFORMANCE_HINT": "LATENCY",
            # int8 models keep some layers in floating point; f32 there keeps them exact on every host.
            "INFERENCE_PRECISION_HINT": "bf16" if precision == "bf16" else "f32",
            # Pinned, the workers of one machine would all sit on its first core.
            "ENABLE_CPU_PINNING": False,
        }
        self._requests: dict[tuple[int, int], Any] = {}

    def infer(self, canvas: NDArray[np.uint8]) -> NDArray[np.float32]:
        shape = (canvas.shape[0], canvas.shape[1])
        request = self._requests.get(shape)
        if request is None:
            request = self._requests[shape] = self._compile(*shape)
        request.infer({0: canvas[None]}, share_inputs=True, share_outputs=True)
        raw: NDArray[np.float32] = request.get_output_tensor(0).data[0]
        return raw

    def _compile(self, height: int, width: int) -> Any:
        ov = openvino()
        model = self._core.read_model(self._path)
        if model.input(0).partial_shape.is_dynamic:
            model.reshape([1, 3, height, width])
        # The network takes the bytes as they are: its own graph swaps, scales and lays them out faster than numpy does.
        steps = ov.preprocess.PrePostProcessor(model)
        steps.input().tensor().set_element_type(ov.Type.u8).set_layout(ov.Layout("NHWC")).set_color_format(ov.preprocess.ColorFormat.BGR)
        steps.input().model().set_layout(ov.Layout("NCHW"))
        steps.input().preprocess().convert_element_type(ov.Type.f32).convert_color(ov.preprocess.ColorFormat.RGB).scale(255.0)
        return self._core.compile_model(steps.build(), "CPU", self._settings).create_infer_request()


class OnnxNetwork:
    """An ONNX file in ONNX Runtime."""

    def __init__(self, path: Path, threads: int) -> None:
        import onnxruntime as ort

        options = ort.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")  # waiting must not cost CPU time
        options.log_severity_level = 3
        self._session = ort.InferenceSession(path, options, providers=["CPUExecutionProvider"])
        self._input = self._session.get_inputs()[0].name

    def infer(self, canvas: NDArray[np.uint8]) -> NDArray[np.float32]:
        raw: NDArray[np.float32] = self._session.run(None, {self._input: blob(canvas)})[0][0]
        return raw


class TorchNetwork:
    """A .pt file in torch, on a GPU where torch sees one."""

    def __init__(self, path: Path, precision: str, threads: int) -> None:
        import torch

        torch.set_num_threads(threads)
        self._device = "cuda" if torch.cuda.is_available() else "cpu"
        self._type = torch.bfloat16 if precision == "bf16" else torch.float32
        yolo = load_yolo(path)
        self.names: tuple[str, ...] = tuple(yolo.names[i] for i in range(len(yolo.names)))
        module = yolo.model.fuse(verbose=False).eval().to(self._device, self._type, memory_format=torch.channels_last)
        head = module.model[-1]
        head.dfl.float()
        decode = head._inference
        # Eight bits of mantissa place a box to within 4 px of 640: the head's last steps, which make boxes, stay exact.
        head._inference = lambda raw: decode({name: _exact(value) for name, value in raw.items()})
        self._model = module

    def infer(self, canvas: NDArray[np.uint8]) -> NDArray[np.float32]:
        import torch

        with torch.inference_mode():
            picture = torch.from_numpy(blob(canvas)).to(self._device, self._type, memory_format=torch.channels_last)
            output = self._model(picture)
            while isinstance(output, tuple | list):  # the boxes come first; behind them, what only training needs, or masks
                output = output[0]
            raw: NDArray[np.float32] = output[0].float().cpu().numpy()
            return raw


def _exact(value: Any) -> Any:
    return [part.float() for part in value] if isinstance(value, list) else value.float()
