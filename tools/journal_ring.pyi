from typing_extensions import Buffer

from ringfence.ipc.link import Link

class JournalRing:
    """The journal ring, read by the sidecar; ``link`` has ``from.sidecar`` as its own side.

    Attributes
    ----------
    next_seq : int
        Sequence of the next frame to be taken; 0 before the first.
    """

    next_seq: int
    def __init__(self, link: Link) -> None: ...
    def take(self, buffer: Buffer, through_seq: int, wait_ns: int, idle: int) -> tuple[int, int, int]:
        """Encode waiting frames into ``buffer`` (at least 448 bytes); wait at most ``wait_ns`` for the first one, or until the process is asked to stop.

        Parameters
        ----------
        through_seq : int
            Frames up to this sequence are on disk already: they are stepped over and not encoded.
        idle : int
            ``ringfence.ipc.host.Idle``: what to do while there is nothing.

        Returns
        -------
        (int, int, int)
            Bytes written to ``buffer``, frames encoded, frames stepped over.

        Raises
        ------
        RingGarbage
            If a slot is not what the engine can have published.
        """

    def release(self) -> None:
        """Give every slot taken so far back to the engine."""

    @property
    def waiting(self) -> int:
        """Slots published and not taken."""
