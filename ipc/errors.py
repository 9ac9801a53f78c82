"""Errors of the shared-memory layer::

IpcError
├── RegionMissing    no region of that name: its writer is not running, or has another instance name
├── RegionExists     a live process owns the region; it is never taken over or removed
├── LayoutMismatch   made by another build: record layouts differ
├── RegionCorrupt    owner, mode, size, magic or directory is not what a region of ours has
├── RingFull         no free slot now; try again after the reader has moved (retryable)
├── RingGarbage      a cursor or sequence word that cannot be: the ring is not to be read any more
└── PeerRefused      the process at the other end of a socket may not have what it asks for
"""


class IpcError(Exception):
    """Base of every error of ``ringfence.ipc``."""


class RegionMissing(IpcError):
    """No region of that name exists."""


class RegionExists(IpcError):
    """The region belongs to a process that is alive."""


class LayoutMismatch(IpcError):
    """The region was made by a build with other record layouts; the message names both hashes."""


class RegionCorrupt(IpcError):
    """The region fails a check that every region of ours passes: owner, mode, size, magic or directory."""


class RingFull(IpcError):
    """The ring has no free slot. Nothing was written; the same call may be tried again."""


class RingGarbage(IpcError):
    """A cursor or a sequence word holds a value that its writer can never have stored."""


class PeerRefused(IpcError):
    """The peer of a Unix socket is not who it has to be, or sent what it may not send."""
