# Failpoints and planted bugs of the test build; constants 0 otherwise (failpoint.h). Hot code calls these, with bytes literals.
cdef extern from "failpoint.h" nogil:
    int RF_FP(const char *id) noexcept
    int RF_DUE(const char *id) noexcept
    int RF_BUG(const char *name) noexcept
    int RF_FAILPOINTS_COMPILED
