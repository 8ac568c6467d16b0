"""A small network with random weights, made here: conversion and detection are tested without any download."""

import copy
import hashlib
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from models.catalog import Weights
from models.runtime import ENVIRONMENT

NAMES = ("person", "car", "truck", "tree")

_LAYERS = {
    "nc": len(NAMES),
    "scales": {"n": [0.33, 0.25, 1024]},
    "backbone": [
        [-1, 1, "Conv", [32, 3, 2]],
        [-1, 1, "Conv", [32, 3, 2]],
        [-1, 1, "Conv", [64, 3, 2]],
        [-1, 1, "C2f", [64]],
        [-1, 1, "Conv", [64, 3, 2]],
        [-1, 1, "Conv", [64, 3, 2]],
    ],
    "head": [[[3, 4, 5], 1, "Detect", ["nc"]]],
}


@pytest.fixture(scope="session")
def network(tmp_path_factory: pytest.TempPathFactory) -> Weights:
    """A .pt file of a tiny YOLOv8 with classes NAMES that finds something everywhere."""
    import os

    for name, value in ENVIRONMENT.items():
        os.environ.setdefault(name, value)
    import torch
    from ultralytics.nn.tasks import DetectionModel

    torch.manual_seed(1)
    model = DetectionModel({**copy.deepcopy(_LAYERS), "scale": "n"}, ch=3, verbose=False)
    model.names = dict(enumerate(NAMES))
    for module in model.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.weight.data.uniform_(0.5, 3)
            module.bias.data.normal_()
    for branch in model.model[-1].cv3:
        branch[-1].weight.data.normal_(0, 0.7)
        branch[-1].bias.data.fill_(-3)
    path = tmp_path_factory.mktemp("weights") / "tiny.pt"
    torch.save({"model": model.eval(), "train_args": {"task": "detect"}}, path)
    return Weights(path, hashlib.sha256(path.read_bytes()).hexdigest(), None)


@pytest.fixture(scope="session")
def pictures() -> list[NDArray[np.uint8]]:
    """Six pictures of 160 × 96 with blocks of colour."""
    rng = np.random.default_rng(7)
    made = []
    for _ in range(6):
        picture = rng.integers(60, 120, (96, 160, 3)).astype(np.uint8)
        for _ in range(6):
            x, y = rng.integers(0, 130), rng.integers(0, 70)
            cv2.rectangle(picture, (x, y), (x + rng.integers(10, 40), y + rng.integers(8, 30)), rng.integers(0, 255, 3).tolist(), -1)
        made.append(picture)
    return made


@pytest.fixture(scope="session")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A cache folder that keeps conversions for the session."""
    return tmp_path_factory.mktemp("cache")
