"""A hostile strategy as a process of its own: it attaches like any other and then misuses the memory that it may write.

    python garbage_writer.py INSTANCE NAME KIND SEED

Prints ``ready`` when attached and goes on until it is killed. Every whole slot that it publishes is an order with ``qty == QTY_OF(client_id)``, so that a
reader of the journal can tell an intent that was published from one that was not.
"""

from __future__ import annotations

import contextlib
import ctypes
import itertools
import mmap
import os
import random
import signal
import sys
import time

import numpy as np

from ringfence.ipc.errors import RingFull, RingGarbage
from ringfence.strategy import InstanceNotRunning, InstanceStopped, Strategy

MADV_REMOVE = 9  # punches a hole into the memfd, as fallocate does
ORDER_EVERY = 512  # the order table must outlast the search for a slot that is flipped while it is copied
IN_FLIGHT_MAX = 64
PRICE = "0.5"  # far from the market: it rests


def qty_of(client_id: int) -> int:
    """Quantity of the order that this process sends under a client_id."""
    return 1000 + client_id % 977


class Writer:
    """One attached strategy, its ring as bytes, and what it does to it."""

    def __init__(self, instance: str, name: str, seed: int) -> None:
        self.strategy = Strategy.attach(name, instance)
        self.ring = self.strategy.attachment.intents
        self.slots = self.ring.section("slots").view("u1").reshape(-1, 128)
        self.head = self.ring.section("head")["position"]
        self.random = random.Random(seed)
        self.next = 1
        self.acked = 0

    def order(self) -> None:
        """One whole, valid order; nothing when the ring is full."""
        with contextlib.suppress(RingFull):
            self.strategy.buy("EUR/USD", qty_of(self.next), PRICE, client_id=self.next)
            self.next += 1
        self.read()

    def read(self) -> None:
        while (event := self.strategy.poll()) is not None:
            self.acked += event.kind == "ACK"

    def random_bytes(self) -> None:
        self.slots[:] = np.frombuffer(self.random.randbytes(self.slots.size), "u1").reshape(self.slots.shape)

    def heads(self) -> None:
        """Valid slots, but a head that jumps: back, ahead, anywhere. Few orders at a time: a gateway that cannot keep up denies everybody."""
        if self.next - self.acked < IN_FLIGHT_MAX:
            self.order()
        self.read()
        for value in (0, self.next // 2, self.next + 10_000, self.random.getrandbits(64)):
            self.head[0] = value

    def hole(self) -> None:
        """Two laps of valid cancels, so that the engine has taken one of them, then all zero under the reader."""
        published = 0
        while published < len(self.slots) * 2:
            with contextlib.suppress(RingFull):
                self.strategy.cancel_all()
                published += 1
        begin = self.slots.ctypes.data // mmap.PAGESIZE * mmap.PAGESIZE
        size = self.slots.ctypes.data + self.slots.size - begin
        if ctypes.CDLL(None, use_errno=True).madvise(ctypes.c_void_p(begin), ctypes.c_size_t(size), MADV_REMOVE):
            raise OSError(ctypes.get_errno(), "the hole was refused")

    def mutate(self) -> None:
        """Valid intents, few of them orders, while a second process flips a byte of some slot and flips it back, without end."""
        if os.fork() == 0:
            while True:
                slot, byte = self.random.randrange(len(self.slots)), self.random.randrange(128)
                self.slots[slot, byte] ^= 0x10
                self.slots[slot, byte] ^= 0x10
        for turn in itertools.count():
            if turn % ORDER_EVERY:
                with contextlib.suppress(RingFull):
                    self.strategy.cancel_all()
            else:
                self.order()

    def half(self) -> None:
        """Some valid orders, then the first half of one more, and stopped for ever."""
        for _ in range(5):
            self.order()
        self.slots[(self.next - 1) % len(self.slots), 8:64] = 0xA5  # the shared head may lag behind what was published
        print("stopped", flush=True)
        os.kill(os.getpid(), signal.SIGSTOP)

    def flood(self) -> None:
        with contextlib.suppress(RingFull):
            self.strategy.cancel_all()


def main() -> int:
    instance, name, kind, seed = sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4])
    writer = Writer(instance, name, seed)
    act = getattr(writer, kind)
    print("ready", flush=True)
    while True:
        try:
            act()
        except (InstanceStopped, InstanceNotRunning, RingGarbage):
            time.sleep(0.01)  # the engine has left this ring; go on writing into it all the same


if __name__ == "__main__":
    sys.exit(main())
