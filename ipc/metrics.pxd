# Counters and histograms of metrics.h for Cython. Take pointers once, before the loop.
from libc.stdint cimport uint32_t, uint64_t

from ringfence.ipc.records cimport HistogramHeader
from ringfence.ipc.segment cimport Segment

cdef extern from "metrics.h" nogil:
    enum:
        RF_HISTOGRAM_BUCKETS

    ctypedef struct rf_histogram_t:
        HistogramHeader *header
        uint64_t *buckets

    void rf_counter_add(uint64_t *counter, uint64_t n) noexcept
    void rf_counter_set(uint64_t *counter, uint64_t value) noexcept
    uint32_t rf_histogram_index(uint64_t value) noexcept
    void rf_histogram_record(rf_histogram_t *h, uint64_t value) noexcept
    void rf_histogram_record_span(rf_histogram_t *h, uint64_t begin, uint64_t end) noexcept


cdef class Metrics:
    cdef readonly Segment segment
    cdef readonly str component
    cdef dict _counter_rows
    cdef dict _histogram_rows

    # The counter's word, for rf_counter_add and rf_counter_set; KeyError when there is none of that name.
    cdef uint64_t *counter_ptr(self, str name) except NULL
    # Fill the handle for rf_histogram_record; KeyError when there is none of that name.
    cdef int histogram(self, str name, rf_histogram_t *handle) except -1
