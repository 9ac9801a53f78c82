# Generated from ipc/schema.py by python -m ringfence.tools.gen_records; do not edit.
from libc.stdint cimport int8_t, int32_t, int64_t, uint8_t, uint16_t, uint32_t, uint64_t

cdef extern from "records.h" nogil:
    const uint32_t RF_LAYOUT_VERSION
    const uint64_t RF_LAYOUT_HASH
    const uint32_t RF_REGION_MAGIC
    const uint32_t RF_SEGMENT_MAGIC
    const uint32_t RF_CACHE_LINE_PAIR
    const uint32_t RF_JOURNAL_SLOT_BYTES
    const uint32_t RF_VENUE_EVENT_POSS_DUP
    const uint32_t RF_VENUE_EVENT_POSS_RESEND
    const uint32_t RF_VENUE_EVENT_INVALID
    const uint32_t RF_VENUE_EVENT_TRUNCATED
    const uint32_t RF_PRESENT_LAST_PX
    const uint32_t RF_PRESENT_LAST_QTY
    const uint32_t RF_PRESENT_CUM_QTY
    const uint32_t RF_PRESENT_LEAVES_QTY
    const uint32_t RF_PRESENT_AVG_PX
    const uint32_t RF_PRESENT_QTY
    const uint32_t RF_PRESENT_PX
    const uint32_t RF_PRESENT_COMMISSION
    const uint32_t RF_COMM_TYPE_PER_UNIT
    const uint32_t RF_COMM_TYPE_PERCENT
    const uint32_t RF_COMM_TYPE_ABSOLUTE
    const uint32_t RF_LEDGER_MONEY_DIGITS
    const uint32_t RF_ORDER_UNVERIFIED
    const uint32_t RF_ORDER_OVERFILLED
    const uint32_t RF_ORDER_BREAK
    const uint32_t RF_ORDER_STATUS_ASKED
    const uint32_t RF_ORDER_OVERDUE
    const uint32_t RF_ORDER_UNKNOWN_REPORTED
    const uint32_t RF_EXECUTION_BOOKED
    const uint32_t RF_EXECUTION_BUSTED
    const uint32_t RF_EXECUTION_CORRECTED
    const uint32_t RF_EXECUTION_HELD
    const uint32_t RF_EXECUTION_ASSIGNED
    const uint32_t RF_INSTRUCTION_MASS_CANCEL
    const uint32_t RF_INSTRUCTION_POST_ONLY
    const uint32_t RF_INSTRUCTION_REDUCE_ONLY
    const uint32_t RF_REQUEST_LIMIT_MS
    const uint32_t RF_DURABILITY_ASYNC
    const uint32_t RF_DURABILITY_LOCAL
    const uint32_t RF_DURABILITY_REPLICATED
    const uint32_t RF_LOGIC_VERSION
    const uint32_t RF_RESTRICT_JOURNAL_SLOW
    const uint32_t RF_RESTRICT_JOURNAL_LATE
    const uint32_t RF_RESTRICT_JOURNAL_FULL
    const uint32_t RF_RESTRICT_JOURNAL_SUSPECT
    const uint32_t RF_RESTRICT_DIVERGENCE
    const uint32_t RF_RESTRICT_OPERATOR
    const uint32_t RF_REVISIONS_MAX
    const uint32_t RF_REVISION_OUT_OF_BAND
    const uint32_t RF_RISK_RULES
    const uint32_t RF_FIRM_SCOPE
    const uint32_t RF_CASH_OF_ACCOUNT
    const uint32_t RF_DATES_OF_POSITION
    const uint32_t RF_CALENDAR_BEGINS
    const uint32_t RF_SETS_OF_SCOPE
    const uint32_t RF_ANY
    const uint32_t RF_INSTRUMENTS_MAX
    const uint32_t RF_ACCOUNTS_MAX
    const uint32_t RF_AMOUNT_DIGITS
    const uint32_t RF_SELF_MATCH_REJECT
    const uint32_t RF_SELF_MATCH_CANCEL_RESTING
    const uint32_t RF_SELF_MATCH_CANCEL_BOTH
    const uint32_t RF_COLLAR_LAST
    const uint32_t RF_COLLAR_MID
    const uint32_t RF_COLLAR_FAR
    const uint32_t RF_KILL_CLEAR
    const uint32_t RF_KILL_CANCEL
    const uint32_t RF_KILL_FLATTEN
    const uint32_t RF_GRANT_SHORT
    const uint32_t RF_FLATTEN_CLIENT_ID
    const uint32_t RF_VENUES_MAX
    const uint32_t RF_LEDGER_INVERSE
    const uint32_t RF_LEDGER_MARGIN
    const uint32_t RF_LEDGER_DAILY
    const uint32_t RF_LEDGER_CASH
    const uint32_t RF_LEDGER_GIVEN_QTY
    const uint32_t RF_LEDGER_GIVEN_SIDE
    const uint32_t RF_LEDGER_GIVEN_PX
    const uint32_t RF_LEDGER_GIVEN_FEE
    const uint32_t RF_LEDGER_GIVEN_FX
    const uint32_t RF_LEDGER_GIVEN_AMOUNT
    const uint32_t RF_LEDGER_GIVEN_PICKS
    const uint32_t RF_LEDGER_POSITION_MERGED
    const uint32_t RF_LEDGER_CHECKPOINT_EVENTS
    const uint64_t RF_TICK_BUSY
    const uint32_t RF_TICK_STALE
    const uint32_t RF_TICK_CROSSED
    const uint32_t RF_TICK_SNAPSHOT
    const uint32_t RF_TICK_GAP
    const uint32_t RF_TICK_MORE
    const uint32_t RF_PARAMETERS_MAX
    const uint32_t RF_PARAMETER_DIGITS_MAX
    const uint32_t RF_STRATEGIES_MAX

    enum: # Side
        RF_SIDE_BUY
        RF_SIDE_SELL
        RF_SIDE_SELL_SHORT
        RF_SIDE_MAX

    enum: # OrdType
        RF_ORD_TYPE_MARKET
        RF_ORD_TYPE_LIMIT
        RF_ORD_TYPE_STOP
        RF_ORD_TYPE_STOP_LIMIT
        RF_ORD_TYPE_MAX

    enum: # TimeInForce
        RF_TIME_IN_FORCE_DAY
        RF_TIME_IN_FORCE_GTC
        RF_TIME_IN_FORCE_OPG
        RF_TIME_IN_FORCE_IOC
        RF_TIME_IN_FORCE_FOK
        RF_TIME_IN_FORCE_GTX
        RF_TIME_IN_FORCE_GTD
        RF_TIME_IN_FORCE_MAX

    enum: # OrdStatus
        RF_ORD_STATUS_PENDING_NEW
        RF_ORD_STATUS_NEW
        RF_ORD_STATUS_PARTIALLY_FILLED
        RF_ORD_STATUS_FILLED
        RF_ORD_STATUS_DONE_FOR_DAY
        RF_ORD_STATUS_CANCELED
        RF_ORD_STATUS_REPLACED
        RF_ORD_STATUS_PENDING_CANCEL
        RF_ORD_STATUS_STOPPED
        RF_ORD_STATUS_REJECTED
        RF_ORD_STATUS_SUSPENDED
        RF_ORD_STATUS_CALCULATED
        RF_ORD_STATUS_EXPIRED
        RF_ORD_STATUS_PENDING_REPLACE
        RF_ORD_STATUS_UNKNOWN
        RF_ORD_STATUS_DENIED
        RF_ORD_STATUS_MAX

    enum: # IntentKind
        RF_INTENT_KIND_NEW
        RF_INTENT_KIND_CANCEL
        RF_INTENT_KIND_REPLACE
        RF_INTENT_KIND_CANCEL_ALL
        RF_INTENT_KIND_MAX

    enum: # CommandKind
        RF_COMMAND_KIND_NEW
        RF_COMMAND_KIND_CANCEL
        RF_COMMAND_KIND_REPLACE
        RF_COMMAND_KIND_STATUS
        RF_COMMAND_KIND_MASS_CANCEL
        RF_COMMAND_KIND_DONT_KNOW
        RF_COMMAND_KIND_MAX

    enum: # VenueEventKind
        RF_VENUE_EVENT_KIND_ACK
        RF_VENUE_EVENT_KIND_PENDING_NEW
        RF_VENUE_EVENT_KIND_REJECTED
        RF_VENUE_EVENT_KIND_FILL
        RF_VENUE_EVENT_KIND_BUST
        RF_VENUE_EVENT_KIND_CORRECT
        RF_VENUE_EVENT_KIND_PENDING_CANCEL
        RF_VENUE_EVENT_KIND_CANCELED
        RF_VENUE_EVENT_KIND_PENDING_REPLACE
        RF_VENUE_EVENT_KIND_REPLACED
        RF_VENUE_EVENT_KIND_RESTATED
        RF_VENUE_EVENT_KIND_DONE_FOR_DAY
        RF_VENUE_EVENT_KIND_EXPIRED
        RF_VENUE_EVENT_KIND_STOPPED
        RF_VENUE_EVENT_KIND_SUSPENDED
        RF_VENUE_EVENT_KIND_CALCULATED
        RF_VENUE_EVENT_KIND_STATUS
        RF_VENUE_EVENT_KIND_CANCEL_REJECT
        RF_VENUE_EVENT_KIND_BUSINESS_REJECT
        RF_VENUE_EVENT_KIND_SESSION_UP
        RF_VENUE_EVENT_KIND_SESSION_DOWN
        RF_VENUE_EVENT_KIND_NOT_SENT
        RF_VENUE_EVENT_KIND_MASS_CANCEL_REPORT
        RF_VENUE_EVENT_KIND_MAX

    enum: # EventKind
        RF_EVENT_KIND_ACCEPTED
        RF_EVENT_KIND_DENIED
        RF_EVENT_KIND_DUPLICATE
        RF_EVENT_KIND_ACK
        RF_EVENT_KIND_FILL
        RF_EVENT_KIND_CANCELED
        RF_EVENT_KIND_REPLACED
        RF_EVENT_KIND_REJECTED
        RF_EVENT_KIND_CANCEL_REJECTED
        RF_EVENT_KIND_EXPIRED
        RF_EVENT_KIND_DONE_FOR_DAY
        RF_EVENT_KIND_RESTATED
        RF_EVENT_KIND_PENDING
        RF_EVENT_KIND_UNKNOWN
        RF_EVENT_KIND_BUST
        RF_EVENT_KIND_CORRECT
        RF_EVENT_KIND_MAX

    enum: # DenyReason
        RF_DENY_REASON_NONE
        RF_DENY_REASON_BAD_KIND
        RF_DENY_REASON_BAD_SIDE
        RF_DENY_REASON_BAD_ORD_TYPE
        RF_DENY_REASON_BAD_TIME_IN_FORCE
        RF_DENY_REASON_BAD_QTY
        RF_DENY_REASON_BAD_PRICE
        RF_DENY_REASON_BAD_CLIENT_ID
        RF_DENY_REASON_OVERFLOW
        RF_DENY_REASON_UNKNOWN_INSTRUMENT
        RF_DENY_REASON_UNKNOWN_ACCOUNT
        RF_DENY_REASON_UNKNOWN_ORDER
        RF_DENY_REASON_NO_ROUTE
        RF_DENY_REASON_STRATEGY_DISABLED
        RF_DENY_REASON_SESSION_DOWN
        RF_DENY_REASON_GATEWAY_STALLED
        RF_DENY_REASON_STRATEGY_STALLED
        RF_DENY_REASON_JOURNAL_PRESSURE
        RF_DENY_REASON_ORDER_DONE
        RF_DENY_REASON_ORDER_UNKNOWN
        RF_DENY_REASON_DUPLICATE_TERMS
        RF_DENY_REASON_ORDERS_FULL
        RF_DENY_REASON_EXECUTIONS_FULL
        RF_DENY_REASON_STALE
        RF_DENY_REASON_TOO_MANY_REVISIONS
        RF_DENY_REASON_REQUEST_PENDING
        RF_DENY_REASON_NOT_SUPPORTED
        RF_DENY_REASON_JOURNAL_LATE
        RF_DENY_REASON_TRADING_HALTED
        RF_DENY_REASON_NOT_PERMITTED
        RF_DENY_REASON_KILLED
        RF_DENY_REASON_REDUCE_ONLY
        RF_DENY_REASON_RESTRICTED
        RF_DENY_REASON_NO_LOCATE
        RF_DENY_REASON_EXPIRED_DATE
        RF_DENY_REASON_INCONSISTENT
        RF_DENY_REASON_MAX_QTY
        RF_DENY_REASON_MAX_NOTIONAL
        RF_DENY_REASON_COLLAR
        RF_DENY_REASON_NO_REFERENCE
        RF_DENY_REASON_CREDIT
        RF_DENY_REASON_MARGIN
        RF_DENY_REASON_MAX_POSITION
        RF_DENY_REASON_NET_EXPOSURE
        RF_DENY_REASON_GROSS_EXPOSURE
        RF_DENY_REASON_OPEN_ORDERS
        RF_DENY_REASON_TURNOVER
        RF_DENY_REASON_LOSS
        RF_DENY_REASON_NEW_RATE
        RF_DENY_REASON_REPLACE_RATE
        RF_DENY_REASON_MESSAGE_RATE
        RF_DENY_REASON_DUPLICATE_CONTENT
        RF_DENY_REASON_REPEATED_EXECUTION
        RF_DENY_REASON_SELF_MATCH
        RF_DENY_REASON_NO_RATE
        RF_DENY_REASON_SCOPES_FULL
        RF_DENY_REASON_MAX

    enum: # BreakKind
        RF_BREAK_KIND_UNKNOWN_ORDER
        RF_BREAK_KIND_OVERFILL
        RF_BREAK_KIND_EXECUTION_MISMATCH
        RF_BREAK_KIND_MISSED_EXECUTION
        RF_BREAK_KIND_STALE_REPORT
        RF_BREAK_KIND_UNEXPECTED_TRANSITION
        RF_BREAK_KIND_UNKNOWN_EXEC_REF
        RF_BREAK_KIND_INSTRUMENT_MISMATCH
        RF_BREAK_KIND_INEXACT
        RF_BREAK_KIND_OVERFLOW
        RF_BREAK_KIND_EXECUTIONS_FULL
        RF_BREAK_KIND_BUSINESS_REJECT
        RF_BREAK_KIND_UNKNOWN_OUTCOME
        RF_BREAK_KIND_TABLE_FULL
        RF_BREAK_KIND_REQUEST_UNANSWERED
        RF_BREAK_KIND_BAD_CONTROL
        RF_BREAK_KIND_MASS_CANCEL_REJECTED
        RF_BREAK_KIND_DIVERGENCE
        RF_BREAK_KIND_OUTPUTS_LOST
        RF_BREAK_KIND_LEDGER_REFUSED
        RF_BREAK_KIND_LOTS_MERGED
        RF_BREAK_KIND_FEE_UNVALUED
        RF_BREAK_KIND_MAX

    enum: # FrameKind
        RF_FRAME_KIND_INTENT
        RF_FRAME_KIND_VENUE_EVENT
        RF_FRAME_KIND_CONTROL
        RF_FRAME_KIND_MARK
        RF_FRAME_KIND_TIMER
        RF_FRAME_KIND_OBSERVATION
        RF_FRAME_KIND_CHECKPOINT
        RF_FRAME_KIND_MAX

    enum: # ControlKind
        RF_CONTROL_KIND_START
        RF_CONTROL_KIND_DEFINE_INSTRUMENT
        RF_CONTROL_KIND_DEFINE_ACCOUNT
        RF_CONTROL_KIND_DEFINE_VENUE
        RF_CONTROL_KIND_DEFINE_STRATEGY
        RF_CONTROL_KIND_DEFINE_ROUTE
        RF_CONTROL_KIND_STRATEGY_ATTACH
        RF_CONTROL_KIND_STRATEGY_DETACH
        RF_CONTROL_KIND_CHECKPOINT
        RF_CONTROL_KIND_SET_STRATEGY
        RF_CONTROL_KIND_MASS_CANCEL
        RF_CONTROL_KIND_DONT_KNOW
        RF_CONTROL_KIND_RESOLVE_ORDER
        RF_CONTROL_KIND_ASSIGN_EXECUTION
        RF_CONTROL_KIND_HALT
        RF_CONTROL_KIND_RESUME
        RF_CONTROL_KIND_DIVERGENCE
        RF_CONTROL_KIND_ROLL_DAY
        RF_CONTROL_KIND_SKIP_OUTPUTS
        RF_CONTROL_KIND_DEFINE_CURRENCY
        RF_CONTROL_KIND_DEFINE_BROKER
        RF_CONTROL_KIND_DEFINE_DESK
        RF_CONTROL_KIND_DEFINE_OPERATOR
        RF_CONTROL_KIND_SET_LIMIT
        RF_CONTROL_KIND_SET_PERMISSION
        RF_CONTROL_KIND_SET_LOCATE
        RF_CONTROL_KIND_KILL
        RF_CONTROL_KIND_RELEASE
        RF_CONTROL_KIND_APPROVE
        RF_CONTROL_KIND_WITHDRAW
        RF_CONTROL_KIND_BOOK_ENTRY
        RF_CONTROL_KIND_DEFINE_MARGIN
        RF_CONTROL_KIND_DEFINE_HOLIDAYS
        RF_CONTROL_KIND_SET_METHOD
        RF_CONTROL_KIND_SET_PARAMETER
        RF_CONTROL_KIND_MAX

    enum: # ObservationKind
        RF_OBSERVATION_KIND_GATEWAY_STALLED
        RF_OBSERVATION_KIND_GATEWAY_READY
        RF_OBSERVATION_KIND_STRATEGY_STALLED
        RF_OBSERVATION_KIND_STRATEGY_READY
        RF_OBSERVATION_KIND_STRATEGY_POISONED
        RF_OBSERVATION_KIND_JOURNAL_PRESSURE
        RF_OBSERVATION_KIND_JOURNAL_CLEAR
        RF_OBSERVATION_KIND_JOURNAL_HEALTH
        RF_OBSERVATION_KIND_KILL_WORD
        RF_OBSERVATION_KIND_STRATEGY_SILENT
        RF_OBSERVATION_KIND_MAX

    enum: # StrategyStatus
        RF_STRATEGY_STATUS_ENABLED
        RF_STRATEGY_STATUS_REDUCE_ONLY
        RF_STRATEGY_STATUS_CANCEL_ONLY
        RF_STRATEGY_STATUS_DISABLED
        RF_STRATEGY_STATUS_POISONED
        RF_STRATEGY_STATUS_MAX

    enum: # Status
        RF_STATUS_ACTIVE
        RF_STATUS_HALTED
        RF_STATUS_MAX

    enum: # SessionState
        RF_SESSION_STATE_DOWN
        RF_SESSION_STATE_CONNECTING
        RF_SESSION_STATE_LOGGING_ON
        RF_SESSION_STATE_UP
        RF_SESSION_STATE_LOGGING_OUT
        RF_SESSION_STATE_MAX

    enum: # Role
        RF_ROLE_SUPERVISOR
        RF_ROLE_ENGINE
        RF_ROLE_GATEWAY
        RF_ROLE_SIDECAR
        RF_ROLE_STRATEGY
        RF_ROLE_FEED
        RF_ROLE_VENUE
        RF_ROLE_SHADOW
        RF_ROLE_LEDGER
        RF_ROLE_MAX

    enum: # TickKind
        RF_TICK_KIND_QUOTE
        RF_TICK_KIND_TRADE
        RF_TICK_KIND_BOOK
        RF_TICK_KIND_RESET
        RF_TICK_KIND_MAX

    enum: # BookAction
        RF_BOOK_ACTION_NEW
        RF_BOOK_ACTION_CHANGE
        RF_BOOK_ACTION_DELETE
        RF_BOOK_ACTION_MAX

    enum: # ProcessState
        RF_PROCESS_STATE_STARTING
        RF_PROCESS_STATE_RECOVERING
        RF_PROCESS_STATE_RUNNING
        RF_PROCESS_STATE_STOPPING
        RF_PROCESS_STATE_STOPPED
        RF_PROCESS_STATE_FAILED
        RF_PROCESS_STATE_MAX

    enum: # ClockSource
        RF_CLOCK_SOURCE_TSC
        RF_CLOCK_SOURCE_CLOCK_GETTIME
        RF_CLOCK_SOURCE_MAX

    enum: # Mode
        RF_MODE_LIVE
        RF_MODE_PAPER
        RF_MODE_DEMO
        RF_MODE_MAX

    enum: # RequestKind
        RF_REQUEST_KIND_CANCEL
        RF_REQUEST_KIND_REPLACE
        RF_REQUEST_KIND_MAX

    enum: # ScopeKind
        RF_SCOPE_KIND_FIRM
        RF_SCOPE_KIND_BROKER
        RF_SCOPE_KIND_ACCOUNT
        RF_SCOPE_KIND_VENUE
        RF_SCOPE_KIND_DESK
        RF_SCOPE_KIND_STRATEGY
        RF_SCOPE_KIND_INSTRUMENT
        RF_SCOPE_KIND_ACCOUNT_INSTRUMENT
        RF_SCOPE_KIND_STRATEGY_INSTRUMENT
        RF_SCOPE_KIND_CURRENCY
        RF_SCOPE_KIND_MAX

    enum: # ScopeState
        RF_SCOPE_STATE_OPEN
        RF_SCOPE_STATE_REDUCING
        RF_SCOPE_STATE_KILLED
        RF_SCOPE_STATE_MAX

    enum: # RiskRule
        RF_RISK_RULE_KILL_SWITCH
        RF_RISK_RULE_PERMISSION
        RF_RISK_RULE_INSTRUMENT_ACTIVE
        RF_RISK_RULE_SESSION_STATE
        RF_RISK_RULE_STALE_INTENT
        RF_RISK_RULE_SUPPORTED
        RF_RISK_RULE_CONSISTENCY
        RF_RISK_RULE_GTD_DATE
        RF_RISK_RULE_TICK
        RF_RISK_RULE_LOT
        RF_RISK_RULE_QTY_RANGE
        RF_RISK_RULE_RESTRICTED_LIST
        RF_RISK_RULE_SHORT_SALE
        RF_RISK_RULE_MAX_QTY
        RF_RISK_RULE_MAX_NOTIONAL
        RF_RISK_RULE_REFERENCE_AGE
        RF_RISK_RULE_COLLAR
        RF_RISK_RULE_CREDIT
        RF_RISK_RULE_MARGIN
        RF_RISK_RULE_FREE_MARGIN
        RF_RISK_RULE_MAX_POSITION
        RF_RISK_RULE_NET_EXPOSURE
        RF_RISK_RULE_GROSS_EXPOSURE
        RF_RISK_RULE_OPEN_ORDERS
        RF_RISK_RULE_TURNOVER
        RF_RISK_RULE_DAILY_LOSS
        RF_RISK_RULE_NEW_RATE
        RF_RISK_RULE_REPLACE_RATE
        RF_RISK_RULE_MESSAGE_RATE
        RF_RISK_RULE_DUPLICATE_CONTENT
        RF_RISK_RULE_REPEATED_EXECUTION
        RF_RISK_RULE_SELF_MATCH
        RF_RISK_RULE_NEW_BURST
        RF_RISK_RULE_REPLACE_BURST
        RF_RISK_RULE_MESSAGE_BURST
        RF_RISK_RULE_CANCEL_RESERVE
        RF_RISK_RULE_COLLAR_REFERENCE
        RF_RISK_RULE_MARGIN_RATE
        RF_RISK_RULE_REJECT_LIMIT
        RF_RISK_RULE_MAX

    enum: # InstrumentKind
        RF_INSTRUMENT_KIND_FX_SPOT
        RF_INSTRUMENT_KIND_FX_FORWARD
        RF_INSTRUMENT_KIND_FX_NDF
        RF_INSTRUMENT_KIND_CRYPTO_SPOT
        RF_INSTRUMENT_KIND_PERPETUAL
        RF_INSTRUMENT_KIND_FUTURE
        RF_INSTRUMENT_KIND_EQUITY
        RF_INSTRUMENT_KIND_MAX

    enum: # OperatorRole
        RF_OPERATOR_ROLE_VIEWER
        RF_OPERATOR_ROLE_TRADER
        RF_OPERATOR_ROLE_RISK
        RF_OPERATOR_ROLE_ADMIN
        RF_OPERATOR_ROLE_MAX

    enum: # ProposalState
        RF_PROPOSAL_STATE_PENDING
        RF_PROPOSAL_STATE_APPROVED
        RF_PROPOSAL_STATE_EXPIRED
        RF_PROPOSAL_STATE_WITHDRAWN
        RF_PROPOSAL_STATE_RUNNING
        RF_PROPOSAL_STATE_MAX

    enum: # PermissionPart
        RF_PERMISSION_PART_ACCOUNT
        RF_PERMISSION_PART_VENUE
        RF_PERMISSION_PART_INSTRUMENT
        RF_PERMISSION_PART_ORD_TYPE
        RF_PERMISSION_PART_TIME_IN_FORCE
        RF_PERMISSION_PART_SHORT
        RF_PERMISSION_PART_STRATEGY
        RF_PERMISSION_PART_MAX

    enum: # LedgerMethod
        RF_LEDGER_METHOD_WAC
        RF_LEDGER_METHOD_FIFO
        RF_LEDGER_METHOD_LIFO
        RF_LEDGER_METHOD_HIFO
        RF_LEDGER_METHOD_HIFO_MINGAIN
        RF_LEDGER_METHOD_SPEC
        RF_LEDGER_METHOD_MAX

    enum: # LedgerEventKind
        RF_LEDGER_EVENT_KIND_FILL
        RF_LEDGER_EVENT_KIND_FUNDING
        RF_LEDGER_EVENT_KIND_INTEREST
        RF_LEDGER_EVENT_KIND_DIVIDEND
        RF_LEDGER_EVENT_KIND_SPLIT
        RF_LEDGER_EVENT_KIND_SPIN_OFF
        RF_LEDGER_EVENT_KIND_RETURN_OF_CAPITAL
        RF_LEDGER_EVENT_KIND_REWARD
        RF_LEDGER_EVENT_KIND_TRANSFER
        RF_LEDGER_EVENT_KIND_SETTLE
        RF_LEDGER_EVENT_KIND_EXPIRE
        RF_LEDGER_EVENT_KIND_BUST
        RF_LEDGER_EVENT_KIND_CORRECT
        RF_LEDGER_EVENT_KIND_DEPOSIT
        RF_LEDGER_EVENT_KIND_WITHDRAWAL
        RF_LEDGER_EVENT_KIND_CONVERSION
        RF_LEDGER_EVENT_KIND_CROSS
        RF_LEDGER_EVENT_KIND_NAME_LOT
        RF_LEDGER_EVENT_KIND_MAX

    enum: # LedgerFee
        RF_LEDGER_FEE_EXPENSE
        RF_LEDGER_FEE_CAPITALIZE
        RF_LEDGER_FEE_BASE
        RF_LEDGER_FEE_HELD
        RF_LEDGER_FEE_ELSEWHERE
        RF_LEDGER_FEE_MAX

    enum: # LedgerEventState
        RF_LEDGER_EVENT_STATE_BOOKED
        RF_LEDGER_EVENT_STATE_BUSTED
        RF_LEDGER_EVENT_STATE_APPLIED
        RF_LEDGER_EVENT_STATE_HELD
        RF_LEDGER_EVENT_STATE_REPLACED
        RF_LEDGER_EVENT_STATE_MAX

    enum: # LedgerResult
        RF_LEDGER_RESULT_BOOKED
        RF_LEDGER_RESULT_HELD
        RF_LEDGER_RESULT_DUPLICATE
        RF_LEDGER_RESULT_CONFLICT
        RF_LEDGER_RESULT_OVERFLOW
        RF_LEDGER_RESULT_NO_ROW
        RF_LEDGER_RESULT_BAD_EVENT
        RF_LEDGER_RESULT_BAD_PRICE
        RF_LEDGER_RESULT_NO_INSTRUMENT
        RF_LEDGER_RESULT_AMBIGUOUS
        RF_LEDGER_RESULT_NOT_HELD
        RF_LEDGER_RESULT_NOT_FLAT
        RF_LEDGER_RESULT_NO_MARGIN
        RF_LEDGER_RESULT_MAX

    enum: # MarkSide
        RF_MARK_SIDE_MID
        RF_MARK_SIDE_SIDE
        RF_MARK_SIDE_LAST
        RF_MARK_SIDE_MAX

    enum: # LedgerLegAccount
        RF_LEDGER_LEG_ACCOUNT_POSITION
        RF_LEDGER_LEG_ACCOUNT_VENUE
        RF_LEDGER_LEG_ACCOUNT_FEE
        RF_LEDGER_LEG_ACCOUNT_PNL
        RF_LEDGER_LEG_ACCOUNT_INCOME
        RF_LEDGER_LEG_ACCOUNT_EQUITY
        RF_LEDGER_LEG_ACCOUNT_MAX

    ctypedef struct Superblock "rf_superblock_t":
        uint64_t magic
        uint32_t layout_version
        uint32_t section_count
        uint64_t layout_hash
        uint64_t total_bytes
        uint64_t epoch
        uint32_t writer_pid
        uint32_t role
        uint64_t writer_start_ticks
        uint64_t created_ns
        char instance[32]
        char name[32]
        char pad_0[8]
        uint64_t heartbeat_ns
        uint32_t process_state
        uint32_t detail
        char pad_1[104]

    ctypedef struct Section "rf_section_t":
        char name[24]
        char record[24]
        uint64_t offset
        uint32_t count
        uint32_t stride

    ctypedef struct RingCursor "rf_ring_cursor_t":
        uint64_t position
        uint64_t condition
        char pad_0[112]

    ctypedef struct Intent "rf_intent_t":
        uint64_t slot_seq
        uint64_t client_id
        int64_t px
        int64_t stop_px
        int64_t qty
        int64_t display_qty
        uint64_t expire_ns
        uint64_t created_ns
        uint64_t origin_ns
        uint32_t instrument
        uint16_t account
        uint16_t route
        uint8_t kind
        uint8_t side
        uint8_t ord_type
        uint8_t time_in_force
        uint32_t instructions
        uint32_t epoch
        char pad_0[32]
        uint32_t crc

    ctypedef struct OrderCommand "rf_order_command_t":
        uint64_t slot_seq
        uint64_t output_seq
        uint64_t journal_seq
        uint64_t order_id
        int64_t px
        int64_t stop_px
        int64_t qty
        int64_t display_qty
        uint64_t expire_ns
        uint64_t engine_ns
        uint64_t intent_ns
        uint64_t origin_ns
        uint32_t revision
        uint8_t kind
        uint8_t side
        uint8_t ord_type
        uint8_t time_in_force
        uint8_t px_digits
        uint8_t qty_digits
        uint8_t durability
        uint8_t instructions
        uint16_t strategy
        uint16_t venue
        char cl_ord_id[24]
        char orig_cl_ord_id[24]
        char venue_order_id[32]
        char symbol[24]
        char account_code[24]
        char exec_id[40]
        uint8_t dk_reason
        char pad_0[7]
        uint64_t out_ns
        char pad_1[24]

    ctypedef struct VenueEvent "rf_venue_event_t":
        uint64_t slot_seq
        int64_t last_px
        int64_t last_qty
        int64_t cum_qty
        int64_t leaves_qty
        int64_t avg_px
        int64_t qty
        int64_t px
        uint64_t transact_ns
        uint64_t received_ns
        uint32_t msg_seq_num
        uint32_t flags
        uint32_t present
        uint32_t text_code
        uint8_t kind
        uint8_t ord_status
        uint8_t side
        uint8_t exec_trans_type
        uint8_t last_px_digits
        uint8_t last_qty_digits
        uint8_t cum_qty_digits
        uint8_t leaves_qty_digits
        uint8_t avg_px_digits
        uint8_t qty_digits
        uint8_t px_digits
        uint8_t cxl_rej_response_to
        uint16_t venue
        uint8_t mass_cancel_response
        uint8_t pad_0
        char cl_ord_id[24]
        char orig_cl_ord_id[24]
        char exec_id[40]
        char exec_ref_id[40]
        char venue_order_id[32]
        char symbol[24]
        char text[64]
        int64_t commission
        char comm_currency[8]
        uint8_t comm_type
        uint8_t comm_digits
        char pad_1[6]

    ctypedef struct StrategyEvent "rf_strategy_event_t":
        uint64_t slot_seq
        uint64_t output_seq
        uint64_t journal_seq
        uint64_t client_id
        uint64_t order_id
        int64_t last_px
        int64_t last_qty
        int64_t cum_qty
        int64_t leaves_qty
        int64_t px
        int64_t qty
        uint64_t engine_ns
        int64_t net_qty
        uint32_t instrument
        uint16_t account
        uint8_t kind
        uint8_t ord_status
        uint8_t side
        uint8_t reason
        uint16_t venue_code
        char pad_0[12]

    ctypedef struct Control "rf_control_t":
        uint64_t slot_seq
        uint64_t request_id
        uint32_t operator_uid
        uint8_t kind
        uint8_t status
        uint16_t strategy
        uint64_t epoch
        uint32_t day
        uint32_t pid
        char operator_name[24]
        char reason[56]
        char prefix[8]
        char body[256]

    ctypedef struct Signature "rf_signature_t":
        uint64_t number
        uint64_t not_after_ns
        char signature[64]
        char words[108]
        uint32_t bearer_uid

    ctypedef struct TableRows "rf_table_rows_t":
        uint32_t orders
        uint32_t executions
        uint32_t positions
        uint32_t breaks
        uint32_t instruments
        uint32_t accounts
        uint32_t venues
        uint32_t strategies
        uint32_t routes
        uint32_t brokers
        uint32_t desks
        uint32_t currencies
        uint32_t permissions
        uint32_t operators
        uint32_t proposals
        uint32_t scopes
        uint32_t lots
        uint32_t margin_rates
        uint64_t day_begins_ns
        uint32_t parameters
        char pad_1[44]

    ctypedef struct DayStart "rf_day_start_t":
        uint64_t begins_ns
        uint32_t day
        char pad_0[52]

    ctypedef struct LimitChange "rf_limit_change_t":
        int64_t value
        uint64_t expires_ns
        uint32_t a
        uint32_t b
        uint8_t kind
        uint8_t rule
        char pad_0[38]

    ctypedef struct PermissionChange "rf_permission_change_t":
        uint32_t value
        uint16_t permission
        uint8_t part
        uint8_t grant
        char name[24]
        char pad_0[32]

    ctypedef struct KillOrder "rf_kill_order_t":
        uint32_t a
        uint32_t b
        uint8_t kind
        uint8_t options
        char pad_0[54]

    ctypedef struct Decision "rf_decision_t":
        uint64_t proposal
        char pad_0[56]

    ctypedef struct OrderAction "rf_order_action_t":
        uint64_t order_id
        uint64_t execution
        uint32_t instrument
        uint16_t venue
        uint16_t strategy
        uint8_t ord_status
        uint8_t dk_reason
        char pad_0[38]

    ctypedef struct LedgerEntry "rf_ledger_entry_t":
        char reference[16]
        int64_t qty
        int64_t px
        int64_t amount
        uint32_t ratio_num
        uint32_t ratio_den
        uint32_t instrument
        uint16_t account
        uint16_t strategy
        uint16_t other
        uint16_t other_strategy
        uint8_t kind
        uint8_t amount_digits
        char pad_0[2]

    ctypedef struct MethodChange "rf_method_change_t":
        uint32_t instrument
        uint16_t account
        uint16_t strategy
        uint8_t method
        char pad_0[55]

    ctypedef struct ParameterChange "rf_parameter_change_t":
        int64_t value
        char name[32]
        uint16_t strategy
        uint8_t digits
        uint8_t is_configured
        char pad_0[20]

    ctypedef struct Parameter "rf_parameter_t":
        int64_t value
        char name[32]
        uint64_t changes
        int64_t configured
        uint32_t begun
        uint16_t strategy
        uint8_t digits
        uint8_t configured_digits

    ctypedef struct HolidayChange "rf_holiday_change_t":
        uint32_t days[15]
        uint16_t currency
        uint8_t count
        uint8_t is_holiday

    ctypedef struct Mark "rf_mark_t":
        uint64_t slot_seq
        int64_t bid
        int64_t ask
        uint64_t source_ns
        uint32_t instrument
        char pad_0[4]
        int64_t last
        char pad_1[16]

    ctypedef struct Timer "rf_timer_t":
        uint64_t slot_seq
        uint64_t now_ns
        char pad_0[48]

    ctypedef struct Observation "rf_observation_t":
        uint64_t slot_seq
        uint64_t value
        uint16_t peer
        uint8_t kind
        char pad_0[45]

    ctypedef struct Checkpoint "rf_checkpoint_t":
        uint64_t slot_seq
        uint64_t state_hash
        uint64_t inputs
        uint64_t first_row
        uint32_t rows
        uint32_t logic
        char pad_0[24]

    ctypedef struct Frame "rf_frame_t":
        uint64_t slot_seq
        uint64_t seq
        uint64_t engine_ns
        uint64_t source_position
        uint32_t source_epoch
        uint16_t source
        uint16_t kind
        uint32_t payload_bytes
        uint32_t instance_epoch
        char pad_0[16]

    ctypedef struct JournalSlot "rf_journal_slot_t":
        uint64_t slot_seq
        char head[56]
        char payload[384]

    ctypedef struct EngineStatus "rf_engine_status_t":
        uint64_t seq
        uint64_t engine_ns
        uint64_t inputs
        uint64_t epoch
        uint64_t order_count
        uint64_t execution_count
        uint64_t position_count
        uint64_t break_count
        uint64_t open_orders
        uint64_t intents
        uint64_t denies
        uint64_t duplicates
        uint64_t fills
        uint64_t duplicate_fills
        uint64_t venue_events
        uint64_t rejects
        uint32_t day
        uint32_t journal_pressure
        uint32_t instrument_count
        uint32_t account_count
        uint32_t venue_count
        uint32_t strategy_count
        uint32_t route_count
        uint32_t day_code
        char prefix[8]
        uint64_t swept
        uint64_t started_ns
        uint64_t request_count
        uint32_t requests_pending
        uint32_t free_request
        uint32_t mass_cancels
        uint32_t restrictions
        uint32_t rolls
        uint32_t broker_count
        uint32_t desk_count
        uint32_t currency_count
        uint32_t permission_count
        uint32_t operator_count
        uint32_t scope_count
        uint32_t proposal_count
        uint32_t flatten_orders
        uint32_t first_permission
        uint64_t proposals
        uint32_t pending_proposals
        uint32_t running_overrides
        uint64_t next_expiry_ns
        uint64_t audit_digest
        uint64_t audit_entries
        uint32_t counting
        uint32_t killed_scopes
        uint32_t scope_set_count
        uint32_t day_lead_s
        uint64_t command_digest
        uint32_t marks_refused
        uint32_t scopes_full
        uint32_t sweep_stood
        uint32_t weighing
        uint64_t controls_refused
        uint64_t refused[16]
        uint64_t sweep_ns
        uint64_t flatten_ns
        uint32_t cash_count
        uint32_t margin_rate_count
        uint32_t value_date_count
        uint32_t free_value_date
        uint32_t parameter_count
        char pad_1[12]

    ctypedef struct Instrument "rf_instrument_t":
        char symbol[24]
        char base[8]
        char quote[8]
        int64_t tick
        int64_t lot
        int64_t qty_min
        int64_t qty_max
        int64_t multiplier
        int64_t bid
        int64_t ask
        uint64_t mark_ns
        uint32_t id
        uint8_t price_digits
        uint8_t qty_digits
        uint8_t status
        uint8_t kind
        uint32_t scope
        uint16_t base_currency
        uint16_t quote_currency
        uint32_t margin_ppm
        uint32_t last_day
        uint8_t inverse
        uint8_t settle_days
        uint8_t restricted
        uint8_t locate_required
        uint8_t amount_shift
        uint8_t mark_side
        uint8_t daily
        uint8_t pad_2
        uint32_t marks_refused
        uint32_t first_buy
        uint32_t first_sell
        uint32_t first_position
        int64_t last
        uint64_t amount_factor
        int64_t best_buy
        int64_t best_sell
        int64_t band_px[3]
        int64_t band_tick[3]
        uint64_t last_ns
        uint32_t value_day
        char pad_1[12]

    ctypedef struct Account "rf_account_t":
        char name[24]
        char code[24]
        char currency[8]
        uint16_t id
        uint8_t status
        uint8_t durability
        uint16_t broker
        char pad_0[2]
        uint32_t scope
        uint8_t method
        char pad_1[3]
        uint32_t first_cash
        char pad_2[52]

    ctypedef struct Venue "rf_venue_t":
        char name[24]
        char session[32]
        uint64_t output_seq
        uint64_t events
        uint64_t session_ups
        uint64_t session_downs
        uint64_t changed_ns
        uint16_t id
        uint8_t status
        uint8_t session_state
        uint8_t stalled
        uint8_t durability
        char pad_0[2]
        uint64_t stalled_seq
        uint32_t ord_types
        uint32_t time_in_forces
        uint32_t instructions
        uint32_t scope
        uint8_t cancel_on_disconnect
        char pad_1[63]

    ctypedef struct Strategy "rf_strategy_t":
        char name[24]
        char desk[24]
        uint64_t output_seq
        uint64_t epoch
        uint64_t intents
        uint64_t denies
        uint64_t orders
        uint64_t fills
        uint64_t open_orders
        uint64_t max_age_ns
        uint32_t uid
        uint32_t pid
        uint16_t id
        uint8_t status
        uint8_t attached
        uint8_t stalled
        uint8_t cancel_on_detach
        char pad_0[2]
        uint32_t first_open
        uint32_t last_open
        uint16_t desk_row
        uint8_t silent
        uint8_t unapproved
        uint32_t scope
        uint32_t first_permission
        char pad_3[4]
        uint64_t deadman_ns
        uint64_t repeated_digest
        uint32_t repeated_count
        uint8_t repeats
        char pad_1[19]

    ctypedef struct Route "rf_route_t":
        uint32_t instrument
        uint16_t account
        uint16_t venue
        uint16_t id
        uint8_t status
        uint8_t side
        char name[24]
        uint16_t strategy
        char pad_0[2]
        int64_t qty_min
        int64_t qty_max
        uint32_t from_s
        uint32_t until_s
        uint64_t chosen
        uint64_t skipped
        char pad_1[48]

    ctypedef struct Order "rf_order_t":
        uint64_t order_id
        uint64_t client_id
        int64_t px
        int64_t stop_px
        int64_t qty
        int64_t cum_qty
        int64_t leaves_qty
        uint64_t notional_lo
        int64_t notional_hi
        int64_t last_px
        int64_t last_qty
        int64_t display_qty
        int64_t pending_px
        int64_t pending_stop_px
        int64_t pending_qty
        uint64_t expire_ns
        uint64_t created_ns
        uint64_t updated_ns
        uint64_t acked_ns
        uint64_t intent_ns
        uint64_t created_seq
        uint64_t updated_seq
        uint64_t terms_hash
        uint32_t instrument
        uint16_t account
        uint16_t strategy
        uint16_t venue
        uint16_t route
        uint16_t revision
        uint16_t live_revision
        uint16_t cancel_revision
        uint16_t replace_revision
        uint8_t pending_count
        uint8_t side
        uint8_t ord_type
        uint8_t time_in_force
        uint8_t ord_status
        uint8_t base_status
        uint8_t deny_reason
        uint8_t flags
        uint16_t venue_code
        uint16_t pending_base_revision
        uint16_t replaces
        char pad_0[2]
        uint32_t next_open
        uint32_t prev_open
        uint32_t first_execution
        uint32_t last_execution
        char venue_order_id[32]
        char text[64]
        uint32_t day_code
        uint64_t transact_ns
        uint64_t requested_ns
        uint8_t instructions
        char pad_1[3]
        uint32_t first_request
        uint32_t last_request
        char pad_3[4]
        uint64_t asked_ns
        uint64_t checks
        int64_t reserved_qty
        int64_t reserved_amount
        uint64_t content_digest
        int64_t reserved_px
        uint32_t next_level
        uint32_t prev_level
        uint32_t scope_set
        uint32_t counted
        int64_t market_px
        uint16_t routes_skipped
        uint8_t skip_reason
        uint8_t unvalued
        char pad_4[4]

    ctypedef struct Request "rf_request_t":
        int64_t px
        int64_t stop_px
        int64_t qty
        uint64_t requested_ns
        uint64_t order_id
        uint32_t next
        uint16_t revision
        uint16_t base_revision
        uint8_t kind
        uint8_t overdue
        char pad_0[14]

    ctypedef struct Execution "rf_execution_t":
        uint64_t id
        uint64_t order_id
        int64_t last_px
        int64_t last_qty
        uint64_t transact_ns
        uint64_t booked_seq
        uint64_t engine_ns
        char exec_id[40]
        char venue_order_id[32]
        uint32_t instrument
        uint32_t next
        uint16_t account
        uint16_t strategy
        uint16_t venue
        uint8_t side
        uint8_t state
        uint64_t digest
        uint32_t corrects
        uint32_t corrected_by
        uint32_t assigned_to
        char pad_0[28]

    ctypedef struct Position "rf_position_t":
        int64_t net_qty
        int64_t bought_qty
        int64_t sold_qty
        uint64_t cost_lo
        int64_t cost_hi
        uint64_t realized_lo
        int64_t realized_hi
        uint64_t traded_lo
        int64_t traded_hi
        int64_t last_px
        uint64_t fills
        uint64_t updated_ns
        uint64_t updated_seq
        uint32_t instrument
        uint16_t account
        uint16_t strategy
        int64_t value
        int64_t profit
        int64_t day_profit
        uint32_t scope_set
        uint32_t unvalued
        uint32_t next_of_instrument
        uint32_t counted
        int64_t counted_qty
        int64_t spent
        uint64_t flatten_ns
        uint32_t flatten_tries
        uint8_t flatten_reason
        uint8_t pad_1
        uint16_t margin_rate
        int64_t equity

    ctypedef struct Currency "rf_currency_t":
        char code[8]
        int64_t rate
        uint64_t changed_ns
        uint16_t id
        uint8_t status
        uint8_t is_firm
        uint32_t scope
        char pad_0[32]

    ctypedef struct Calendar "rf_calendar_t":
        uint64_t holidays[64]
        uint64_t changed_ns
        uint16_t currency
        char pad_0[54]

    ctypedef struct CashBalance "rf_cash_balance_t":
        uint64_t entered[2]
        uint64_t entered_base[2]
        uint64_t paid[2]
        uint64_t paid_base[2]
        int64_t value
        uint64_t updated_seq
        uint32_t entries
        uint32_t base_unknown
        uint32_t next_of_account
        uint16_t account
        uint16_t currency
        uint8_t unvalued
        char pad_0[31]

    ctypedef struct ValueDate "rf_value_date_t":
        uint64_t qty[2]
        uint64_t flow[2]
        uint32_t position
        uint32_t value_day
        uint32_t next
        char pad_0[20]

    ctypedef struct MarginRate "rf_margin_rate_t":
        int64_t above[3]
        uint32_t step_ppm[3]
        uint32_t rate_ppm
        uint32_t highest_ppm
        uint16_t id
        uint16_t broker
        uint16_t account
        uint16_t currency
        uint32_t instrument
        uint8_t kind
        uint8_t status
        char pad_0[70]

    ctypedef struct Broker "rf_broker_t":
        char name[24]
        uint32_t scope
        uint16_t id
        uint8_t status
        char pad_0[33]

    ctypedef struct Desk "rf_desk_t":
        char name[24]
        uint32_t scope
        uint16_t id
        uint8_t status
        char pad_0[33]

    ctypedef struct Permission "rf_permission_t":
        uint16_t strategy
        uint16_t id
        uint32_t flags
        uint32_t ord_types
        uint32_t time_in_forces
        uint64_t venues[2]
        uint64_t accounts[4]
        uint64_t instruments[64]
        uint32_t next
        char pad_0[4]
        char name[24]
        uint64_t changed_seq
        char pad_1[24]

    ctypedef struct Operator "rf_operator_t":
        char name[24]
        char public_key[32]
        uint32_t uid
        uint16_t id
        uint8_t role
        uint8_t status
        uint64_t last_request
        uint8_t role_max
        char pad_0[55]

    ctypedef struct Proposal "rf_proposal_t":
        uint64_t id
        uint64_t proposed_seq
        uint64_t decided_seq
        uint64_t proposed_ns
        uint64_t expires_ns
        int64_t before
        int64_t after
        uint32_t proposer
        uint32_t decider
        uint8_t state
        uint8_t kind
        uint8_t status
        uint8_t pad_0
        uint16_t strategy
        char pad_1[2]
        char reason[56]
        char operator_name[24]
        char body[256]
        char pad_2[104]

    ctypedef struct Scope "rf_scope_t":
        int64_t limits[40]
        uint32_t hits[40]
        char name[24]
        uint32_t a
        uint32_t b
        uint32_t id
        uint8_t kind
        uint8_t state
        uint8_t last_rule
        uint8_t kill_options
        uint64_t last_hit_ns
        uint64_t kill_seq
        uint32_t open_orders
        uint32_t rejects
        int64_t working_buy
        int64_t working_sell
        int64_t long_amount
        int64_t short_amount
        int64_t turnover
        int64_t profit
        int64_t net_qty
        int64_t buy_qty
        int64_t sell_qty
        int64_t short_qty
        int64_t margin
        uint64_t new_tat
        uint64_t replace_tat
        uint64_t message_tat
        uint64_t new_interval
        uint64_t replace_interval
        uint64_t message_interval
        uint64_t messages
        uint64_t limited
        int64_t short_working
        int64_t spent
        uint32_t unvalued
        uint32_t untold
        int64_t equity
        char pad_1[40]

    ctypedef struct ScopeSet "rf_scope_set_t":
        uint32_t instrument
        uint16_t strategy
        uint16_t account
        uint16_t venue
        uint8_t margin_rows
        uint8_t qty_row
        uint8_t row_count
        uint8_t account_pair
        uint8_t all_rows
        uint8_t sold_row
        uint32_t margin_ppm
        uint32_t rows[11]

    ctypedef struct KillWord "rf_kill_word_t":
        uint64_t word
        uint64_t set_ns
        uint32_t uid
        char pad_0[4]
        char reason[40]

    ctypedef struct Break "rf_break_t":
        uint64_t seq
        uint64_t engine_ns
        uint64_t order_id
        int64_t ours
        int64_t theirs
        char exec_id[40]
        char cl_ord_id[24]
        char text[64]
        uint16_t venue
        uint8_t kind
        char pad_0[21]

    ctypedef struct HashSlot "rf_hash_slot_t":
        uint64_t digest
        uint64_t row

    ctypedef struct LedgerSlot "rf_ledger_slot_t":
        uint32_t row

    ctypedef struct QuoteTick "rf_quote_tick_t":
        uint64_t slot_seq
        uint64_t published_ns
        uint64_t source_ns
        int64_t bid
        int64_t ask
        int64_t bid_qty
        int64_t ask_qty
        uint32_t instrument
        uint8_t kind
        uint8_t flags
        char pad_0[2]

    ctypedef struct TradeTick "rf_trade_tick_t":
        uint64_t slot_seq
        uint64_t published_ns
        uint64_t source_ns
        int64_t px
        int64_t qty
        char pad_0[16]
        uint32_t instrument
        uint8_t kind
        uint8_t flags
        uint8_t side
        uint8_t pad_1

    ctypedef struct BookDelta "rf_book_delta_t":
        uint64_t slot_seq
        uint64_t published_ns
        uint64_t source_ns
        int64_t px
        int64_t qty
        char pad_0[16]
        uint32_t instrument
        uint8_t kind
        uint8_t flags
        uint8_t side
        uint8_t action

    ctypedef struct Quote "rf_quote_t":
        uint64_t version
        int64_t bid
        int64_t ask
        uint64_t source_ns
        uint64_t published_ns
        uint64_t count
        uint32_t instrument
        uint32_t flags
        int64_t bid_qty
        int64_t ask_qty
        int64_t last
        int64_t last_qty
        uint64_t last_source_ns
        uint64_t gaps
        uint64_t position
        char pad_0[16]

    ctypedef struct ClockCalibration "rf_clock_calibration_t":
        uint64_t version
        uint64_t base_tsc
        uint64_t base_ns
        uint64_t mult
        uint64_t error_ns
        uint32_t shift
        uint32_t source
        char pad_0[16]

    ctypedef struct Component "rf_component_t":
        char name[32]
        char note[64]
        uint64_t started_ns
        uint32_t pid
        uint32_t start_ticks_lo
        uint32_t restarts
        int32_t core
        uint32_t role
        uint32_t state
        int32_t exit_code
        char pad_0[60]

    ctypedef struct InstanceStatus "rf_instance_status_t":
        uint64_t epoch
        uint64_t started_ns
        uint32_t mode
        uint32_t state
        char data_dir[200]
        uint64_t config_digest
        char pad_0[24]

    ctypedef struct Counter "rf_counter_t":
        uint64_t value
        char label[48]
        uint32_t id
        char pad_0[4]

    ctypedef struct HistogramHeader "rf_histogram_header_t":
        char label[48]
        uint64_t count
        uint64_t sum
        uint64_t max
        uint64_t min
        uint32_t first_bucket
        uint32_t bucket_count
        char pad_0[40]

    ctypedef struct Bucket "rf_bucket_t":
        uint64_t count

    ctypedef struct LedgerHead "rf_ledger_head_t":
        uint32_t instrument_rows
        uint32_t position_rows
        uint32_t lot_rows
        uint32_t event_rows
        uint32_t pick_rows
        uint32_t checkpoint_rows
        uint32_t slots
        char pad_0[4]
        uint32_t position_count
        uint32_t lot_count
        uint32_t free_lot
        uint32_t open_lots
        uint32_t event_count
        uint32_t pick_count
        uint32_t checkpoint_count
        uint32_t free_checkpoint
        uint32_t held
        uint32_t stamp
        uint64_t merged_lots
        uint64_t inexact
        uint64_t duplicates
        uint64_t conflicts
        uint64_t refused
        uint64_t recomputed
        uint64_t checkpoints_dropped
        uint64_t last_seq
        uint8_t refusal
        char pad_1[55]

    ctypedef struct LedgerInstrument "rf_ledger_instrument_t":
        uint64_t factor[2]
        uint64_t divisor[2]
        uint32_t settle_asset
        uint32_t base_asset
        uint32_t flags
        uint8_t defined
        uint8_t qty_digits
        uint8_t px_digits
        uint8_t money_digits
        char pad_0[80]

    ctypedef struct LedgerPosition "rf_ledger_position_t":
        uint64_t qty[2]
        uint64_t cost[2]
        uint64_t realized[2]
        uint64_t flow[2]
        uint64_t moved[2]
        uint64_t fees[2]
        uint64_t fees_elsewhere[2]
        uint64_t funding[2]
        uint64_t income[2]
        uint64_t settled[2]
        uint64_t bound[2]
        uint64_t cost_base[2]
        uint64_t realized_base[2]
        uint64_t realized_fx[2]
        uint64_t fees_base[2]
        uint64_t income_base[2]
        uint32_t instrument
        uint16_t account
        uint16_t strategy
        uint8_t method
        uint8_t base_unknown
        uint8_t own_method
        uint8_t pad_0
        uint32_t first_lot
        uint32_t last_lot
        uint32_t heap
        uint32_t lot_count
        uint32_t first_event
        uint32_t last_event
        uint32_t checkpoint
        uint32_t since_checkpoint
        uint32_t stamp
        uint32_t next_of_family
        uint32_t flags
        uint64_t trades
        uint64_t updated_seq
        uint64_t mark_px[2]
        uint64_t marked_seq
        uint32_t first_date
        char pad_1[4]
        uint64_t moved_base[2]
        char pad_2[8]

    ctypedef struct Lot "rf_lot_t":
        uint64_t qty[2]
        uint64_t cost[2]
        uint64_t cost_base[2]
        uint64_t rank[2]
        uint64_t seq
        uint32_t event
        uint32_t position
        uint32_t next
        uint32_t prev
        uint32_t child
        uint32_t sibling
        char pad_0[32]

    ctypedef struct LedgerEvent "rf_ledger_event_t":
        uint64_t seq
        uint64_t engine_ns
        uint64_t key
        uint64_t content
        uint64_t ref_key
        uint64_t qty[2]
        uint64_t px[2]
        uint64_t amount[2]
        uint64_t fee[2]
        uint64_t fee_px[2]
        int64_t ratio_num
        int64_t ratio_den
        int64_t share_num
        int64_t share_den
        int64_t fx
        uint32_t instrument
        uint32_t other_instrument
        uint16_t account
        uint16_t strategy
        uint16_t other_account
        uint8_t kind
        uint8_t state
        uint8_t fee_kind
        uint8_t fx_digits
        uint8_t method
        uint8_t amount_given
        uint32_t first_pick
        uint32_t pick_count
        uint32_t position
        uint32_t other_position
        uint32_t next_of_position
        uint32_t next_of_other
        uint32_t root
        uint32_t newest
        uint32_t given
        uint16_t other_strategy
        uint8_t undated
        uint8_t pad_0
        uint32_t value_day
        char pad_1[32]

    ctypedef struct LedgerPick "rf_ledger_pick_t":
        uint64_t key
        uint64_t qty[2]
        char pad_0[8]

    ctypedef struct LedgerCheckpoint "rf_ledger_checkpoint_t":
        uint64_t position[48]
        uint64_t lot[16]
        uint32_t event
        uint32_t previous
        char pad_0[56]

    ctypedef struct LedgerClosing "rf_ledger_closing_t":
        uint64_t seq
        uint64_t lot_seq
        uint64_t qty[2]
        uint64_t realized[2]
        uint32_t position
        uint32_t lot_event
        char pad_0[8]

    ctypedef struct LedgerLeg "rf_ledger_leg_t":
        uint64_t seq
        uint64_t amount[2]
        uint32_t asset
        uint32_t instrument
        uint32_t position
        uint16_t account
        uint16_t strategy
        uint8_t leg_account
        uint8_t units
        uint8_t digits
        uint8_t correction
        char pad_0[20]

    ctypedef struct SegmentHeader "rf_segment_header_t":
        uint64_t magic
        uint32_t layout_version
        uint32_t header_bytes
        uint64_t layout_hash
        uint64_t first_seq
        uint64_t index
        uint64_t created_ns
        char instance[32]
        char previous_sha256[32]
        char pad_0[132]
        uint32_t crc
        char pad_1[8]

    ctypedef struct FileFrame "rf_file_frame_t":
        uint32_t length
        uint32_t crc
        uint64_t seq
        uint64_t engine_ns
        uint64_t source_position
        uint32_t source_epoch
        uint16_t source
        uint16_t kind
        uint32_t payload_bytes
        uint32_t instance_epoch
        char pad_0[16]
