"""Permissions: which strategy may trade what, where and how. What no grant covers is denied.

A grant is a row of sets (accounts, venues, instruments, order types, times in force) that multiply; bit 0 of a set is "any", those to come too. Short sales
need a flag of their own. A strategy's grants are a list through ``next``; those to every strategy (strategy 0) are another, looked at last. One grant has to
cover all of an order: two halves of two grants give nothing.

    PermissionChange ──▶ row in permissions, in the list of its strategy          intent ──▶ bit tests along both lists ──▶ yes or no

Bounds: one row a grant, ten loads each. Written by the engine alone, in region ``state``. What can fail: a change that names a row, a set or an element that
cannot be changes nothing. While there is no grant at all (tests, scenarios without a model) nothing is looked at; a configuration always makes one.
Rejected: one matrix over all objects (64 MB at the largest sizes, a miss a look-up; a strategy has a handful of grants).
"""

from libc.stdint cimport uint8_t, uint16_t, uint32_t, uint64_t
from libc.string cimport memcpy, memset

from ringfence.core.state cimport EngineState
from ringfence.ipc.records cimport (
    RF_ANY, RF_GRANT_SHORT, RF_ORD_TYPE_MAX, RF_PERMISSION_PART_ACCOUNT, RF_PERMISSION_PART_INSTRUMENT, RF_PERMISSION_PART_ORD_TYPE,
    RF_PERMISSION_PART_SHORT, RF_PERMISSION_PART_STRATEGY, RF_PERMISSION_PART_TIME_IN_FORCE, RF_PERMISSION_PART_VENUE, RF_SIDE_SELL_SHORT,
    RF_TIME_IN_FORCE_MAX, Intent, Permission, PermissionChange,
)


# ---- looking

cdef inline int has(const uint64_t *words, uint32_t row) noexcept nogil:
    return words[0] & 1 or words[row >> 6] >> (row & 63) & 1


cdef inline int covers(const Permission *p, uint16_t account, uint16_t venue, const Intent *i) noexcept nogil:
    return (
        has(p.accounts, account)
        and has(p.venues, venue)
        and has(p.instruments, i.instrument)
        and (p.ord_types | p.ord_types >> (i.ord_type & 31)) & 1
        and (p.time_in_forces | p.time_in_forces >> (i.time_in_force & 31)) & 1
        and (i.side != RF_SIDE_SELL_SHORT or p.flags & RF_GRANT_SHORT)
    )


cdef int permitted(const EngineState *s, uint16_t strategy, uint16_t account, uint16_t venue, const Intent *intent) noexcept nogil:
    cdef uint32_t row
    if s.engine.permission_count == 0:
        return 1
    row = s.strategies[strategy].first_permission
    while row:
        if covers(&s.permissions[row], account, venue, intent):
            return 1
        row = s.permissions[row].next
    row = s.engine.first_permission
    while row:
        if covers(&s.permissions[row], account, venue, intent):
            return 1
        row = s.permissions[row].next
    return 0


# ---- changing

cdef uint32_t elements(const EngineState *s, uint8_t part) noexcept nogil:
    """The highest element of a set; 0: no such set."""
    if part == RF_PERMISSION_PART_ACCOUNT:
        return s.engine.account_count
    if part == RF_PERMISSION_PART_VENUE:
        return s.engine.venue_count
    if part == RF_PERMISSION_PART_INSTRUMENT:
        return s.engine.instrument_count
    if part == RF_PERMISSION_PART_ORD_TYPE:
        return RF_ORD_TYPE_MAX
    return RF_TIME_IN_FORCE_MAX if part == RF_PERMISSION_PART_TIME_IN_FORCE else 0


cdef int can_be(const EngineState *s, const PermissionChange *c) noexcept nogil:
    if c.permission == 0 or c.permission >= s.permission_rows or c.grant > 1:
        return 0
    if c.part == RF_PERMISSION_PART_STRATEGY:
        return (c.value == RF_ANY or 0 < c.value <= s.engine.strategy_count) and (c.grant or s.permissions[c.permission].id)
    if s.permissions[c.permission].id == 0:
        return 0
    if c.part == RF_PERMISSION_PART_SHORT:
        return 1
    return elements(s, c.part) != 0 and (c.value == RF_ANY or 0 < c.value <= elements(s, c.part))


cdef inline void put32(uint32_t *bits, uint32_t element, int grant) noexcept nogil:
    if grant:
        bits[0] |= <uint32_t>1 << element
    else:
        bits[0] &= ~(<uint32_t>1 << element)


cdef inline void put64(uint64_t *words, uint32_t element, int grant) noexcept nogil:
    if grant:
        words[element >> 6] |= <uint64_t>1 << (element & 63)
    else:
        words[element >> 6] &= ~(<uint64_t>1 << (element & 63))


cdef inline uint32_t *head_of(EngineState *s, uint16_t strategy) noexcept nogil:
    return &s.strategies[strategy].first_permission if strategy else &s.engine.first_permission


cdef void take_out(EngineState *s, Permission *p) noexcept nogil:
    cdef uint32_t *link = head_of(s, p.strategy)
    while link[0]:
        if link[0] == p.id:
            link[0] = p.next
            break
        link = &s.permissions[link[0]].next
    p.next = 0


cdef void put_in(EngineState *s, Permission *p) noexcept nogil:
    """At the end of its strategy's list, so that rows keep the order of the configuration."""
    cdef uint32_t *link = head_of(s, p.strategy)
    while link[0]:
        link = &s.permissions[link[0]].next
    link[0] = p.id


cdef void withdraw(Permission *p) noexcept nogil:
    """Empty sets grant nothing; the row stays, since the journal names it."""
    p.flags = 0
    p.ord_types = 0
    p.time_in_forces = 0
    memset(p.venues, 0, sizeof(p.venues))
    memset(p.accounts, 0, sizeof(p.accounts))
    memset(p.instruments, 0, sizeof(p.instruments))


cdef void give_to(EngineState *s, const PermissionChange *c) noexcept nogil:
    cdef Permission *p = &s.permissions[c.permission]
    if p.id:
        take_out(s, p)
    p.id = c.permission
    p.strategy = 0 if c.value == RF_ANY else <uint16_t>c.value
    memcpy(p.name, c.name, sizeof(p.name))
    if c.permission > s.engine.permission_count:
        s.engine.permission_count = c.permission
    put_in(s, p)


cdef int change_permission(EngineState *s, const PermissionChange *change) noexcept nogil:
    cdef Permission *p
    cdef uint32_t element = 0 if change.value == RF_ANY else change.value
    if not can_be(s, change):
        return 0
    p = &s.permissions[change.permission]
    if change.part == RF_PERMISSION_PART_STRATEGY or not change.grant:
        p.changed_seq = s.engine.seq
    if change.part == RF_PERMISSION_PART_STRATEGY:
        if change.grant:
            give_to(s, change)
        else:
            withdraw(p)
    elif change.part == RF_PERMISSION_PART_ACCOUNT:
        put64(p.accounts, element, change.grant)
    elif change.part == RF_PERMISSION_PART_VENUE:
        put64(p.venues, element, change.grant)
    elif change.part == RF_PERMISSION_PART_INSTRUMENT:
        put64(p.instruments, element, change.grant)
    elif change.part == RF_PERMISSION_PART_ORD_TYPE:
        put32(&p.ord_types, element, change.grant)
    elif change.part == RF_PERMISSION_PART_TIME_IN_FORCE:
        put32(&p.time_in_forces, element, change.grant)
    elif change.grant:
        p.flags |= RF_GRANT_SHORT
    else:
        p.flags &= ~<uint32_t>RF_GRANT_SHORT
    return 1


cdef int is_empty(const Permission *p) noexcept nogil:
    """1 when it covers no order whatever: one of its sets has no element."""
    cdef uint64_t accounts = 0, venues = 0, instruments = 0
    cdef int i
    for i in range(4):
        accounts |= p.accounts[i]
    for i in range(2):
        venues |= p.venues[i]
    for i in range(64):
        instruments |= p.instruments[i]
    return not accounts or not venues or not instruments or not p.ord_types or not p.time_in_forces


cdef int grants_more(const EngineState *s, const PermissionChange *change) noexcept nogil:
    cdef const Permission *p
    cdef uint32_t element = 0 if change.value == RF_ANY else change.value
    if not change.grant or not can_be(s, change):
        return 0
    p = &s.permissions[change.permission]
    if change.part == RF_PERMISSION_PART_STRATEGY:  # a new grant is empty; another owner gets what it has
        return p.id != 0 and p.strategy != 0 and p.strategy != element and not is_empty(p)
    if change.part == RF_PERMISSION_PART_SHORT:
        return not p.flags & RF_GRANT_SHORT
    if change.part == RF_PERMISSION_PART_ACCOUNT:
        return not has(p.accounts, element)
    if change.part == RF_PERMISSION_PART_VENUE:
        return not has(p.venues, element)
    if change.part == RF_PERMISSION_PART_INSTRUMENT:
        return not has(p.instruments, element)
    if change.part == RF_PERMISSION_PART_ORD_TYPE:
        return not (p.ord_types | p.ord_types >> element) & 1
    return not (p.time_in_forces | p.time_in_forces >> element) & 1
