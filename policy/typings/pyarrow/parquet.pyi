from pathlib import Path
from typing import IO

from pyarrow import Schema, Table

class ParquetWriter:
    def __init__(self, where: IO[bytes], schema: Schema, *, compression: str) -> None: ...
    def write_table(self, table: Table) -> None: ...
    def close(self) -> None: ...

class _Metadata:
    num_row_groups: int

class ParquetFile:
    metadata: _Metadata
    def __init__(self, source: Path) -> None: ...
    def read(self) -> Table: ...
