from collections.abc import Mapping

from ringfence.gateways.fix.dictionary_file import Declaration, Field, Message

CHECKS: dict[str, int]
CHECK_ALL: int
REASONS: dict[int, str]

class Dictionary:
    begin_string: str
    fields: dict[int, Field]
    messages: dict[bytes, Message]
    declaration: Declaration
    def __init__(self, begin_string: str, custom: dict[int, tuple[str, str]]) -> None: ...
    def fault(self, message: bytes, checks: int = ...) -> tuple[int, int] | None: ...

def load(begin_string: str, custom: Mapping[int, tuple[str, str]] | None = ...) -> Dictionary: ...
