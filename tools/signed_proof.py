"""What an auditor says of a signed command in a journal: whether its operator signed it, and whether what was journaled is what was signed.

    Control frame ──signed.journaled──▶ Envelope ──the key that the table had then──▶ Ed25519
    words of the envelope ──the builders of the control agent, on the tables of then──▶ Control ──compared──▶ with the frame

The second half matters: a signature over words proves nothing about a frame that says something else. Pure functions over replayed tables. Without the extra
``signed`` nothing can be proven, and the answer says so instead of believing.
"""

from __future__ import annotations

from typing import Any

from ringfence.ipc.schema import RECORDS
from ringfence.tools import authority, operator_actions, signed
from ringfence.tools.errors import ExtraMissing, ToolError
from ringfence.tools.rule_values import parse_duration

SIGNED, UNCHECKED, FORGED = "signed", "unchecked", "forged"
_BODY_AT = RECORDS["Control"].offsets["body"]
_EXPIRES = slice(8, 16)  # LimitChange.expires_ns
_SLACK_NS = 60_000_000_000  # between the agent's clock when it built the command and the engine's when it took it


class Tables:
    """The replayed state under the interface of the engine's region."""

    def __init__(self, state: Any) -> None:
        self._state = state

    def section(self, name: str) -> Any:
        return self._state.table(name)


def proof(command: Any, instance: str, state: Any, engine_ns: int) -> tuple[str, str]:
    """Judge a journaled command of a person.

    Parameters
    ----------
    command : record Control
    instance : str
        Name in the journal's segment header.
    state : EngineState
        The tables just before the command.
    engine_ns : int
        When the engine took it [ns].

    Returns
    -------
    (str, str)
        "" when it is not signed, else SIGNED, UNCHECKED or FORGED; and why.
    """
    envelope = signed.journaled(command, instance)
    if envelope is None:
        return "", ""
    tables: Any = Tables(state)
    uid = int(command["operator_uid"])
    rows = tables.section("operators")[1 : int(tables.section("engine")[1]["operator_count"]) + 1]
    operator = next((o for o in rows if int(o["uid"]) == uid and bytes(o["name"]).decode("latin-1") == envelope.operator), None)
    if operator is None:
        return FORGED, f"uid {uid} was not operator {envelope.operator}"
    try:
        if not signed.verify(bytes(operator["public_key"]).ljust(signed.KEY_BYTES, b"\0"), envelope):
            return FORGED, f"the key of operator {envelope.operator} did not sign it"
    except ExtraMissing as e:
        return UNCHECKED, str(e)
    try:
        request = signed.request_of(envelope.words, envelope.reason)
        build = operator_actions.build if request["op"] in operator_actions.OPERATIONS else _build(uid)
        wanted = build(str(request["op"]), request, tables)
    except ToolError as e:
        return UNCHECKED, f"its words do not fit the tables that it met ({e})"
    return (SIGNED, "") if _same(wanted, command, request, engine_ns) else (FORGED, f"the journal does not have what was signed, {envelope.words}")


def _build(uid: int) -> Any:
    return lambda op, request, tables: authority.build(op, request, tables, uid)


def _same(wanted: Any, command: Any, request: signed.Request, engine_ns: int) -> bool:
    """Whether the command is what the words make; when an override ends depends on when the agent got it."""
    if any(int(wanted[name]) != int(command[name]) for name in ("kind", "status", "strategy")):
        return False
    ours, theirs = (bytearray(c.tobytes()[_BODY_AT : _BODY_AT + signed.SIGNATURE_AT]) for c in (wanted, command))
    if "for" in request:
        ends_ns = int.from_bytes(theirs[_EXPIRES], "little")
        if abs(ends_ns - engine_ns - parse_duration(str(request["for"]))) > _SLACK_NS:
            return False
        ours[_EXPIRES] = theirs[_EXPIRES]
    return ours == theirs
