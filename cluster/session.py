"""The only place that starts or joins Ray."""

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager

from cluster.settings import Settings

WORKER_ENVIRONMENT = {
    "YOLO_AUTOINSTALL": "false",
    "YOLO_OFFLINE": "true",
    "YOLO_VERBOSE": "false",
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
}
"""A worker is one core's: libraries that help themselves to more threads would fight over it."""


@contextmanager
def session(settings: Settings, *, cpus: int | None = None) -> Iterator[None]:
    """A Ray session for the length of a `with`: the cluster that the settings name, else one of this machine alone.

    Args:
        cpus: how many cores the local session may use; all where left out. A cluster has its own count.

    An already initialised Ray (a test's, a Ray job's) is used and left as it is.
    """
    for name, value in {"RAY_USAGE_STATS_ENABLED": "0", "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0", **WORKER_ENVIRONMENT}.items():
        os.environ.setdefault(name, value)
    import ray

    if ray.is_initialized():
        yield
        return
    address = settings.ray_address or os.environ.get("RAY_ADDRESS") or "local"
    local = address == "local"
    here = {"num_cpus": cpus, "include_dashboard": False, "object_store_memory": 128 * 1024 * 1024} if local else {}
    ray.init(
        address=address,
        runtime_env=None if local else {"env_vars": WORKER_ENVIRONMENT},
        log_to_driver=False,
        logging_level=logging.ERROR,
        configure_logging=False,
        **here,
    )
    try:
        yield
    finally:
        ray.shutdown()
