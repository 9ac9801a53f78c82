from typing import Any

from numpy.typing import NDArray

from ringfence.core.replay import Replayer

WITHOUT_ROW: int

class Feed:
    replayer: Replayer
    room: int
    change_room: int
    balanced: bool
    methods: list[tuple[int, int, int, int]]
    cash_moves: list[tuple[int, ...]]
    def __init__(self, replayer: Replayer) -> None: ...
    def figures(self) -> bytearray: ...
    def cash(self, row: int) -> int: ...
    def apply(
        self, buffer: Any, start: int, end: int, postings: NDArray[Any], posting_count: int, changes: NDArray[Any], change_count: int
    ) -> tuple[int, int, int]: ...
