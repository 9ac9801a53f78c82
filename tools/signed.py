"""Signed commands: an operator signs on another machine, somebody carries the file, the control agent believes the signature and not the carrier.

    words ──compose──▶ Envelope ──Ed25519 (operator's machine)──▶ JSON file ──submit──▶ control socket ──accept──▶ request of the signer
                                                                                                          └──▶ Signature behind the command's body (journal)
    journal ──proven──▶ "signed", or what is wrong with it (ringfence audit)

What is signed is seven lines of printable ASCII: ``DOMAIN``, instance, operator, words (operation and key=value), reason, number, not-after time. All of them
are in the journaled command or in the name of its instance, so an auditor verifies the signature from the journal alone, with the key that the engine's
table had at that moment. The key is the table's, never one that a request brings. Numbers rise for each operator; the engine spends them
(core/authority.pyx) and refuses a number again in every replay; what is seen here already has an error of its own.

Pure but for ``keygen`` and ``load_key``, which own the key file. Ed25519 is ``cryptography``'s (extra ``signed``), imported when it is first needed. Rejected:
signing the journaled record (row numbers mean nothing to who signs); JSON as signed bytes (several texts for one value).
"""

from __future__ import annotations

import base64
import binascii
import os
import re
import stat
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ringfence.ipc.layout import dtype
from ringfence.ipc.schema import ENUMS, RECORDS
from ringfence.tools.errors import (
    BearerRefused,
    ExtraMissing,
    NumberSpent,
    OtherInstance,
    Refused,
    SignatureExpired,
    SignatureWrong,
    SignerUnknown,
    SignerWithoutKey,
    ToolError,
    UsageError,
)

Request = dict[str, Any]
SCHEMA = "rf.signed/1"
DOMAIN = "ringfence signed command 1"
EXTRA = "signed"
WORDS_MAX, REASON_MAX, NAME_MAX = 108, 55, 23
KEY_BYTES, SIGNATURE_BYTES = 32, 64
SIGNATURE_AT = 64
_ACTIVE = ENUMS["Status"].by_name["ACTIVE"]
_BODY_AT = RECORDS["Control"].offsets["body"]
_NUMBERS = frozenset(("proposal", "order"))
WORDS: dict[str, tuple[str, ...]] = {
    "kill": ("scope", "flatten"),
    "release": ("scope",),
    "set_limit": ("rule", "scope", "value", "for"),
    "approve": ("proposal",),
    "withdraw": ("proposal",),
    "set_strategy": ("strategy", "status"),
    "set_parameter": ("strategy", "parameter", "value"),
    "halt": (),
    "resume": (),
    "mass_cancel": ("venue", "symbol"),
    "resolve": ("order", "status"),
    "assign": ("execution", "order", "strategy"),
    "dont_know": ("execution", "dk_reason"),
}
"""Operations that may be signed, and their keys in the order in which they are written."""


@dataclass(frozen=True)
class Envelope:
    """A command as its operator signed it. ``signature`` is 64 bytes, empty before it is signed; times are UTC [ns]."""

    instance: str
    operator: str
    words: str
    reason: str
    number: int
    not_after_ns: int
    signature: bytes = b""

    def canonical(self) -> bytes:
        """The bytes that are signed.

        Raises
        ------
        UsageError
            If a field is too long, or holds what is not printable ASCII.
        """
        for key, longest in (("instance", 32), ("operator", NAME_MAX), ("words", WORDS_MAX), ("reason", REASON_MAX)):
            text = getattr(self, key)
            if not re.fullmatch(r"[ -~]+", text) or len(text) > longest:
                raise UsageError(f"{key} of a signed command was {text!r}; allowed: 1 to {longest} printable ASCII characters, all of which are journaled")
        for key in ("number", "not_after_ns"):
            if not 0 < getattr(self, key) < 1 << 64:
                raise UsageError(f"{key} of a signed command was {getattr(self, key)}; allowed: 1 to {(1 << 64) - 1}")
        lines = (DOMAIN, self.instance, self.operator, self.words, self.reason, str(self.number), str(self.not_after_ns))
        return "".join(f"{line}\n" for line in lines).encode("ascii")

    def as_json(self) -> Request:
        """The file's content; numbers of 64 bits as text, as in all JSON of this package."""
        fields = asdict(self) | {"number": str(self.number), "not_after_ns": str(self.not_after_ns), "signature": base64.b64encode(self.signature).decode()}
        return {"schema": SCHEMA} | fields


@dataclass(frozen=True)
class Accepted:
    """A signed command that holds: what is asked, by whom, and the record of its signature."""

    request: Request
    uid: int
    operator: str
    tail: Any

    def into(self, command: Any) -> None:
        """Write operator and signature into a Control record, whose body holds at most 64 bytes so far."""
        body = command.tobytes()[_BODY_AT : _BODY_AT + SIGNATURE_AT]
        command["operator_uid"], command["operator_name"] = self.uid, self.operator.encode()
        command["body"] = body + self.tail.tobytes()


# ---- words ---------------------------------------------------------------------------------------------------------------------


def compose(op: str, fields: Request) -> str:
    """The words of an operation; fields that are None are left out.

    Raises
    ------
    UsageError
        If the operation cannot be signed, or a value cannot be written as one word.
    """
    if op not in WORDS:
        raise UsageError(f"{op} cannot be signed; allowed: {', '.join(WORDS)}")
    out = [op]
    for key in WORDS[op]:
        value = fields.get(key)
        if value is None or value is False:
            continue
        text = "yes" if value is True else str(value)
        if not re.fullmatch(r"[!-~]+", text):
            raise UsageError(f"{key} was {text!r}; allowed in a signed command: one word of printable ASCII")
        out.append(f"{key}={text}")
    return " ".join(out)


def request_of(words: str, reason: str) -> Request:
    """The request that words stand for: the inverse of ``compose``.

    Raises
    ------
    UsageError
        If they are not as ``compose`` writes them.
    """
    op, *rest = words.split(" ")
    fields: Request = {}
    for word in rest:
        key, _, text = word.partition("=")
        fields[key] = _value(key, text)
    if op not in WORDS or compose(op, fields) != words:
        raise UsageError(f"signed words {words!r} are no command; ringfence sign writes them")
    return {"op": op, "reason": reason} | fields


def _value(key: str, text: str) -> Any:
    if key == "flatten":
        return text == "yes"
    if key in _NUMBERS or (key == "execution" and text.isdigit()):
        if not re.fullmatch(r"[1-9][0-9]{0,18}", text):
            raise UsageError(f"{key} was {text!r}; allowed: a number from 1 on")
        return int(text)
    return text


# ---- envelopes -----------------------------------------------------------------------------------------------------------------


def parse(content: Any) -> Envelope:
    """Read the JSON of an envelope.

    Raises
    ------
    UsageError
        If it is none.
    """
    try:
        if content["schema"] != SCHEMA:
            raise ValueError(f"schema {content['schema']!r}")
        texts = {key: content[key] for key in ("instance", "operator", "words", "reason")}
        if not all(isinstance(text, str) for text in texts.values()):
            raise ValueError("a text is none")
        number, not_after_ns = _whole(content["number"]), _whole(content["not_after_ns"])
        envelope = Envelope(**texts, number=number, not_after_ns=not_after_ns, signature=base64.b64decode(content["signature"], validate=True))
    except (KeyError, TypeError, ValueError, AttributeError, binascii.Error) as e:
        raise UsageError(f"not a signed command ({e!r}); make one with ringfence sign") from e
    if len(envelope.signature) != SIGNATURE_BYTES:
        raise UsageError(f"signature had {len(envelope.signature)} bytes; allowed: {SIGNATURE_BYTES}, in base64")
    return envelope


def _whole(text: str) -> int:
    if not re.fullmatch(r"[1-9][0-9]{0,19}", text):
        raise ValueError(f"number {text!r}")
    return int(text)


def accept(content: Any, instance: str, state: Any, bearer_uid: int, now_ns: int) -> Accepted:
    """Judge an envelope that was brought to the control agent; the operator's role and four eyes are judged later, by the engine.

    Parameters
    ----------
    content : object
        The envelope as JSON; nothing of it is trusted.
    instance : str
        Our name.
    state : Segment
        The engine's region, for looking only; its operators have the keys.
    bearer_uid : int
        Unix identity of who brought it.
    now_ns : int
        UTC [ns].

    Raises
    ------
    BearerRefused, OtherInstance, SignerUnknown, SignerWithoutKey, SignatureWrong, SignatureExpired, NumberSpent
        In this order.
    UsageError
        If it is no envelope.
    ExtraMissing
        If the library is not installed.
    """
    envelope = parse(content)
    operators = [o for o in state.section("operators")[1 : int(state.section("engine")[1]["operator_count"]) + 1] if int(o["status"]) == _ACTIVE]
    if bearer_uid not in (0, os.getuid(), *(int(o["uid"]) for o in operators)):
        raise BearerRefused(f"submit: uid {bearer_uid} may not bring signed commands; an operator of the instance may, of any role ([[operator]])")
    if envelope.instance != instance:
        raise OtherInstance(f"signed for instance {envelope.instance!r}, and this is {instance!r}; sign it for this one (ringfence sign --instance)")
    signer = next((o for o in operators if _text(o["name"]) == envelope.operator), None)
    if signer is None:
        names = ", ".join(_text(o["name"]) for o in operators) or "none"
        raise SignerUnknown(f"signed as {envelope.operator!r}, who is no active operator of {instance}; there are {names}")
    key = bytes(signer["public_key"]).ljust(KEY_BYTES, b"\0")
    if not any(key):
        raise SignerWithoutKey(f"operator {envelope.operator} has no public key here: put public_key into [[operator]] and reload (ringfence keygen)")
    if not verify(key, envelope):
        raise SignatureWrong(f"the signature is not by the key of operator {envelope.operator}, or something was changed after it was signed; sign it again")
    if envelope.not_after_ns < now_ns:
        late_s = (now_ns - envelope.not_after_ns) / 1e9
        raise SignatureExpired(f"its time was over {late_s:.0f} s ago; sign it again, with a longer --valid when it takes that long to get here")
    last = int(signer["last_request"])
    if envelope.number <= last:
        raise NumberSpent(f"request number {envelope.number} of operator {envelope.operator} is not above {last}, the last one taken; sign it again")
    return Accepted(request_of(envelope.words, envelope.reason), int(signer["uid"]), envelope.operator, tail_of(envelope, bearer_uid))


def tail_of(envelope: Envelope, bearer_uid: int) -> Any:
    """The record that is journaled behind the command's own."""
    tail = np.zeros(1, dtype("Signature"))[0]
    tail["number"], tail["not_after_ns"], tail["bearer_uid"] = envelope.number, envelope.not_after_ns, bearer_uid
    tail["signature"], tail["words"] = envelope.signature, envelope.words.encode()
    return tail


def journaled(command: Any, instance: str) -> Envelope | None:
    """The envelope of a journaled Control record, None when it is not signed."""
    at = _BODY_AT + SIGNATURE_AT
    tail = np.frombuffer(command.tobytes()[at : at + dtype("Signature").itemsize], dtype("Signature"), 1)[0]
    if not int(tail["number"]):
        return None
    texts = {"operator": _text(command["operator_name"]), "words": _text(tail["words"]), "reason": _text(command["reason"])}
    signature = bytes(tail["signature"]).ljust(SIGNATURE_BYTES, b"\0")
    return Envelope(instance, **texts, number=int(tail["number"]), not_after_ns=int(tail["not_after_ns"]), signature=signature)


def _text(raw: Any) -> str:
    return bytes(raw).decode("latin-1")


# ---- keys ------------------------------------------------------------------------------------------------------------------------


def _ed25519() -> Any:
    try:
        from cryptography.hazmat.primitives.asymmetric import ed25519
    except ImportError as e:
        raise ExtraMissing("signed commands", EXTRA) from e
    return ed25519


def verify(public_key: bytes, envelope: Envelope) -> bool:
    """Whether the key signed it. ExtraMissing without the library."""
    module = _ed25519()
    from cryptography.exceptions import InvalidSignature

    try:
        module.Ed25519PublicKey.from_public_bytes(public_key).verify(envelope.signature, envelope.canonical())
    except (InvalidSignature, ValueError, UsageError):
        return False
    return True


def sign(key: Any, envelope: Envelope) -> Envelope:
    """The envelope with its signature."""
    return Envelope(**asdict(envelope) | {"signature": key.sign(envelope.canonical())})


def keygen(path: Path) -> bytes:
    """Make a private key in a new file (PKCS 8, PEM, mode 0600); return the 32 bytes of the public one.

    Raises
    ------
    Refused
        If the file exists.
    ExtraMissing
        Without the library.
    """
    key = _ed25519().Ed25519PrivateKey.generate()
    from cryptography.hazmat.primitives import serialization

    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    try:
        fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    except FileExistsError as e:
        raise Refused(f"{path} exists; a key is never overwritten: name another file, or move it away") from e
    with os.fdopen(fd, "wb") as file:
        file.write(pem)
    return bytes(key.public_key().public_bytes_raw())


def load_key(path: Path) -> Any:
    """Read a private key.

    Raises
    ------
    Refused
        If others may read the file.
    ToolError
        If it is no Ed25519 key.
    """
    module = _ed25519()
    from cryptography.hazmat.primitives import serialization

    mode = stat.S_IMODE(path.stat().st_mode)
    if mode & 0o077:
        raise Refused(f"{path} has mode {mode:04o}: others may read it or change it; chmod 600 {path}, and make a new key if they could have")
    try:
        key = serialization.load_pem_private_key(path.read_bytes(), None)
    except (ValueError, TypeError) as e:
        raise ToolError(f"{path}: no private key in PEM without a passphrase ({e}); ringfence keygen makes one") from e
    if not isinstance(key, module.Ed25519PrivateKey):
        raise ToolError(f"{path}: a key of another kind; allowed: Ed25519 (ringfence keygen makes one)")
    return key
