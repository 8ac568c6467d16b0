"""Who looks: long-lived Ray actors, one a core, or this process alone. Knows chunks to be seen, nothing of what becomes of them."""

import time
from collections.abc import Callable, Sequence
from typing import Any

from analytics.errors import Refused
from cluster.session import session
from cluster.settings import Settings
from jobs.eyes import Eyes, Look, Seen

TRIES = 3
"""A chunk over which workers died so often is unreadable: something in it kills them."""
OFTEN_S = 0.5
"""How far the running chunks are is told about this often."""

Take = Callable[[Look, Seen], None]
"""Called with each look and what came of it, as soon as it is seen."""
Partly = Callable[[float, str], None]
"""Called now and then with the seconds seen of the chunks that are being looked at, and a remark."""


def see(settings: Settings, looks: Sequence[Look], workers: int | None, take: Take, partly: Partly) -> None:
    """Sees chunks, in the order given as far as there are workers.

    Args:
        workers: actors; None is one for every core that Ray has, 0 sees in this process without Ray.

    Raises:
        Refused: the store, the weights or the cluster are at fault.
    """
    if not looks:
        return
    if workers == 0:
        _alone(settings, looks, take, partly)
        return
    with session(settings):
        _Crew(settings, looks, workers).work(take, partly)


def _alone(settings: Settings, looks: Sequence[Look], take: Take, partly: Partly) -> None:
    told = time.monotonic()

    def tell(done_s: float) -> None:
        nonlocal told
        if time.monotonic() - told >= OFTEN_S:
            told = time.monotonic()
            partly(done_s, "")

    eyes = Eyes(settings, tell)
    for look in looks:
        take(look, eyes.see(look))


class _Crew:
    """Actors that each see one chunk at a time. One that dies is replaced, and what it was looking at is looked at again."""

    def __init__(self, settings: Settings, looks: Sequence[Look], workers: int | None) -> None:
        import ray

        self._ray = ray
        self._settings = settings
        self._waiting = list(looks[::-1])
        cores = max(1, int(ray.cluster_resources().get("CPU", 1)))
        self._count = min(len(looks), workers or cores, cores)
        self._actor = ray.remote(num_cpus=1, max_concurrency=2, max_restarts=0)(Eyes)
        self._coming: dict[Any, Any] = {}
        self._idle: list[Any] = []
        self._busy: dict[Any, tuple[Any, Look]] = {}
        self._tries: dict[str, int] = {}
        self._stillborn = 0

    def work(self, take: Take, partly: Partly) -> None:
        try:
            for _ in range(self._count):
                self._hire()
            while self._waiting or self._busy:
                ready, _ = self._ray.wait([*self._busy, *self._coming], timeout=OFTEN_S)
                came = [self._result(reference) for reference in ready if reference in self._busy]
                for reference in ready:
                    if reference in self._coming:
                        self._welcome(reference)
                self._feed()
                for pair in came:
                    if pair is not None:
                        take(*pair)
                partly(self._partly(), self._remark())
        finally:
            for actor in [*self._idle, *self._coming.values(), *(a for a, _ in self._busy.values())]:
                self._ray.kill(actor)

    def _feed(self) -> None:
        while self._waiting and self._idle:
            actor, look = self._idle.pop(), self._waiting.pop()
            self._busy[actor.see.remote(look)] = (actor, look)

    def _hire(self) -> None:
        """A new actor gets work once it lives: on a busy cluster it may have to wait for a core."""
        actor = self._actor.remote(self._settings)
        self._coming[actor.pid.remote()] = actor

    def _welcome(self, reference: Any) -> None:
        actor = self._coming.pop(reference)
        try:
            self._ray.get(reference)
        except self._ray.exceptions.RayError as error:
            self._stillborn += 1
            if self._stillborn >= TRIES:
                why = str(error).strip().splitlines()[0]
                raise Refused(
                    en=f"Ray's workers do not start: {why}. Is this version of matthan installed on every node?",
                    vi=f"Tiến trình của Ray không khởi động được: {why}. Mọi nút đã cài đúng bản matthan này chưa?",
                ) from error
            self._hire()
            return
        self._stillborn = 0
        self._idle.append(actor)

    def _result(self, reference: Any) -> tuple[Look, Seen] | None:
        """What came of a look; None where it is to be tried again."""
        actor, look = self._busy.pop(reference)
        try:
            seen = self._ray.get(reference)
        except self._ray.exceptions.RayTaskError as error:
            self._idle.append(actor)
            raise (error.cause if isinstance(error.cause, Refused) else error) from None
        except self._ray.exceptions.RayError:
            # The worker died: out of memory, killed, or killed by what it decoded; or its machine is gone.
            self._ray.kill(actor)
            self._hire()
            self._tries[look.sight] = self._tries.get(look.sight, 0) + 1
            if self._tries[look.sight] < TRIES:
                self._waiting.append(look)
                return None
            where = f"{look.uri} {look.start_s:.0f}–{look.end_s:.0f} s"
            en = f"{where}: the worker died {TRIES} times over it; check the machine's memory"
            vi = f"{where}: tiến trình chết {TRIES} lần khi xử lý; hãy kiểm tra bộ nhớ máy"
            return look, Seen(look.sight, error=f"{en} / {vi}")
        self._idle.append(actor)
        return look, seen

    def _remark(self) -> str:
        died = sum(self._tries.values())
        vi = self._settings.language == "vi"
        if died:
            return f"{died} tiến trình chết, đã thay" if vi else f"{died} workers died and were replaced"
        if not self._busy and self._waiting:
            return "đang khởi động" if vi else "workers are starting"
        return ""

    def _partly(self) -> float:
        """Seconds of the running chunks that are seen already."""
        asked = [actor.done_s.remote() for actor, _ in self._busy.values()]
        ready, _ = self._ray.wait(asked, num_returns=len(asked), timeout=OFTEN_S) if asked else ([], [])
        done = 0.0
        for reference in ready:
            try:
                done += float(self._ray.get(reference))
            except self._ray.exceptions.RayError:
                continue
        return done
