"""Owns an export as Parquet: typed columns, streamed in row groups.

Called by the command that exports. pyarrow is loaded only here.
"""

from collections.abc import Iterable
from typing import IO, Final

import pyarrow as pa
import pyarrow.parquet as pq

from policy.ledger.export_kinds import KINDS, Cell, Form

_GROUP: Final = 16_384
"""Rows a group: some 10 MB in memory."""
_TYPE: Final = {
    Form.TIME: pa.timestamp("us", tz="UTC"),
    Form.TEXT: pa.string(),
    Form.NAME: pa.string(),
    Form.SECONDS: pa.float64(),
    Form.COUNT: pa.int64(),
    Form.YES: pa.bool_(),
}


class ParquetFile:
    """Takes rows; `close` ends it. Each column's heading stands in its metadata."""

    def __init__(self, sink: IO[bytes], kind: str, headings: list[str]) -> None:
        self._schema = pa.schema(
            [
                pa.field(each.name, _TYPE[each.form], metadata={"heading": heading})
                for each, heading in zip(KINDS[kind].columns, headings, strict=True)
            ]
        )
        self._writer = pq.ParquetWriter(sink, self._schema, compression="zstd")
        self._rows: list[list[Cell]] = []

    def add(self, rows: Iterable[list[Cell]]) -> None:
        """Rows as the ledger gives them, times in microseconds."""
        self._rows.extend(rows)
        if len(self._rows) >= _GROUP:
            self._flush()

    def close(self) -> None:
        if self._rows:
            self._flush()
        self._writer.close()

    def _flush(self) -> None:
        columns = [
            pa.array(cells, field.type)
            for cells, field in zip(zip(*self._rows, strict=True), self._schema, strict=True)
        ]
        self._writer.write_table(pa.Table.from_arrays(columns, schema=self._schema))
        self._rows = []
