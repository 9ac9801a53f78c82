"""Settings of a FIX session; checked when they are made, every message names key and value."""

from __future__ import annotations

from dataclasses import dataclass

from ringfence.gateways.errors import SessionError

BEGIN_STRINGS = ("FIX.4.2", "FIX.4.4")
ROLES = ("initiator", "acceptor")
COMP_ID_BYTES_MAX = 64


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
    reset_on_logon : bool
        Both sequence numbers start at 1 on every logon; an initiator says so with ResetSeqNumFlag(141)=Y.
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
    reset_on_logon: bool = False
    check_latency: bool = True
    latency_s_max: int = 120
    logon_s_max: int = 10
    logout_s_max: int = 2

    def __post_init__(self) -> None:
        if self.role not in ROLES:
            raise SessionError(f"role was {self.role!r}; use one of {', '.join(ROLES)}")
        if self.begin_string not in BEGIN_STRINGS:
            raise SessionError(f"begin_string was {self.begin_string!r}; use one of {', '.join(BEGIN_STRINGS)}")
        for name in ("sender_comp_id", "target_comp_id"):
            value = getattr(self, name)
            if not 0 < len(value) <= COMP_ID_BYTES_MAX or not value.isascii() or not value.isprintable():
                raise SessionError(f"{name} was {value!r}; use 1 to {COMP_ID_BYTES_MAX} printable ASCII characters")
        for name in ("heartbeat_s", "latency_s_max", "logon_s_max", "logout_s_max"):
            if not 0 <= getattr(self, name) <= 86400:
                raise SessionError(f"{name} was {getattr(self, name)!r}; use 0 to 86400 seconds")

    @property
    def identity(self) -> str:
        """What the message store is bound to."""
        return f"{self.begin_string}:{self.sender_comp_id}->{self.target_comp_id}"
