from collections.abc import Mapping

from ringfence.gateways.fix.declaration import Declaration, Field, Message

CHECKS: dict[str, int]
CHECK_ALL: int

def load(begin_string: str, custom: Mapping[int, tuple[str, str]] | None = None) -> Dictionary: ...

class Dictionary:
    begin_string: str
    fields: dict[int, Field]
    messages: dict[bytes, Message]
    header: frozenset[int]
    trailer: frozenset[int]
    def __init__(self, declaration: Declaration) -> None: ...
    def fault(self, message: bytes, checks: int = ...) -> tuple[int | None, int] | None: ...
