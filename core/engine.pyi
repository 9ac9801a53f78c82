from typing import Literal

from ringfence.core.state import State
from ringfence.ipc.clock import Clock
from ringfence.ipc.link import Link
from ringfence.ipc.metrics import Metrics
from ringfence.ipc.segment import Segment

class Engine:
    state: State
    def __init__(
        self,
        state: State,
        clock: Clock,
        metrics: Metrics,
        *,
        journal: Link,
        control: Link | None = ...,
        feed: Link | None = ...,
        idle: int = ...,
        timer_ns: int = ...,
        reduce_ns: int = ...,
        halt_ns: int = ...,
        checkpoint_ns: int = ...,
        window_rows: int = ...,
        batch: int = ...,
        kill: Segment | None = ...,
        control_position: int | None = ...,
        feed_position: int | None = ...,
    ) -> None: ...
    def set_gateway(self, venue: int, link: Link | None, emitted_output_seq: int, *, position: int | None = ...) -> None: ...
    def set_strategy(self, strategy: int, link: Link | None, *, position: int | None = ..., stages: Metrics | None = ...) -> None: ...
    @property
    def attached_strategy(self) -> int: ...
    def run(self) -> Literal["stop", "attach"]: ...
    @property
    def left(self) -> str: ...
    def poll(self) -> int: ...
    def checkpoint(self) -> int: ...
