# The session's Python object; C users take `&session.s` and the functions of machine.pxd.
from ringfence.gateways.fix.dictionary cimport Dictionary
from ringfence.gateways.fix.state cimport session_t
from ringfence.gateways.fix.store cimport MessageStore


cdef class Session:
    cdef session_t s
    cdef readonly MessageStore store
    cdef readonly Dictionary dictionary
    cdef readonly object config
