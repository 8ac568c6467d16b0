"""Finds objects in pictures: weights, a backend and the project's taxonomy put together. Knows no video and no tracks."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from analytics.detections import Detections
from analytics.errors import Refused
from analytics.taxonomy import ID_OF, OBJECTS
from models.backends import Choice, Network, OnnxNetwork, OpenVinoNetwork, TorchNetwork, capabilities, choices
from models.catalog import Weights
from models.convert import Converted, convert, opened, quantise
from models.decode import Letterbox, decode, suppress


def default_choice(size: int = 640) -> Choice:
    """What is reasonable where nothing was measured: OpenVINO, at bf16 where the processor computes it natively."""
    return Choice("openvino", "bf16" if "BF16" in capabilities() else "f32", 1, size)


class Detector:
    """A network that finds objects of the project's taxonomy in single pictures.

    Attributes:
        classes: the objects it can find, names of `taxonomy.OBJECTS` in their order.
        identity: SHA-256 of its weights, hexadecimal.
        choice: the backend, precision, threads and size that it runs at.
    """

    def __init__(
        self,
        network: Network,
        names: Sequence[str],
        objects: Mapping[str, str],
        identity: str,
        choice: Choice,
        *,
        fixed: tuple[int, int] | None = None,
        confidence: float = 0.1,
        same: float = 0.7,
        vehicles: float = 0.7,
    ) -> None:
        """See `open`; `objects` maps the network's class names to those of the taxonomy, the others are dropped."""
        self._network = network
        self._fixed = fixed
        self._confidence = confidence
        self._same = same
        self._vehicles = vehicles
        self._class_of = np.array([ID_OF.get(objects.get(name, ""), -1) for name in names], np.int16)
        self.classes = tuple(name for i, name in enumerate(OBJECTS) if i in self._class_of)
        self.identity = identity
        self.choice = choice
        if not self.classes:
            raise Refused(
                en=f"These weights find {', '.join(names)}; none of these is one of {', '.join(OBJECTS)}.",
                vi=f"Trọng số này tìm {', '.join(names)}; không loại nào thuộc {', '.join(OBJECTS)}.",
            )

    @classmethod
    def open(
        cls,
        weights: Weights,
        choice: Choice | None = None,
        *,
        cache: Path,
        confidence: float = 0.1,
        same: float = 0.7,
        vehicles: float = 0.7,
        frames: Iterable[NDArray[np.uint8]] = (),
    ) -> "Detector":
        """Opens weights on a backend, converting them first where the cache does not hold them converted.

        Args:
            weights: from `catalog.resolve`.
            choice: from `bench.choose`; `default_choice()` where left out.
            cache: the folder in which converted networks are kept.
            confidence: the least confidence reported.
            same: IoU above which two boxes of a class are one object.
            vehicles: IoU above which vehicles of different classes are one object.
            frames: (H, W, 3) uint8 BGR pictures on which int8 is calibrated; looked at only where nothing is kept yet.

        Raises:
            Refused: the weights cannot be read, find nothing that the taxonomy names, or int8 is wanted and no frames are given.
        """
        choice = choice or default_choice()
        converted, network = _network(weights, choice, cache, frames)
        return cls(
            network,
            converted.names,
            weights.objects(converted.names),
            weights.sha256,
            choice,
            fixed=converted.fixed,
            confidence=confidence,
            same=same,
            vehicles=vehicles,
        )

    @property
    def backend(self) -> str:
        """Backend and precision, such as "openvino-bf16"."""
        return str(self.choice)

    def input_size(self, width: int, height: int) -> tuple[int, int]:
        """(width, height) to which a picture is best scaled before it is handed over: no second resize is needed then."""
        return Letterbox.fit(width, height, self.choice.size, self._fixed).content

    def detect(self, picture: NDArray[np.uint8]) -> Detections:
        """What is seen in a (H, W, 3) uint8 BGR picture, in its own pixels, by descending confidence."""
        if picture.ndim != 3 or picture.shape[2] != 3 or picture.dtype != np.uint8:
            raise ValueError(f"wanted a (H, W, 3) uint8 picture, given {picture.dtype} {picture.shape}")
        height, width = picture.shape[:2]
        box = Letterbox.fit(width, height, self.choice.size, self._fixed)
        xyxy, confidence, number = decode(self._network.infer(box.apply(picture)), len(self._class_of), self._confidence)
        class_id = self._class_of[number]
        known = class_id >= 0
        xyxy, confidence, class_id = xyxy[known], confidence[known], class_id[known]
        kept = suppress(xyxy, confidence, class_id, same=self._same, vehicles=self._vehicles)
        restored = box.restore(xyxy[kept], width, height)
        confidence, class_id = confidence[kept], class_id[kept]
        real = (restored[:, 2:] > restored[:, :2]).all(axis=1)
        return Detections.of(restored[real], np.clip(confidence[real], 0, 1), class_id[real])

    def detect_many(self, pictures: Iterable[NDArray[np.uint8]]) -> list[Detections]:
        """`detect` of each picture, in order."""
        return [self.detect(picture) for picture in pictures]


def _network(weights: Weights, choice: Choice, cache: Path, frames: Iterable[NDArray[np.uint8]]) -> tuple[Converted, Network]:
    """Converts where that is needed, and opens on the backend asked for."""
    if choice not in choices(weights.path, choice.size, (choice.threads,)):
        runs = ", ".join(dict.fromkeys(str(c) for c in choices(weights.path, choice.size, (1,))))
        raise Refused(
            en=f"{weights.path} does not run on {choice}; it runs on {runs}.",
            vi=f"{weights.path} không chạy được trên {choice}; có thể chạy trên {runs}.",
        )
    if weights.path.suffix != ".pt":
        converted = opened(weights.path)
    elif choice.backend == "torch":
        network = TorchNetwork(weights.path, choice.precision, choice.threads)
        return Converted(weights.path, network.names, None), network
    else:
        converted = convert(weights.path, weights.sha256, "onnx" if choice.backend == "onnxruntime" else "openvino", cache)
    if choice.precision == "int8":
        canvases = (Letterbox.fit(frame.shape[1], frame.shape[0], choice.size).apply(frame) for frame in frames)
        converted = quantise(converted, weights.sha256, canvases, choice.size, cache)
    if choice.backend == "onnxruntime":
        return converted, OnnxNetwork(converted.path, choice.threads)
    return converted, OpenVinoNetwork(converted.path, choice.precision, choice.threads)
