# The strategy's end of its two rings. One thread uses it.
from libc.stdint cimport uint32_t, uint64_t

from ringfence.ipc.clock cimport Clock
from ringfence.ipc.idle cimport rf_idle_t
from ringfence.ipc.link cimport Link
from ringfence.ipc.records cimport Intent, StrategyEvent


cdef class Strategy:
    cdef Link link
    cdef Clock clock
    cdef rf_idle_t idle
    cdef uint64_t *heartbeat             # of our own region: a sign of life for the dead-man's switch
    cdef uint32_t epoch_word
    cdef readonly object attachment
    cdef readonly object tables
    cdef readonly uint64_t events_lost   # to a full event ring, since attach
    cdef readonly bint stopping
    cdef readonly bint closed
    cdef public double engine_grace_s    # how long a dead engine may take to come back
    cdef uint64_t last_output_seq
    cdef uint64_t next_client_id
    cdef uint64_t next_check_ns
    cdef uint64_t engine_dead_ns
    cdef uint64_t unseen_output_seq      # table's output_seq at the last idle check, while the ring was empty
    cdef dict instrument_of              # client_id -> instrument row, of live orders: the scale of a replace
    cdef dict order_id_of                # client_id -> row in orders, of open orders

    # Stamp, sum and publish one intent whose other fields are set; RingFull when there is no slot.
    cdef int publish(self, Intent *intent) except -1
    # An intent about an existing order; returns its instrument.
    cdef object _target(self, Intent *intent, order, int kind)
    cdef void _leave(self)
    cdef object _event(self, StrategyEvent *e)
    cdef object _lost(self, uint64_t count)
    cdef object _idle_check(self)
