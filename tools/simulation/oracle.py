"""Independent model (being written)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ringfence.tools.simulation.setup import Shape


@dataclass(frozen=True)
class Violation:
    """A broken invariant."""

    invariant: str
    text: str


class Oracle:
    """To be."""

    def __init__(self, shape: Shape) -> None:
        self.new_ids: set[str] = set()
        self.found: list[Violation] = []

    def frame(self, head: tuple[int, ...], frame: bytes) -> None: ...

    def wire(self, venue: int, message: dict[int, str]) -> None:
        if message[35] == "D":
            if message[11] in self.new_ids:
                self.found.append(Violation("I1", f"ClOrdID {message[11]} left twice as a new order"))
            self.new_ids.add(message[11])

    def executed(self, venue: int, trade: Any) -> None: ...
    def busted(self, venue: int, trade: Any) -> None: ...
    def corrected(self, venue: int, trade: Any) -> None: ...
    def lost_frames(self, after: int) -> None: ...

    def check_step(self, watch: Any) -> list[Violation]:
        return watch.problems or self.found

    def check_all(self, state: Any, quiescent: bool) -> list[Violation]:
        return []
