# Who may trade what: grants of sets, as bits.
from libc.stdint cimport uint16_t

from ringfence.core.state cimport EngineState
from ringfence.ipc.records cimport Intent, PermissionChange

# 1 when a grant of the strategy, or one to every strategy, covers the intent whole; or when nobody has any grant.
cdef int permitted(const EngineState *s, uint16_t strategy, uint16_t account, uint16_t venue, const Intent *intent) noexcept nogil

# Apply one element of one grant; 0: it names what cannot be, and nothing changes. The caller has judged it.
cdef int change_permission(EngineState *s, const PermissionChange *change) noexcept nogil
# 1 when the change would let anybody do more than now.
cdef int grants_more(const EngineState *s, const PermissionChange *change) noexcept nogil
