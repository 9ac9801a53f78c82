# The state of one FIX session: what session.pyx (incoming, timers) and outgoing.pyx (composing, resending) share. One owner, one thread.
from libc.stdint cimport uint32_t, uint64_t

from ringfence.gateways.fix.codec cimport rf_fix_message_t, rf_fix_stamp_t, rf_fix_writer_t
from ringfence.gateways.fix.dictionary cimport rf_fix_dictionary_t, rf_fix_fault_t
from ringfence.gateways.fix.store cimport store_t

cdef enum:
    # SessionState of ipc/schema.py
    STATE_DOWN = 1
    STATE_CONNECTING = 2
    STATE_LOGGING_ON = 3
    STATE_UP = 4
    STATE_LOGGING_OUT = 5

cdef enum:
    # what poll asks the owner to do; the same answer comes until accept
    EVENT_NONE = 0
    EVENT_UP = 1          # logged on, gap fill complete
    EVENT_DOWN = 2        # was up, is not any more
    EVENT_APP = 3         # message: an application message, or a Reject(3)
    EVENT_NOT_SENT = 4    # message: an order that the counterparty says it never got
    EVENT_DISCONNECT = 5  # write what is left, close the connection, call disconnected

cdef enum:
    IN_BYTES = 262144     # four times the longest message
    OUT_BYTES = 1048576
    OUT_RESERVE = 131072  # room that application messages and resends leave to administrative ones
    HELD_BYTES = 1048576  # messages behind a gap
    HELD_MAX = 4096
    NOTES_MAX = 16
    NOTE_BYTES = 192
    ID_BYTES = 64

ctypedef struct held_t:
    uint64_t seq
    uint32_t at
    uint32_t n

ctypedef struct header_t:
    uint64_t seq            # MsgSeqNum(34), 0 when missing or no number
    int seq_valid           # it is a number (SequenceReset-Reset may say 0)
    uint64_t sending_ns     # SendingTime(52), 0 when missing or wrong
    int begin               # indexes of fields, -1 when absent
    int seq_at
    int sender
    int target
    int sending
    int orig_sending
    int poss_dup            # 43=Y
    int poss_resend         # 97=Y
    int invalid             # a report that failed a check and is delivered all the same: session_t.fault says which

ctypedef struct session_t:
    # identity and settings, fixed
    unsigned char begin[16]        # 8=FIX.4.2|
    uint32_t begin_len
    unsigned char sender[64]
    uint32_t sender_len
    unsigned char target[64]
    uint32_t target_len
    unsigned char route[192]       # |49=SENDER|52=YYYYMMDD-HH:MM:SS.mmm|56=TARGET|, the time is written over
    uint32_t route_len
    uint32_t time_at               # offsets in route: of 52's value,
    uint32_t target_at             # of 56=
    uint64_t route_second          # second of the time in route
    unsigned char username[64]
    uint32_t username_len
    unsigned char password[64]
    uint32_t password_len
    const rf_fix_dictionary_t *dictionary  # NULL: messages are not validated
    uint32_t checks                # RF_FIX_CHECK_*
    uint32_t reason_max            # highest SessionRejectReason(373) that the version knows
    int initiator
    int strict
    int next_expected              # 789 in Logons
    int drop_too_high
    int disconnect_on_error
    int stop_on_too_low
    int stop_on_refused_logon
    uint64_t failures_max
    uint64_t resend_chunk
    uint64_t order_ns_max
    int reset_on_logout
    int reset_on_disconnect
    int reset_on_logon
    int check_latency
    uint64_t heartbeat_s
    uint64_t latency_ns_max
    uint64_t logon_ns_max
    uint64_t logout_ns_max
    store_t *store

    # the session now
    int state
    int announced        # UP was raised, DOWN is owed
    int down_due
    int disconnect_due
    int refused          # this connection ended because numbers did not agree or a Logon was refused
    int stopped          # an operator must look before the next connection
    int logged_out       # both Logouts were exchanged
    int was_up           # this connection's Logon succeeded
    int kept             # a message was stored behind our Logon and not sent: the peer does not know of it
    uint64_t failures    # connections in a row that ended before they were up
    uint64_t now_ns      # the last time that the owner said
    uint64_t session_ends_ns  # Logout then; 0: never
    int sent_reset
    int sent_logout
    int test_outstanding
    uint64_t connected_ns
    uint64_t logout_ns
    uint64_t last_in_ns
    uint64_t last_out_ns
    uint64_t gap_end       # highest number known to be missing; below next_in when there is no gap
    uint64_t gap_asked     # BeginSeqNo(7) of the last ResendRequest
    uint64_t gap_asked_ns
    uint64_t gap_to        # EndSeqNo(16) of it when asked in chunks, else 0

    # serving a ResendRequest
    int killed             # the owner's kill word is set: nothing that adds risk is sent again
    uint64_t resend_next   # 0: none
    uint64_t resend_end
    uint64_t resend_told   # order whose NOT_SENT was offered
    uint64_t run_start     # first number of the gap-fill run being gathered, 0: none
    uint64_t tell_from     # orders from this number on are NOT_SENT; those below are only filled
    uint64_t resent_to     # first number that no answered ResendRequest of this connection covered: what has it or more was sent behind the answers

    # counters
    uint64_t messages_in
    uint64_t messages_out
    uint64_t garbled
    uint64_t duplicates
    uint64_t gaps
    uint64_t rejects_sent
    uint64_t resent
    uint64_t test_requests
    uint64_t highest_in    # highest MsgSeqNum(34) seen

    # event on offer
    int event
    int event_held         # the message lies in the held queue, not in the input
    uint64_t event_seq
    uint64_t event_output_seq
    uint32_t event_bytes
    header_t header
    rf_fix_fault_t fault   # of the message under way or on offer; reason and tag 0: none
    rf_fix_message_t message

    # buffers
    unsigned char *input
    uint32_t in_at
    uint32_t in_end
    unsigned char *output
    uint32_t out_at
    uint32_t out_end
    unsigned char *held_bytes
    uint32_t held_used
    held_t *held
    uint32_t held_first
    uint32_t held_count
    unsigned char *frame   # one message being composed
    unsigned char *copy    # one stored message being resent
    rf_fix_message_t resent_message  # its fields
    rf_fix_writer_t writer
    rf_fix_stamp_t stamp
    char notes[3072]       # NOTES_MAX lines of NOTE_BYTES: what an operator should read
    uint32_t notes_head
    uint32_t notes_tail
