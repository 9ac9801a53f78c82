# The ledger as a Python object around the caller's memory; engines and benches use its tables directly.
from ringfence.core.lots cimport LedgerTables

cdef class Ledger:
    cdef LedgerTables c
    cdef readonly object limits
    cdef readonly int method
    cdef object owner
    cdef unsigned char[::1] memory
    cdef object said(self)
