"""A reader in compiled code while the engine itself sets a parameter as fast as it can: each value that is read is one change whole."""

from __future__ import annotations

import threading
from typing import Any

import numpy as np
import pytest
from scripted_runtime import BEGIN, FX

pytest.importorskip("numba", reason="numba is not installed: pip install 'ringfence[numba]'")
import numba

from ringfence.backtest.instance import Instance
from ringfence.backtest.terms import made
from ringfence.ipc.njit import OPTIONS, address_of
from ringfence.strategies import compiled_runtime as crt
from ringfence.strategies.runtime import Runtime
from ringfence.tools import definitions, parameters

CHANGES = 20_000
VALUES = {0: 3, 6: 1_250_000}  # by digits


@numba.njit(**OPTIONS)
def read(address: int, done: Any, found: Any) -> None:
    """Read until ``done``: found[0] values, found[1] that are none of VALUES."""
    r = crt.runtime_at(address)
    w = crt.watched_at(address_of(r) + crt.WATCHED_AT)
    while crt.load_acquire(done) == 0:
        w.changes = 0  # read it also while it is being written, not only once behind a change
        if crt.read_parameters(r) == 0:
            continue
        found[0] += 1
        if not ((w.digits == 0 and w.value == 3) or (w.digits == 6 and w.value == 1_250_000)):
            found[1] += 1


@pytest.mark.timeout(120)
def test_parameter_when_the_engine_sets_it_while_it_is_read_is_never_half_of_two_values() -> None:
    instance = Instance(made([FX], "s1", 10, currency="USD"), "s1", BEGIN, {}, None)
    try:
        runtime = Runtime(instance.attachment("s1"))
        runtime.watch(["edge"], [lambda value, digits: True])
        commands = []
        for digits in VALUES:
            body = parameters.change(1, "edge", "1.250000" if digits else "3")
            commands.append(definitions.command("SET_PARAMETER", "race", body=body))
        done, found = np.zeros(1, np.int64), np.zeros(2, np.int64)
        read.compile("void(int64, int64, int64[::1])")
        reader = threading.Thread(target=read, args=(runtime.address, done.ctypes.data, found))
        reader.start()
        for _ in range(CHANGES // 64):
            for k in range(64):
                instance.control.send(commands[k % 2])
            instance.turn()
        done[0] = 1
        reader.join()
        assert int(instance.state.table("parameters")[1]["changes"]) == CHANGES // 64 * 64
        assert found[0] > 10 and found[1] == 0, found
    finally:
        instance.close()
