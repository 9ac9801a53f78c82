from ringfence.gateways.fix.dialect import Dialect
from ringfence.gateways.fix.session import Session
from ringfence.gateways.fix.spec import GatewaySpec
from ringfence.gateways.fix.store import MessageStore
from ringfence.gateways.fix.transport import Connector, Listener
from ringfence.ipc.metrics import Metrics
from ringfence.ipc.segment import Segment

COUNTERS: tuple[str, ...]
HISTOGRAMS: tuple[str, ...]

def when(ns: int) -> str: ...

class Gateway:
    spec: GatewaySpec
    session: Session
    dialect: Dialect
    connector: Connector | None
    listener: Listener | None
    store: MessageStore
    mine: Segment
    metrics: Metrics
    def __init__(self, spec: GatewaySpec) -> None: ...
    def attach(self) -> bool: ...
    def run(self) -> int: ...
    def close(self) -> None: ...
