"""Imports the libraries that run networks so that they neither talk, nor install anything, nor use the network.

Ultralytics reads its environment once, when it is imported. Whoever starts a process sets `ENVIRONMENT` before that; this
module does not touch the environment.
"""

import contextlib
import io
import logging
import warnings
from collections.abc import Iterator
from typing import Any

ENVIRONMENT = {"YOLO_AUTOINSTALL": "false", "YOLO_OFFLINE": "true", "YOLO_VERBOSE": "false"}
"""What the environment of a process should hold before it loads a .pt file."""


@contextlib.contextmanager
def silent() -> Iterator[None]:
    """Ultralytics and the converters talk on standard output and in warnings; neither is for the user."""
    logger = logging.getLogger("ultralytics")
    before = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.setLevel(before)


def openvino() -> Any:
    """The module `openvino`, which reports its very import to Google Analytics unless that is declined before."""
    from openvino_telemetry.utils.opt_in_checker import ConsentCheckResult, OptInChecker
    from openvino_telemetry.utils.sender import TelemetrySender

    OptInChecker.check = lambda *_: ConsentCheckResult.DECLINED
    TelemetrySender.send = lambda *_: None
    import openvino

    return openvino


def nncf() -> Any:
    """The module `nncf`, reporting nothing; it reports through OpenVINO's means."""
    openvino()
    with silent():
        import nncf

    nncf.set_log_level(logging.ERROR)
    return nncf


def yolo() -> Any:
    """The class `ultralytics.YOLO`."""
    openvino()
    with silent():
        from ultralytics import YOLO

    return YOLO
