"""What the lines of a scenario do to its machine: intents, messages of venues, sessions, the operator, what the engine observes.

Names (strategies, accounts, instruments, venues) become rows here, figures become scaled integers. What names something that there is not raises ``Wrong``,
which the runner reports as a difference at that line: whether an order exists is only known by running.
"""

from __future__ import annotations

from typing import Any

from ringfence.ipc.schema import CONSTANTS, ENUMS
from ringfence.tools.rule_values import parse_scope
from ringfence.tools.scenario_config import row_of
from ringfence.tools.scenario_engine import record, scaled
from ringfence.tools.scenario_machine import Answer, Machine, Refusal
from ringfence.tools.scenario_venue import first
from ringfence.tools.scenario_words import Step, Value, Wrong

_EVENT_NAME = ENUMS["EventKind"].by_value
_REASON = ENUMS["DenyReason"].by_value
_FIELD = {"type": "ord_type", "tif": "time_in_force"}


def do(machine: Machine, step: Step) -> None:
    """Do one line of the file.

    Raises
    ------
    Wrong
        It names something that there is not (a venue, a strategy, a ClOrdID that was never sent).
    """
    if step.kind == "intent":
        _intent(machine, step.value)
    elif step.kind == "venue":
        _venue(machine, step)
    elif step.kind == "session":
        link = machine.at(step.at)
        if step.value == "up":
            machine.connect(link)
        else:
            machine.disconnect(link, step.lost)
    elif step.kind == "clock_ms":
        machine.advance(step.value)
    elif step.kind == "mark":
        _mark(machine, step.value)
    elif step.kind == "operator":
        _operator(machine, step)
    else:
        _observe(machine, step)
    machine.pump()


def _intent(machine: Machine, value: dict[str, Value]) -> None:
    strategy = machine.strategy(value.get("strategy", ""))
    op, client = str(value["op"]), int(value["target"] if "target" in value else value.get("client_id") or 0)
    intent = {"epoch": 1, "kind": ENUMS["IntentKind"].by_name[op], "client_id": client, "created_ns": max(machine.now - value.get("age_ms", 0) * 1_000_000, 1)}
    if op in ("NEW", "REPLACE"):
        intent |= _terms(machine, value, strategy, client)
    elif "instrument" in value:
        intent["instrument"] = machine.instrument(value["instrument"])
    for name, rows in (("account", machine.setup.accounts), ("route", machine.setup.routes)):
        if name in value:
            intent[name] = row_of(rows, value[name], name)
    machine.trace(f"intent  {op.lower()} client_id {client}")
    before = len(machine.chains.get((strategy, client), []))
    events = machine.frame("INTENT", record("Intent", **intent), source=strategy)
    _remember(machine, strategy, client, value, events)
    chain = machine.chains.get((strategy, client), [])
    if "client_id" in value and client != value["client_id"] and len(chain) > before:
        machine.own_ids[strategy, value["client_id"]] = chain[-1]


def _terms(machine: Machine, value: dict[str, Value], strategy: int, client: int) -> dict[str, Value]:
    """The terms of a new order, or of a replace: what that leaves out stays as the order has it."""
    order = machine.order(strategy, client)
    replacing = value["op"] == "REPLACE"
    row = int(order["instrument"]) if order is not None and replacing else 0
    if not row:
        row = machine.instrument(value.get("instrument", ""))
    elif value.get("instrument", machine.setup.instruments[row - 1].symbol) != machine.setup.instruments[row - 1].symbol:
        row = machine.instrument(value["instrument"])
    spec = machine.setup.instruments[row - 1]
    out = {"instrument": row}
    for key, name, digits in (
        ("qty", "qty", spec.qty_digits),
        ("display_qty", "display_qty", spec.qty_digits),
        ("price", "px", spec.price_digits),
        ("stop_price", "stop_px", spec.price_digits),
    ):
        if key in value:
            out[name] = scaled(value[key], digits, key)
        elif key == "qty" and order is not None:
            out[name] = int(order["pending_qty"]) or int(order["qty"])
    if replacing:
        names = {"side": "Side", "type": "OrdType", "tif": "TimeInForce"}
        return out | {_FIELD.get(k, k): ENUMS[e].by_name[value[k]] for k, e in names.items() if k in value}
    stop = "stop_price" in value
    kind = value.get("type") or (("STOP_LIMIT" if stop else "LIMIT") if "price" in value else ("STOP" if stop else "MARKET"))
    out |= {"side": ENUMS["Side"].by_name[value["side"]], "ord_type": ENUMS["OrdType"].by_name[kind]}
    out |= {"time_in_force": ENUMS["TimeInForce"].by_name[value.get("tif", "DAY")], "expire_ns": value.get("expire", 0)}
    return out | {"instructions": sum(CONSTANTS[f"INSTRUCTION_{n.upper()}"][0] for n in ("post_only", "reduce_only") if value.get(n))}


def _remember(machine: Machine, strategy: int, client: int, value: dict[str, Value], events: list[Any]) -> None:
    """Keep what the engine said: the order table has no row for an order that was refused."""
    answer = Answer("NONE", "NONE", client)
    for event in events:
        if int(event["client_id"]) == client or value["op"] == "CANCEL_ALL":
            answer = Answer(_EVENT_NAME[int(event["kind"])], _REASON.get(int(event["reason"]), "NONE"), client)
    machine.answer = answer
    if answer.kind != "DENIED":
        machine.refusals.pop((strategy, client), None)
    elif value["op"] == "NEW" or machine.order(strategy, client) is not None:
        machine.refusals[strategy, client] = Refusal(answer.reason, value)
    machine.trace(f"answer  {answer.kind.lower()}{f' {answer.reason.lower()}' if answer.kind == 'DENIED' else ''}")


def _venue(machine: Machine, step: Step) -> None:
    link = machine.at(step.at)
    fields = [(tag, machine.resolve(content, link if tag == 45 else None)) for tag, content in step.value]
    if first(fields, 35) == "8" and not any(tag == 55 for tag, _ in fields) and len(machine.setup.instruments) == 1:
        fields.append((55, machine.setup.instruments[0].symbol))
    link.venue.send([f for f in fields if f[1]], machine.now)


def _operator(machine: Machine, step: Step) -> None:
    value = step.value
    action, body = value["action"], {}
    if action == "set_strategy":
        status = ENUMS["StrategyStatus"].by_name[value["status"]]
        machine.control("SET_STRATEGY", strategy=machine.strategy(value["strategy"]), status=status)
        return
    if action == "limit":
        machine.trace(f"operator limit {value['limit']}")
        machine.set_limit(value["limit"])
        return
    if action in ("kill", "release"):
        machine.trace(f"operator {action} {value[action]}")
        machine.control(action.upper(), operator_name="scenario", reason="scenario", body=_kill(machine, value[action]))
        return
    strategy = machine.strategy(value.get("strategy", ""))
    if action == "mass_cancel":
        body["venue"] = machine.at(step.at).row
        if "instrument" in value:
            body["instrument"] = machine.instrument(value["instrument"])
    elif action == "resolve":
        body |= {"order_id": _order_id(machine, strategy, value["resolve"]), "ord_status": ENUMS["OrdStatus"].by_name[value["status"]]}
    elif action == "dont_know":
        body |= {"execution": _execution(machine, value["dont_know"]), "dk_reason": ord(value["reason"])}
    else:
        body["execution"] = _execution(machine, value["assign"])
        if "order" in value:
            body["order_id"] = _order_id(machine, strategy, value["order"])
        else:
            body["strategy"] = strategy
    kinds = {"mass_cancel": "MASS_CANCEL", "resolve": "RESOLVE_ORDER", "dont_know": "DONT_KNOW", "assign": "ASSIGN_EXECUTION"}
    machine.trace(f"operator {action}")
    machine.control(kinds[action], operator_name="scenario", reason="scenario", body=record("OrderAction", **body))


def _kill(machine: Machine, scope: str) -> Any:
    try:
        kind, a, b = parse_scope(scope, machine.names())
    except ValueError as e:
        raise Wrong(str(e)) from None
    return record("KillOrder", kind=kind, a=a, b=b, options=CONSTANTS["KILL_CANCEL"][0])


def _mark(machine: Machine, value: dict[str, Value]) -> None:
    row = machine.instrument(value.get("instrument", ""))
    digits = machine.setup.instruments[row - 1].price_digits
    machine.frame("MARK", record("Mark", instrument=row, **{n: scaled(value[n], digits, n) for n in ("bid", "ask", "last") if n in value}))


def _order_id(machine: Machine, strategy: int, client: int) -> int:
    order = machine.order(strategy, client)
    if order is None:
        raise Wrong(f"no order of client_id {client}")
    return int(order["order_id"])


def _execution(machine: Machine, exec_id: str) -> int:
    rows = machine.table("executions")[1 : int(machine.status["execution_count"]) + 1]
    found = [int(x["id"]) for x in rows if x["exec_id"].decode("latin-1") == exec_id]
    if not found:
        raise Wrong(f"no execution {exec_id!r}")
    return found[-1]


def _observe(machine: Machine, step: Step) -> None:
    kind = step.value["kind"]
    peer = machine.at(step.at).row if kind.startswith("GATEWAY") else 0
    if kind.startswith("STRATEGY"):
        peer = machine.strategy(step.value.get("strategy", ""))
    machine.frame("OBSERVATION", record("Observation", kind=ENUMS["ObservationKind"].by_name[kind], peer=peer))
