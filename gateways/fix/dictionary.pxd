# The data dictionary of one FIX version as the validator reads it. `c` lives as long as the Dictionary.
from libc.stdint cimport int32_t, uint32_t

from ringfence.gateways.fix.codec cimport rf_fix_message_t

cdef extern from "validation.h" nogil:
    enum:
        RF_FIX_CHECK_REQUIRED
        RF_FIX_CHECK_UNKNOWN
        RF_FIX_CHECK_EMPTY
        RF_FIX_CHECK_REPEATED
        RF_FIX_CHECK_ORDER
        RF_FIX_CHECK_TYPES
        RF_FIX_CHECK_VALUES
        RF_FIX_CHECK_GROUPS
        RF_FIX_CHECK_USER_TAGS
        RF_FIX_CHECK_MSG_TYPE
        RF_FIX_CHECK_ALL
        RF_FIX_NO_TAG

    ctypedef struct rf_fix_fault_t:
        int32_t tag      # RF_FIX_NO_TAG: none
        uint32_t reason  # SessionRejectReason(373)

    ctypedef struct rf_fix_dictionary_t:
        pass

    # 1: fine. 0: `fault` is what a Reject(3) says.
    int rf_fix_validate(const rf_fix_dictionary_t *d, uint32_t checks, const rf_fix_message_t *m, rf_fix_fault_t *fault) noexcept

cdef class Dictionary:
    cdef const rf_fix_dictionary_t *c
    cdef readonly str begin_string
    cdef readonly dict fields
    cdef readonly dict messages
    cdef readonly frozenset header
    cdef readonly frozenset trailer
    cdef void *memory
