from ringfence.core.engine import Engine
from ringfence.ipc.link import Link

def run(engine: Engine, strategy: Link, gateway: Link, sidecar: Link, count: int) -> float: ...
