"""Signed commands without an instance: what is signed, what the agent refuses and with which code, and what an auditor finds in a journal."""

from __future__ import annotations

import base64
import json
import os
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from journal_by_hand import START_NS, JournalByHand, record, value

from ringfence.ipc.layout import dtype
from ringfence.tools import authority, operator_actions, signed
from ringfence.tools.audit_trail import Trail, first_difference
from ringfence.tools.cli import main
from ringfence.tools.errors import (
    BearerRefused,
    ExtraMissing,
    NumberSpent,
    OtherInstance,
    Refused,
    SignatureExpired,
    SignatureWrong,
    SignedRefused,
    SignerUnknown,
    SignerWithoutKey,
    ToolError,
    UsageError,
)

ALICE, KEYLESS, HALTED, STRANGER = 70_001, 70_002, 70_003, 70_009
NOW = START_NS + 1_000_000_000
MINUTE = 60_000_000_000
INSTANCE = "fx"
ERRORS = (BearerRefused, NumberSpent, OtherInstance, SignatureExpired, SignatureWrong, SignerUnknown, SignerWithoutKey)


@pytest.fixture(scope="module")
def key_file(tmp_path_factory: Any) -> Path:
    path = Path(tmp_path_factory.mktemp("keys")) / "alice.pem"
    signed.keygen(path)
    return path


@pytest.fixture
def key(key_file: Path) -> Any:
    return signed.load_key(key_file)


def public(key: Any) -> bytes:
    return bytes(key.public_key().public_bytes_raw())


class State:
    """The two tables of an engine that the agent looks at."""

    def __init__(self, key: bytes, last_request: int = 0) -> None:
        rows = ((ALICE, "alice", key, 1), (KEYLESS, "bob", b"", 1), (HALTED, "carol", key, 2))
        self.operators = np.zeros(len(rows) + 1, dtype("Operator"))
        for k, (uid, name, public_key, status) in enumerate(rows, 1):
            self.operators[k] = record("Operator", id=k, uid=uid, name=name, public_key=public_key, status=status, role=3, last_request=last_request)
        self.engine = np.zeros(2, dtype("EngineStatus"))
        self.engine[1]["operator_count"] = len(rows)

    def section(self, name: str) -> Any:
        return {"operators": self.operators, "engine": self.engine}[name]


def envelope(key: Any, **changes: Any) -> signed.Envelope:
    fields = {"instance": INSTANCE, "operator": "alice", "words": "kill scope=firm", "reason": "a test", "number": 5, "not_after_ns": NOW + MINUTE} | changes
    return signed.sign(key, signed.Envelope(**fields))


def accept(made: signed.Envelope, state: State, bearer: int = ALICE, now_ns: int = NOW) -> signed.Accepted:
    return signed.accept(json.loads(json.dumps(made.as_json())), INSTANCE, state, bearer, now_ns)


# ---- the agent -----------------------------------------------------------------------------------------------------------------


def test_signed_command_when_it_holds_is_of_its_signer_whoever_brings_it(key: Any) -> None:
    for bearer in (0, os.getuid(), ALICE, KEYLESS):
        found = accept(envelope(key), State(public(key)), bearer)
        assert (found.uid, found.operator, found.request) == (ALICE, "alice", {"op": "kill", "scope": "firm", "reason": "a test"})
        assert int(found.tail["bearer_uid"]) == bearer


def test_refusal_when_a_signed_command_does_not_hold_has_an_error_and_a_code_of_its_own(key: Any) -> None:
    good, state = envelope(key), State(public(key), last_request=4)
    other = envelope(key, number=9)
    cases: list[tuple[type[SignedRefused], signed.Envelope, State, int, int]] = [
        (SignerUnknown, envelope(key, operator="mallory"), state, ALICE, NOW),
        (SignerUnknown, envelope(key, operator="carol"), state, ALICE, NOW),
        (SignerWithoutKey, envelope(key, operator="bob"), state, ALICE, NOW),
        (SignatureWrong, replace(good, signature=other.signature), state, ALICE, NOW),
        (SignatureWrong, good, State(bytes(31) + b"k", 4), ALICE, NOW),
        (OtherInstance, envelope(key, instance="fx2"), state, ALICE, NOW),
        (SignatureExpired, good, state, ALICE, good.not_after_ns + 1),
        (NumberSpent, envelope(key, number=4), state, ALICE, NOW),
        (NumberSpent, envelope(key, number=3), state, ALICE, NOW),
        (BearerRefused, good, state, STRANGER, NOW),
        (BearerRefused, good, state, HALTED, NOW),
    ]
    for error, made, tables, bearer, now in cases:
        with pytest.raises(error):
            accept(made, tables, bearer, now)
    assert {e.exit_code for e in ERRORS} == set(range(41, 48))
    assert {c[0] for c in cases} == set(ERRORS)
    accept(good, state, ALICE, good.not_after_ns)


@pytest.mark.parametrize("field", ["instance", "operator", "words", "reason", "number", "not_after_ns"])
def test_signature_when_any_signed_field_is_changed_is_wrong(key: Any, field: str) -> None:
    good = envelope(key)
    before = getattr(good, field)
    assert signed.verify(public(key), good)
    assert not signed.verify(public(key), replace(good, **{field: before + 1 if isinstance(before, int) else before + "x"}))


def test_fields_when_text_moves_from_one_to_the_next_are_other_bytes() -> None:
    a = signed.Envelope("fx", "alice", "halt", "x", 1, 2)
    for forged in (replace(a, reason="x\n1"), replace(a, words="halt\nx"), replace(a, operator="")):
        with pytest.raises(UsageError):
            forged.canonical()
    assert replace(a, words="hal", reason="tx").canonical() != a.canonical()


def test_envelope_when_it_is_none_is_a_usage_error(key: Any) -> None:
    right = envelope(key).as_json()
    wrong: list[Any] = [None, [], "x", {}, right | {"schema": "rf.signed/2"}, right | {"number": 5}, right | {"number": "-1"}, right | {"reason": 1}]
    wrong += [right | {"signature": text} for text in ("", "AA==", "no base64!", None)]
    for content in wrong:
        with pytest.raises(UsageError):
            signed.accept(content, INSTANCE, State(public(key)), ALICE, NOW)


def test_library_when_it_is_missing_names_the_extra(key: Any, monkeypatch: Any) -> None:
    made = envelope(key)
    monkeypatch.setitem(sys.modules, "cryptography.hazmat.primitives.asymmetric", None)
    with pytest.raises(ExtraMissing, match=r"pip install 'ringfence\[signed\]'"):
        accept(made, State(public(key)))


# ---- words ---------------------------------------------------------------------------------------------------------------------

VALUE = st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=20)
BY_KEY = {"flatten": st.just(True), "proposal": st.integers(1, 10**18), "order": st.integers(1, 10**18)}


@given(
    st.sampled_from(sorted(signed.WORDS)).flatmap(
        lambda op: st.tuples(st.just(op), st.fixed_dictionaries({}, optional={k: BY_KEY.get(k, VALUE) for k in signed.WORDS[op]}))
    )
)
def test_words_when_read_back_are_the_request_that_was_signed(asked: tuple[str, dict[str, Any]]) -> None:
    op, fields = asked
    if str(fields.get("execution", "x")).isdigit():
        fields["execution"] = int(fields["execution"]) or 1
    words = signed.compose(op, fields)
    assert signed.request_of(words, "why") == {"op": op, "reason": "why"} | fields


@pytest.mark.parametrize(
    "words",
    [
        *("", "explode", "kill  scope=firm", "kill scope=firm ", "kill scope", "kill flatten=yes scope=firm", "kill scope=a scope=b", "kill flatten=no"),
        *("kill x=1", "approve proposal=0", "approve proposal=01", "approve proposal=+1", "approve proposal=x", "divergence inputs=1", "halt reason=x"),
        *("status", "down"),
    ],
)
def test_words_when_they_are_not_as_they_are_written_are_refused(words: str) -> None:
    with pytest.raises(UsageError):
        signed.request_of(words, "why")


def test_operations_when_they_can_be_signed_are_those_of_operators() -> None:
    assert set(signed.WORDS) == {*authority.OPERATIONS, *operator_actions.OPERATIONS} - {"divergence", "book_entry", "set_method"}


# ---- keys and the command line ---------------------------------------------------------------------------------------------------


def test_key_file_when_made_is_private_and_never_overwritten(tmp_path: Path) -> None:
    path = tmp_path / "k.pem"
    key = signed.keygen(path)
    assert (path.stat().st_mode & 0o777, len(key)) == (0o600, 32)
    with pytest.raises(Refused, match="never overwritten"):
        signed.keygen(path)
    path.chmod(0o640)
    with pytest.raises(Refused, match="chmod 600"):
        signed.load_key(path)
    path.chmod(0o600)
    path.write_text("no key")
    with pytest.raises(ToolError, match="no private key"):
        signed.load_key(path)


@pytest.mark.parametrize(
    ("command", "words"),
    [
        (["kill", "venue:sim", "--flatten"], "kill scope=venue:sim flatten=yes"),
        (["resume"], "resume"),
        (["resume", "account:main/EUR/USD"], "release scope=account:main/EUR/USD"),
        (["limits", "set", "MAX_QTY", "firm", "100", "--for", "30m"], "set_limit rule=MAX_QTY scope=firm value=100 for=30m"),
        (["approve", "7"], "approve proposal=7"),
        (["withdraw", "7"], "withdraw proposal=7"),
        (["strategy", "mm1", "disabled"], "set_strategy strategy=mm1 status=disabled"),
        (["halt"], "halt"),
        (["cancel", "sim", "--symbol", "EUR/USD"], "mass_cancel venue=sim symbol=EUR/USD"),
        (["resolve", "12", "canceled"], "resolve order=12 status=canceled"),
        (["assign", "=E5", "--to", "mm1"], "assign execution=E5 strategy=mm1"),
        (["dk", "4", "Z"], "dont_know execution=4 dk_reason=Z"),
    ],
)
def test_sign_when_given_a_command_of_the_host_writes_its_words(key_file: Path, tmp_path: Path, command: list[str], words: str) -> None:
    out = tmp_path / "command.json"
    flags = ["--key", str(key_file), "--as", "alice", "--valid", "1h", "--number", "9", "--out", str(out)]
    assert main(["--instance", INSTANCE, "sign", *flags, *command, "--reason", "because"]) == 0
    made = signed.parse(json.loads(out.read_text()))
    assert (made.words, made.reason, made.number, made.operator, made.instance) == (words, "because", 9, "alice", INSTANCE)
    assert signed.verify(public(signed.load_key(key_file)), made)


def test_sign_when_it_cannot_be_says_what_can(key_file: Path, capsys: Any) -> None:
    flags = ["--instance", INSTANCE, "sign", "--key", str(key_file), "--as", "alice"]
    assert main([*flags, "status"]) == 2
    assert "allowed: kill" in capsys.readouterr().err
    assert main([*flags, "halt", "--reason", "x" * 56]) == 2
    assert "1 to 55" in capsys.readouterr().err
    assert main([*flags, "--valid", "soon", "halt", "--reason", "x"]) == 2


# ---- the auditor -----------------------------------------------------------------------------------------------------------------


class Signed(JournalByHand):
    """A journal of one signed limit; ``forge`` gets the Control's body and signature before it is journaled."""

    def __init__(self, data: Path, key: Any, words: str = "set_limit rule=OPEN_ORDERS scope=firm value=100", qty: int = 100, **forged: Any) -> None:
        super().__init__(data)
        operator = record("Operator", id=1, name="alice", uid=ALICE, role=value("OperatorRole", "RISK"), status=1, public_key=public(key))
        self.control("DEFINE_OPERATOR", operator)
        made = envelope(key, words=words, instance="byhand")
        body = record("LimitChange", rule=value("RiskRule", "OPEN_ORDERS"), kind=value("ScopeKind", "FIRM"), value=qty)
        raw = np.frombuffer(body.tobytes() + signed.tail_of(made, ALICE).tobytes(), np.uint8)
        self.control("SET_LIMIT", raw, **({"operator_uid": ALICE, "operator_name": "alice", "reason": made.reason} | forged))
        self.write()


def verdict(journal: JournalByHand) -> tuple[str, list[str]]:
    trail = Trail(journal.directory)
    last = list(trail.entries())[-1]
    return last.signed, [*trail.forged, *trail.unchecked]


def test_audit_when_a_command_was_signed_says_so(key: Any, tmp_path: Path, capsys: Any) -> None:
    journal = Signed(tmp_path, key)
    assert verdict(journal) == ("signed", [])
    assert main(["audit", str(journal.directory)]) == 0
    assert "1 signatures hold" in capsys.readouterr().out


def test_audit_when_the_journal_has_not_what_was_signed_finds_it(key: Any, tmp_path: Path, capsys: Any) -> None:
    cases = {
        "qty": (Signed(tmp_path / "a", key, qty=99), "does not have what was signed"),
        "reason": (Signed(tmp_path / "b", key, reason="another"), "did not sign it"),
        "name": (Signed(tmp_path / "c", key, operator_name="bob"), "was not operator bob"),
        "kind": (Signed(tmp_path / "d", key, words="halt"), "does not have what was signed"),
    }
    for journal, why in cases.values():
        said, doubts = verdict(journal)
        assert said == "forged" and why in doubts[0]
        assert main(["audit", str(journal.directory), "--verify"]) == 7
    assert "did not sign it" in capsys.readouterr().err


def test_audit_when_the_library_is_missing_does_not_believe_and_exports_the_same_chain(key: Any, tmp_path: Path, monkeypatch: Any, capsys: Any) -> None:
    journal = Signed(tmp_path, key)
    assert main(["audit", str(journal.directory), "--all", "--json"]) == 0
    export = tmp_path / "trail.json"
    export.write_text(capsys.readouterr().out)
    monkeypatch.setitem(sys.modules, "cryptography.hazmat.primitives.asymmetric", None)
    assert verdict(journal)[0] == "unchecked"
    assert first_difference(list(Trail(journal.directory).entries()), export) == ""


def test_audit_when_an_export_hides_a_signature_finds_the_entry(key: Any, tmp_path: Path, capsys: Any) -> None:
    journal = Signed(tmp_path, key)
    main(["audit", str(journal.directory), "--all", "--json"])
    export = json.loads(capsys.readouterr().out)
    export["rows"][-1]["signed"] = ""
    (tmp_path / "trail.json").write_text(json.dumps(export))
    assert "was changed after it was exported" in first_difference(list(Trail(journal.directory).entries()), tmp_path / "trail.json")


def test_signature_when_it_ends_in_zeros_survives_the_record(key: Any) -> None:
    made = replace(envelope(key), signature=bytes(range(1, 63)) + b"\0\0")
    command = record("Control", operator_name=made.operator, reason=made.reason)
    signed.Accepted({}, ALICE, made.operator, signed.tail_of(made, ALICE)).into(command)
    assert signed.journaled(command, made.instance) == made
    assert base64.b64decode(made.as_json()["signature"]) == made.signature
