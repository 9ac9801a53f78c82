from ringfence.gateways.fix.session import Session

class Loops:
    def __init__(self, session: Session) -> None: ...
    def parse(self, stream: bytes, times: int) -> int: ...
    def check(self, stream: bytes, times: int) -> int: ...
    def receive(self, stream: bytes, times: int) -> int: ...
    def encode(self, commands: list[bytes], times: int, now_ns: int) -> int: ...
    def new_order(
        self,
        cl_ord_id: bytes,
        symbol: bytes,
        account: bytes,
        side: int,
        ord_type: int,
        time_in_force: int,
        qty: int,
        px: int,
        px_digits: int,
        now_ns: int,
    ) -> bytes: ...
