"""The only place that starts or joins Ray."""

import logging
import os
import secrets
import socket
from collections.abc import Iterator
from contextlib import contextmanager

from analytics.errors import Refused
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


QUIET = {
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",
    "RAY_DEDUP_LOGS_SKIP_REGEX": ".",  # what raylets say of a worker that died: who drives it says so in the user's words
}
ALONE = {"RAY_AUTH_MODE": "token", "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0"}
"""A local session is this user's alone: it listens on the loopback address, and to who has its token. (Ray's own default on
Linux is the machine's address in the network, with a token in the user's home folder; the second variable is how Ray names
its switch between the two.)"""


@contextmanager
def session(settings: Settings, *, cpus: int | None = None) -> Iterator[None]:
    """A Ray session for the length of a `with`: the cluster that the settings name, else one of this machine alone.

    Args:
        cpus: how many cores the local session may use; all where left out. A cluster has its own count.

    An already initialised Ray (a test's) is used and left as it is. A Ray job joins the cluster that it was submitted to.

    Raises:
        Refused: there is no cluster at the address, or it does not let us in.
    """
    address = settings.ray_address or os.environ.get("RAY_ADDRESS") or "local"
    local = address == "local"
    for name, value in {**QUIET, **WORKER_ENVIRONMENT, **(ALONE if local else {})}.items():
        os.environ.setdefault(name, value)
    if local:
        os.environ.setdefault("RAY_AUTH_TOKEN", secrets.token_hex(32))
    import ray

    if ray.is_initialized():
        yield
        return
    logging.getLogger("ray").setLevel(logging.ERROR)
    _knock(address)
    here = {"num_cpus": cpus, "include_dashboard": False, "object_store_memory": 128 * 1024 * 1024} if local else {}
    try:
        ray.init(
            address=address,
            runtime_env=None if local else {"env_vars": WORKER_ENVIRONMENT},
            log_to_driver=False,
            logging_level=logging.ERROR,
            configure_logging=False,
            **here,
        )
    except ConnectionError as error:
        raise _nobody(address) from error
    except ray.exceptions.AuthenticationError as error:
        raise Refused(
            en=f"The Ray cluster at {address} wants its token: put it into RAY_AUTH_TOKEN and set RAY_AUTH_MODE=token.",
            vi=f"Cụm Ray tại {address} cần token: hãy đặt RAY_AUTH_TOKEN và RAY_AUTH_MODE=token.",
        ) from error
    try:
        yield
    finally:
        ray.shutdown()


def _knock(address: str) -> None:
    """Asks whether anybody listens at `host:port`: Ray itself would wait five minutes for that, loudly."""
    host, _, port = address.rpartition(":")
    if "://" in address or not host or not port.isdecimal():
        return
    try:
        socket.create_connection((host.strip("[]"), int(port)), timeout=10).close()
    except OSError as error:
        raise _nobody(address) from error


def _nobody(address: str) -> Refused:
    return Refused(
        en=f"No Ray cluster answers at {address}. Check MATTHAN_RAY_ADDRESS; without it, Ray runs on this machine.",
        vi=f"Không có cụm Ray nào trả lời tại {address}. Hãy kiểm tra MATTHAN_RAY_ADDRESS; bỏ trống thì Ray chạy ngay trên máy này.",
    )
