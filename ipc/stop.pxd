# The process's stop flag, for nogil loops.

cdef bint rf_stop_requested() noexcept nogil
