from typing import Any

from ringfence.gateways.fix.dialect import Dialect
from ringfence.gateways.fix.session import Session
from ringfence.gateways.fix.spec import GatewaySpec
from ringfence.gateways.fix.store import MessageStore
from ringfence.gateways.fix.transport import Listener
from ringfence.ipc.clock import Clock
from ringfence.ipc.metrics import Metrics
from ringfence.ipc.segment import Segment

COUNTERS: tuple[str, ...]
HISTOGRAMS: tuple[str, ...]

def when(ns: int) -> str: ...

class Gateway:
    spec: GatewaySpec
    session: Session
    dialect: Dialect
    connector: Any  # a Connector or what stands for it; None of an acceptor
    clock: Clock
    listener: Listener | None
    store: MessageStore
    mine: Segment
    metrics: Metrics
    def __init__(self, spec: GatewaySpec) -> None: ...
    def attach(self) -> bool: ...
    def run(self) -> int: ...
    def begin(self) -> bool: ...
    def poll(self) -> tuple[int, int | None]: ...
    def vanish(self) -> None: ...
    def close(self) -> None: ...
