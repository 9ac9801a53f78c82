"""The engine of a scenario: journal frames built from records, applied by ``Replayer``, every one kept.

    Control, Intent, VenueEvent, Timer, Observation ──frame──▶ Replayer ──▶ commands by venue, events of the strategies

The configuration is a series of journaled commands as in an instance, so a scenario's frames are a journal and nothing else is needed to replay them.
Time moves by a microsecond a frame. What can fail: a frame that the engine refuses (``ReplayError``), which is a defect of one of the two.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ringfence.core.replay import Replayer
from ringfence.core.state import Limits
from ringfence.gateways.decimals import to_scaled
from ringfence.ipc.layout import dtype
from ringfence.ipc.schema import ENUMS, RECORDS
from ringfence.tools.config_model import RATE_DIGITS, read_permission
from ringfence.tools.definitions import grant_changes, limit_change
from ringfence.tools.errors import ConfigError
from ringfence.tools.rule_values import KIND as SCOPE
from ringfence.tools.rule_values import find_rule, parse_scope, parse_value
from ringfence.tools.scenario_config import SECOND, InstrumentSpec, Setup, row_of
from ringfence.tools.scenario_words import Value, Wrong
from ringfence.tools.toml_table import Table

LIMITS = Limits(orders=2048, executions=8192, positions=512, breaks=2048, instruments=64, accounts=64, venues=33, strategies=33, routes=1200)
STARTED_BEFORE_NS = 600 * SECOND  # the engine started ten minutes before the first line: an intent may be older than that line, or than the engine
US = "RINGFENCE"
COMMAND = ENUMS["CommandKind"].by_name
_CHAINED = {COMMAND["NEW"], COMMAND["CANCEL"], COMMAND["REPLACE"]}


def record(name: str, /, **values: Any) -> Any:
    """One row of a record; text and other records (by their bytes) may be given."""
    out = np.zeros(1, dtype(name))
    for key, value in values.items():
        if isinstance(value, np.void):
            raw, at = value.tobytes(), RECORDS[name].offsets[key]
            out.view(np.uint8)[at : at + len(raw)] = np.frombuffer(raw, np.uint8)
        else:
            out[0][key] = value.encode("ascii") if isinstance(value, str) else value
    return out[0]


class Engine:
    """A configured engine without processes.

    Parameters
    ----------
    setup : Setup
    """

    def __init__(self, setup: Setup) -> None:
        self.setup = setup
        self.now = setup.start_ns - STARTED_BEFORE_NS
        self.journal: list[bytes] = []
        self.chains: dict[tuple[int, int], list[str]] = {}
        self.commands: dict[int, list[Any]] = {row: [] for row in range(1, len(setup.venues) + 1)}
        self.replayer = Replayer(LIMITS, emit_above=dict.fromkeys(self.commands, 0))
        for row in range(1, len(setup.strategies) + 1):
            self.replayer.state.open_queue(row, strategy=True)
        self._configure()
        self.now = setup.start_ns

    def _configure(self) -> None:
        setup = self.setup
        self.control("START", day=setup.day, prefix=setup.prefix, epoch=1)
        for row, (code, rate) in enumerate(setup.currencies.items(), 1):
            body = record("Currency", id=row, code=code, rate=scaled(rate, RATE_DIGITS, "rate"), is_firm=int(row == 1), status=1)
            self.control("DEFINE_CURRENCY", body=body)
        for kind, named in (("Broker", setup.brokers), ("Desk", setup.desks)):
            for row, name in enumerate(named, 1):
                self.control(f"DEFINE_{kind.upper()}", body=record(kind, id=row, name=name, status=1))
        for row, spec in enumerate(setup.instruments, 1):
            self.control("DEFINE_INSTRUMENT", body=_instrument(row, spec))
        for row, account in enumerate(setup.accounts, 1):
            broker = setup.brokers.index(account["broker"]) + 1 if "broker" in account else 0
            texts = {"name": account["name"], "code": account["code"], "currency": account.get("currency", "")[:7]}
            self.control("DEFINE_ACCOUNT", body=record("Account", id=row, status=1, broker=broker, **texts))
        for row, venue in enumerate(setup.venues, 1):
            session = f"{setup.begin_string}:{US}->{venue['name'].upper()}"[:31]
            profile = venue["profile"]
            capabilities = {"ord_types": profile.ord_types_mask, "time_in_forces": profile.time_in_forces_mask, "instructions": profile.instructions_mask}
            self.control("DEFINE_VENUE", body=record("Venue", id=row, name=venue["name"], session=session, status=1, durability=1, **capabilities))
        for row, strategy in enumerate(setup.strategies, 1):
            status = ENUMS["StrategyStatus"].by_name[strategy.get("status", "ENABLED")]
            values = {"max_age_ns": strategy["max_age_ms"] * 1_000_000, "cancel_on_detach": int(strategy.get("cancel_on_detach", False))}
            values["desk_row"] = setup.desks.index(strategy["desk"]) + 1 if "desk" in strategy else 0
            self.control("DEFINE_STRATEGY", body=record("Strategy", id=row, name=strategy["name"], status=status, **values))
            self.control("STRATEGY_ATTACH", strategy=row, epoch=1, pid=1)
        for row, route in enumerate(setup.routes, 1):
            rows = {
                "instrument": self.instrument(route["instrument"]) if "instrument" in route else 0,
                "account": row_of(setup.accounts, route["account"], "account") if "account" in route else 0,
                "venue": row_of(setup.venues, route.get("venue", ""), "venue"),
                "strategy": self.strategy(route["strategy"]) if "strategy" in route else 0,
            }
            digits = setup.instruments[(rows["instrument"] or 1) - 1].qty_digits
            rows |= {key: scaled(route[key], digits, key) for key in ("qty_min", "qty_max") if key in route}
            rows |= {"side": route.get("side", 0), "from_s": route.get("from", 0), "until_s": route.get("until", 0)}
            self.control("DEFINE_ROUTE", body=record("Route", id=row, name=route["name"], status=1, **rows))
        self._control_model()

    def _control_model(self) -> None:
        """Grants and limits, read as a configuration reads them."""
        ids = self.names()
        row = 0
        for k, values in enumerate(self.setup.permissions, 1):
            try:
                grants = read_permission(Table(values, f"permissions[{k}]", "config"), k, ids)
            except ConfigError as e:
                raise Wrong(str(e)) from None
            for grant in grants:
                row += 1
                for change in grant_changes(row, grant):
                    self.frame("CONTROL", change)
        for limit in self.setup.limits:
            self.set_limit(limit)

    def names(self) -> dict[str, dict[str, int]]:
        """Rows of every object by its name."""
        setup = self.setup
        out = {table: {n: k for k, n in enumerate(names, 1)} for table, names in (("brokers", setup.brokers), ("desks", setup.desks))}
        out["currencies"] = {code: k for k, code in enumerate(setup.currencies, 1)}
        out["instruments"] = {i.symbol: k for k, i in enumerate(setup.instruments, 1)}
        for table, rows in (("accounts", setup.accounts), ("venues", setup.venues), ("strategies", setup.strategies)):
            out[table] = {r["name"]: k for k, r in enumerate(rows, 1)}
        return out

    def set_limit(self, limit: dict[str, Value]) -> None:
        """Set a limit from its scope, rule and value in words.

        Raises
        ------
        Wrong
            One of them says nothing that can be.
        """
        try:
            kind, a, b = parse_scope(limit["scope"], self.names())
            rule = find_rule(limit["rule"], kind)
            instrument = b or (a if kind == SCOPE["INSTRUMENT"] else 1)
            value = parse_value(rule, limit["value"], self.setup.instruments[instrument - 1].qty_digits)
        except KeyError as e:
            raise Wrong(f"a limit needs scope, rule and value; {e} is missing") from None
        except ValueError as e:
            raise Wrong(str(e)) from None
        self.frame("CONTROL", limit_change(rule.name, (kind, a, b), value))

    # ---- frames

    def frame(self, kind: str, payload: Any, source: int = 0) -> list[Any]:
        """Apply one input; return the strategies' events and queue its commands for their venues."""
        self.now += 1000
        body = payload.tobytes()
        head = record(
            "FileFrame",
            length=RECORDS["FileFrame"].size + len(body),
            seq=self.replayer.seq + 1,
            engine_ns=self.now,
            source_epoch=1,
            source=source,
            kind=ENUMS["FrameKind"].by_name[kind],
            payload_bytes=len(body),
        )
        data = head.tobytes() + body
        self.journal.append(data)
        self.replayer.apply(data)
        for row, queue in self.commands.items():
            for command in self.replayer.state.take_queue(row):
                self._chain(command)
                queue.append(command)
        return [e for row in range(1, len(self.setup.strategies) + 1) for e in self.replayer.state.take_queue(row, strategy=True)]

    def control(self, kind: str, **fields: Any) -> None:
        self.frame("CONTROL", record("Control", kind=ENUMS["ControlKind"].by_name[kind], **fields))

    def _chain(self, command: Any) -> None:
        """Remember a ClOrdID for ``@``; a status request names one that is there already, a mass cancel has one of no order."""
        if int(command["kind"]) not in _CHAINED:
            return
        order = self.table("orders")[int(command["order_id"])]
        key = int(order["strategy"]), int(order["client_id"])
        self.chains.setdefault(key, []).append(command["cl_ord_id"].decode("latin-1"))

    # ---- what there is

    def table(self, name: str) -> Any:
        return self.replayer.state.table(name)

    @property
    def status(self) -> Any:
        return self.table("engine")[1]

    def strategy(self, name: str) -> int:
        """Row of a strategy; the first when the name is empty."""
        return row_of(self.setup.strategies, name, "strategy")

    def instrument(self, name: str) -> int:
        """Row of an instrument; the first when the name is empty."""
        return row_of(self.setup.instruments, name, "instrument", lambda i: str(i.symbol))

    def order(self, strategy: int, client: int) -> Any | None:
        """Return the row of a client_id, or None."""
        rows = self.table("orders")[1 : int(self.status["order_count"]) + 1]
        return next((o for o in rows if int(o["client_id"]) == client and int(o["strategy"]) == strategy), None)

    def breaks(self) -> list[str]:
        """Names of the breaks raised so far, lower case, in order."""
        n = min(int(self.status["break_count"]), LIMITS.breaks - 1)
        return [ENUMS["BreakKind"].by_value[int(b["kind"])].lower() for b in self.table("breaks")[1 : n + 1]]

    def replayed_hash(self) -> int:
        """State hash after a replay of the journal in a fresh engine."""
        other = Replayer(LIMITS)
        data = b"".join(self.journal)
        other.apply_buffer(data, 0, len(data))
        return other.state_hash()


def scaled(value: Value, digits: int, what: str) -> int:
    try:
        return to_scaled(value if not isinstance(value, int) else str(value), digits)
    except ValueError as e:
        raise Wrong(f"{what}: {e}") from None


def _instrument(row: int, spec: InstrumentSpec) -> Any:
    values = spec.values
    figures = {
        "tick": scaled(values["tick"], spec.price_digits, "tick") if "tick" in values else 1,
        "lot": scaled(values["lot"], spec.qty_digits, "lot") if "lot" in values else 1,
        "qty_min": scaled(values.get("qty_min", "0"), spec.qty_digits, "qty_min"),
        "qty_max": scaled(values.get("qty_max", "0"), spec.qty_digits, "qty_max"),
    }
    names = {"symbol": spec.symbol, "base": values.get("base", "")[:7], "quote": values.get("quote", "")[:7]}
    digits = {"price_digits": spec.price_digits, "qty_digits": spec.qty_digits}
    terms = {name: int(values.get(name, 0)) for name in ("inverse", "restricted", "locate_required", "last_day")} | {"margin_ppm": values.get("margin", 0)}
    terms |= {"kind": ENUMS["InstrumentKind"].by_name[values.get("kind", "FX_SPOT")], "status": values.get("status", 1)}
    out = record("Instrument", id=row, multiplier=values.get("multiplier", 1), **names, **digits, **figures, **terms)
    for k, band in enumerate(values.get("bands", [])[:3]):
        out["band_px"][k], out["band_tick"][k] = (scaled(band[n], spec.price_digits, n) for n in ("from", "tick"))
    return out
