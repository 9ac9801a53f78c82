from typing import Any

from numpy.typing import NDArray

HEADER: bytes
TRAILER: bytes

def postings_rows(postings: NDArray[Any], first: int, end: int) -> memoryview: ...
def executions_rows(changes: NDArray[Any], first: int, end: int) -> memoryview: ...
