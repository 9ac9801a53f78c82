from ringfence.gateways.fix.dialect import Dialect
from ringfence.gateways.fix.profile import Profile
from ringfence.gateways.fix.store import MessageStore

def order_body(
    command: bytes, now_ns: int = 0, begin_string: str = "FIX.4.2", profile: Profile | None = None, dialect: Dialect | None = None
) -> tuple[bytes, bytes]: ...
def venue_event(
    message: bytes, received_ns: int = 0, store: MessageStore | None = None, profile: Profile | None = None, dialect: Dialect | None = None
) -> bytes | None: ...
def event_values(message: bytes) -> dict[str, int | bytes | tuple[int, int]] | None: ...
