"""Settings of a FIX session; checked when they are made, every message names key and value."""

from __future__ import annotations

from dataclasses import dataclass, field

from ringfence.gateways.errors import SessionError

BEGIN_STRINGS = ("FIX.4.2", "FIX.4.4")
ROLES = ("initiator", "acceptor")
PROFILES = ("compatible", "strict")
TOO_HIGH = ("queue", "drop")
ON_REFUSAL = ("retry", "stop")
COMP_ID_BYTES_MAX = 64
CREDENTIAL_BYTES_MAX = 64
CHECKS_ALL = 1023
"""Every check of ``validation.h``: RF_FIX_CHECK_ALL."""


@dataclass(frozen=True)
class SessionConfig:
    """Identity and habits of a session.

    Parameters
    ----------
    sender_comp_id, target_comp_id : str
        SenderCompID(49) and TargetCompID(56) of what we send; the counterparty's messages carry them the other way round.
    role : str
        ``initiator`` connects and logs on first, ``acceptor`` answers.
    heartbeat_s : int
        HeartBtInt(108) [s]; an acceptor takes the initiator's. 0: no heartbeats.
    profile : str
        ``compatible``: as the field's engines behave; ``strict``: the specification's text where the two differ (docs/fix.md lists it).
    checks : int
        Sum of RF_FIX_CHECK_* of ``validation.h`` that incoming messages must pass; needs a dictionary.
    username, password : str
        Username(553) and Password(554), FIX 4.4: sent by an initiator, asked for by an acceptor when either is set.
    next_expected : bool
        Send and obey NextExpectedMsgSeqNum(789) in Logons, FIX 4.4: both sides resend what the other lacks without a ResendRequest.
    reset_on_logon : bool
        Both sequence numbers start at 1 on every logon; an initiator says so with ResetSeqNumFlag(141)=Y.
    reset_on_logout, reset_on_disconnect : bool
        Both numbers start at 1 after a Logout handshake, or whenever the connection ends.
    too_high : str
        Messages behind a gap: ``queue`` keeps them for their turn, ``drop`` waits until they are resent.
    resend_chunk : int
        Messages asked for by one ResendRequest; the next is sent when it is filled. 0: all in one, EndSeqNo(16)=0.
    order_max_age_s : int
        An order that the counterparty asks for again goes out when it is at most so old [s]; an older one is filled and NOT_SENT. 0: never.
    disconnect_on_error : bool
        Log out after every Reject(3) that we send.
    on_too_low, on_refused_logon : str
        After numbers that do not agree, or a Logon that was refused: ``retry`` lets the owner connect again, ``stop`` wants an operator first.
    failures_max : int
        So many connections in a row that ended before they were up want an operator too. 0: no limit.
    check_latency : bool
        Refuse messages whose SendingTime(52) is more than ``latency_s_max`` away from our clock.
    latency_s_max, logon_s_max, logout_s_max : int
        Limits [s]: SendingTime, wait for a Logon, wait for a Logout.

    Raises
    ------
    SessionError
        A value is not allowed; the message names it.
    """

    sender_comp_id: str
    target_comp_id: str
    role: str = "initiator"
    begin_string: str = "FIX.4.2"
    heartbeat_s: int = 30
    profile: str = "compatible"
    checks: int = CHECKS_ALL
    username: str = ""
    password: str = field(default="", repr=False)
    next_expected: bool = False
    reset_on_logon: bool = False
    reset_on_logout: bool = False
    reset_on_disconnect: bool = False
    too_high: str = "queue"
    resend_chunk: int = 0
    order_max_age_s: int = 0
    disconnect_on_error: bool = False
    on_too_low: str = "retry"
    on_refused_logon: str = "retry"
    failures_max: int = 0
    check_latency: bool = True
    latency_s_max: int = 120
    logon_s_max: int = 10
    logout_s_max: int = 2

    def __post_init__(self) -> None:
        self._check_choices()
        for name in ("sender_comp_id", "target_comp_id"):
            value = getattr(self, name)
            if not 0 < len(value) <= COMP_ID_BYTES_MAX or not value.isascii() or not value.isprintable():
                raise SessionError(f"{name} was {value!r}; use 1 to {COMP_ID_BYTES_MAX} printable ASCII characters")
        for name in ("username", "password"):
            value = getattr(self, name)
            if len(value) > CREDENTIAL_BYTES_MAX or not value.isascii() or not (value.isprintable() or not value):
                raise SessionError(f"{name} is not allowed; use at most {CREDENTIAL_BYTES_MAX} printable ASCII characters")
        if self.begin_string == "FIX.4.2" and (self.username or self.password or self.next_expected):
            raise SessionError("username, password and next_expected need begin_string FIX.4.4: a Logon of FIX.4.2 has no 553, 554 and 789")
        for name in ("heartbeat_s", "latency_s_max", "logon_s_max", "logout_s_max", "order_max_age_s"):
            if not 0 <= getattr(self, name) <= 86400:
                raise SessionError(f"{name} was {getattr(self, name)!r}; use 0 to 86400 seconds")
        for name, most in (("resend_chunk", 1_000_000), ("failures_max", 1_000_000), ("checks", CHECKS_ALL)):
            if not 0 <= getattr(self, name) <= most:
                raise SessionError(f"{name} was {getattr(self, name)!r}; use 0 to {most}")

    def _check_choices(self) -> None:
        choices = {
            "role": ROLES, "begin_string": BEGIN_STRINGS, "profile": PROFILES, "too_high": TOO_HIGH,
            "on_too_low": ON_REFUSAL, "on_refused_logon": ON_REFUSAL,
        }  # fmt: skip
        for name, allowed in choices.items():
            if getattr(self, name) not in allowed:
                raise SessionError(f"{name} was {getattr(self, name)!r}; use one of {', '.join(allowed)}")

    @property
    def identity(self) -> str:
        """What the message store is bound to."""
        return f"{self.begin_string}:{self.sender_comp_id}->{self.target_comp_id}"
