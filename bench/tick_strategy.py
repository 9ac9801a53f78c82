"""The strategy of ``bench tick_to_order``: checks every tick's content and number, and sends an order for every N-th.

``compiled`` gives one turn of its loop as a C function, and its record in memory that the caller shares between processes.
"""

from __future__ import annotations

from typing import Any

import numba
import numpy as np

import ringfence
from ringfence.gateways.attach import Attachment
from ringfence.ipc.host import Idle
from ringfence.strategies.compiled import Compiled, compile_strategy
from ringfence.strategies.running import open_strategy


@ringfence.strategy(nopython=True)
class Taker:
    """Sells above where it buys, so that SELF_MATCH finds none that cross."""

    symbols = ("EURUSD",)
    every: ringfence.parameter = 1
    seen: int = 0
    sent: int = 0
    faults: int = 0

    def on_quote(self: Any, quote: Any) -> None:
        n = self.seen
        self.seen = n + 1
        if quote.bid != n * 3 + 1 or quote.ask != n * 3 + 2 or quote.ask_qty != n:
            self.faults += 1
        if n % self.every != 0:
            return
        k = self.sent + 1
        asked = self.buy(quote.instrument, 10, 9900 + (k & 63)) if k % 2 == 1 else self.sell(quote.instrument, 10, 10000 + (k & 63))
        if asked == 0:
            self.faults += 1
        self.sent = k

    def on_lost(self: Any, _kind: int, count: int) -> None:
        self.faults += count


def compiled(attachment: Attachment, memory: Any, every: int) -> tuple[Compiled, Any]:
    """Compile the strategy; its record lies in ``memory`` from then on.

    Parameters
    ----------
    memory : writable buffer
        Shared; large enough for the record, which begins where it begins.
    every : int
        An order for every N-th tick.

    Returns
    -------
    running : Compiled
        Must live as long as the function.
    turn : numba CFunc
        ``int64 turn(int64 record, int64 turns)``; ``turn.address`` is that of its code.
    """
    running = open_strategy(Taker, attachment, mode="numba", settings={"every": every}, idle=Idle.SPIN)
    assert isinstance(running, Compiled)
    running.start()
    shared = np.frombuffer(memory, running.record.dtype, 1)
    shared[:] = running.record
    running.record = shared
    run, _ = compile_strategy(running.declared)

    @numba.cfunc("int64(int64, int64)", nopython=True)  # type: ignore[untyped-decorator]
    def turn(record: int, turns: int) -> Any:
        return run(record, turns)

    return running, turn
