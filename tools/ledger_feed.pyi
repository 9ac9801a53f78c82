from typing import Any

import numpy as np
from numpy.typing import NDArray

from ringfence.core.ledger import Ledger
from ringfence.core.replay import Replayer

ROOM: int
STEPS: int
AMOUNTS: tuple[str, ...]
POSTING: np.dtype[Any]
CHANGE: np.dtype[Any]

class Feed:
    replayer: Replayer
    ledger: Ledger
    wanted: int
    refused: int
    def __init__(self, replayer: Replayer, ledger: Ledger, *, by_account: bool = ...) -> None: ...
    def figures(self) -> bytearray: ...
    def apply(
        self, buffer: Any, start: int, end: int, postings: NDArray[Any], posting_count: int, changes: NDArray[Any], change_count: int
    ) -> tuple[int, int, int]: ...

def balanced(postings: NDArray[Any], count: int) -> bool: ...
