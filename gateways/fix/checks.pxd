# distutils: include_dirs = gateways/fix
# The validator as the session calls it. Without validation.h (a build that has no dictionaries) nothing is refused.
from libc.stdint cimport uint32_t

from ringfence.gateways.fix.codec cimport rf_fix_message_t

cdef extern from *:
    """
    #include "codec.h"
    #if __has_include("validation.h")
    #include "validation.h"
    #else
    typedef struct rf_fix_dictionary_t rf_fix_dictionary_t;
    typedef struct { uint32_t tag; uint32_t reason; } rf_fix_fault_t;
    static inline int rf_fix_validate(const rf_fix_dictionary_t *d, uint32_t checks, const rf_fix_message_t *m, rf_fix_fault_t *fault) {
        (void)d; (void)checks; (void)m; (void)fault;
        return 1;
    }
    #endif
    """
    ctypedef struct rf_fix_dictionary_t:
        pass
    ctypedef struct rf_fix_fault_t:
        uint32_t tag
        uint32_t reason
    int rf_fix_validate(const rf_fix_dictionary_t *d, uint32_t checks, const rf_fix_message_t *m, rf_fix_fault_t *fault) noexcept nogil
