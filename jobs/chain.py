"""One camera's chunks on their way into the lake: folded in order, as far as they are seen; and what is told of those that are not."""

from typing import TYPE_CHECKING

from jobs.eyes import Seen, load
from jobs.folding import Folder, Hole, Link, holes_of
from jobs.plan import Plan

if TYPE_CHECKING:
    from cluster.lake import Lake


class Chain:
    """A camera's chunks in order of time.

    Attributes:
        seen: what came of the sights of this run.
        failed: why sights of this run could not be seen.
    """

    def __init__(self, lake: "Lake", plan: Plan, run: str) -> None:
        self.plan = plan
        self.folder = Folder(lake, plan.camera, run, plan.lens.model, plan.lens.weights)
        self.seen: dict[str, Seen] = {}
        self.failed: dict[str, str] = {}
        self._lake = lake
        self._links = plan.links()
        self._at = 0
        rows = lake.rows("SELECT chunk, state, reason, fold, commit FROM coverage", ["coverage"], cameras=[plan.camera.id])
        self._folded = {r["fold"] for r in rows if r["state"] == "seen"}
        self._told = {(r["chunk"], r["reason"]) for r in rows if r["state"] != "seen"}
        commits = {r["chunk"]: r["commit"] for r in rows if r["state"] == "seen"}
        self._lost: dict[str, str] = {}
        for row in rows:
            chunk, _, number = row["chunk"].partition("+")
            if number and row["state"] == "unread" and commits.get(chunk) == row["commit"]:
                self._lost[chunk] = row["reason"]

    def take(self, seen: Seen) -> None:
        if seen.error is None:
            self.seen[seen.sight] = seen
        else:
            self.failed[seen.sight] = seen.error
            self._links, self._at = self.plan.links(frozenset(self.failed)), 0
        self.fold()

    def fold(self) -> None:
        """Folds what can be folded: chunks that are seen, as is all before them.

        A chunk behind which another one is expected is folded as if that one came; if it turns out unreadable, once more.
        """
        while self._at < len(self._links):
            link = self._links[self._at]
            if link.piece.sight in self.plan.todo and link.piece.sight not in self.seen:
                return
            if link.fold not in self._folded:
                self._fold(link)
            self._at += 1

    def finish(self) -> None:
        """Folds the rest, and says in coverage what could not be seen."""
        self.fold()
        lost = [(p, Hole(p.start_s, p.end_s, True, self.failed[p.sight])) for p in self.plan.pieces if p.sight in self.failed]
        for piece, hole in [*self.plan.holes, *lost]:
            if (piece.chunk, hole.reason) not in self._told:
                self.folder.unseen(piece, hole)

    def why_unread(self, footage: str) -> str | None:
        """Why a file could not be read, or not all of it."""
        mine = [p for p in self.plan.pieces if p.footage == footage]
        reasons = [self.failed[p.sight] for p in mine if p.sight in self.failed]
        reasons += [h.reason for p, h in self.plan.holes if p.footage == footage and h.damaged]
        for piece in mine:
            if piece.sight in self.seen:
                reasons += [h.reason for _, h in holes_of(piece, self.seen[piece.sight]) if h.damaged]
            elif piece.chunk in self._lost:
                reasons.append(self._lost[piece.chunk])
        return next(iter(reasons), None)

    def _fold(self, link: Link) -> None:
        records, seen = load(self._lake.settings, self.plan.camera.id, link.piece.sight)
        self.folder.fold(link, records, seen)
        self._folded.add(link.fold)
