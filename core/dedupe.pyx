"""Indexes that find an order, a position or an execution by its key: the engine's memory of what it has seen.

Each is an array of HashSlots (digest, row) in the state region, twice as many as the table has rows, written by the engine alone. A find
compares the digest and then the whole key in the row, so a digest shared by two keys costs a probe and never an answer.
Rows are never removed. A probe ends after ``PROBE_MAX`` slots: client_id and ExecID are chosen by others, and a chosen set of keys may
cost a refusal (ORDERS_FULL, the break EXECUTIONS_FULL), never the loop's time.

Rejected: a digest-only match (wrong once in 2^64 is wrong in an audit), chaining (a second cache miss), a window of recent ids
(a duplicate older than the window would be sent again).
"""

from libc.stdint cimport uint16_t, uint32_t, uint64_t
from libc.string cimport memcmp, memcpy

from ringfence.core.state cimport EngineState
from ringfence.ipc.records cimport Execution, HashSlot, Order, Position, Scope, ScopeSet

cdef extern from *:
    void prefetch "__builtin_prefetch" (const void *address) noexcept nogil

cdef enum:
    PROBE_MAX = 256


cdef inline int insert(HashSlot *slots, uint64_t mask, uint64_t digest, uint64_t row) noexcept nogil:
    cdef uint64_t at = digest
    cdef int _probe
    for _probe in range(PROBE_MAX):
        if slots[at & mask].row == 0:
            slots[at & mask].digest = digest
            slots[at & mask].row = row
            return 1
        at += 1
    return 0


cdef inline void repoint(HashSlot *slots, uint64_t mask, uint64_t digest, uint64_t old_row, uint64_t row) noexcept nogil:
    cdef uint64_t at = digest
    cdef int _probe
    for _probe in range(PROBE_MAX):
        if slots[at & mask].row == old_row and slots[at & mask].digest == digest:
            slots[at & mask].row = row
            return
        at += 1


cdef inline uint64_t text_digest(uint64_t h, const char *text, int words) noexcept nogil:
    cdef uint64_t word
    cdef int i
    for i in range(words):
        memcpy(&word, text + 8 * i, 8)
        h = mix(h, word)
    return h


cdef void prefetch_client_id(const EngineState *s, uint16_t strategy, uint64_t client_id) noexcept nogil:
    prefetch(&s.by_client_id[mix(mix(1, strategy), client_id) & s.client_mask])


cdef void prefetch_venue_order_id(const EngineState *s, uint16_t venue, const char *id32) noexcept nogil:
    prefetch(&s.by_venue_order_id[text_digest(mix(2, venue), id32, 4) & s.venue_order_mask])


cdef void prefetch_execution(const EngineState *s, uint64_t digest) noexcept nogil:
    prefetch(&s.by_execution[digest & s.execution_mask])


cdef uint64_t find_client_id(const EngineState *s, uint16_t strategy, uint64_t client_id) noexcept nogil:
    cdef uint64_t digest = mix(mix(1, strategy), client_id)
    cdef uint64_t at = digest
    cdef const HashSlot *slot
    cdef const Order *order
    cdef int _probe
    for _probe in range(PROBE_MAX):
        slot = &s.by_client_id[at & s.client_mask]
        if slot.row == 0:
            return 0
        if slot.digest == digest:
            order = &s.orders[slot.row]
            if order.client_id == client_id and order.strategy == strategy:
                return slot.row
        at += 1
    return 0


cdef int add_client_id(EngineState *s, uint16_t strategy, uint64_t client_id, uint64_t row) noexcept nogil:
    return insert(s.by_client_id, s.client_mask, mix(mix(1, strategy), client_id), row)


cdef uint64_t find_venue_order_id(const EngineState *s, uint16_t venue, const char *id32) noexcept nogil:
    cdef uint64_t digest = text_digest(mix(2, venue), id32, 4)
    cdef uint64_t at = digest
    cdef uint64_t newest = 0
    cdef const HashSlot *slot
    cdef const Order *order
    cdef int _probe
    for _probe in range(PROBE_MAX):
        slot = &s.by_venue_order_id[at & s.venue_order_mask]
        if slot.row == 0:
            break
        if slot.digest == digest and slot.row > newest:
            order = &s.orders[slot.row]
            if order.venue == venue and memcmp(order.venue_order_id, id32, 32) == 0:
                newest = slot.row
        at += 1
    return newest


cdef int add_venue_order_id(EngineState *s, uint16_t venue, const char *id32, uint64_t row) noexcept nogil:
    cdef uint64_t digest = text_digest(mix(2, venue), id32, 4)
    cdef uint64_t known = find_venue_order_id(s, venue, id32)
    if known == 0:
        return insert(s.by_venue_order_id, s.venue_order_mask, digest, row)
    if known < row:
        repoint(s.by_venue_order_id, s.venue_order_mask, digest, known, row)
    return 1


cdef uint64_t find_position(const EngineState *s, uint16_t account, uint16_t strategy, uint32_t instrument) noexcept nogil:
    cdef uint64_t digest = mix(mix(3, <uint64_t>account << 32 | strategy), instrument)
    cdef uint64_t at = digest
    cdef const HashSlot *slot
    cdef const Position *position
    cdef int _probe
    for _probe in range(PROBE_MAX):
        slot = &s.by_position[at & s.position_mask]
        if slot.row == 0:
            return 0
        if slot.digest == digest:
            position = &s.positions[slot.row]
            if position.instrument == instrument and position.account == account and position.strategy == strategy:
                return slot.row
        at += 1
    return 0


cdef int add_position(EngineState *s, uint16_t account, uint16_t strategy, uint32_t instrument, uint64_t row) noexcept nogil:
    return insert(s.by_position, s.position_mask, mix(mix(3, <uint64_t>account << 32 | strategy), instrument), row)


cdef uint64_t execution_digest(const ExecutionKey *key) noexcept nogil:
    cdef uint64_t h = mix(mix(4, key.order_id), <uint64_t>key.venue << 32 | <uint64_t>key.account << 8 | key.side)
    h = text_digest(h, key.exec_id, 5)
    return h if key.order_id else text_digest(h, key.venue_order_id, 4)


cdef uint64_t find_execution(const EngineState *s, const ExecutionKey *key, uint64_t digest) noexcept nogil:
    cdef uint64_t at = digest
    cdef const HashSlot *slot
    cdef const Execution *x
    cdef int _probe
    for _probe in range(PROBE_MAX):
        slot = &s.by_execution[at & s.execution_mask]
        if slot.row == 0:
            return 0
        if slot.digest == digest:
            x = &s.executions[slot.row]
            if (x.order_id == key.order_id and x.venue == key.venue and x.account == key.account and x.side == key.side
                    and memcmp(x.exec_id, key.exec_id, 40) == 0
                    and (key.order_id != 0 or memcmp(x.venue_order_id, key.venue_order_id, 32) == 0)):
                return slot.row
        at += 1
    return 0


cdef int add_execution(EngineState *s, uint64_t digest, uint64_t row) noexcept nogil:
    return insert(s.by_execution, s.execution_mask, digest, row)


cdef void repoint_execution(EngineState *s, uint64_t digest, uint64_t old_row, uint64_t row) noexcept nogil:
    repoint(s.by_execution, s.execution_mask, digest, old_row, row)


cdef uint64_t find_scope(const EngineState *s, uint8_t kind, uint32_t a, uint32_t b) noexcept nogil:
    cdef uint64_t digest = mix(mix(4, kind), <uint64_t>a << 32 | b)
    cdef uint64_t at = digest
    cdef const HashSlot *slot
    cdef const Scope *scope
    cdef int _probe
    for _probe in range(PROBE_MAX):
        slot = &s.by_scope[at & s.scope_mask]
        if slot.row == 0:
            return 0
        if slot.digest == digest:
            scope = &s.scopes[slot.row]
            if scope.kind == kind and scope.a == a and scope.b == b:
                return slot.row
        at += 1
    return 0


cdef int add_scope(EngineState *s, uint8_t kind, uint32_t a, uint32_t b, uint64_t row) noexcept nogil:
    return insert(s.by_scope, s.scope_mask, mix(mix(4, kind), <uint64_t>a << 32 | b), row)


cdef inline uint64_t set_digest(uint16_t strategy, uint16_t account, uint16_t venue, uint32_t instrument) noexcept nogil:
    return mix(mix(7, <uint64_t>strategy << 48 | <uint64_t>account << 32 | instrument), venue)


cdef uint64_t find_scope_set(const EngineState *s, uint16_t strategy, uint16_t account, uint16_t venue, uint32_t instrument) noexcept nogil:
    cdef uint64_t digest = set_digest(strategy, account, venue, instrument)
    cdef uint64_t at = digest
    cdef const HashSlot *slot
    cdef const ScopeSet *found
    cdef int _probe
    for _probe in range(PROBE_MAX):
        slot = &s.by_scope_set[at & s.scope_set_mask]
        if slot.row == 0:
            return 0
        if slot.digest == digest:
            found = &s.scope_sets[slot.row]
            if found.strategy == strategy and found.account == account and found.venue == venue and found.instrument == instrument:
                return slot.row
        at += 1
    return 0


cdef int add_scope_set(EngineState *s, uint16_t strategy, uint16_t account, uint16_t venue, uint32_t instrument, uint64_t row) noexcept nogil:
    return insert(s.by_scope_set, s.scope_set_mask, set_digest(strategy, account, venue, instrument), row)


cdef uint64_t find_content(const EngineState *s, uint64_t digest) noexcept nogil:
    cdef uint64_t at = digest
    cdef const HashSlot *slot
    cdef int _probe
    for _probe in range(PROBE_MAX):
        slot = &s.by_content[at & s.content_mask]
        if slot.row == 0:
            return 0
        if slot.digest == digest:
            return slot.row
        at += 1
    return 0


cdef int put_content(EngineState *s, uint64_t digest, uint64_t row) noexcept nogil:
    cdef uint64_t old = find_content(s, digest)
    if old == 0:
        return insert(s.by_content, s.content_mask, digest, row)
    repoint(s.by_content, s.content_mask, digest, old, row)
    return 1
