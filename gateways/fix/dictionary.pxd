# distutils: include_dirs = gateways/fix
# The validator of validation.h for Cython, and the object that owns its tables.
from libc.stdint cimport uint32_t

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

    enum:
        RF_FIX_INVALID_TAG_NUMBER
        RF_FIX_REQUIRED_TAG_MISSING
        RF_FIX_TAG_NOT_DEFINED_FOR_MESSAGE
        RF_FIX_TAG_WITHOUT_VALUE
        RF_FIX_VALUE_OUT_OF_RANGE
        RF_FIX_INCORRECT_FORMAT
        RF_FIX_INVALID_MSG_TYPE
        RF_FIX_TAG_REPEATED
        RF_FIX_TAG_OUT_OF_ORDER
        RF_FIX_GROUP_COUNT

    ctypedef struct rf_fix_dictionary_t:
        uint32_t bytes

    ctypedef struct rf_fix_fault_t:
        uint32_t tag
        uint32_t reason

    int rf_fix_validate(const rf_fix_dictionary_t *d, uint32_t checks, const rf_fix_message_t *m, rf_fix_fault_t *fault) noexcept


cdef class Dictionary:
    cdef const rf_fix_dictionary_t *c
    cdef bytes block
    cdef readonly str begin_string
    cdef readonly dict fields
    cdef readonly dict messages
    cdef readonly object declaration
