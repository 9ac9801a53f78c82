from collections.abc import Sequence
from fractions import Fraction
from typing import Any

from ringfence.ipc.broadcast import Publisher
from ringfence.ipc.clock import Clock

class Player:
    def __init__(self, publisher: Publisher, clock: Clock, tapes: Sequence[Any], speed: Fraction | None, loop: bool, start_ns: int) -> None: ...
    def play(self, now_ns: int, most: int) -> int: ...
    @property
    def due_ns(self) -> int | None: ...
