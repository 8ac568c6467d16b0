"""The lake as it would be after something that is not done: more rows, kept in files beside it. The store is only read."""

import uuid
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cluster.lake import Lake
from cluster.settings import Settings

if TYPE_CHECKING:
    import pyarrow as pa

    from analytics.tables import Table


class Foreseen(Lake):
    """A lake to which nothing is written: what is appended, readers of this object alone see.

    Args:
        folder: takes the rows; it must outlive this object.
    """

    def __init__(self, settings: Settings, folder: Path) -> None:
        super().__init__(settings)
        self._folder = folder
        self._beside: dict[str, list[str]] = {}

    def __reduce__(self) -> tuple[Any, ...]:
        raise TypeError("what is foreseen stays in its process")

    def append(self, table: str, rows: "pa.Table") -> None:
        import pyarrow.parquet as pq

        path = self._folder / f"{table}-{uuid.uuid4().hex}.parquet"
        pq.write_table(rows.select(self.schema(table).names).cast(self.schema(table)), path)
        self._beside.setdefault(table, []).append(str(path))

    def _files(self, table: "Table", *pruned: Any) -> list[str]:
        return [*super()._files(table, *pruned), *self._beside.get(table.name, ())]
