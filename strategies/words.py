"""The numbers of the schema as names for strategies: ``ringfence.Side.BUY``, ``ringfence.EventKind.FILL``.

Made from ``ipc/schema.py``, the one place that has them.
"""

from __future__ import annotations

from enum import IntEnum
from typing import TYPE_CHECKING, Any

from ringfence.ipc.schema import CONSTANTS, ENUMS

ENUM_NAMES = ("Side", "TimeInForce", "EventKind", "OrdStatus", "DenyReason", "TickKind", "BookAction")
NAMES = (*ENUM_NAMES, "TickFlag")

if TYPE_CHECKING:
    Side: Any
    TimeInForce: Any
    EventKind: Any
    OrdStatus: Any
    DenyReason: Any
    TickKind: Any
    BookAction: Any
    TickFlag: Any
else:
    for _name in ENUM_NAMES:
        globals()[_name] = IntEnum(_name, ENUMS[_name].by_name, module=__name__)
    TickFlag = IntEnum(
        "TickFlag", {n.removeprefix("TICK_"): v for n, (v, _) in CONSTANTS.items() if n.startswith("TICK_") and n != "TICK_BUSY"}, module=__name__
    )
