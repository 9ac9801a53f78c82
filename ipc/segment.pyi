from collections.abc import Iterable
from typing import Any, NamedTuple

import numpy as np

SECTIONS_MAX: int
MODE: int
SEALS: int

class SectionSpec(NamedTuple):
    name: str
    record: str
    count: int  # type: ignore[assignment]

class Segment:
    instance: str
    name: str
    writable: bool
    closed: bool
    refused: list[str]
    sections: tuple[SectionSpec, ...]
    fd: int
    @staticmethod
    def create(
        instance: str, name: str, sections: Iterable[SectionSpec | tuple[str, str, int]], *, role: int, epoch: int, lock: bool = True, huge: bool = False
    ) -> Segment: ...
    @staticmethod
    def create_memfd(name: str, sections: Iterable[SectionSpec | tuple[str, str, int]], *, role: int, epoch: int) -> Segment: ...
    @staticmethod
    def attach(instance: str, name: str, *, writable: bool = False, shared: bool = False) -> Segment: ...
    @staticmethod
    def adopt(
        instance: str,
        name: str,
        *,
        role: int,
        epoch: int,
        sections: Iterable[SectionSpec | tuple[str, str, int]] | None = None,
        shared: bool = False,
    ) -> Segment: ...
    @staticmethod
    def attach_memfd(fd: int, sections: Iterable[SectionSpec | tuple[str, str, int]], *, writable: bool) -> Segment: ...
    def section(self, name: str) -> np.ndarray[Any, Any]: ...
    @property
    def superblock(self) -> Any: ...
    @property
    def total_bytes(self) -> int: ...
    def heartbeat(self, now_ns: int) -> None: ...
    def set_state(self, state: int) -> None: ...
    def life(self) -> tuple[int, int]: ...
    def close(self) -> None: ...
    def unlink(self) -> None: ...
    def __enter__(self) -> Segment: ...
    def __exit__(self, *_: object) -> None: ...

def plan(sections: Iterable[SectionSpec | tuple[str, str, int]]) -> tuple[tuple[SectionSpec, ...], dict[str, int], int]: ...
