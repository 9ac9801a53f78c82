from typing import NamedTuple

from ringfence.ipc.histogram import Histogram

KEPT: int

class Hiccups(NamedTuple):
    gaps: Histogram
    over: list[tuple[int, int]]
    over_count: int
    lost_ns: int
    ran_ns: int
    stopped: bool

def listen(seconds: float, threshold_ns: int) -> Hiccups: ...
