"""Errors of the tools, each with the exit code that the command line gives it.

::

    ToolError (1)
    ├── UsageError (2)            wrong arguments
    │   └── ConfigError (2)       names the key, the value and what is allowed
    ├── NotRunning (3)            no such instance, or its regions have another layout
    ├── ExtraMissing (1)          an optional library is not installed; names the extra that brings it
    ├── Refused (4)               permission, missing confirmation, already running
    │   └── SignedRefused         a signed command, before it reached the engine; each reason has its code
    │       ├── SignerUnknown (41)     no active operator of that name
    │       ├── SignerWithoutKey (42)  the operator has no public key
    │       ├── SignatureWrong (43)    not what the operator's key signed
    │       ├── OtherInstance (44)     signed for another instance
    │       ├── SignatureExpired (45)  delivered after its time
    │       ├── NumberSpent (46)       an older or repeated number
    │       └── BearerRefused (47)     the Unix identity that brought it may not
    ├── TimedOut (5)              the outcome is known: it did not happen
    ├── OutcomeUnknown (6)        it may or may not have happened
    ├── StoreError (1)            the ledger's store: what it holds or says is not as it must be
    │   ├── StoreAway (1)         it does not answer; tried again by itself
    │   └── StoreDiffers (7)      it and the journal do not agree
    └── JournalError (1)
        ├── JournalFull (1)       no space; retried by itself, nothing was lost
        ├── JournalSuspect (4)    a write or sync failed; never retried (the kernel may have dropped the pages); a start is refused until people have looked
        ├── JournalLocked (4)     another process writes this journal
        └── JournalCorrupt (7)    a defect that is not a torn tail; names segment, offset and sequence

Exit codes are those of docs/architecture.md. A caller that catches ``ToolError`` prints ``str(error)``: every message says what, where and what to do.
"""

from __future__ import annotations

from pathlib import Path


class ToolError(Exception):
    """Base of all; ``exit_code`` is what the command line exits with."""

    exit_code = 1


class UsageError(ToolError):
    """The command was called wrongly."""

    exit_code = 2


class ConfigError(UsageError):
    """A configuration key is missing, unknown, wrong or contradicts another.

    Parameters
    ----------
    key : str
        Path of the key, such as ``venue[2].session.port``.
    value : object
        What was found; ``MISSING`` when there was nothing.
    allowed : str
        What would be right, as a phrase after "allowed:".
    source : str
        File it came from.
    """

    MISSING = object()

    def __init__(self, key: str, value: object, allowed: str, source: str = "") -> None:
        self.key, self.value, self.allowed, self.source = key, value, allowed, source
        found = "is missing" if value is ConfigError.MISSING else f"was {value!r}"
        super().__init__(f"{source + ': ' if source else ''}{key} {found}; allowed: {allowed}")


class ExtraMissing(ToolError):
    """An optional library is needed and not installed.

    Parameters
    ----------
    what : str
        What needs it.
    extra : str
        The extra of this package that brings it.
    """

    def __init__(self, what: str, extra: str) -> None:
        super().__init__(f"{what}: a library is missing; install it: pip install 'ringfence[{extra}]'")


class NotRunning(ToolError):
    """No such instance, or shared memory of another layout."""

    exit_code = 3


class Refused(ToolError):
    """Known and not allowed."""

    exit_code = 4


class SignedRefused(Refused):
    """A signed command that the control agent does not hand on; nothing changed and its number is not spent."""


class SignerUnknown(SignedRefused):
    """It names no active operator of the instance."""

    exit_code = 41


class SignerWithoutKey(SignedRefused):
    """Its operator has no public key in the engine's table."""

    exit_code = 42


class SignatureWrong(SignedRefused):
    """The operator's key did not sign these words."""

    exit_code = 43


class OtherInstance(SignedRefused):
    """It was signed for an instance of another name."""

    exit_code = 44


class SignatureExpired(SignedRefused):
    """Its not-after time is over."""

    exit_code = 45


class NumberSpent(SignedRefused):
    """Its number is not higher than the last one of its operator: a repetition, or one that was overtaken."""

    exit_code = 46


class BearerRefused(SignedRefused):
    """Who brought it is neither the instance's own user nor one of its operators."""

    exit_code = 47


class TimedOut(ToolError):
    """It did not happen in time, and will not."""

    exit_code = 5


class OutcomeUnknown(ToolError):
    """No answer: it may have happened."""

    exit_code = 6


class StoreError(ToolError):
    """The ledger's store cannot be used as it is."""


class StoreAway(StoreError):
    """The store does not answer, or went away in the middle: whether the last batch is in it is not known until it answers again."""


class StoreDiffers(StoreError):
    """The store and the journal contradict each other."""

    exit_code = 7


class JournalError(ToolError):
    """Anything about journal files."""


class JournalRetired(JournalError):
    """Frames that were asked for have been removed by retention; a snapshot covers them."""


class JournalFull(JournalError):
    """No space for the next segment or bytes; the same append may be tried again later."""


class JournalSuspect(JournalError):
    """A write or sync failed once; what is on disk is not known, so this writer never writes again."""

    exit_code = 4


class JournalLocked(JournalError):
    """Another process has the journal open for append."""

    exit_code = 4


class JournalCorrupt(JournalError):
    """The journal contradicts itself.

    Parameters
    ----------
    detail : str
        What is wrong and what to do.
    segment : int
        Index of the segment file.
    path : Path
        The file.
    offset : int
        First byte in the file that is not right [bytes].
    seq : int
        Sequence that was expected there.
    """

    exit_code = 7

    def __init__(self, detail: str, segment: int, path: Path, offset: int, seq: int) -> None:
        self.detail, self.segment, self.path, self.offset, self.seq = detail, segment, path, offset, seq
        super().__init__(f"{path}: segment {segment}, offset {offset}, sequence {seq}: {detail}")
