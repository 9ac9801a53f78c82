from typing import Any

import numpy as np
from numpy.typing import NDArray

from ringfence.core.replay import Replayer

WITHOUT_ROW: int
AMOUNTS: tuple[str, ...]
POSTING: np.dtype[Any]
CHANGE: np.dtype[Any]

class Feed:
    replayer: Replayer
    room: int
    balanced: bool
    methods: list[tuple[int, int, int, int]]
    def __init__(self, replayer: Replayer) -> None: ...
    def figures(self) -> bytearray: ...
    def cash(self, row: int) -> int: ...
    def apply(
        self, buffer: Any, start: int, end: int, postings: NDArray[Any], posting_count: int, changes: NDArray[Any], change_count: int
    ) -> tuple[int, int, int]: ...
