from typing import Literal

from ringfence.core.engine import Engine
from ringfence.ipc.link import Link

def run(engine: Engine, strategy: Link, gateway: Link, sidecar: Link, what: Literal["intent", "ack", "fill", "copy"], n: int, first: int = ...) -> float: ...
