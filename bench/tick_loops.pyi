from collections.abc import Collection
from typing import Any

from ringfence.core.engine import Engine
from ringfence.gateways.fix.gateway import Gateway
from ringfence.ipc.clock import Clock
from ringfence.ipc.link import Link
from ringfence.ipc.metrics import Metrics
from ringfence.ipc.segment import Segment

HISTOGRAMS: tuple[str, ...]

class Path:
    def __init__(
        self,
        words: Any,
        clock: Clock,
        metrics: Metrics,
        market: Segment,
        engine: Engine,
        gateway: Gateway,
        sidecar: Link,
        *,
        turn: int,
        record: int,
        interval_ns: int,
        count: int,
    ) -> None: ...
    def run(self, parts: Collection[str], idle_kind: int, process: int) -> None: ...
