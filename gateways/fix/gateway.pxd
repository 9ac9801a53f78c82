# One gateway process: what it holds. `g` is the loop's private state (cycle.pxd); a bench turns the loop itself.
from ringfence.gateways.fix.cycle cimport gateway_t
from ringfence.gateways.fix.dialect cimport Dialect
from ringfence.gateways.fix.kill_switch cimport KillSwitch
from ringfence.gateways.fix.session cimport Session
from ringfence.gateways.fix.store cimport MessageStore
from ringfence.ipc.clock cimport Clock
from ringfence.ipc.link cimport Link
from ringfence.ipc.metrics cimport Metrics
from ringfence.ipc.segment cimport Segment


cdef class Gateway:
    cdef gateway_t *g
    cdef readonly object spec
    cdef readonly Session session
    cdef readonly Dialect dialect
    cdef readonly MessageStore store
    cdef readonly Segment mine
    cdef Segment theirs
    cdef Segment sidecar
    cdef Segment standby
    cdef Segment journal             # to.sidecar, observed
    cdef readonly Metrics metrics
    cdef readonly Clock clock
    cdef KillSwitch kill
    cdef Link link
    cdef object sock
    cdef public object connector     # of an initiator, else None; the simulator sets its own
    cdef readonly object listener    # of an acceptor, else None
    cdef object tls                  # None: plain TCP
    cdef object windows              # Schedule; None: always open
    cdef bint adopted

    cdef int _wire_metrics(self) except -1
