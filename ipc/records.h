/* Generated from ipc/schema.py by python -m ringfence.tools.gen_records; do not edit. */
#ifndef RF_RECORDS_H
#define RF_RECORDS_H
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
#define RF_STATIC_ASSERT static_assert
#else
#define RF_STATIC_ASSERT _Static_assert
#endif

#define RF_LAYOUT_VERSION 9u
#define RF_LAYOUT_HASH 0xab61332b4638ec50ull
#define RF_REGION_MAGIC 826689362u /* 'RGF1' */
#define RF_SEGMENT_MAGIC 1279936082u /* 'RFJL' */
#define RF_CACHE_LINE_PAIR 128u /* what one side writes never shares 128 bytes with what the other writes */
#define RF_JOURNAL_SLOT_BYTES 448u /* frame head and the largest payload */
#define RF_VENUE_EVENT_POSS_DUP 1u /* PossDupFlag(43)=Y */
#define RF_VENUE_EVENT_POSS_RESEND 2u /* PossResend(97)=Y */
#define RF_VENUE_EVENT_INVALID 4u /* a field failed validation; delivered all the same */
#define RF_VENUE_EVENT_TRUNCATED 8u /* an id was longer than its field: identity is not certain */
#define RF_PRESENT_LAST_PX 1u /* 31 */
#define RF_PRESENT_LAST_QTY 2u /* 32 */
#define RF_PRESENT_CUM_QTY 4u /* 14 */
#define RF_PRESENT_LEAVES_QTY 8u /* 151 */
#define RF_PRESENT_AVG_PX 16u /* 6 */
#define RF_PRESENT_QTY 32u /* 38 */
#define RF_PRESENT_PX 64u /* 44 */
#define RF_PRESENT_COMMISSION 128u /* 12 */
#define RF_COMM_TYPE_PER_UNIT 1u /* an amount per unit of quantity */
#define RF_COMM_TYPE_PERCENT 2u /* percent of the value as a fraction (.05 is 5 %), in the settlement currency */
#define RF_COMM_TYPE_ABSOLUTE 3u /* an amount */
#define RF_LEDGER_MONEY_DIGITS 18u /* decimals of money in the engine's ledger */
#define RF_ORDER_UNVERIFIED 1u /* its session went down; the venue has not answered for it since (S15) */
#define RF_ORDER_OVERFILLED 2u /* CumQty above OrderQty */
#define RF_ORDER_BREAK 4u /* a break names it */
#define RF_ORDER_STATUS_ASKED 8u /* a status request is on its way */
#define RF_ORDER_OVERDUE 16u /* its request in flight was reported as unanswered */
#define RF_ORDER_UNKNOWN_REPORTED 32u /* a break says that its fate is not known; said once for each time that it becomes Unknown */
#define RF_EXECUTION_BOOKED 1u
#define RF_EXECUTION_BUSTED 2u
#define RF_EXECUTION_CORRECTED 3u
#define RF_EXECUTION_HELD 4u /* not booked: waits for the execution that it busts or corrects */
#define RF_EXECUTION_ASSIGNED 5u /* taken out of suspense by an operator; assigned_to is booked in its place */
#define RF_INSTRUCTION_MASS_CANCEL 256u /* of a venue only: it takes one message that cancels everything (35=q) */
#define RF_INSTRUCTION_POST_ONLY 1u /* add liquidity or be refused; ExecInst(18)=6 unless the venue's profile says otherwise */
#define RF_INSTRUCTION_REDUCE_ONLY 2u /* never open or add to a position, judged by Ringfence; not sent */
#define RF_REQUEST_LIMIT_MS 30000u /* a cancel or replace unanswered for this long raises a break */
#define RF_DURABILITY_ASYNC 1u /* in the journal ring */
#define RF_DURABILITY_LOCAL 2u /* fdatasync covers it */
#define RF_DURABILITY_REPLICATED 3u /* a standby has it */
#define RF_LOGIC_VERSION 4u /* raised when the same inputs lead to another state: replays of older journals are then compared by --diff, not by hash */
#define RF_RESTRICT_JOURNAL_SLOW 1u /* frames wait for their sync longer than journal.reduce_ms: only what reduces a position passes */
#define RF_RESTRICT_JOURNAL_LATE 2u /* frames wait for their sync longer than journal.halt_ms: no new risk */
#define RF_RESTRICT_JOURNAL_FULL 4u /* the disk has no space: no new risk */
#define RF_RESTRICT_JOURNAL_SUSPECT 8u /* a write or sync failed: no new risk until people have looked */
#define RF_RESTRICT_DIVERGENCE 16u /* the shadow differs: no new risk until an operator resumes */
#define RF_RESTRICT_OPERATOR 32u /* halted by an operator */
#define RF_REVISIONS_MAX 1022u /* ClOrdIDs of one order: two base-32 digits, but for the last */
#define RF_REVISION_OUT_OF_BAND 1023u /* of the cancel that a gateway sends by itself when the kill word is set */
#define RF_RISK_RULES 32u /* checks of RiskRule; what follows them are settings */
#define RF_FIRM_SCOPE 1u /* row of the firm in scopes */
#define RF_CASH_OF_ACCOUNT 16u /* rows of cash for each of accounts */
#define RF_DATES_OF_POSITION 8u /* rows of value_dates for each of positions */
#define RF_CALENDAR_BEGINS 20240101u /* first day of the holidays of a Calendar, YYYYMMDD */
#define RF_SETS_OF_SCOPE 4u /* rows of scope_sets for each of scopes */
#define RF_ANY 65535u /* of a set in a PermissionChange: every element, those to come too */
#define RF_INSTRUMENTS_MAX 4096u /* bits of a grant's instrument set */
#define RF_ACCOUNTS_MAX 255u /* bits of a grant's account set */
#define RF_AMOUNT_DIGITS 4u /* amounts of scopes are in 10^-4 of the firm's currency, rounded up */
#define RF_SELF_MATCH_REJECT 1u /* refuse the new order */
#define RF_SELF_MATCH_CANCEL_RESTING 2u /* cancel the resting ones and go on */
#define RF_SELF_MATCH_CANCEL_BOTH 3u /* cancel the resting ones and refuse the new order */
#define RF_COLLAR_LAST 1u /* last trade */
#define RF_COLLAR_MID 2u /* middle of bid and ask */
#define RF_COLLAR_FAR 3u /* far touch: the ask for a buy, the bid for a sell */
#define RF_KILL_CLEAR 1380339531u /* the one value of a kill word that does not kill */
#define RF_KILL_CANCEL 1u /* cancel open orders too */
#define RF_KILL_FLATTEN 2u /* close positions too, by market orders */
#define RF_GRANT_SHORT 1u /* short sales too */
#define RF_FLATTEN_CLIENT_ID 2147483648u /* client_ids with this bit of their high word are the engine's own orders that flatten a position */
#define RF_VENUES_MAX 64u /* gateway links of one engine */
#define RF_LEDGER_INVERSE 1u /* value is per 1/px */
#define RF_LEDGER_MARGIN 2u /* a trade moves no cash; what is realized does */
#define RF_LEDGER_DAILY 4u /* cash moves by variation margin only */
#define RF_LEDGER_CASH 8u /* a cash balance as a position with base cost: a trade is a deposit or withdrawal */
#define RF_LEDGER_GIVEN_QTY 1u /* its size; the sign stays */
#define RF_LEDGER_GIVEN_SIDE 2u /* its sign */
#define RF_LEDGER_GIVEN_PX 4u
#define RF_LEDGER_GIVEN_FEE 8u /* fee, fee_kind, fee_px and other_instrument */
#define RF_LEDGER_GIVEN_FX 16u
#define RF_LEDGER_GIVEN_AMOUNT 32u
#define RF_LEDGER_GIVEN_PICKS 64u
#define RF_LEDGER_POSITION_MERGED 1u /* lots of it were merged when the pool was full */
#define RF_LEDGER_CHECKPOINT_EVENTS 64u /* events of a position between two of its checkpoints */
#define RF_TICK_BUSY 9223372036854775808ull /* bit of slot_seq in the market data ring: the slot is being written */
#define RF_TICK_STALE 1u /* older than the feed's limit, or its source is silent */
#define RF_TICK_CROSSED 2u /* bid above ask */
#define RF_TICK_SNAPSHOT 4u /* part of a snapshot: this is how things are, not what happened */
#define RF_TICK_GAP 8u /* messages of the source were missed before it */
#define RF_TICK_MORE 16u /* more slots of the same message follow: the book is whole after the last */
#define RF_PARAMETERS_MAX 65534u /* rows of parameters */
#define RF_PARAMETER_DIGITS_MAX 12u /* decimals of a parameter's value */
#define RF_STRATEGIES_MAX 256u /* strategy links of one engine */

/* FIX Side(54); the numbers are FIX's. */
enum rf_side {
    RF_SIDE_BUY = 1, /* 54=1 */
    RF_SIDE_SELL = 2, /* 54=2 */
    RF_SIDE_SELL_SHORT = 5, /* 54=5 */
    RF_SIDE_MAX = 5
};

/* FIX OrdType(40); the numbers are FIX's. */
enum rf_ord_type {
    RF_ORD_TYPE_MARKET = 1, /* 40=1 */
    RF_ORD_TYPE_LIMIT = 2, /* 40=2 */
    RF_ORD_TYPE_STOP = 3, /* 40=3 */
    RF_ORD_TYPE_STOP_LIMIT = 4, /* 40=4 */
    RF_ORD_TYPE_MAX = 4
};

/* FIX TimeInForce(59) plus one, since FIX's Day is 0. */
enum rf_time_in_force {
    RF_TIME_IN_FORCE_DAY = 1, /* 59=0 */
    RF_TIME_IN_FORCE_GTC = 2, /* 59=1 */
    RF_TIME_IN_FORCE_OPG = 3, /* 59=2 */
    RF_TIME_IN_FORCE_IOC = 4, /* 59=3 */
    RF_TIME_IN_FORCE_FOK = 5, /* 59=4 */
    RF_TIME_IN_FORCE_GTX = 6, /* 59=5 */
    RF_TIME_IN_FORCE_GTD = 7, /* 59=6 */
    RF_TIME_IN_FORCE_MAX = 7
};

/* FIX OrdStatus(39), then two of ours: UNKNOWN (fate not known to us) and DENIED (refused by Ringfence, never sent). */
enum rf_ord_status {
    RF_ORD_STATUS_PENDING_NEW = 1, /* 39=A, sent or about to be */
    RF_ORD_STATUS_NEW = 2, /* 39=0 */
    RF_ORD_STATUS_PARTIALLY_FILLED = 3, /* 39=1 */
    RF_ORD_STATUS_FILLED = 4, /* 39=2 */
    RF_ORD_STATUS_DONE_FOR_DAY = 5, /* 39=3 */
    RF_ORD_STATUS_CANCELED = 6, /* 39=4 */
    RF_ORD_STATUS_REPLACED = 7, /* 39=5, a transient answer; the order's own status becomes NEW, PARTIALLY_FILLED or FILLED */
    RF_ORD_STATUS_PENDING_CANCEL = 8, /* 39=6 */
    RF_ORD_STATUS_STOPPED = 9, /* 39=7 */
    RF_ORD_STATUS_REJECTED = 10, /* 39=8, by the venue */
    RF_ORD_STATUS_SUSPENDED = 11, /* 39=9 */
    RF_ORD_STATUS_CALCULATED = 12, /* 39=B */
    RF_ORD_STATUS_EXPIRED = 13, /* 39=C */
    RF_ORD_STATUS_PENDING_REPLACE = 14, /* 39=E */
    RF_ORD_STATUS_UNKNOWN = 15, /* sent, not acknowledged, and the session died */
    RF_ORD_STATUS_DENIED = 16, /* refused by Ringfence; never sent */
    RF_ORD_STATUS_MAX = 16
};

/* What a strategy asks. */
enum rf_intent_kind {
    RF_INTENT_KIND_NEW = 1,
    RF_INTENT_KIND_CANCEL = 2,
    RF_INTENT_KIND_REPLACE = 3,
    RF_INTENT_KIND_CANCEL_ALL = 4,
    RF_INTENT_KIND_MAX = 4
};

/* What the engine asks of a gateway. */
enum rf_command_kind {
    RF_COMMAND_KIND_NEW = 1,
    RF_COMMAND_KIND_CANCEL = 2,
    RF_COMMAND_KIND_REPLACE = 3,
    RF_COMMAND_KIND_STATUS = 4,
    RF_COMMAND_KIND_MASS_CANCEL = 5, /* everything of the session, or of one instrument (4.4 35=q) */
    RF_COMMAND_KIND_DONT_KNOW = 6, /* an execution that is refused (35=Q) */
    RF_COMMAND_KIND_MAX = 6
};

/* What a venue (or its session) reported, FIX 4.2 and 4.4 normalised to one list. */
enum rf_venue_event_kind {
    RF_VENUE_EVENT_KIND_ACK = 1, /* 150=0 */
    RF_VENUE_EVENT_KIND_PENDING_NEW = 2, /* 150=A */
    RF_VENUE_EVENT_KIND_REJECTED = 3, /* 150=8 */
    RF_VENUE_EVENT_KIND_FILL = 4, /* 20=0 and 150=1 or 2; 4.4 150=F */
    RF_VENUE_EVENT_KIND_BUST = 5, /* 20=1; 4.4 150=H */
    RF_VENUE_EVENT_KIND_CORRECT = 6, /* 20=2; 4.4 150=G */
    RF_VENUE_EVENT_KIND_PENDING_CANCEL = 7, /* 150=6 */
    RF_VENUE_EVENT_KIND_CANCELED = 8, /* 150=4 */
    RF_VENUE_EVENT_KIND_PENDING_REPLACE = 9, /* 150=E */
    RF_VENUE_EVENT_KIND_REPLACED = 10, /* 150=5 */
    RF_VENUE_EVENT_KIND_RESTATED = 11, /* 150=D */
    RF_VENUE_EVENT_KIND_DONE_FOR_DAY = 12, /* 150=3 */
    RF_VENUE_EVENT_KIND_EXPIRED = 13, /* 150=C */
    RF_VENUE_EVENT_KIND_STOPPED = 14, /* 150=7 */
    RF_VENUE_EVENT_KIND_SUSPENDED = 15, /* 150=9 */
    RF_VENUE_EVENT_KIND_CALCULATED = 16, /* 150=B */
    RF_VENUE_EVENT_KIND_STATUS = 17, /* 20=3; 4.4 150=I */
    RF_VENUE_EVENT_KIND_CANCEL_REJECT = 18, /* 35=9 */
    RF_VENUE_EVENT_KIND_BUSINESS_REJECT = 19, /* 35=j, or 35=3 answering an application message */
    RF_VENUE_EVENT_KIND_SESSION_UP = 20, /* logged on, gap fill complete */
    RF_VENUE_EVENT_KIND_SESSION_DOWN = 21, /* connection lost or logged out */
    RF_VENUE_EVENT_KIND_NOT_SENT = 22, /* the venue provably never received it */
    RF_VENUE_EVENT_KIND_MASS_CANCEL_REPORT = 23, /* 35=r; text_code is MassCancelRejectReason(532) plus 1 */
    RF_VENUE_EVENT_KIND_MAX = 23
};

/* What the engine tells a strategy. */
enum rf_event_kind {
    RF_EVENT_KIND_ACCEPTED = 1, /* the intent became an order and is on its way */
    RF_EVENT_KIND_DENIED = 2, /* refused by Ringfence, see reason */
    RF_EVENT_KIND_DUPLICATE = 3, /* client_id seen before; carries the existing order's state */
    RF_EVENT_KIND_ACK = 4, /* the venue has it (OrdStatus New) */
    RF_EVENT_KIND_FILL = 5, /* last_px and last_qty traded */
    RF_EVENT_KIND_CANCELED = 6,
    RF_EVENT_KIND_REPLACED = 7,
    RF_EVENT_KIND_REJECTED = 8, /* by the venue */
    RF_EVENT_KIND_CANCEL_REJECTED = 9, /* cancel or replace refused by the venue */
    RF_EVENT_KIND_EXPIRED = 10,
    RF_EVENT_KIND_DONE_FOR_DAY = 11,
    RF_EVENT_KIND_RESTATED = 12, /* changed by the venue without a request */
    RF_EVENT_KIND_PENDING = 13, /* PendingNew, PendingCancel, PendingReplace, Suspended, Stopped or Calculated; see ord_status */
    RF_EVENT_KIND_UNKNOWN = 14, /* outcome not known; exposure stays reserved */
    RF_EVENT_KIND_BUST = 15,
    RF_EVENT_KIND_CORRECT = 16,
    RF_EVENT_KIND_MAX = 16
};

/* Why Ringfence refused an intent. NONE is 1: an error path that leaves 0 can never mean accepted. */
enum rf_deny_reason {
    RF_DENY_REASON_NONE = 1, /* not refused */
    RF_DENY_REASON_BAD_KIND = 2, /* intent kind is not one of IntentKind */
    RF_DENY_REASON_BAD_SIDE = 3, /* side is not BUY, SELL or SELL_SHORT */
    RF_DENY_REASON_BAD_ORD_TYPE = 4, /* type unknown, or not fit for the prices given */
    RF_DENY_REASON_BAD_TIME_IN_FORCE = 5, /* time in force unknown, or GTD without expire time */
    RF_DENY_REASON_BAD_QTY = 6, /* quantity not positive, not a multiple of the lot, or outside min and max */
    RF_DENY_REASON_BAD_PRICE = 7, /* limit or stop price missing, not on the tick, or not positive where it must be */
    RF_DENY_REASON_BAD_CLIENT_ID = 8, /* client_id is 0, or one that the engine keeps for orders of its own (FLATTEN_CLIENT_ID) */
    RF_DENY_REASON_OVERFLOW = 9, /* price times quantity, or a sum, does not fit */
    RF_DENY_REASON_UNKNOWN_INSTRUMENT = 10, /* no such instrument, or not active */
    RF_DENY_REASON_UNKNOWN_ACCOUNT = 11, /* no such account, or not active */
    RF_DENY_REASON_UNKNOWN_ORDER = 12, /* target client_id names no order of this strategy */
    RF_DENY_REASON_NO_ROUTE = 13, /* no route for this instrument and account */
    RF_DENY_REASON_STRATEGY_DISABLED = 14, /* strategy unknown, detached or disabled */
    RF_DENY_REASON_SESSION_DOWN = 15, /* the route's session is not logged on */
    RF_DENY_REASON_GATEWAY_STALLED = 16, /* the route's gateway does not drain its ring */
    RF_DENY_REASON_STRATEGY_STALLED = 17, /* this strategy does not drain its event ring */
    RF_DENY_REASON_JOURNAL_PRESSURE = 18, /* the journal ring is close to full; new risk is refused */
    RF_DENY_REASON_ORDER_DONE = 19, /* the target is in a terminal state */
    RF_DENY_REASON_ORDER_UNKNOWN = 20, /* the target's outcome is unknown; only cancels pass */
    RF_DENY_REASON_DUPLICATE_TERMS = 21, /* client_id seen before with other terms */
    RF_DENY_REASON_ORDERS_FULL = 22, /* order table is full */
    RF_DENY_REASON_EXECUTIONS_FULL = 23, /* execution table is nearly full */
    RF_DENY_REASON_STALE = 24, /* older than the strategy's limit when read, or issued before recovery finished */
    RF_DENY_REASON_TOO_MANY_REVISIONS = 25, /* the order's ClOrdID chain is used up */
    RF_DENY_REASON_REQUEST_PENDING = 26, /* too many requests are in flight to take another */
    RF_DENY_REASON_NOT_SUPPORTED = 27, /* the venue has no such order type, time in force or instruction */
    RF_DENY_REASON_JOURNAL_LATE = 28, /* the journal is not durable in time; only what reduces a position passes */
    RF_DENY_REASON_TRADING_HALTED = 29, /* the instance takes no new risk (restrictions of EngineStatus); cancels pass */
    RF_DENY_REASON_NOT_PERMITTED = 30, /* no grant covers this strategy, account, venue, instrument, order type and time in force */
    RF_DENY_REASON_KILLED = 31, /* a kill switch of one of its scopes is on; cancels pass */
    RF_DENY_REASON_REDUCE_ONLY = 32, /* only what reduces the position passes, by the intent's own instruction or a scope's state */
    RF_DENY_REASON_RESTRICTED = 33, /* the instrument is on the restricted list */
    RF_DENY_REASON_NO_LOCATE = 34, /* a short sale without enough located quantity */
    RF_DENY_REASON_EXPIRED_DATE = 35, /* GTD expire time is not in the future, or beyond the instrument's last day */
    RF_DENY_REASON_INCONSISTENT = 36, /* instructions contradict each other, the order type or the time in force */
    RF_DENY_REASON_MAX_QTY = 37, /* quantity above a scope's MAX_QTY */
    RF_DENY_REASON_MAX_NOTIONAL = 38, /* notional above a scope's MAX_NOTIONAL */
    RF_DENY_REASON_COLLAR = 39, /* price further from the reference than a scope's COLLAR allows */
    RF_DENY_REASON_NO_REFERENCE = 40, /* the price reference is missing, or older than a scope's REFERENCE_AGE */
    RF_DENY_REASON_CREDIT = 41, /* an account's credit or cash would be exceeded */
    RF_DENY_REASON_MARGIN = 42, /* margin required would exceed an account's margin limit */
    RF_DENY_REASON_MAX_POSITION = 43, /* net position with working orders, worst side, above a scope's MAX_POSITION */
    RF_DENY_REASON_NET_EXPOSURE = 44, /* net exposure above a scope's NET_EXPOSURE */
    RF_DENY_REASON_GROSS_EXPOSURE = 45, /* gross exposure above a scope's GROSS_EXPOSURE */
    RF_DENY_REASON_OPEN_ORDERS = 46, /* a scope has as many open orders as it may */
    RF_DENY_REASON_TURNOVER = 47, /* the day's turnover would exceed a scope's TURNOVER */
    RF_DENY_REASON_LOSS = 48, /* a scope has lost its DAILY_LOSS; only what reduces a position passes */
    RF_DENY_REASON_NEW_RATE = 49, /* a scope's rate of new orders is used up */
    RF_DENY_REASON_REPLACE_RATE = 50, /* a scope's rate of replaces is used up */
    RF_DENY_REASON_MESSAGE_RATE = 51, /* a scope's rate of messages is used up, but for what is kept for cancels */
    RF_DENY_REASON_DUPLICATE_CONTENT = 52, /* the same order content came within a scope's DUPLICATE_WINDOW */
    RF_DENY_REASON_REPEATED_EXECUTION = 53, /* the same order was executed too often in a row; an operator must enable the strategy again */
    RF_DENY_REASON_SELF_MATCH = 54, /* it would trade with an order of this firm */
    RF_DENY_REASON_NO_RATE = 55, /* an amount cannot be told: the instrument's currency has no rate to the firm's, or something of the scope has no price or does not fit */
    RF_DENY_REASON_SCOPES_FULL = 56, /* no room to account for another pair of account, strategy and instrument (limits.scopes, limits.positions) */
    RF_DENY_REASON_MAX = 56
};

/* Facts that contradict our state: booked where they can be, always raised. Names follow the order rules S1 to S22. */
enum rf_break_kind {
    RF_BREAK_KIND_UNKNOWN_ORDER = 1, /* an execution names no order we know; booked to suspense */
    RF_BREAK_KIND_OVERFILL = 2, /* CumQty above OrderQty; booked in full */
    RF_BREAK_KIND_EXECUTION_MISMATCH = 3, /* same execution identity with other quantity or price; not booked */
    RF_BREAK_KIND_MISSED_EXECUTION = 4, /* the venue's CumQty jumped by more than LastShares */
    RF_BREAK_KIND_STALE_REPORT = 5, /* the venue's CumQty is below ours without bust or correct */
    RF_BREAK_KIND_UNEXPECTED_TRANSITION = 6, /* no row of the state table fits */
    RF_BREAK_KIND_UNKNOWN_EXEC_REF = 7, /* bust or correct of an execution we do not know */
    RF_BREAK_KIND_INSTRUMENT_MISMATCH = 8, /* report names another instrument or side than the order */
    RF_BREAK_KIND_INEXACT = 9, /* a price or quantity finer than the instrument's scale */
    RF_BREAK_KIND_OVERFLOW = 10, /* a figure does not fit in 64 or 128 bits */
    RF_BREAK_KIND_EXECUTIONS_FULL = 11, /* booked, but not remembered for dedupe */
    RF_BREAK_KIND_BUSINESS_REJECT = 12, /* the venue refused a message we cannot tie to a request */
    RF_BREAK_KIND_UNKNOWN_OUTCOME = 13, /* an order whose fate or state is in doubt was not cleared up in time (S6, S16) */
    RF_BREAK_KIND_TABLE_FULL = 14, /* a position row could not be made, or one of a value date (ours: the day): what it would have is in its neighbour's */
    RF_BREAK_KIND_REQUEST_UNANSWERED = 15, /* a cancel or replace was not answered in time; it stays pending (S17) */
    RF_BREAK_KIND_BAD_CONTROL = 16, /* a control command names a row or a value that cannot be and changed nothing, or a mass cancel reached not every order */
    RF_BREAK_KIND_MASS_CANCEL_REJECTED = 17, /* the venue refused a mass cancel; every open order is cancelled on its own instead */
    RF_BREAK_KIND_DIVERGENCE = 18, /* a shadow of the engine computed another state hash at the same sequence; trading is halted */
    RF_BREAK_KIND_OUTPUTS_LOST = 19, /* the journal lost its end, a gateway has sent what it does not know: ids were skipped and trading is halted */
    RF_BREAK_KIND_LEDGER_REFUSED = 20, /* the ledger could not book it (theirs: LedgerResult): an execution, which its figures are short of, or an entry, which changed nothing */
    RF_BREAK_KIND_LOTS_MERGED = 21, /* the lot pool is full, dust was merged (ours: lots merged so far); cost and quantity are kept, raise limits.lots */
    RF_BREAK_KIND_FEE_UNVALUED = 22, /* a commission in a currency without a rate (ours: the amount); not booked */
    RF_BREAK_KIND_MAX = 22
};

/* Type of a journal frame; all but CHECKPOINT are inputs. */
enum rf_frame_kind {
    RF_FRAME_KIND_INTENT = 1,
    RF_FRAME_KIND_VENUE_EVENT = 2,
    RF_FRAME_KIND_CONTROL = 3,
    RF_FRAME_KIND_MARK = 4,
    RF_FRAME_KIND_TIMER = 5,
    RF_FRAME_KIND_OBSERVATION = 6, /* what the engine saw of its peers (stalled, poisoned, pressure) */
    RF_FRAME_KIND_CHECKPOINT = 7, /* the state hash after the previous frame; checked by replay */
    RF_FRAME_KIND_MAX = 7
};

/* Journaled commands; all configuration is one of these. */
enum rf_control_kind {
    RF_CONTROL_KIND_START = 1, /* engine start: epoch, trading day, ClOrdID prefix */
    RF_CONTROL_KIND_DEFINE_INSTRUMENT = 2,
    RF_CONTROL_KIND_DEFINE_ACCOUNT = 3,
    RF_CONTROL_KIND_DEFINE_VENUE = 4,
    RF_CONTROL_KIND_DEFINE_STRATEGY = 5,
    RF_CONTROL_KIND_DEFINE_ROUTE = 6,
    RF_CONTROL_KIND_STRATEGY_ATTACH = 7, /* a strategy process took its ring; body carries the ring epoch */
    RF_CONTROL_KIND_STRATEGY_DETACH = 8, /* its process ended; open orders are cancelled when its policy says so */
    RF_CONTROL_KIND_CHECKPOINT = 9, /* compute the state hash and journal it */
    RF_CONTROL_KIND_SET_STRATEGY = 10, /* change a strategy's status */
    RF_CONTROL_KIND_MASS_CANCEL = 11, /* cancel everything at a venue; body is an OrderAction */
    RF_CONTROL_KIND_DONT_KNOW = 12, /* refuse an execution with DKReason(127) (R15); body is an OrderAction */
    RF_CONTROL_KIND_RESOLVE_ORDER = 13, /* an operator says how an Unknown order ended (S6); body is an OrderAction */
    RF_CONTROL_KIND_ASSIGN_EXECUTION = 14, /* move an execution from suspense to an order or a strategy (S3, S21); body is an OrderAction */
    RF_CONTROL_KIND_HALT = 15, /* take no new risk (sets RESTRICT_OPERATOR) */
    RF_CONTROL_KIND_RESUME = 16, /* lift RESTRICT_OPERATOR and RESTRICT_DIVERGENCE */
    RF_CONTROL_KIND_DIVERGENCE = 17, /* the shadow found another state hash; body is a Checkpoint with the shadow's */
    RF_CONTROL_KIND_ROLL_DAY = 18, /* a new trading day (field day) begins: DAY orders that are still open are asked for, all others are carried */
    RF_CONTROL_KIND_SKIP_OUTPUTS = 19, /* a gateway has sent more than the journal knows: skip those ids, halt; body is an OrderAction (venue; order_id is the count) */
    RF_CONTROL_KIND_DEFINE_CURRENCY = 20, /* a currency and its rate to the firm's */
    RF_CONTROL_KIND_DEFINE_BROKER = 21,
    RF_CONTROL_KIND_DEFINE_DESK = 22,
    RF_CONTROL_KIND_DEFINE_OPERATOR = 23, /* who may command, and as what */
    RF_CONTROL_KIND_SET_LIMIT = 24, /* one limit or setting of one scope; body is a LimitChange. Looser needs a second operator */
    RF_CONTROL_KIND_SET_PERMISSION = 25, /* one element of one grant; body is a PermissionChange. More needs a second operator */
    RF_CONTROL_KIND_SET_LOCATE = 26, /* quantity that may be sold short; body is a LimitChange (account x instrument, rule SHORT_SALE) */
    RF_CONTROL_KIND_KILL = 27, /* block new orders of a scope, cancel its open ones, flatten it if asked; body is a KillOrder. One operator, at once */
    RF_CONTROL_KIND_RELEASE = 28, /* lift a kill; body is a KillOrder. Needs a second operator */
    RF_CONTROL_KIND_APPROVE = 29, /* the second operator agrees to a proposal; body is a Decision */
    RF_CONTROL_KIND_WITHDRAW = 30, /* a proposal is taken back or refused; body is a Decision */
    RF_CONTROL_KIND_BOOK_ENTRY = 31, /* what no venue reports to us: funding, dividends, splits, transfers, cash; body is a LedgerEntry. Needs a second operator */
    RF_CONTROL_KIND_DEFINE_MARGIN = 32, /* a row of the brokers' margin schedules; body is a MarginRate. A lower rate needs a second operator */
    RF_CONTROL_KIND_DEFINE_HOLIDAYS = 33, /* days on which a currency does not settle; body is a HolidayChange */
    RF_CONTROL_KIND_SET_METHOD = 34, /* the cost method of one position, from when it is flat; body is a MethodChange. Needs a second operator */
    RF_CONTROL_KIND_SET_PARAMETER = 35, /* a number that a strategy reads while it runs; body is a ParameterChange */
    RF_CONTROL_KIND_MAX = 35
};

/* Journaled by the engine about its peers, so that decisions that depend on them replay. */
enum rf_observation_kind {
    RF_OBSERVATION_KIND_GATEWAY_STALLED = 1,
    RF_OBSERVATION_KIND_GATEWAY_READY = 2,
    RF_OBSERVATION_KIND_STRATEGY_STALLED = 3,
    RF_OBSERVATION_KIND_STRATEGY_READY = 4,
    RF_OBSERVATION_KIND_STRATEGY_POISONED = 5, /* garbage in its ring; not read any more */
    RF_OBSERVATION_KIND_JOURNAL_PRESSURE = 6,
    RF_OBSERVATION_KIND_JOURNAL_CLEAR = 7,
    RF_OBSERVATION_KIND_JOURNAL_HEALTH = 8, /* value holds the RESTRICT_JOURNAL_* bits that are now in force */
    RF_OBSERVATION_KIND_KILL_WORD = 9, /* the out-of-band kill word of a venue (peer; 0: the firm's) is set (value 1) or clear again (value 0; the kill stays until released) */
    RF_OBSERVATION_KIND_STRATEGY_SILENT = 10, /* its heartbeat is older than its dead-man limit; value is the age in ns */
    RF_OBSERVATION_KIND_MAX = 10
};

/* Whether a strategy may trade. */
enum rf_strategy_status {
    RF_STRATEGY_STATUS_ENABLED = 1,
    RF_STRATEGY_STATUS_REDUCE_ONLY = 2,
    RF_STRATEGY_STATUS_CANCEL_ONLY = 3,
    RF_STRATEGY_STATUS_DISABLED = 4,
    RF_STRATEGY_STATUS_POISONED = 5,
    RF_STRATEGY_STATUS_MAX = 5
};

/* Whether a table row is in use. */
enum rf_status {
    RF_STATUS_ACTIVE = 1,
    RF_STATUS_HALTED = 2,
    RF_STATUS_MAX = 2
};

/* State of a FIX session as the engine and the CLI see it. */
enum rf_session_state {
    RF_SESSION_STATE_DOWN = 1,
    RF_SESSION_STATE_CONNECTING = 2,
    RF_SESSION_STATE_LOGGING_ON = 3,
    RF_SESSION_STATE_UP = 4,
    RF_SESSION_STATE_LOGGING_OUT = 5,
    RF_SESSION_STATE_MAX = 5
};

/* Process roles of an instance. */
enum rf_role {
    RF_ROLE_SUPERVISOR = 1,
    RF_ROLE_ENGINE = 2,
    RF_ROLE_GATEWAY = 3,
    RF_ROLE_SIDECAR = 4,
    RF_ROLE_STRATEGY = 5,
    RF_ROLE_FEED = 6,
    RF_ROLE_VENUE = 7,
    RF_ROLE_SHADOW = 8,
    RF_ROLE_LEDGER = 9,
    RF_ROLE_MAX = 9
};

/* What a slot of the market data ring says. */
enum rf_tick_kind {
    RF_TICK_KIND_QUOTE = 1, /* top of book; the slot is a QuoteTick */
    RF_TICK_KIND_TRADE = 2, /* the slot is a TradeTick */
    RF_TICK_KIND_BOOK = 3, /* one level of the book changed; the slot is a BookDelta */
    RF_TICK_KIND_RESET = 4, /* the book of the instrument is void (session lost, messages missed, a snapshot follows); the slot is a QuoteTick without prices */
    RF_TICK_KIND_MAX = 4
};

/* MDUpdateAction(279). */
enum rf_book_action {
    RF_BOOK_ACTION_NEW = 1,
    RF_BOOK_ACTION_CHANGE = 2,
    RF_BOOK_ACTION_DELETE = 3,
    RF_BOOK_ACTION_MAX = 3
};

/* What a component says it is doing. */
enum rf_process_state {
    RF_PROCESS_STATE_STARTING = 1,
    RF_PROCESS_STATE_RECOVERING = 2,
    RF_PROCESS_STATE_RUNNING = 3,
    RF_PROCESS_STATE_STOPPING = 4,
    RF_PROCESS_STATE_STOPPED = 5,
    RF_PROCESS_STATE_FAILED = 6,
    RF_PROCESS_STATE_MAX = 6
};

/* Where time comes from. */
enum rf_clock_source {
    RF_CLOCK_SOURCE_TSC = 1,
    RF_CLOCK_SOURCE_CLOCK_GETTIME = 2,
    RF_CLOCK_SOURCE_MAX = 2
};

/* What an instance trades against. */
enum rf_mode {
    RF_MODE_LIVE = 1,
    RF_MODE_PAPER = 2,
    RF_MODE_DEMO = 3,
    RF_MODE_MAX = 3
};

/* A pending request on an order; bits, so both may be pending. */
enum rf_request_kind {
    RF_REQUEST_KIND_CANCEL = 1,
    RF_REQUEST_KIND_REPLACE = 2,
    RF_REQUEST_KIND_MAX = 2
};

/* What a limit, a count or a kill switch belongs to; a pair is an object of each kind. */
enum rf_scope_kind {
    RF_SCOPE_KIND_FIRM = 1,
    RF_SCOPE_KIND_BROKER = 2,
    RF_SCOPE_KIND_ACCOUNT = 3,
    RF_SCOPE_KIND_VENUE = 4,
    RF_SCOPE_KIND_DESK = 5,
    RF_SCOPE_KIND_STRATEGY = 6,
    RF_SCOPE_KIND_INSTRUMENT = 7,
    RF_SCOPE_KIND_ACCOUNT_INSTRUMENT = 8, /* a is the account, b the instrument */
    RF_SCOPE_KIND_STRATEGY_INSTRUMENT = 9, /* a is the strategy, b the instrument */
    RF_SCOPE_KIND_CURRENCY = 10, /* what instruments are worth in it: bought and sold with its pairs, else quoted in it */
    RF_SCOPE_KIND_MAX = 10
};

/* Whether a scope may take risk; the strictest of an order's scopes counts. */
enum rf_scope_state {
    RF_SCOPE_STATE_OPEN = 1, /* within limits */
    RF_SCOPE_STATE_REDUCING = 2, /* only what reduces a position (auto reduce-only of DAILY_LOSS) */
    RF_SCOPE_STATE_KILLED = 3, /* cancels only */
    RF_SCOPE_STATE_MAX = 3
};

/* Pre-trade checks, and after them settings that checks use; the number is the row in limits and hits of a Scope. */
enum rf_risk_rule {
    RF_RISK_RULE_KILL_SWITCH = 1, /* no scope of the order is killed */
    RF_RISK_RULE_PERMISSION = 2, /* a grant covers it */
    RF_RISK_RULE_INSTRUMENT_ACTIVE = 3, /* instrument known and active */
    RF_RISK_RULE_SESSION_STATE = 4, /* the venue's session is up and keeps pace, the instance is not halted */
    RF_RISK_RULE_STALE_INTENT = 5, /* younger than the strategy's limit */
    RF_RISK_RULE_SUPPORTED = 6, /* the venue's profile has the order type and time in force */
    RF_RISK_RULE_CONSISTENCY = 7, /* post-only, reduce-only and display quantity agree with type and time in force */
    RF_RISK_RULE_GTD_DATE = 8, /* expires in the future, not after the instrument's last day */
    RF_RISK_RULE_TICK = 9, /* prices on the tick of their band */
    RF_RISK_RULE_LOT = 10, /* quantities on the lot */
    RF_RISK_RULE_QTY_RANGE = 11, /* between the instrument's minimum and maximum */
    RF_RISK_RULE_RESTRICTED_LIST = 12, /* instrument not restricted */
    RF_RISK_RULE_SHORT_SALE = 13, /* located quantity covers short sales */
    RF_RISK_RULE_MAX_QTY = 14, /* quantity of one order */
    RF_RISK_RULE_MAX_NOTIONAL = 15, /* amount of one order at the highest of its prices, and of the far touch for what may trade at it: market orders, stops, sales */
    RF_RISK_RULE_REFERENCE_AGE = 16, /* ns that the price which collars measure from may be old */
    RF_RISK_RULE_COLLAR = 17, /* distance of limit and stop price from the reference, in millionths */
    RF_RISK_RULE_CREDIT = 18, /* what long positions cost, or are worth when that is more, and working buys of an account */
    RF_RISK_RULE_MARGIN = 19, /* margin required of an account, working orders included */
    RF_RISK_RULE_FREE_MARGIN = 20, /* margin required of an account, working orders included, as a share of its equity, in millionths */
    RF_RISK_RULE_MAX_POSITION = 21, /* net quantity with working orders, worst side */
    RF_RISK_RULE_NET_EXPOSURE = 22, /* net amount with working orders, worst side */
    RF_RISK_RULE_GROSS_EXPOSURE = 23, /* gross amount with working orders */
    RF_RISK_RULE_OPEN_ORDERS = 24, /* open orders */
    RF_RISK_RULE_TURNOVER = 25, /* amount traded and working today */
    RF_RISK_RULE_DAILY_LOSS = 26, /* realized and unrealized loss of the day; beyond it the scope is REDUCING */
    RF_RISK_RULE_NEW_RATE = 27, /* new orders a second */
    RF_RISK_RULE_REPLACE_RATE = 28, /* replaces a second */
    RF_RISK_RULE_MESSAGE_RATE = 29, /* messages a second; cancels are counted, never refused */
    RF_RISK_RULE_DUPLICATE_CONTENT = 30, /* ns within which the same content is refused */
    RF_RISK_RULE_REPEATED_EXECUTION = 31, /* full executions in a row of the same content until the strategy is disabled */
    RF_RISK_RULE_SELF_MATCH = 32, /* SELF_MATCH_* action against own orders */
    RF_RISK_RULE_NEW_BURST = 33, /* setting: new orders at once under NEW_RATE */
    RF_RISK_RULE_REPLACE_BURST = 34, /* setting: replaces at once under REPLACE_RATE */
    RF_RISK_RULE_MESSAGE_BURST = 35, /* setting: messages at once under MESSAGE_RATE */
    RF_RISK_RULE_CANCEL_RESERVE = 36, /* setting: of MESSAGE_BURST, kept for cancels */
    RF_RISK_RULE_COLLAR_REFERENCE = 37, /* setting: COLLAR_* price that collars measure from */
    RF_RISK_RULE_MARGIN_RATE = 38, /* setting: margin in millionths of the amount, for an account */
    RF_RISK_RULE_REJECT_LIMIT = 39, /* setting: venue rejects in a row that kill the scope */
    RF_RISK_RULE_MAX = 39
};

/* What is traded. */
enum rf_instrument_kind {
    RF_INSTRUMENT_KIND_FX_SPOT = 1,
    RF_INSTRUMENT_KIND_FX_FORWARD = 2,
    RF_INSTRUMENT_KIND_FX_NDF = 3,
    RF_INSTRUMENT_KIND_CRYPTO_SPOT = 4,
    RF_INSTRUMENT_KIND_PERPETUAL = 5,
    RF_INSTRUMENT_KIND_FUTURE = 6,
    RF_INSTRUMENT_KIND_EQUITY = 7,
    RF_INSTRUMENT_KIND_MAX = 7
};

/* What an operator may do; each role may what the ones before it may. */
enum rf_operator_role {
    RF_OPERATOR_ROLE_VIEWER = 1, /* look */
    RF_OPERATOR_ROLE_TRADER = 2, /* cancel, kill, disable, resolve orders */
    RF_OPERATOR_ROLE_RISK = 3, /* change limits and permissions, release kills, approve */
    RF_OPERATOR_ROLE_ADMIN = 4, /* define operators and objects, roll the day */
    RF_OPERATOR_ROLE_MAX = 4
};

/* What became of a change that needs two operators. */
enum rf_proposal_state {
    RF_PROPOSAL_STATE_PENDING = 1,
    RF_PROPOSAL_STATE_APPROVED = 2,
    RF_PROPOSAL_STATE_EXPIRED = 3,
    RF_PROPOSAL_STATE_WITHDRAWN = 4,
    RF_PROPOSAL_STATE_RUNNING = 5, /* approved, ends by itself */
    RF_PROPOSAL_STATE_MAX = 5
};

/* Which set of a grant a PermissionChange names. */
enum rf_permission_part {
    RF_PERMISSION_PART_ACCOUNT = 1,
    RF_PERMISSION_PART_VENUE = 2,
    RF_PERMISSION_PART_INSTRUMENT = 3,
    RF_PERMISSION_PART_ORD_TYPE = 4,
    RF_PERMISSION_PART_TIME_IN_FORCE = 5,
    RF_PERMISSION_PART_SHORT = 6,
    RF_PERMISSION_PART_STRATEGY = 7,
    RF_PERMISSION_PART_MAX = 7
};

/* Which lots a close takes first. */
enum rf_ledger_method {
    RF_LEDGER_METHOD_WAC = 1, /* one pool at the average */
    RF_LEDGER_METHOD_FIFO = 2, /* lowest sequence */
    RF_LEDGER_METHOD_LIFO = 3, /* highest sequence */
    RF_LEDGER_METHOD_HIFO = 4, /* highest unit value, long and short; ties: lowest sequence */
    RF_LEDGER_METHOD_HIFO_MINGAIN = 5, /* long: highest first; short: lowest first */
    RF_LEDGER_METHOD_SPEC = 6, /* the close names its lots */
    RF_LEDGER_METHOD_MAX = 6
};

/* What the ledger books. */
enum rf_ledger_event_kind {
    RF_LEDGER_EVENT_KIND_FILL = 1,
    RF_LEDGER_EVENT_KIND_FUNDING = 2, /* amount, or a rate (ratio_num / ratio_den) on the value at px; longs pay a positive rate */
    RF_LEDGER_EVENT_KIND_INTEREST = 3, /* amount */
    RF_LEDGER_EVENT_KIND_DIVIDEND = 4, /* amount, or px per unit held (a short pays) */
    RF_LEDGER_EVENT_KIND_SPLIT = 5, /* ratio_num new units for ratio_den old ones; with px: the fraction below qty units is paid out */
    RF_LEDGER_EVENT_KIND_SPIN_OFF = 6, /* ratio_num units of other_instrument for ratio_den units, and share_num / share_den of the cost */
    RF_LEDGER_EVENT_KIND_RETURN_OF_CAPITAL = 7, /* px per unit held, off the cost */
    RF_LEDGER_EVENT_KIND_REWARD = 8, /* qty units received as income at px */
    RF_LEDGER_EVENT_KIND_TRANSFER = 9, /* qty units with their lots to other_account and other_strategy; fee units are disposed at fee_px */
    RF_LEDGER_EVENT_KIND_SETTLE = 10, /* daily settlement price px: variation margin */
    RF_LEDGER_EVENT_KIND_EXPIRE = 11, /* the whole position closes at px */
    RF_LEDGER_EVENT_KIND_BUST = 12, /* ref_key never happened */
    RF_LEDGER_EVENT_KIND_CORRECT = 13, /* ref_key with these fields, at its own place */
    RF_LEDGER_EVENT_KIND_DEPOSIT = 14, /* amount of a currency comes to an account */
    RF_LEDGER_EVENT_KIND_WITHDRAWAL = 15, /* amount of a currency leaves an account */
    RF_LEDGER_EVENT_KIND_CONVERSION = 16, /* an account changes money for money */
    RF_LEDGER_EVENT_KIND_CROSS = 17, /* a strategy sells qty units at px to another one of its account; no venue takes part */
    RF_LEDGER_EVENT_KIND_NAME_LOT = 18, /* qty units of a close under SPEC come from the lot of one fill */
    RF_LEDGER_EVENT_KIND_MAX = 18
};

/* What a fee is paid in and where it goes. */
enum rf_ledger_fee {
    RF_LEDGER_FEE_EXPENSE = 1, /* settlement asset, never in unit cost */
    RF_LEDGER_FEE_CAPITALIZE = 2, /* settlement asset, into cost at the opening, off the proceeds at the close */
    RF_LEDGER_FEE_BASE = 3, /* units of what is traded: changes the quantity */
    RF_LEDGER_FEE_HELD = 4, /* units of fee_instrument, disposed from its lots at fee_px */
    RF_LEDGER_FEE_ELSEWHERE = 5, /* an asset that has no lots; fee is its value in the settlement asset */
    RF_LEDGER_FEE_MAX = 5
};

/* What became of an event. */
enum rf_ledger_event_state {
    RF_LEDGER_EVENT_STATE_BOOKED = 1,
    RF_LEDGER_EVENT_STATE_BUSTED = 2,
    RF_LEDGER_EVENT_STATE_APPLIED = 3, /* a bust or correction that found its fill */
    RF_LEDGER_EVENT_STATE_HELD = 4, /* a bust or correction whose fill is not known yet */
    RF_LEDGER_EVENT_STATE_REPLACED = 5, /* a correction behind which there is a newer one */
    RF_LEDGER_EVENT_STATE_MAX = 5
};

/* What ledger booking answers; all but BOOKED and HELD changed no figure. */
enum rf_ledger_result {
    RF_LEDGER_RESULT_BOOKED = 1,
    RF_LEDGER_RESULT_HELD = 2, /* kept until the event that it names, or the names of its lots, come */
    RF_LEDGER_RESULT_DUPLICATE = 3, /* the same event again */
    RF_LEDGER_RESULT_CONFLICT = 4, /* the same identity with other content; the first one stands */
    RF_LEDGER_RESULT_OVERFLOW = 5, /* a figure would not fit in 128 bits */
    RF_LEDGER_RESULT_NO_ROW = 6, /* a table is full */
    RF_LEDGER_RESULT_BAD_EVENT = 7, /* a field is out of range */
    RF_LEDGER_RESULT_BAD_PRICE = 8, /* an inverse contract needs a price above zero */
    RF_LEDGER_RESULT_NO_INSTRUMENT = 9, /* not defined */
    RF_LEDGER_RESULT_AMBIGUOUS = 10, /* the lots named do not add up to what is closed, or are not there */
    RF_LEDGER_RESULT_NOT_HELD = 11, /* more than is held cannot be moved */
    RF_LEDGER_RESULT_NOT_FLAT = 12, /* the method changes only when flat */
    RF_LEDGER_RESULT_NO_MARGIN = 13, /* the account would have less equity than its margin asks for */
    RF_LEDGER_RESULT_MAX = 13
};

/* The price at which an instrument's positions are valued in reports. */
enum rf_mark_side {
    RF_MARK_SIDE_MID = 1,
    RF_MARK_SIDE_SIDE = 2, /* what is long at the bid, what is short at the ask */
    RF_MARK_SIDE_LAST = 3, /* last trade */
    RF_MARK_SIDE_MAX = 3
};

/* The account that one leg of a booking is on. */
enum rf_ledger_leg_account {
    RF_LEDGER_LEG_ACCOUNT_POSITION = 1,
    RF_LEDGER_LEG_ACCOUNT_VENUE = 2,
    RF_LEDGER_LEG_ACCOUNT_FEE = 3,
    RF_LEDGER_LEG_ACCOUNT_PNL = 4,
    RF_LEDGER_LEG_ACCOUNT_INCOME = 5,
    RF_LEDGER_LEG_ACCOUNT_EQUITY = 6,
    RF_LEDGER_LEG_ACCOUNT_MAX = 6
};

/* First bytes of every region. Written once by the creator, but for the heartbeat. Written by: the region's one writer. */
typedef struct {
    uint64_t magic; /* +0: 0x31464752 ('RGF1') in the low half; stored last when the region is ready */
    uint32_t layout_version; /* +8 */
    uint32_t section_count; /* +12 */
    uint64_t layout_hash; /* +16: over every record's fields, offsets and types */
    uint64_t total_bytes; /* +24: [bytes] */
    uint64_t epoch; /* +32: of the instance; a higher one supersedes */
    uint32_t writer_pid; /* +40 */
    uint32_t role; /* +44: enum Role */
    uint64_t writer_start_ticks; /* +48: field 22 of /proc/PID/stat: tells a reused pid from the writer [clock ticks] */
    uint64_t created_ns; /* +56: [ns] */
    char instance[32]; /* +64 */
    char name[32]; /* +96: region name without the instance */
    char pad_0[8]; /* +128: zero */
    uint64_t heartbeat_ns; /* +136: on its own cache line [ns] */
    uint32_t process_state; /* +144: enum ProcessState */
    uint32_t detail; /* +148: meaning by role */
    char pad_1[104]; /* +152: zero */
} rf_superblock_t;
RF_STATIC_ASSERT(sizeof(rf_superblock_t) == 256, "Superblock");
RF_STATIC_ASSERT(offsetof(rf_superblock_t, magic) == 0, "Superblock.magic");
RF_STATIC_ASSERT(offsetof(rf_superblock_t, layout_version) == 8, "Superblock.layout_version");
RF_STATIC_ASSERT(offsetof(rf_superblock_t, section_count) == 12, "Superblock.section_count");
RF_STATIC_ASSERT(offsetof(rf_superblock_t, layout_hash) == 16, "Superblock.layout_hash");
RF_STATIC_ASSERT(offsetof(rf_superblock_t, total_bytes) == 24, "Superblock.total_bytes");
RF_STATIC_ASSERT(offsetof(rf_superblock_t, epoch) == 32, "Superblock.epoch");
RF_STATIC_ASSERT(offsetof(rf_superblock_t, writer_pid) == 40, "Superblock.writer_pid");
RF_STATIC_ASSERT(offsetof(rf_superblock_t, role) == 44, "Superblock.role");
RF_STATIC_ASSERT(offsetof(rf_superblock_t, writer_start_ticks) == 48, "Superblock.writer_start_ticks");
RF_STATIC_ASSERT(offsetof(rf_superblock_t, created_ns) == 56, "Superblock.created_ns");
RF_STATIC_ASSERT(offsetof(rf_superblock_t, instance) == 64, "Superblock.instance");
RF_STATIC_ASSERT(offsetof(rf_superblock_t, name) == 96, "Superblock.name");
RF_STATIC_ASSERT(offsetof(rf_superblock_t, pad_0) == 128, "Superblock.pad_0");
RF_STATIC_ASSERT(offsetof(rf_superblock_t, heartbeat_ns) == 136, "Superblock.heartbeat_ns");
RF_STATIC_ASSERT(offsetof(rf_superblock_t, process_state) == 144, "Superblock.process_state");
RF_STATIC_ASSERT(offsetof(rf_superblock_t, detail) == 148, "Superblock.detail");
RF_STATIC_ASSERT(offsetof(rf_superblock_t, pad_1) == 152, "Superblock.pad_1");

/* One named array in a region; the directory follows the superblock. Written by: the region's one writer. */
typedef struct {
    char name[24]; /* +0 */
    char record[24]; /* +24: record name in this schema */
    uint64_t offset; /* +48: [bytes] */
    uint32_t count; /* +56: rows, row 0 included */
    uint32_t stride; /* +60: [bytes] */
} rf_section_t;
RF_STATIC_ASSERT(sizeof(rf_section_t) == 64, "Section");
RF_STATIC_ASSERT(offsetof(rf_section_t, name) == 0, "Section.name");
RF_STATIC_ASSERT(offsetof(rf_section_t, record) == 24, "Section.record");
RF_STATIC_ASSERT(offsetof(rf_section_t, offset) == 48, "Section.offset");
RF_STATIC_ASSERT(offsetof(rf_section_t, count) == 56, "Section.count");
RF_STATIC_ASSERT(offsetof(rf_section_t, stride) == 60, "Section.stride");

/* One cursor of a ring, alone on two cache lines. Written by: head: the producer; tail: the consumer. */
typedef struct {
    uint64_t position; /* +0: slots published (head; lags by up to 8, link.published is exact) or released (tail) since the ring was made */
    uint64_t condition; /* +8: mark of the sidecar: RESTRICT_JOURNAL_FULL, RESTRICT_JOURNAL_SUSPECT; of a gateway: the last order_id in its store at its start */
    char pad_0[112]; /* +16: zero */
} rf_ring_cursor_t;
RF_STATIC_ASSERT(sizeof(rf_ring_cursor_t) == 128, "RingCursor");
RF_STATIC_ASSERT(offsetof(rf_ring_cursor_t, position) == 0, "RingCursor.position");
RF_STATIC_ASSERT(offsetof(rf_ring_cursor_t, condition) == 8, "RingCursor.condition");
RF_STATIC_ASSERT(offsetof(rf_ring_cursor_t, pad_0) == 16, "RingCursor.pad_0");

/* What a strategy asks. Written into its intent ring. Written by: strategy. */
typedef struct {
    uint64_t slot_seq; /* +0: ring position + 1, stored last with release; 0 is never valid */
    uint64_t client_id; /* +8: the strategy's own id of the order; of the target when kind is CANCEL or REPLACE; not 0 but for CANCEL_ALL */
    int64_t px; /* +16: limit price; 0 for market and stop [price ticks of the instrument's scale] */
    int64_t stop_px; /* +24: trigger price of stop orders [as px] */
    int64_t qty; /* +32: OrderQty; new total on REPLACE [instrument scale] */
    int64_t display_qty; /* +40: 0: all shown [instrument scale] */
    uint64_t expire_ns; /* +48: GTD only [ns] */
    uint64_t created_ns; /* +56: the strategy's clock; used for age only [ns] */
    uint64_t origin_ns; /* +64: stamp of the tick that caused it, 0 when none; latency accounting only [ns] */
    uint32_t instrument; /* +72: row in instruments; CANCEL_ALL: 0 means all */
    uint16_t account; /* +76: row in accounts; 0: from the route */
    uint16_t route; /* +78: row in routes; 0: first that fits */
    uint8_t kind; /* +80: enum IntentKind */
    uint8_t side; /* +81: enum Side */
    uint8_t ord_type; /* +82: enum OrdType */
    uint8_t time_in_force; /* +83: enum TimeInForce */
    uint32_t instructions; /* +84: INSTRUCTION_* bits */
    uint32_t epoch; /* +88: ring epoch; an old one is refused */
    char pad_0[32]; /* +92: zero */
    uint32_t crc; /* +124: CRC32C of bytes 8 to 124: a slot torn by a hostile or dying writer is seen */
} rf_intent_t;
RF_STATIC_ASSERT(sizeof(rf_intent_t) == 128, "Intent");
RF_STATIC_ASSERT(offsetof(rf_intent_t, slot_seq) == 0, "Intent.slot_seq");
RF_STATIC_ASSERT(offsetof(rf_intent_t, client_id) == 8, "Intent.client_id");
RF_STATIC_ASSERT(offsetof(rf_intent_t, px) == 16, "Intent.px");
RF_STATIC_ASSERT(offsetof(rf_intent_t, stop_px) == 24, "Intent.stop_px");
RF_STATIC_ASSERT(offsetof(rf_intent_t, qty) == 32, "Intent.qty");
RF_STATIC_ASSERT(offsetof(rf_intent_t, display_qty) == 40, "Intent.display_qty");
RF_STATIC_ASSERT(offsetof(rf_intent_t, expire_ns) == 48, "Intent.expire_ns");
RF_STATIC_ASSERT(offsetof(rf_intent_t, created_ns) == 56, "Intent.created_ns");
RF_STATIC_ASSERT(offsetof(rf_intent_t, origin_ns) == 64, "Intent.origin_ns");
RF_STATIC_ASSERT(offsetof(rf_intent_t, instrument) == 72, "Intent.instrument");
RF_STATIC_ASSERT(offsetof(rf_intent_t, account) == 76, "Intent.account");
RF_STATIC_ASSERT(offsetof(rf_intent_t, route) == 78, "Intent.route");
RF_STATIC_ASSERT(offsetof(rf_intent_t, kind) == 80, "Intent.kind");
RF_STATIC_ASSERT(offsetof(rf_intent_t, side) == 81, "Intent.side");
RF_STATIC_ASSERT(offsetof(rf_intent_t, ord_type) == 82, "Intent.ord_type");
RF_STATIC_ASSERT(offsetof(rf_intent_t, time_in_force) == 83, "Intent.time_in_force");
RF_STATIC_ASSERT(offsetof(rf_intent_t, instructions) == 84, "Intent.instructions");
RF_STATIC_ASSERT(offsetof(rf_intent_t, epoch) == 88, "Intent.epoch");
RF_STATIC_ASSERT(offsetof(rf_intent_t, pad_0) == 92, "Intent.pad_0");
RF_STATIC_ASSERT(offsetof(rf_intent_t, crc) == 124, "Intent.crc");

/* What the engine asks of a gateway. Everything that the gateway needs is inside: it keeps no order state. Written by: engine. */
typedef struct {
    uint64_t slot_seq; /* +0: ring position + 1, stored last with release; 0 is never valid */
    uint64_t output_seq; /* +8: per gateway, dense, part of the state: taken once */
    uint64_t journal_seq; /* +16: input that caused it; held until the durability counter covers it */
    uint64_t order_id; /* +24 */
    int64_t px; /* +32: [10^-px_digits] */
    int64_t stop_px; /* +40: [10^-px_digits] */
    int64_t qty; /* +48: [10^-qty_digits] */
    int64_t display_qty; /* +56: [10^-qty_digits] */
    uint64_t expire_ns; /* +64: [ns] */
    uint64_t engine_ns; /* +72: engine time of the causing input [ns] */
    uint64_t intent_ns; /* +80: the strategy's stamp, 0 when none [ns] */
    uint64_t origin_ns; /* +88: the tick's stamp, 0 when none [ns] */
    uint32_t revision; /* +96: of cl_ord_id in the order's chain */
    uint8_t kind; /* +100: enum CommandKind */
    uint8_t side; /* +101: enum Side */
    uint8_t ord_type; /* +102: enum OrdType */
    uint8_t time_in_force; /* +103: enum TimeInForce */
    uint8_t px_digits; /* +104 */
    uint8_t qty_digits; /* +105 */
    uint8_t durability; /* +106: 1 async, 2 local, 3 replicated */
    uint8_t instructions; /* +107: INSTRUCTION_* bits */
    uint16_t strategy; /* +108 */
    uint16_t venue; /* +110 */
    char cl_ord_id[24]; /* +112: ClOrdID(11) */
    char orig_cl_ord_id[24]; /* +136: OrigClOrdID(41) */
    char venue_order_id[32]; /* +160: OrderID(37) when known */
    char symbol[24]; /* +192: Symbol(55) */
    char account_code[24]; /* +216: Account(1) */
    char exec_id[40]; /* +240: DONT_KNOW: ExecID(17) of the execution refused */
    uint8_t dk_reason; /* +280: DONT_KNOW: DKReason(127), its character */
    char pad_0[7]; /* +281: zero */
    uint64_t out_ns; /* +288: clock when the engine published it; latency accounting only, not part of the state [ns] */
    char pad_1[24]; /* +296: zero */
} rf_order_command_t;
RF_STATIC_ASSERT(sizeof(rf_order_command_t) == 320, "OrderCommand");
RF_STATIC_ASSERT(offsetof(rf_order_command_t, slot_seq) == 0, "OrderCommand.slot_seq");
RF_STATIC_ASSERT(offsetof(rf_order_command_t, output_seq) == 8, "OrderCommand.output_seq");
RF_STATIC_ASSERT(offsetof(rf_order_command_t, journal_seq) == 16, "OrderCommand.journal_seq");
RF_STATIC_ASSERT(offsetof(rf_order_command_t, order_id) == 24, "OrderCommand.order_id");
RF_STATIC_ASSERT(offsetof(rf_order_command_t, px) == 32, "OrderCommand.px");
RF_STATIC_ASSERT(offsetof(rf_order_command_t, stop_px) == 40, "OrderCommand.stop_px");
RF_STATIC_ASSERT(offsetof(rf_order_command_t, qty) == 48, "OrderCommand.qty");
RF_STATIC_ASSERT(offsetof(rf_order_command_t, display_qty) == 56, "OrderCommand.display_qty");
RF_STATIC_ASSERT(offsetof(rf_order_command_t, expire_ns) == 64, "OrderCommand.expire_ns");
RF_STATIC_ASSERT(offsetof(rf_order_command_t, engine_ns) == 72, "OrderCommand.engine_ns");
RF_STATIC_ASSERT(offsetof(rf_order_command_t, intent_ns) == 80, "OrderCommand.intent_ns");
RF_STATIC_ASSERT(offsetof(rf_order_command_t, origin_ns) == 88, "OrderCommand.origin_ns");
RF_STATIC_ASSERT(offsetof(rf_order_command_t, revision) == 96, "OrderCommand.revision");
RF_STATIC_ASSERT(offsetof(rf_order_command_t, kind) == 100, "OrderCommand.kind");
RF_STATIC_ASSERT(offsetof(rf_order_command_t, side) == 101, "OrderCommand.side");
RF_STATIC_ASSERT(offsetof(rf_order_command_t, ord_type) == 102, "OrderCommand.ord_type");
RF_STATIC_ASSERT(offsetof(rf_order_command_t, time_in_force) == 103, "OrderCommand.time_in_force");
RF_STATIC_ASSERT(offsetof(rf_order_command_t, px_digits) == 104, "OrderCommand.px_digits");
RF_STATIC_ASSERT(offsetof(rf_order_command_t, qty_digits) == 105, "OrderCommand.qty_digits");
RF_STATIC_ASSERT(offsetof(rf_order_command_t, durability) == 106, "OrderCommand.durability");
RF_STATIC_ASSERT(offsetof(rf_order_command_t, instructions) == 107, "OrderCommand.instructions");
RF_STATIC_ASSERT(offsetof(rf_order_command_t, strategy) == 108, "OrderCommand.strategy");
RF_STATIC_ASSERT(offsetof(rf_order_command_t, venue) == 110, "OrderCommand.venue");
RF_STATIC_ASSERT(offsetof(rf_order_command_t, cl_ord_id) == 112, "OrderCommand.cl_ord_id");
RF_STATIC_ASSERT(offsetof(rf_order_command_t, orig_cl_ord_id) == 136, "OrderCommand.orig_cl_ord_id");
RF_STATIC_ASSERT(offsetof(rf_order_command_t, venue_order_id) == 160, "OrderCommand.venue_order_id");
RF_STATIC_ASSERT(offsetof(rf_order_command_t, symbol) == 192, "OrderCommand.symbol");
RF_STATIC_ASSERT(offsetof(rf_order_command_t, account_code) == 216, "OrderCommand.account_code");
RF_STATIC_ASSERT(offsetof(rf_order_command_t, exec_id) == 240, "OrderCommand.exec_id");
RF_STATIC_ASSERT(offsetof(rf_order_command_t, dk_reason) == 280, "OrderCommand.dk_reason");
RF_STATIC_ASSERT(offsetof(rf_order_command_t, pad_0) == 281, "OrderCommand.pad_0");
RF_STATIC_ASSERT(offsetof(rf_order_command_t, out_ns) == 288, "OrderCommand.out_ns");
RF_STATIC_ASSERT(offsetof(rf_order_command_t, pad_1) == 296, "OrderCommand.pad_1");

/* What a venue or its session reported, normalised, in the venue's own decimals (mantissa and digits: nothing is rounded on the way in). Written by: gateway. */
typedef struct {
    uint64_t slot_seq; /* +0: ring position + 1, stored last with release; 0 is never valid */
    int64_t last_px; /* +8: LastPx(31) [10^-last_px_digits] */
    int64_t last_qty; /* +16: LastShares(32) [10^-last_qty_digits] */
    int64_t cum_qty; /* +24: CumQty(14) [10^-cum_qty_digits] */
    int64_t leaves_qty; /* +32: LeavesQty(151) [10^-leaves_qty_digits] */
    int64_t avg_px; /* +40: AvgPx(6), informational [10^-avg_px_digits] */
    int64_t qty; /* +48: OrderQty(38) [10^-qty_digits] */
    int64_t px; /* +56: Price(44) [10^-px_digits] */
    uint64_t transact_ns; /* +64: TransactTime(60), 0 when absent [ns] */
    uint64_t received_ns; /* +72: when its bytes were read from the socket [ns] */
    uint32_t msg_seq_num; /* +80: MsgSeqNum(34) */
    uint32_t flags; /* +84: VENUE_EVENT_* bits */
    uint32_t present; /* +88: PRESENT_* bits: which amounts the message carried */
    uint32_t text_code; /* +92: OrdRejReason(103), CxlRejReason(102), BusinessRejectReason(380) or SessionRejectReason(373), plus 1; 0 when absent */
    uint8_t kind; /* +96: enum VenueEventKind */
    uint8_t ord_status; /* +97: OrdStatus(39) as ours, 0 when absent enum OrdStatus */
    uint8_t side; /* +98: 0 when absent enum Side */
    uint8_t exec_trans_type; /* +99: ExecTransType(20) + 1; 0 when absent */
    uint8_t last_px_digits; /* +100 */
    uint8_t last_qty_digits; /* +101 */
    uint8_t cum_qty_digits; /* +102 */
    uint8_t leaves_qty_digits; /* +103 */
    uint8_t avg_px_digits; /* +104 */
    uint8_t qty_digits; /* +105 */
    uint8_t px_digits; /* +106 */
    uint8_t cxl_rej_response_to; /* +107: 434: 1 cancel, 2 replace, 0 absent */
    uint16_t venue; /* +108: row in venues; the engine overwrites it with the link's own */
    uint8_t mass_cancel_response; /* +110: MassCancelResponse(531), its character; 48 is a refusal; 0 absent */
    uint8_t pad_0; /* +111: zero */
    char cl_ord_id[24]; /* +112: ClOrdID(11) */
    char orig_cl_ord_id[24]; /* +136: OrigClOrdID(41) */
    char exec_id[40]; /* +160: ExecID(17) */
    char exec_ref_id[40]; /* +200: ExecRefID(19) */
    char venue_order_id[32]; /* +240: OrderID(37) */
    char symbol[24]; /* +272: Symbol(55) */
    char text[64]; /* +296: Text(58), cut */
    int64_t commission; /* +360: Commission(12); a rebate is negative [10^-comm_digits] */
    char comm_currency[8]; /* +368: CommCurrency(479); empty: the settlement currency */
    uint8_t comm_type; /* +376: CommType(13), COMM_TYPE_* */
    uint8_t comm_digits; /* +377 */
    char pad_1[6]; /* +378: zero */
} rf_venue_event_t;
RF_STATIC_ASSERT(sizeof(rf_venue_event_t) == 384, "VenueEvent");
RF_STATIC_ASSERT(offsetof(rf_venue_event_t, slot_seq) == 0, "VenueEvent.slot_seq");
RF_STATIC_ASSERT(offsetof(rf_venue_event_t, last_px) == 8, "VenueEvent.last_px");
RF_STATIC_ASSERT(offsetof(rf_venue_event_t, last_qty) == 16, "VenueEvent.last_qty");
RF_STATIC_ASSERT(offsetof(rf_venue_event_t, cum_qty) == 24, "VenueEvent.cum_qty");
RF_STATIC_ASSERT(offsetof(rf_venue_event_t, leaves_qty) == 32, "VenueEvent.leaves_qty");
RF_STATIC_ASSERT(offsetof(rf_venue_event_t, avg_px) == 40, "VenueEvent.avg_px");
RF_STATIC_ASSERT(offsetof(rf_venue_event_t, qty) == 48, "VenueEvent.qty");
RF_STATIC_ASSERT(offsetof(rf_venue_event_t, px) == 56, "VenueEvent.px");
RF_STATIC_ASSERT(offsetof(rf_venue_event_t, transact_ns) == 64, "VenueEvent.transact_ns");
RF_STATIC_ASSERT(offsetof(rf_venue_event_t, received_ns) == 72, "VenueEvent.received_ns");
RF_STATIC_ASSERT(offsetof(rf_venue_event_t, msg_seq_num) == 80, "VenueEvent.msg_seq_num");
RF_STATIC_ASSERT(offsetof(rf_venue_event_t, flags) == 84, "VenueEvent.flags");
RF_STATIC_ASSERT(offsetof(rf_venue_event_t, present) == 88, "VenueEvent.present");
RF_STATIC_ASSERT(offsetof(rf_venue_event_t, text_code) == 92, "VenueEvent.text_code");
RF_STATIC_ASSERT(offsetof(rf_venue_event_t, kind) == 96, "VenueEvent.kind");
RF_STATIC_ASSERT(offsetof(rf_venue_event_t, ord_status) == 97, "VenueEvent.ord_status");
RF_STATIC_ASSERT(offsetof(rf_venue_event_t, side) == 98, "VenueEvent.side");
RF_STATIC_ASSERT(offsetof(rf_venue_event_t, exec_trans_type) == 99, "VenueEvent.exec_trans_type");
RF_STATIC_ASSERT(offsetof(rf_venue_event_t, last_px_digits) == 100, "VenueEvent.last_px_digits");
RF_STATIC_ASSERT(offsetof(rf_venue_event_t, last_qty_digits) == 101, "VenueEvent.last_qty_digits");
RF_STATIC_ASSERT(offsetof(rf_venue_event_t, cum_qty_digits) == 102, "VenueEvent.cum_qty_digits");
RF_STATIC_ASSERT(offsetof(rf_venue_event_t, leaves_qty_digits) == 103, "VenueEvent.leaves_qty_digits");
RF_STATIC_ASSERT(offsetof(rf_venue_event_t, avg_px_digits) == 104, "VenueEvent.avg_px_digits");
RF_STATIC_ASSERT(offsetof(rf_venue_event_t, qty_digits) == 105, "VenueEvent.qty_digits");
RF_STATIC_ASSERT(offsetof(rf_venue_event_t, px_digits) == 106, "VenueEvent.px_digits");
RF_STATIC_ASSERT(offsetof(rf_venue_event_t, cxl_rej_response_to) == 107, "VenueEvent.cxl_rej_response_to");
RF_STATIC_ASSERT(offsetof(rf_venue_event_t, venue) == 108, "VenueEvent.venue");
RF_STATIC_ASSERT(offsetof(rf_venue_event_t, mass_cancel_response) == 110, "VenueEvent.mass_cancel_response");
RF_STATIC_ASSERT(offsetof(rf_venue_event_t, pad_0) == 111, "VenueEvent.pad_0");
RF_STATIC_ASSERT(offsetof(rf_venue_event_t, cl_ord_id) == 112, "VenueEvent.cl_ord_id");
RF_STATIC_ASSERT(offsetof(rf_venue_event_t, orig_cl_ord_id) == 136, "VenueEvent.orig_cl_ord_id");
RF_STATIC_ASSERT(offsetof(rf_venue_event_t, exec_id) == 160, "VenueEvent.exec_id");
RF_STATIC_ASSERT(offsetof(rf_venue_event_t, exec_ref_id) == 200, "VenueEvent.exec_ref_id");
RF_STATIC_ASSERT(offsetof(rf_venue_event_t, venue_order_id) == 240, "VenueEvent.venue_order_id");
RF_STATIC_ASSERT(offsetof(rf_venue_event_t, symbol) == 272, "VenueEvent.symbol");
RF_STATIC_ASSERT(offsetof(rf_venue_event_t, text) == 296, "VenueEvent.text");
RF_STATIC_ASSERT(offsetof(rf_venue_event_t, commission) == 360, "VenueEvent.commission");
RF_STATIC_ASSERT(offsetof(rf_venue_event_t, comm_currency) == 368, "VenueEvent.comm_currency");
RF_STATIC_ASSERT(offsetof(rf_venue_event_t, comm_type) == 376, "VenueEvent.comm_type");
RF_STATIC_ASSERT(offsetof(rf_venue_event_t, comm_digits) == 377, "VenueEvent.comm_digits");
RF_STATIC_ASSERT(offsetof(rf_venue_event_t, pad_1) == 378, "VenueEvent.pad_1");

/* What the engine tells a strategy about one of its orders. Written by: engine. */
typedef struct {
    uint64_t slot_seq; /* +0: ring position + 1, stored last with release; 0 is never valid */
    uint64_t output_seq; /* +8: per strategy, dense: a jump is the number of events lost to a full ring */
    uint64_t journal_seq; /* +16: input that caused it */
    uint64_t client_id; /* +24 */
    uint64_t order_id; /* +32: 0 when denied */
    int64_t last_px; /* +40: [instrument scale] */
    int64_t last_qty; /* +48: [instrument scale] */
    int64_t cum_qty; /* +56: [instrument scale] */
    int64_t leaves_qty; /* +64: [instrument scale] */
    int64_t px; /* +72: [instrument scale] */
    int64_t qty; /* +80: [instrument scale] */
    uint64_t engine_ns; /* +88: [ns] */
    int64_t net_qty; /* +96: the strategy's position after it, same account and instrument [instrument scale] */
    uint32_t instrument; /* +104 */
    uint16_t account; /* +108 */
    uint8_t kind; /* +110: enum EventKind */
    uint8_t ord_status; /* +111: enum OrdStatus */
    uint8_t side; /* +112: enum Side */
    uint8_t reason; /* +113: enum DenyReason */
    uint16_t venue_code; /* +114: the venue's reject reason plus 1, 0 when none */
    char pad_0[12]; /* +116: zero */
} rf_strategy_event_t;
RF_STATIC_ASSERT(sizeof(rf_strategy_event_t) == 128, "StrategyEvent");
RF_STATIC_ASSERT(offsetof(rf_strategy_event_t, slot_seq) == 0, "StrategyEvent.slot_seq");
RF_STATIC_ASSERT(offsetof(rf_strategy_event_t, output_seq) == 8, "StrategyEvent.output_seq");
RF_STATIC_ASSERT(offsetof(rf_strategy_event_t, journal_seq) == 16, "StrategyEvent.journal_seq");
RF_STATIC_ASSERT(offsetof(rf_strategy_event_t, client_id) == 24, "StrategyEvent.client_id");
RF_STATIC_ASSERT(offsetof(rf_strategy_event_t, order_id) == 32, "StrategyEvent.order_id");
RF_STATIC_ASSERT(offsetof(rf_strategy_event_t, last_px) == 40, "StrategyEvent.last_px");
RF_STATIC_ASSERT(offsetof(rf_strategy_event_t, last_qty) == 48, "StrategyEvent.last_qty");
RF_STATIC_ASSERT(offsetof(rf_strategy_event_t, cum_qty) == 56, "StrategyEvent.cum_qty");
RF_STATIC_ASSERT(offsetof(rf_strategy_event_t, leaves_qty) == 64, "StrategyEvent.leaves_qty");
RF_STATIC_ASSERT(offsetof(rf_strategy_event_t, px) == 72, "StrategyEvent.px");
RF_STATIC_ASSERT(offsetof(rf_strategy_event_t, qty) == 80, "StrategyEvent.qty");
RF_STATIC_ASSERT(offsetof(rf_strategy_event_t, engine_ns) == 88, "StrategyEvent.engine_ns");
RF_STATIC_ASSERT(offsetof(rf_strategy_event_t, net_qty) == 96, "StrategyEvent.net_qty");
RF_STATIC_ASSERT(offsetof(rf_strategy_event_t, instrument) == 104, "StrategyEvent.instrument");
RF_STATIC_ASSERT(offsetof(rf_strategy_event_t, account) == 108, "StrategyEvent.account");
RF_STATIC_ASSERT(offsetof(rf_strategy_event_t, kind) == 110, "StrategyEvent.kind");
RF_STATIC_ASSERT(offsetof(rf_strategy_event_t, ord_status) == 111, "StrategyEvent.ord_status");
RF_STATIC_ASSERT(offsetof(rf_strategy_event_t, side) == 112, "StrategyEvent.side");
RF_STATIC_ASSERT(offsetof(rf_strategy_event_t, reason) == 113, "StrategyEvent.reason");
RF_STATIC_ASSERT(offsetof(rf_strategy_event_t, venue_code) == 114, "StrategyEvent.venue_code");
RF_STATIC_ASSERT(offsetof(rf_strategy_event_t, pad_0) == 116, "StrategyEvent.pad_0");

/* A journaled command: who, why, what. The body is a table row image or a small record named by kind. Written by: supervisor (control agent). */
typedef struct {
    uint64_t slot_seq; /* +0: ring position + 1, stored last with release; 0 is never valid */
    uint64_t request_id; /* +8: of the caller, answered through the status counters */
    uint32_t operator_uid; /* +16: Unix identity from SO_PEERCRED */
    uint8_t kind; /* +20: enum ControlKind */
    uint8_t status; /* +21: SET_STRATEGY: StrategyStatus */
    uint16_t strategy; /* +22: STRATEGY_*, SET_STRATEGY */
    uint64_t epoch; /* +24: STRATEGY_ATTACH: ring epoch; START: instance epoch */
    uint32_t day; /* +32: START, ROLL_DAY: trading day as YYYYMMDD */
    uint32_t pid; /* +36: STRATEGY_ATTACH: the strategy's process */
    char operator_name[24]; /* +40 */
    char reason[56]; /* +64 */
    char prefix[8]; /* +120: START: ClOrdID prefix of the instance */
    char body[256]; /* +128: DEFINE_*: the row image; START: TableRows; ROLL_DAY: DayStart; of commands by people: 64 bytes by kind, then a Signature */
} rf_control_t;
RF_STATIC_ASSERT(sizeof(rf_control_t) == 384, "Control");
RF_STATIC_ASSERT(offsetof(rf_control_t, slot_seq) == 0, "Control.slot_seq");
RF_STATIC_ASSERT(offsetof(rf_control_t, request_id) == 8, "Control.request_id");
RF_STATIC_ASSERT(offsetof(rf_control_t, operator_uid) == 16, "Control.operator_uid");
RF_STATIC_ASSERT(offsetof(rf_control_t, kind) == 20, "Control.kind");
RF_STATIC_ASSERT(offsetof(rf_control_t, status) == 21, "Control.status");
RF_STATIC_ASSERT(offsetof(rf_control_t, strategy) == 22, "Control.strategy");
RF_STATIC_ASSERT(offsetof(rf_control_t, epoch) == 24, "Control.epoch");
RF_STATIC_ASSERT(offsetof(rf_control_t, day) == 32, "Control.day");
RF_STATIC_ASSERT(offsetof(rf_control_t, pid) == 36, "Control.pid");
RF_STATIC_ASSERT(offsetof(rf_control_t, operator_name) == 40, "Control.operator_name");
RF_STATIC_ASSERT(offsetof(rf_control_t, reason) == 64, "Control.reason");
RF_STATIC_ASSERT(offsetof(rf_control_t, prefix) == 120, "Control.prefix");
RF_STATIC_ASSERT(offsetof(rf_control_t, body) == 128, "Control.body");

/* Behind the 64 bytes of a signed command's body: with reason and operator_name of the command all that its operator signed (docs/operations.md). Written by: supervisor (control agent). */
typedef struct {
    uint64_t number; /* +0: of the request, each of an operator higher than the one before; 0: the command is not signed */
    uint64_t not_after_ns; /* +8: UTC; the engine refuses it when it takes it later [ns] */
    char signature[64]; /* +16: Ed25519 */
    char words[108]; /* +80: the command as it was signed: operation and key=value, one space between */
    uint32_t bearer_uid; /* +188: Unix identity that brought it, from SO_PEERCRED */
} rf_signature_t;
RF_STATIC_ASSERT(sizeof(rf_signature_t) == 192, "Signature");
RF_STATIC_ASSERT(offsetof(rf_signature_t, number) == 0, "Signature.number");
RF_STATIC_ASSERT(offsetof(rf_signature_t, not_after_ns) == 8, "Signature.not_after_ns");
RF_STATIC_ASSERT(offsetof(rf_signature_t, signature) == 16, "Signature.signature");
RF_STATIC_ASSERT(offsetof(rf_signature_t, words) == 80, "Signature.words");
RF_STATIC_ASSERT(offsetof(rf_signature_t, bearer_uid) == 188, "Signature.bearer_uid");

/* Body of a START command: rows of the engine's tables. A full table denies, so a replay needs the same sizes and takes them from here. Written by: engine process. */
typedef struct {
    uint32_t orders; /* +0 */
    uint32_t executions; /* +4 */
    uint32_t positions; /* +8 */
    uint32_t breaks; /* +12 */
    uint32_t instruments; /* +16 */
    uint32_t accounts; /* +20 */
    uint32_t venues; /* +24 */
    uint32_t strategies; /* +28 */
    uint32_t routes; /* +32 */
    uint32_t brokers; /* +36 */
    uint32_t desks; /* +40 */
    uint32_t currencies; /* +44 */
    uint32_t permissions; /* +48 */
    uint32_t operators; /* +52 */
    uint32_t proposals; /* +56 */
    uint32_t scopes; /* +60 */
    uint32_t lots; /* +64 */
    uint32_t margin_rates; /* +68 */
    uint64_t day_begins_ns; /* +72: when the schedule has the command's day begin; 0: it has none [ns] */
    uint32_t parameters; /* +80 */
    char pad_1[44]; /* +84: zero */
} rf_table_rows_t;
RF_STATIC_ASSERT(sizeof(rf_table_rows_t) == 128, "TableRows");
RF_STATIC_ASSERT(offsetof(rf_table_rows_t, orders) == 0, "TableRows.orders");
RF_STATIC_ASSERT(offsetof(rf_table_rows_t, executions) == 4, "TableRows.executions");
RF_STATIC_ASSERT(offsetof(rf_table_rows_t, positions) == 8, "TableRows.positions");
RF_STATIC_ASSERT(offsetof(rf_table_rows_t, breaks) == 12, "TableRows.breaks");
RF_STATIC_ASSERT(offsetof(rf_table_rows_t, instruments) == 16, "TableRows.instruments");
RF_STATIC_ASSERT(offsetof(rf_table_rows_t, accounts) == 20, "TableRows.accounts");
RF_STATIC_ASSERT(offsetof(rf_table_rows_t, venues) == 24, "TableRows.venues");
RF_STATIC_ASSERT(offsetof(rf_table_rows_t, strategies) == 28, "TableRows.strategies");
RF_STATIC_ASSERT(offsetof(rf_table_rows_t, routes) == 32, "TableRows.routes");
RF_STATIC_ASSERT(offsetof(rf_table_rows_t, brokers) == 36, "TableRows.brokers");
RF_STATIC_ASSERT(offsetof(rf_table_rows_t, desks) == 40, "TableRows.desks");
RF_STATIC_ASSERT(offsetof(rf_table_rows_t, currencies) == 44, "TableRows.currencies");
RF_STATIC_ASSERT(offsetof(rf_table_rows_t, permissions) == 48, "TableRows.permissions");
RF_STATIC_ASSERT(offsetof(rf_table_rows_t, operators) == 52, "TableRows.operators");
RF_STATIC_ASSERT(offsetof(rf_table_rows_t, proposals) == 56, "TableRows.proposals");
RF_STATIC_ASSERT(offsetof(rf_table_rows_t, scopes) == 60, "TableRows.scopes");
RF_STATIC_ASSERT(offsetof(rf_table_rows_t, lots) == 64, "TableRows.lots");
RF_STATIC_ASSERT(offsetof(rf_table_rows_t, margin_rates) == 68, "TableRows.margin_rates");
RF_STATIC_ASSERT(offsetof(rf_table_rows_t, day_begins_ns) == 72, "TableRows.day_begins_ns");
RF_STATIC_ASSERT(offsetof(rf_table_rows_t, parameters) == 80, "TableRows.parameters");
RF_STATIC_ASSERT(offsetof(rf_table_rows_t, pad_1) == 84, "TableRows.pad_1");

/* Body of ROLL_DAY. Written by: supervisor (control agent). */
typedef struct {
    uint64_t begins_ns; /* +0: when the schedule has this day begin; 0: it has none [ns] */
    uint32_t day; /* +8: YYYYMMDD, as in the command */
    char pad_0[52]; /* +12: zero */
} rf_day_start_t;
RF_STATIC_ASSERT(sizeof(rf_day_start_t) == 64, "DayStart");
RF_STATIC_ASSERT(offsetof(rf_day_start_t, begins_ns) == 0, "DayStart.begins_ns");
RF_STATIC_ASSERT(offsetof(rf_day_start_t, day) == 8, "DayStart.day");
RF_STATIC_ASSERT(offsetof(rf_day_start_t, pad_0) == 12, "DayStart.pad_0");

/* Body of SET_LIMIT and SET_LOCATE: a limit (or setting) of a scope. Written by: supervisor (control agent). */
typedef struct {
    int64_t value; /* +0: 0: no limit [by rule] */
    uint64_t expires_ns; /* +8: from then on the value before it holds again; 0: stays [ns] */
    uint32_t a; /* +16: row of the scope's object */
    uint32_t b; /* +20: second row of a pair */
    uint8_t kind; /* +24: enum ScopeKind */
    uint8_t rule; /* +25: enum RiskRule */
    char pad_0[38]; /* +26: zero */
} rf_limit_change_t;
RF_STATIC_ASSERT(sizeof(rf_limit_change_t) == 64, "LimitChange");
RF_STATIC_ASSERT(offsetof(rf_limit_change_t, value) == 0, "LimitChange.value");
RF_STATIC_ASSERT(offsetof(rf_limit_change_t, expires_ns) == 8, "LimitChange.expires_ns");
RF_STATIC_ASSERT(offsetof(rf_limit_change_t, a) == 16, "LimitChange.a");
RF_STATIC_ASSERT(offsetof(rf_limit_change_t, b) == 20, "LimitChange.b");
RF_STATIC_ASSERT(offsetof(rf_limit_change_t, kind) == 24, "LimitChange.kind");
RF_STATIC_ASSERT(offsetof(rf_limit_change_t, rule) == 25, "LimitChange.rule");
RF_STATIC_ASSERT(offsetof(rf_limit_change_t, pad_0) == 26, "LimitChange.pad_0");

/* Body of SET_PERMISSION: one element of one set of one grant. A grant's sets multiply; an order needs one grant that covers all of it. Written by: supervisor (control agent). */
typedef struct {
    uint32_t value; /* +0: row or enum value; ANY: all */
    uint16_t permission; /* +4: row in permissions */
    uint8_t part; /* +6: enum PermissionPart */
    uint8_t grant; /* +7: 1 adds, 0 takes away */
    char name[24]; /* +8: STRATEGY: of the grant */
    char pad_0[32]; /* +32: zero */
} rf_permission_change_t;
RF_STATIC_ASSERT(sizeof(rf_permission_change_t) == 64, "PermissionChange");
RF_STATIC_ASSERT(offsetof(rf_permission_change_t, value) == 0, "PermissionChange.value");
RF_STATIC_ASSERT(offsetof(rf_permission_change_t, permission) == 4, "PermissionChange.permission");
RF_STATIC_ASSERT(offsetof(rf_permission_change_t, part) == 6, "PermissionChange.part");
RF_STATIC_ASSERT(offsetof(rf_permission_change_t, grant) == 7, "PermissionChange.grant");
RF_STATIC_ASSERT(offsetof(rf_permission_change_t, name) == 8, "PermissionChange.name");
RF_STATIC_ASSERT(offsetof(rf_permission_change_t, pad_0) == 32, "PermissionChange.pad_0");

/* Body of KILL and RELEASE. Written by: supervisor (control agent). */
typedef struct {
    uint32_t a; /* +0: row of the scope's object */
    uint32_t b; /* +4: second row of a pair */
    uint8_t kind; /* +8: enum ScopeKind */
    uint8_t options; /* +9: KILL_* bits */
    char pad_0[54]; /* +10: zero */
} rf_kill_order_t;
RF_STATIC_ASSERT(sizeof(rf_kill_order_t) == 64, "KillOrder");
RF_STATIC_ASSERT(offsetof(rf_kill_order_t, a) == 0, "KillOrder.a");
RF_STATIC_ASSERT(offsetof(rf_kill_order_t, b) == 4, "KillOrder.b");
RF_STATIC_ASSERT(offsetof(rf_kill_order_t, kind) == 8, "KillOrder.kind");
RF_STATIC_ASSERT(offsetof(rf_kill_order_t, options) == 9, "KillOrder.options");
RF_STATIC_ASSERT(offsetof(rf_kill_order_t, pad_0) == 10, "KillOrder.pad_0");

/* Body of APPROVE and WITHDRAW. Written by: supervisor (control agent). */
typedef struct {
    uint64_t proposal; /* +0: its id */
    char pad_0[56]; /* +8: zero */
} rf_decision_t;
RF_STATIC_ASSERT(sizeof(rf_decision_t) == 64, "Decision");
RF_STATIC_ASSERT(offsetof(rf_decision_t, proposal) == 0, "Decision.proposal");
RF_STATIC_ASSERT(offsetof(rf_decision_t, pad_0) == 8, "Decision.pad_0");

/* Body of an operator's command on an order or an execution; what a command does not use is zero. Written by: supervisor (control agent). */
typedef struct {
    uint64_t order_id; /* +0: row in orders */
    uint64_t execution; /* +8: row in executions; SKIP_OUTPUTS: the last order_id that the gateway has sent */
    uint32_t instrument; /* +16: MASS_CANCEL: 0 means all */
    uint16_t venue; /* +20: MASS_CANCEL */
    uint16_t strategy; /* +22: ASSIGN_EXECUTION: the strategy that gets it when no order does */
    uint8_t ord_status; /* +24: RESOLVE_ORDER: CANCELED, REJECTED, EXPIRED, DONE_FOR_DAY, FILLED or NEW enum OrdStatus */
    uint8_t dk_reason; /* +25: DONT_KNOW: DKReason(127), its character */
    char pad_0[38]; /* +26: zero */
} rf_order_action_t;
RF_STATIC_ASSERT(sizeof(rf_order_action_t) == 64, "OrderAction");
RF_STATIC_ASSERT(offsetof(rf_order_action_t, order_id) == 0, "OrderAction.order_id");
RF_STATIC_ASSERT(offsetof(rf_order_action_t, execution) == 8, "OrderAction.execution");
RF_STATIC_ASSERT(offsetof(rf_order_action_t, instrument) == 16, "OrderAction.instrument");
RF_STATIC_ASSERT(offsetof(rf_order_action_t, venue) == 20, "OrderAction.venue");
RF_STATIC_ASSERT(offsetof(rf_order_action_t, strategy) == 22, "OrderAction.strategy");
RF_STATIC_ASSERT(offsetof(rf_order_action_t, ord_status) == 24, "OrderAction.ord_status");
RF_STATIC_ASSERT(offsetof(rf_order_action_t, dk_reason) == 25, "OrderAction.dk_reason");
RF_STATIC_ASSERT(offsetof(rf_order_action_t, pad_0) == 26, "OrderAction.pad_0");

/* Body of BOOK_ENTRY: an event of the ledger that is no execution; what its kind does not use is zero. DIVIDEND has either px or amount. Written by: supervisor (control agent). */
typedef struct {
    char reference[16]; /* +0: of the statement or notice: its identity in the firm; BUST: of the entry that never happened */
    int64_t qty; /* +16: REWARD, TRANSFER, CROSS, NAME_LOT: units; SPLIT: the least that is kept in units when px is given; CONVERSION: bought [instrument scale, or amount's] */
    int64_t px; /* +24: by kind, as in LedgerEventKind [instrument scale] */
    int64_t amount; /* +32: FUNDING, INTEREST, DIVIDEND: received is positive; SPIN_OFF: part of the cost, 0 to 1; DEPOSIT, WITHDRAWAL, CONVERSION: above 0 [10^-amount_digits, settlement currency] */
    uint32_t ratio_num; /* +40: SPLIT, SPIN_OFF: new units; NAME_LOT: row in executions of the close */
    uint32_t ratio_den; /* +44: SPLIT, SPIN_OFF: for old ones; NAME_LOT: row in executions of the fill that opened the lot */
    uint32_t instrument; /* +48 */
    uint16_t account; /* +52 */
    uint16_t strategy; /* +54 */
    uint16_t other; /* +56: TRANSFER: the account; SPIN_OFF: the new instrument; DEPOSIT, WITHDRAWAL, CONVERSION: the currency (sold), a row */
    uint16_t other_strategy; /* +58: TRANSFER, CROSS: who gets it; CONVERSION: the currency that is bought, a row */
    uint8_t kind; /* +60: enum LedgerEventKind */
    uint8_t amount_digits; /* +61: up to LEDGER_MONEY_DIGITS */
    char pad_0[2]; /* +62: zero */
} rf_ledger_entry_t;
RF_STATIC_ASSERT(sizeof(rf_ledger_entry_t) == 64, "LedgerEntry");
RF_STATIC_ASSERT(offsetof(rf_ledger_entry_t, reference) == 0, "LedgerEntry.reference");
RF_STATIC_ASSERT(offsetof(rf_ledger_entry_t, qty) == 16, "LedgerEntry.qty");
RF_STATIC_ASSERT(offsetof(rf_ledger_entry_t, px) == 24, "LedgerEntry.px");
RF_STATIC_ASSERT(offsetof(rf_ledger_entry_t, amount) == 32, "LedgerEntry.amount");
RF_STATIC_ASSERT(offsetof(rf_ledger_entry_t, ratio_num) == 40, "LedgerEntry.ratio_num");
RF_STATIC_ASSERT(offsetof(rf_ledger_entry_t, ratio_den) == 44, "LedgerEntry.ratio_den");
RF_STATIC_ASSERT(offsetof(rf_ledger_entry_t, instrument) == 48, "LedgerEntry.instrument");
RF_STATIC_ASSERT(offsetof(rf_ledger_entry_t, account) == 52, "LedgerEntry.account");
RF_STATIC_ASSERT(offsetof(rf_ledger_entry_t, strategy) == 54, "LedgerEntry.strategy");
RF_STATIC_ASSERT(offsetof(rf_ledger_entry_t, other) == 56, "LedgerEntry.other");
RF_STATIC_ASSERT(offsetof(rf_ledger_entry_t, other_strategy) == 58, "LedgerEntry.other_strategy");
RF_STATIC_ASSERT(offsetof(rf_ledger_entry_t, kind) == 60, "LedgerEntry.kind");
RF_STATIC_ASSERT(offsetof(rf_ledger_entry_t, amount_digits) == 61, "LedgerEntry.amount_digits");
RF_STATIC_ASSERT(offsetof(rf_ledger_entry_t, pad_0) == 62, "LedgerEntry.pad_0");

/* Body of SET_METHOD. Written by: supervisor (control agent). */
typedef struct {
    uint32_t instrument; /* +0 */
    uint16_t account; /* +4 */
    uint16_t strategy; /* +6 */
    uint8_t method; /* +8: 0: its account's again enum LedgerMethod */
    char pad_0[55]; /* +9: zero */
} rf_method_change_t;
RF_STATIC_ASSERT(sizeof(rf_method_change_t) == 64, "MethodChange");
RF_STATIC_ASSERT(offsetof(rf_method_change_t, instrument) == 0, "MethodChange.instrument");
RF_STATIC_ASSERT(offsetof(rf_method_change_t, account) == 4, "MethodChange.account");
RF_STATIC_ASSERT(offsetof(rf_method_change_t, strategy) == 6, "MethodChange.strategy");
RF_STATIC_ASSERT(offsetof(rf_method_change_t, method) == 8, "MethodChange.method");
RF_STATIC_ASSERT(offsetof(rf_method_change_t, pad_0) == 9, "MethodChange.pad_0");

/* Body of SET_PARAMETER. Written by: supervisor (control agent). */
typedef struct {
    int64_t value; /* +0: [10^-digits] */
    char name[32]; /* +8: as the strategy declares it */
    uint16_t strategy; /* +40 */
    uint8_t digits; /* +42: 0 to PARAMETER_DIGITS_MAX */
    uint8_t is_configured; /* +43: 1: the value is a configuration's, and the row remembers it as that */
    char pad_0[20]; /* +44: zero */
} rf_parameter_change_t;
RF_STATIC_ASSERT(sizeof(rf_parameter_change_t) == 64, "ParameterChange");
RF_STATIC_ASSERT(offsetof(rf_parameter_change_t, value) == 0, "ParameterChange.value");
RF_STATIC_ASSERT(offsetof(rf_parameter_change_t, name) == 8, "ParameterChange.name");
RF_STATIC_ASSERT(offsetof(rf_parameter_change_t, strategy) == 40, "ParameterChange.strategy");
RF_STATIC_ASSERT(offsetof(rf_parameter_change_t, digits) == 42, "ParameterChange.digits");
RF_STATIC_ASSERT(offsetof(rf_parameter_change_t, is_configured) == 43, "ParameterChange.is_configured");
RF_STATIC_ASSERT(offsetof(rf_parameter_change_t, pad_0) == 44, "ParameterChange.pad_0");

/* A number that a strategy reads while it runs, and that its operators change: one row for each strategy and name. Written by: engine. */
typedef struct {
    int64_t value; /* +0: [10^-digits] */
    char name[32]; /* +8 */
    uint64_t changes; /* +40: times that it was set; stored last (release), so a reader that sees it sees the value */
    int64_t configured; /* +48: what a configuration last set it to, which need not hold any more [10^-(configured_digits - 1)] */
    uint32_t begun; /* +56: low half of the next changes, stored first: who finds both alike, before and after, has read one change */
    uint16_t strategy; /* +60 */
    uint8_t digits; /* +62 */
    uint8_t configured_digits; /* +63: of configured, plus 1; 0: no configuration has set it */
} rf_parameter_t;
RF_STATIC_ASSERT(sizeof(rf_parameter_t) == 64, "Parameter");
RF_STATIC_ASSERT(offsetof(rf_parameter_t, value) == 0, "Parameter.value");
RF_STATIC_ASSERT(offsetof(rf_parameter_t, name) == 8, "Parameter.name");
RF_STATIC_ASSERT(offsetof(rf_parameter_t, changes) == 40, "Parameter.changes");
RF_STATIC_ASSERT(offsetof(rf_parameter_t, configured) == 48, "Parameter.configured");
RF_STATIC_ASSERT(offsetof(rf_parameter_t, begun) == 56, "Parameter.begun");
RF_STATIC_ASSERT(offsetof(rf_parameter_t, strategy) == 60, "Parameter.strategy");
RF_STATIC_ASSERT(offsetof(rf_parameter_t, digits) == 62, "Parameter.digits");
RF_STATIC_ASSERT(offsetof(rf_parameter_t, configured_digits) == 63, "Parameter.configured_digits");

/* Body of DEFINE_HOLIDAYS. Written by: supervisor (control agent). */
typedef struct {
    uint32_t days[15]; /* +0: YYYYMMDD */
    uint16_t currency; /* +60 */
    uint8_t count; /* +62: days that are given */
    uint8_t is_holiday; /* +63: 0: they are none any more */
} rf_holiday_change_t;
RF_STATIC_ASSERT(sizeof(rf_holiday_change_t) == 64, "HolidayChange");
RF_STATIC_ASSERT(offsetof(rf_holiday_change_t, days) == 0, "HolidayChange.days");
RF_STATIC_ASSERT(offsetof(rf_holiday_change_t, currency) == 60, "HolidayChange.currency");
RF_STATIC_ASSERT(offsetof(rf_holiday_change_t, count) == 62, "HolidayChange.count");
RF_STATIC_ASSERT(offsetof(rf_holiday_change_t, is_holiday) == 63, "HolidayChange.is_holiday");

/* A sampled price, journaled so that PnL and collars replay. Written by: feed. */
typedef struct {
    uint64_t slot_seq; /* +0: ring position + 1, stored last with release; 0 is never valid */
    int64_t bid; /* +8: [instrument scale] */
    int64_t ask; /* +16: [instrument scale] */
    uint64_t source_ns; /* +24: the quote's own time [ns] */
    uint32_t instrument; /* +32 */
    char pad_0[4]; /* +36: zero */
    int64_t last; /* +40: last trade, 0 when not known [instrument scale] */
    char pad_1[16]; /* +48: zero */
} rf_mark_t;
RF_STATIC_ASSERT(sizeof(rf_mark_t) == 64, "Mark");
RF_STATIC_ASSERT(offsetof(rf_mark_t, slot_seq) == 0, "Mark.slot_seq");
RF_STATIC_ASSERT(offsetof(rf_mark_t, bid) == 8, "Mark.bid");
RF_STATIC_ASSERT(offsetof(rf_mark_t, ask) == 16, "Mark.ask");
RF_STATIC_ASSERT(offsetof(rf_mark_t, source_ns) == 24, "Mark.source_ns");
RF_STATIC_ASSERT(offsetof(rf_mark_t, instrument) == 32, "Mark.instrument");
RF_STATIC_ASSERT(offsetof(rf_mark_t, pad_0) == 36, "Mark.pad_0");
RF_STATIC_ASSERT(offsetof(rf_mark_t, last) == 40, "Mark.last");
RF_STATIC_ASSERT(offsetof(rf_mark_t, pad_1) == 48, "Mark.pad_1");

/* A tick of engine time, so that time passes in a replay. Written by: engine. */
typedef struct {
    uint64_t slot_seq; /* +0: ring position + 1, stored last with release; 0 is never valid */
    uint64_t now_ns; /* +8: [ns] */
    char pad_0[48]; /* +16: zero */
} rf_timer_t;
RF_STATIC_ASSERT(sizeof(rf_timer_t) == 64, "Timer");
RF_STATIC_ASSERT(offsetof(rf_timer_t, slot_seq) == 0, "Timer.slot_seq");
RF_STATIC_ASSERT(offsetof(rf_timer_t, now_ns) == 8, "Timer.now_ns");
RF_STATIC_ASSERT(offsetof(rf_timer_t, pad_0) == 16, "Timer.pad_0");

/* What the engine saw of a peer. Written by: engine. */
typedef struct {
    uint64_t slot_seq; /* +0: ring position + 1, stored last with release; 0 is never valid */
    uint64_t value; /* +8: GATEWAY_*, STRATEGY_*: output_seq at the moment; POISONED: ring position */
    uint16_t peer; /* +16: venue or strategy row */
    uint8_t kind; /* +18: enum ObservationKind */
    char pad_0[45]; /* +19: zero */
} rf_observation_t;
RF_STATIC_ASSERT(sizeof(rf_observation_t) == 64, "Observation");
RF_STATIC_ASSERT(offsetof(rf_observation_t, slot_seq) == 0, "Observation.slot_seq");
RF_STATIC_ASSERT(offsetof(rf_observation_t, value) == 8, "Observation.value");
RF_STATIC_ASSERT(offsetof(rf_observation_t, peer) == 16, "Observation.peer");
RF_STATIC_ASSERT(offsetof(rf_observation_t, kind) == 18, "Observation.kind");
RF_STATIC_ASSERT(offsetof(rf_observation_t, pad_0) == 19, "Observation.pad_0");

/* State hash after the frame before it; of everything, or of a window of the long tables so that a running engine pays a bounded price. Written by: engine. */
typedef struct {
    uint64_t slot_seq; /* +0: ring position + 1, stored last with release; 0 is never valid */
    uint64_t state_hash; /* +8 */
    uint64_t inputs; /* +16: inputs applied so far */
    uint64_t first_row; /* +24: first row of the window in orders, requests, executions, positions and breaks */
    uint32_t rows; /* +32: rows of the window; 0: the hash covers every used row */
    uint32_t logic; /* +36: LOGIC_VERSION of the engine that wrote it: hashes of another one need not be equal */
    char pad_0[24]; /* +40: zero */
} rf_checkpoint_t;
RF_STATIC_ASSERT(sizeof(rf_checkpoint_t) == 64, "Checkpoint");
RF_STATIC_ASSERT(offsetof(rf_checkpoint_t, slot_seq) == 0, "Checkpoint.slot_seq");
RF_STATIC_ASSERT(offsetof(rf_checkpoint_t, state_hash) == 8, "Checkpoint.state_hash");
RF_STATIC_ASSERT(offsetof(rf_checkpoint_t, inputs) == 16, "Checkpoint.inputs");
RF_STATIC_ASSERT(offsetof(rf_checkpoint_t, first_row) == 24, "Checkpoint.first_row");
RF_STATIC_ASSERT(offsetof(rf_checkpoint_t, rows) == 32, "Checkpoint.rows");
RF_STATIC_ASSERT(offsetof(rf_checkpoint_t, logic) == 36, "Checkpoint.logic");
RF_STATIC_ASSERT(offsetof(rf_checkpoint_t, pad_0) == 40, "Checkpoint.pad_0");

/* Head of a journal frame; the payload (one of the records above) follows. In the ring the first word is slot_seq, in a file it is the length and CRC. Written by: engine. */
typedef struct {
    uint64_t slot_seq; /* +0: ring position + 1, stored last with release; 0 is never valid */
    uint64_t seq; /* +8: journal sequence, dense from 1 */
    uint64_t engine_ns; /* +16: engine time, never falls [ns] */
    uint64_t source_position; /* +24: position in the source ring, + 1 */
    uint32_t source_epoch; /* +32: epoch of the source ring */
    uint16_t source; /* +36: peer row: strategy, venue, or 0 for control and engine */
    uint16_t kind; /* +38: enum FrameKind */
    uint32_t payload_bytes; /* +40: [bytes] */
    uint32_t instance_epoch; /* +44: of the engine that wrote it */
    char pad_0[16]; /* +48: zero */
} rf_frame_t;
RF_STATIC_ASSERT(sizeof(rf_frame_t) == 64, "Frame");
RF_STATIC_ASSERT(offsetof(rf_frame_t, slot_seq) == 0, "Frame.slot_seq");
RF_STATIC_ASSERT(offsetof(rf_frame_t, seq) == 8, "Frame.seq");
RF_STATIC_ASSERT(offsetof(rf_frame_t, engine_ns) == 16, "Frame.engine_ns");
RF_STATIC_ASSERT(offsetof(rf_frame_t, source_position) == 24, "Frame.source_position");
RF_STATIC_ASSERT(offsetof(rf_frame_t, source_epoch) == 32, "Frame.source_epoch");
RF_STATIC_ASSERT(offsetof(rf_frame_t, source) == 36, "Frame.source");
RF_STATIC_ASSERT(offsetof(rf_frame_t, kind) == 38, "Frame.kind");
RF_STATIC_ASSERT(offsetof(rf_frame_t, payload_bytes) == 40, "Frame.payload_bytes");
RF_STATIC_ASSERT(offsetof(rf_frame_t, instance_epoch) == 44, "Frame.instance_epoch");
RF_STATIC_ASSERT(offsetof(rf_frame_t, pad_0) == 48, "Frame.pad_0");

/* Slot of the journal ring: a Frame and room for the largest payload. Written by: engine. */
typedef struct {
    uint64_t slot_seq; /* +0: ring position + 1, stored last with release; 0 is never valid */
    char head[56]; /* +8: rest of the Frame */
    char payload[384]; /* +64 */
} rf_journal_slot_t;
RF_STATIC_ASSERT(sizeof(rf_journal_slot_t) == 448, "JournalSlot");
RF_STATIC_ASSERT(offsetof(rf_journal_slot_t, slot_seq) == 0, "JournalSlot.slot_seq");
RF_STATIC_ASSERT(offsetof(rf_journal_slot_t, head) == 8, "JournalSlot.head");
RF_STATIC_ASSERT(offsetof(rf_journal_slot_t, payload) == 64, "JournalSlot.payload");

/* The engine's scalars: everything in its state that is not a table row. Row 1 only. Written by: engine. */
typedef struct {
    uint64_t seq; /* +0: last journal sequence applied */
    uint64_t engine_ns; /* +8: time of the last input [ns] */
    uint64_t inputs; /* +16: inputs applied */
    uint64_t epoch; /* +24: instance epoch */
    uint64_t order_count; /* +32: rows of orders in use; the last order_id */
    uint64_t execution_count; /* +40: rows of executions in use */
    uint64_t position_count; /* +48 */
    uint64_t break_count; /* +56: breaks raised; the table keeps the first, and in its last quarter the newest */
    uint64_t open_orders; /* +64 */
    uint64_t intents; /* +72 */
    uint64_t denies; /* +80 */
    uint64_t duplicates; /* +88: client_id seen again */
    uint64_t fills; /* +96: executions booked */
    uint64_t duplicate_fills; /* +104: ExecID seen again, not booked */
    uint64_t venue_events; /* +112 */
    uint64_t rejects; /* +120: by venues */
    uint32_t day; /* +128: trading day YYYYMMDD */
    uint32_t journal_pressure; /* +132: 1 while new risk is refused */
    uint32_t instrument_count; /* +136 */
    uint32_t account_count; /* +140 */
    uint32_t venue_count; /* +144 */
    uint32_t strategy_count; /* +148 */
    uint32_t route_count; /* +152 */
    uint32_t day_code; /* +156: days since 2000-01-01, part of ClOrdID */
    char prefix[8]; /* +160: ClOrdID prefix */
    uint64_t swept; /* +168: order row at which the timer's sweep for unanswered requests goes on */
    uint64_t started_ns; /* +176: engine time of the last START: intents issued before it are stale (S12) [ns] */
    uint64_t request_count; /* +184: rows of requests ever used */
    uint32_t requests_pending; /* +192: requests in flight */
    uint32_t free_request; /* +196: head of the free rows of requests, 0 when none is */
    uint32_t mass_cancels; /* +200: mass cancels sent; part of their ClOrdIDs */
    uint32_t restrictions; /* +204: RESTRICT_* bits in force; 0: new risk is taken */
    uint32_t rolls; /* +208: trading days that began while there was an older one */
    uint32_t broker_count; /* +212 */
    uint32_t desk_count; /* +216 */
    uint32_t currency_count; /* +220 */
    uint32_t permission_count; /* +224 */
    uint32_t operator_count; /* +228 */
    uint32_t scope_count; /* +232 */
    uint32_t proposal_count; /* +236: rows of proposals in use; decided ones are used again when all are */
    uint32_t flatten_orders; /* +240: orders that the engine made to close positions */
    uint32_t first_permission; /* +244: head of the grants to every strategy */
    uint64_t proposals; /* +248: ever made; the last id */
    uint32_t pending_proposals; /* +256 */
    uint32_t running_overrides; /* +260: limits that will end by themselves */
    uint64_t next_expiry_ns; /* +264: when the next proposal or override ends; 0: none [ns] */
    uint64_t audit_digest; /* +272: folds every applied change of configuration, limits, permissions and kills, with what it replaced */
    uint64_t audit_entries; /* +280: changes folded into it */
    uint32_t counting; /* +288: 1 since a limit was set or a scope killed: scopes hold the sums of orders and positions from then on */
    uint32_t killed_scopes; /* +292: scopes that are killed now */
    uint32_t scope_set_count; /* +296 */
    uint32_t day_lead_s; /* +300: so long before the end of its date, in UTC, the schedule has a trading day begin; 0: not known [s] */
    uint64_t command_digest; /* +304: folds every command whole, who gave it and why included, whatever came of it */
    uint32_t marks_refused; /* +312: marks that cannot be: negative, crossed, or beyond what amounts can hold */
    uint32_t scopes_full; /* +316: intents refused because scopes, scope_sets or positions had no row left */
    uint32_t sweep_stood; /* +320: timer frames since engine time last moved */
    uint32_t weighing; /* +324: 1 since a FREE_MARGIN limit was set: scopes hold the equity of their accounts from then on */
    uint64_t controls_refused; /* +328: control commands that could not be */
    uint64_t refused[16]; /* +336: the last 1,024 request ids: bit id % 1024 is 1 when that command was refused */
    uint64_t sweep_ns; /* +464: engine time of the last timer frame [ns] */
    uint64_t flatten_ns; /* +472: engine time of the last look for positions that a kill has yet to close [ns] */
    uint32_t cash_count; /* +480: rows of cash in use */
    uint32_t margin_rate_count; /* +484 */
    uint32_t value_date_count; /* +488: rows of value_dates ever used */
    uint32_t free_value_date; /* +492: head of the free rows of value_dates, 0 when none is */
    uint32_t parameter_count; /* +496 */
    char pad_1[12]; /* +500: zero */
} rf_engine_status_t;
RF_STATIC_ASSERT(sizeof(rf_engine_status_t) == 512, "EngineStatus");
RF_STATIC_ASSERT(offsetof(rf_engine_status_t, seq) == 0, "EngineStatus.seq");
RF_STATIC_ASSERT(offsetof(rf_engine_status_t, engine_ns) == 8, "EngineStatus.engine_ns");
RF_STATIC_ASSERT(offsetof(rf_engine_status_t, inputs) == 16, "EngineStatus.inputs");
RF_STATIC_ASSERT(offsetof(rf_engine_status_t, epoch) == 24, "EngineStatus.epoch");
RF_STATIC_ASSERT(offsetof(rf_engine_status_t, order_count) == 32, "EngineStatus.order_count");
RF_STATIC_ASSERT(offsetof(rf_engine_status_t, execution_count) == 40, "EngineStatus.execution_count");
RF_STATIC_ASSERT(offsetof(rf_engine_status_t, position_count) == 48, "EngineStatus.position_count");
RF_STATIC_ASSERT(offsetof(rf_engine_status_t, break_count) == 56, "EngineStatus.break_count");
RF_STATIC_ASSERT(offsetof(rf_engine_status_t, open_orders) == 64, "EngineStatus.open_orders");
RF_STATIC_ASSERT(offsetof(rf_engine_status_t, intents) == 72, "EngineStatus.intents");
RF_STATIC_ASSERT(offsetof(rf_engine_status_t, denies) == 80, "EngineStatus.denies");
RF_STATIC_ASSERT(offsetof(rf_engine_status_t, duplicates) == 88, "EngineStatus.duplicates");
RF_STATIC_ASSERT(offsetof(rf_engine_status_t, fills) == 96, "EngineStatus.fills");
RF_STATIC_ASSERT(offsetof(rf_engine_status_t, duplicate_fills) == 104, "EngineStatus.duplicate_fills");
RF_STATIC_ASSERT(offsetof(rf_engine_status_t, venue_events) == 112, "EngineStatus.venue_events");
RF_STATIC_ASSERT(offsetof(rf_engine_status_t, rejects) == 120, "EngineStatus.rejects");
RF_STATIC_ASSERT(offsetof(rf_engine_status_t, day) == 128, "EngineStatus.day");
RF_STATIC_ASSERT(offsetof(rf_engine_status_t, journal_pressure) == 132, "EngineStatus.journal_pressure");
RF_STATIC_ASSERT(offsetof(rf_engine_status_t, instrument_count) == 136, "EngineStatus.instrument_count");
RF_STATIC_ASSERT(offsetof(rf_engine_status_t, account_count) == 140, "EngineStatus.account_count");
RF_STATIC_ASSERT(offsetof(rf_engine_status_t, venue_count) == 144, "EngineStatus.venue_count");
RF_STATIC_ASSERT(offsetof(rf_engine_status_t, strategy_count) == 148, "EngineStatus.strategy_count");
RF_STATIC_ASSERT(offsetof(rf_engine_status_t, route_count) == 152, "EngineStatus.route_count");
RF_STATIC_ASSERT(offsetof(rf_engine_status_t, day_code) == 156, "EngineStatus.day_code");
RF_STATIC_ASSERT(offsetof(rf_engine_status_t, prefix) == 160, "EngineStatus.prefix");
RF_STATIC_ASSERT(offsetof(rf_engine_status_t, swept) == 168, "EngineStatus.swept");
RF_STATIC_ASSERT(offsetof(rf_engine_status_t, started_ns) == 176, "EngineStatus.started_ns");
RF_STATIC_ASSERT(offsetof(rf_engine_status_t, request_count) == 184, "EngineStatus.request_count");
RF_STATIC_ASSERT(offsetof(rf_engine_status_t, requests_pending) == 192, "EngineStatus.requests_pending");
RF_STATIC_ASSERT(offsetof(rf_engine_status_t, free_request) == 196, "EngineStatus.free_request");
RF_STATIC_ASSERT(offsetof(rf_engine_status_t, mass_cancels) == 200, "EngineStatus.mass_cancels");
RF_STATIC_ASSERT(offsetof(rf_engine_status_t, restrictions) == 204, "EngineStatus.restrictions");
RF_STATIC_ASSERT(offsetof(rf_engine_status_t, rolls) == 208, "EngineStatus.rolls");
RF_STATIC_ASSERT(offsetof(rf_engine_status_t, broker_count) == 212, "EngineStatus.broker_count");
RF_STATIC_ASSERT(offsetof(rf_engine_status_t, desk_count) == 216, "EngineStatus.desk_count");
RF_STATIC_ASSERT(offsetof(rf_engine_status_t, currency_count) == 220, "EngineStatus.currency_count");
RF_STATIC_ASSERT(offsetof(rf_engine_status_t, permission_count) == 224, "EngineStatus.permission_count");
RF_STATIC_ASSERT(offsetof(rf_engine_status_t, operator_count) == 228, "EngineStatus.operator_count");
RF_STATIC_ASSERT(offsetof(rf_engine_status_t, scope_count) == 232, "EngineStatus.scope_count");
RF_STATIC_ASSERT(offsetof(rf_engine_status_t, proposal_count) == 236, "EngineStatus.proposal_count");
RF_STATIC_ASSERT(offsetof(rf_engine_status_t, flatten_orders) == 240, "EngineStatus.flatten_orders");
RF_STATIC_ASSERT(offsetof(rf_engine_status_t, first_permission) == 244, "EngineStatus.first_permission");
RF_STATIC_ASSERT(offsetof(rf_engine_status_t, proposals) == 248, "EngineStatus.proposals");
RF_STATIC_ASSERT(offsetof(rf_engine_status_t, pending_proposals) == 256, "EngineStatus.pending_proposals");
RF_STATIC_ASSERT(offsetof(rf_engine_status_t, running_overrides) == 260, "EngineStatus.running_overrides");
RF_STATIC_ASSERT(offsetof(rf_engine_status_t, next_expiry_ns) == 264, "EngineStatus.next_expiry_ns");
RF_STATIC_ASSERT(offsetof(rf_engine_status_t, audit_digest) == 272, "EngineStatus.audit_digest");
RF_STATIC_ASSERT(offsetof(rf_engine_status_t, audit_entries) == 280, "EngineStatus.audit_entries");
RF_STATIC_ASSERT(offsetof(rf_engine_status_t, counting) == 288, "EngineStatus.counting");
RF_STATIC_ASSERT(offsetof(rf_engine_status_t, killed_scopes) == 292, "EngineStatus.killed_scopes");
RF_STATIC_ASSERT(offsetof(rf_engine_status_t, scope_set_count) == 296, "EngineStatus.scope_set_count");
RF_STATIC_ASSERT(offsetof(rf_engine_status_t, day_lead_s) == 300, "EngineStatus.day_lead_s");
RF_STATIC_ASSERT(offsetof(rf_engine_status_t, command_digest) == 304, "EngineStatus.command_digest");
RF_STATIC_ASSERT(offsetof(rf_engine_status_t, marks_refused) == 312, "EngineStatus.marks_refused");
RF_STATIC_ASSERT(offsetof(rf_engine_status_t, scopes_full) == 316, "EngineStatus.scopes_full");
RF_STATIC_ASSERT(offsetof(rf_engine_status_t, sweep_stood) == 320, "EngineStatus.sweep_stood");
RF_STATIC_ASSERT(offsetof(rf_engine_status_t, weighing) == 324, "EngineStatus.weighing");
RF_STATIC_ASSERT(offsetof(rf_engine_status_t, controls_refused) == 328, "EngineStatus.controls_refused");
RF_STATIC_ASSERT(offsetof(rf_engine_status_t, refused) == 336, "EngineStatus.refused");
RF_STATIC_ASSERT(offsetof(rf_engine_status_t, sweep_ns) == 464, "EngineStatus.sweep_ns");
RF_STATIC_ASSERT(offsetof(rf_engine_status_t, flatten_ns) == 472, "EngineStatus.flatten_ns");
RF_STATIC_ASSERT(offsetof(rf_engine_status_t, cash_count) == 480, "EngineStatus.cash_count");
RF_STATIC_ASSERT(offsetof(rf_engine_status_t, margin_rate_count) == 484, "EngineStatus.margin_rate_count");
RF_STATIC_ASSERT(offsetof(rf_engine_status_t, value_date_count) == 488, "EngineStatus.value_date_count");
RF_STATIC_ASSERT(offsetof(rf_engine_status_t, free_value_date) == 492, "EngineStatus.free_value_date");
RF_STATIC_ASSERT(offsetof(rf_engine_status_t, parameter_count) == 496, "EngineStatus.parameter_count");
RF_STATIC_ASSERT(offsetof(rf_engine_status_t, pad_1) == 500, "EngineStatus.pad_1");

/* What is traded. Written by: engine. */
typedef struct {
    char symbol[24]; /* +0 */
    char base[8]; /* +24: base currency or the asset */
    char quote[8]; /* +32: quote currency */
    int64_t tick; /* +40: smallest price step [instrument scale] */
    int64_t lot; /* +48: smallest quantity step [instrument scale] */
    int64_t qty_min; /* +56: [instrument scale] */
    int64_t qty_max; /* +64: [instrument scale] */
    int64_t multiplier; /* +72: contract multiplier; 1 for spot */
    int64_t bid; /* +80: last mark [instrument scale] */
    int64_t ask; /* +88: last mark [instrument scale] */
    uint64_t mark_ns; /* +96: engine time of the last mark, 0 when none [ns] */
    uint32_t id; /* +104 */
    uint8_t price_digits; /* +108 */
    uint8_t qty_digits; /* +109 */
    uint8_t status; /* +110: enum Status */
    uint8_t kind; /* +111: enum InstrumentKind */
    uint32_t scope; /* +112: row in scopes */
    uint16_t base_currency; /* +116: row in currencies; 0: none (an equity) */
    uint16_t quote_currency; /* +118: row in currencies */
    uint32_t margin_ppm; /* +120: margin required, in millionths of the amount; 0: the account's rate */
    uint32_t last_day; /* +124: YYYYMMDD of a dated contract, 0: none */
    uint8_t inverse; /* +128: 1: settled in the base currency, amount is qty x multiplier */
    uint8_t settle_days; /* +129: value date: so many business days after the trading day, of a future after its last day */
    uint8_t restricted; /* +130: 1: on the restricted list */
    uint8_t locate_required; /* +131: 1: short sales need a locate */
    uint8_t amount_shift; /* +132: amount = px x qty x amount_factor >> amount_shift, rounded up */
    uint8_t mark_side; /* +133: 0: MID enum MarkSide */
    uint8_t daily; /* +134: 1: cash moves by daily variation margin only */
    uint8_t pad_2; /* +135: zero */
    uint32_t marks_refused; /* +136: marks of it that cannot be */
    uint32_t first_buy; /* +140: open buys of every strategy, newest first */
    uint32_t first_sell; /* +144 */
    uint32_t first_position; /* +148: positions of the instrument that scopes count */
    int64_t last; /* +152: last trade of the last mark [instrument scale] */
    uint64_t amount_factor; /* +160: 63-bit mantissa of the step from px x qty to amounts of the firm's currency; 0: no rate */
    int64_t best_buy; /* +168: no open buy has a better price; may be too good, never too bad [instrument scale] */
    int64_t best_sell; /* +176: [instrument scale] */
    int64_t band_px[3]; /* +184: prices from which band_tick counts, rising; 0: unused [instrument scale] */
    int64_t band_tick[3]; /* +208: tick from that price on [instrument scale] */
    uint64_t last_ns; /* +232: engine time of the last mark that named a last trade, 0 when none [ns] */
    uint32_t value_day; /* +240: YYYYMMDD on which a trade of this trading day settles */
    char pad_1[12]; /* +244: zero */
} rf_instrument_t;
RF_STATIC_ASSERT(sizeof(rf_instrument_t) == 256, "Instrument");
RF_STATIC_ASSERT(offsetof(rf_instrument_t, symbol) == 0, "Instrument.symbol");
RF_STATIC_ASSERT(offsetof(rf_instrument_t, base) == 24, "Instrument.base");
RF_STATIC_ASSERT(offsetof(rf_instrument_t, quote) == 32, "Instrument.quote");
RF_STATIC_ASSERT(offsetof(rf_instrument_t, tick) == 40, "Instrument.tick");
RF_STATIC_ASSERT(offsetof(rf_instrument_t, lot) == 48, "Instrument.lot");
RF_STATIC_ASSERT(offsetof(rf_instrument_t, qty_min) == 56, "Instrument.qty_min");
RF_STATIC_ASSERT(offsetof(rf_instrument_t, qty_max) == 64, "Instrument.qty_max");
RF_STATIC_ASSERT(offsetof(rf_instrument_t, multiplier) == 72, "Instrument.multiplier");
RF_STATIC_ASSERT(offsetof(rf_instrument_t, bid) == 80, "Instrument.bid");
RF_STATIC_ASSERT(offsetof(rf_instrument_t, ask) == 88, "Instrument.ask");
RF_STATIC_ASSERT(offsetof(rf_instrument_t, mark_ns) == 96, "Instrument.mark_ns");
RF_STATIC_ASSERT(offsetof(rf_instrument_t, id) == 104, "Instrument.id");
RF_STATIC_ASSERT(offsetof(rf_instrument_t, price_digits) == 108, "Instrument.price_digits");
RF_STATIC_ASSERT(offsetof(rf_instrument_t, qty_digits) == 109, "Instrument.qty_digits");
RF_STATIC_ASSERT(offsetof(rf_instrument_t, status) == 110, "Instrument.status");
RF_STATIC_ASSERT(offsetof(rf_instrument_t, kind) == 111, "Instrument.kind");
RF_STATIC_ASSERT(offsetof(rf_instrument_t, scope) == 112, "Instrument.scope");
RF_STATIC_ASSERT(offsetof(rf_instrument_t, base_currency) == 116, "Instrument.base_currency");
RF_STATIC_ASSERT(offsetof(rf_instrument_t, quote_currency) == 118, "Instrument.quote_currency");
RF_STATIC_ASSERT(offsetof(rf_instrument_t, margin_ppm) == 120, "Instrument.margin_ppm");
RF_STATIC_ASSERT(offsetof(rf_instrument_t, last_day) == 124, "Instrument.last_day");
RF_STATIC_ASSERT(offsetof(rf_instrument_t, inverse) == 128, "Instrument.inverse");
RF_STATIC_ASSERT(offsetof(rf_instrument_t, settle_days) == 129, "Instrument.settle_days");
RF_STATIC_ASSERT(offsetof(rf_instrument_t, restricted) == 130, "Instrument.restricted");
RF_STATIC_ASSERT(offsetof(rf_instrument_t, locate_required) == 131, "Instrument.locate_required");
RF_STATIC_ASSERT(offsetof(rf_instrument_t, amount_shift) == 132, "Instrument.amount_shift");
RF_STATIC_ASSERT(offsetof(rf_instrument_t, mark_side) == 133, "Instrument.mark_side");
RF_STATIC_ASSERT(offsetof(rf_instrument_t, daily) == 134, "Instrument.daily");
RF_STATIC_ASSERT(offsetof(rf_instrument_t, pad_2) == 135, "Instrument.pad_2");
RF_STATIC_ASSERT(offsetof(rf_instrument_t, marks_refused) == 136, "Instrument.marks_refused");
RF_STATIC_ASSERT(offsetof(rf_instrument_t, first_buy) == 140, "Instrument.first_buy");
RF_STATIC_ASSERT(offsetof(rf_instrument_t, first_sell) == 144, "Instrument.first_sell");
RF_STATIC_ASSERT(offsetof(rf_instrument_t, first_position) == 148, "Instrument.first_position");
RF_STATIC_ASSERT(offsetof(rf_instrument_t, last) == 152, "Instrument.last");
RF_STATIC_ASSERT(offsetof(rf_instrument_t, amount_factor) == 160, "Instrument.amount_factor");
RF_STATIC_ASSERT(offsetof(rf_instrument_t, best_buy) == 168, "Instrument.best_buy");
RF_STATIC_ASSERT(offsetof(rf_instrument_t, best_sell) == 176, "Instrument.best_sell");
RF_STATIC_ASSERT(offsetof(rf_instrument_t, band_px) == 184, "Instrument.band_px");
RF_STATIC_ASSERT(offsetof(rf_instrument_t, band_tick) == 208, "Instrument.band_tick");
RF_STATIC_ASSERT(offsetof(rf_instrument_t, last_ns) == 232, "Instrument.last_ns");
RF_STATIC_ASSERT(offsetof(rf_instrument_t, value_day) == 240, "Instrument.value_day");
RF_STATIC_ASSERT(offsetof(rf_instrument_t, pad_1) == 244, "Instrument.pad_1");

/* An account at a broker. Written by: engine. */
typedef struct {
    char name[24]; /* +0 */
    char code[24]; /* +24: Account(1) on the wire */
    char currency[8]; /* +48: base currency */
    uint16_t id; /* +56 */
    uint8_t status; /* +58: enum Status */
    uint8_t durability; /* +59: 1 async, 2 local, 3 replicated; 0: the instance's */
    uint16_t broker; /* +60: row in brokers; 0: none */
    char pad_0[2]; /* +62: zero */
    uint32_t scope; /* +64: row in scopes */
    uint8_t method; /* +68: cost method of its positions; those that are open keep theirs until they are flat; 0: WAC enum LedgerMethod */
    char pad_1[3]; /* +69: zero */
    uint32_t first_cash; /* +72: its balances: rows in cash */
    char pad_2[52]; /* +76: zero */
} rf_account_t;
RF_STATIC_ASSERT(sizeof(rf_account_t) == 128, "Account");
RF_STATIC_ASSERT(offsetof(rf_account_t, name) == 0, "Account.name");
RF_STATIC_ASSERT(offsetof(rf_account_t, code) == 24, "Account.code");
RF_STATIC_ASSERT(offsetof(rf_account_t, currency) == 48, "Account.currency");
RF_STATIC_ASSERT(offsetof(rf_account_t, id) == 56, "Account.id");
RF_STATIC_ASSERT(offsetof(rf_account_t, status) == 58, "Account.status");
RF_STATIC_ASSERT(offsetof(rf_account_t, durability) == 59, "Account.durability");
RF_STATIC_ASSERT(offsetof(rf_account_t, broker) == 60, "Account.broker");
RF_STATIC_ASSERT(offsetof(rf_account_t, pad_0) == 62, "Account.pad_0");
RF_STATIC_ASSERT(offsetof(rf_account_t, scope) == 64, "Account.scope");
RF_STATIC_ASSERT(offsetof(rf_account_t, method) == 68, "Account.method");
RF_STATIC_ASSERT(offsetof(rf_account_t, pad_1) == 69, "Account.pad_1");
RF_STATIC_ASSERT(offsetof(rf_account_t, first_cash) == 72, "Account.first_cash");
RF_STATIC_ASSERT(offsetof(rf_account_t, pad_2) == 76, "Account.pad_2");

/* A venue and its order session (one gateway link each). Written by: engine. */
typedef struct {
    char name[24]; /* +0 */
    char session[32]; /* +24: BeginString:Sender->Target */
    uint64_t output_seq; /* +56: last output to this gateway */
    uint64_t events; /* +64: venue events applied */
    uint64_t session_ups; /* +72 */
    uint64_t session_downs; /* +80 */
    uint64_t changed_ns; /* +88: engine time of the last session change [ns] */
    uint16_t id; /* +96 */
    uint8_t status; /* +98: enum Status */
    uint8_t session_state; /* +99: UP or DOWN enum SessionState */
    uint8_t stalled; /* +100: 1 while its ring is not drained */
    uint8_t durability; /* +101: default for its orders: 1 async, 2 local, 3 replicated */
    char pad_0[2]; /* +102: zero */
    uint64_t stalled_seq; /* +104: output_seq when it was last seen stalled; bounds what may be queued for it */
    uint32_t ord_types; /* +112: bit 1 << OrdType that its profile maps; 0: all */
    uint32_t time_in_forces; /* +116: bit 1 << TimeInForce that its profile maps; 0: all */
    uint32_t instructions; /* +120: INSTRUCTION_* bits that its profile maps */
    uint32_t scope; /* +124: row in scopes */
    uint8_t cancel_on_disconnect; /* +128: 1: its open orders are cancelled when its session has come back */
    char pad_1[63]; /* +129: zero */
} rf_venue_t;
RF_STATIC_ASSERT(sizeof(rf_venue_t) == 192, "Venue");
RF_STATIC_ASSERT(offsetof(rf_venue_t, name) == 0, "Venue.name");
RF_STATIC_ASSERT(offsetof(rf_venue_t, session) == 24, "Venue.session");
RF_STATIC_ASSERT(offsetof(rf_venue_t, output_seq) == 56, "Venue.output_seq");
RF_STATIC_ASSERT(offsetof(rf_venue_t, events) == 64, "Venue.events");
RF_STATIC_ASSERT(offsetof(rf_venue_t, session_ups) == 72, "Venue.session_ups");
RF_STATIC_ASSERT(offsetof(rf_venue_t, session_downs) == 80, "Venue.session_downs");
RF_STATIC_ASSERT(offsetof(rf_venue_t, changed_ns) == 88, "Venue.changed_ns");
RF_STATIC_ASSERT(offsetof(rf_venue_t, id) == 96, "Venue.id");
RF_STATIC_ASSERT(offsetof(rf_venue_t, status) == 98, "Venue.status");
RF_STATIC_ASSERT(offsetof(rf_venue_t, session_state) == 99, "Venue.session_state");
RF_STATIC_ASSERT(offsetof(rf_venue_t, stalled) == 100, "Venue.stalled");
RF_STATIC_ASSERT(offsetof(rf_venue_t, durability) == 101, "Venue.durability");
RF_STATIC_ASSERT(offsetof(rf_venue_t, pad_0) == 102, "Venue.pad_0");
RF_STATIC_ASSERT(offsetof(rf_venue_t, stalled_seq) == 104, "Venue.stalled_seq");
RF_STATIC_ASSERT(offsetof(rf_venue_t, ord_types) == 112, "Venue.ord_types");
RF_STATIC_ASSERT(offsetof(rf_venue_t, time_in_forces) == 116, "Venue.time_in_forces");
RF_STATIC_ASSERT(offsetof(rf_venue_t, instructions) == 120, "Venue.instructions");
RF_STATIC_ASSERT(offsetof(rf_venue_t, scope) == 124, "Venue.scope");
RF_STATIC_ASSERT(offsetof(rf_venue_t, cancel_on_disconnect) == 128, "Venue.cancel_on_disconnect");
RF_STATIC_ASSERT(offsetof(rf_venue_t, pad_1) == 129, "Venue.pad_1");

/* A strategy and its rings. Written by: engine. */
typedef struct {
    char name[24]; /* +0 */
    char desk[24]; /* +24 */
    uint64_t output_seq; /* +48: last event to this strategy */
    uint64_t epoch; /* +56: ring epoch; older intents are refused */
    uint64_t intents; /* +64 */
    uint64_t denies; /* +72 */
    uint64_t orders; /* +80 */
    uint64_t fills; /* +88 */
    uint64_t open_orders; /* +96 */
    uint64_t max_age_ns; /* +104: older intents are refused; 0: no limit [ns] */
    uint32_t uid; /* +112: Unix identity that may attach */
    uint32_t pid; /* +116: 0 when detached */
    uint16_t id; /* +120 */
    uint8_t status; /* +122: enum StrategyStatus */
    uint8_t attached; /* +123 */
    uint8_t stalled; /* +124: 1 while its event ring is full */
    uint8_t cancel_on_detach; /* +125 */
    char pad_0[2]; /* +126: zero */
    uint32_t first_open; /* +128: head of its list of open orders, oldest first */
    uint32_t last_open; /* +132 */
    uint16_t desk_row; /* +136: row in desks; 0: none */
    uint8_t silent; /* +138: 1 since its dead-man limit passed */
    uint8_t unapproved; /* +139: 1: one operator has added it to an instance that trades; letting it trade for the first time takes a second one */
    uint32_t scope; /* +140: row in scopes */
    uint32_t first_permission; /* +144: head of its grants */
    char pad_3[4]; /* +148: zero */
    uint64_t deadman_ns; /* +152: a heartbeat older than this cancels its orders and makes it CANCEL_ONLY; 0: none [ns] */
    uint64_t repeated_digest; /* +160: content of the last order that was fully executed */
    uint32_t repeated_count; /* +168: full executions of that content in a row */
    uint8_t repeats; /* +172: 1 since REPEATED_EXECUTION disabled it */
    char pad_1[19]; /* +173: zero */
} rf_strategy_t;
RF_STATIC_ASSERT(sizeof(rf_strategy_t) == 192, "Strategy");
RF_STATIC_ASSERT(offsetof(rf_strategy_t, name) == 0, "Strategy.name");
RF_STATIC_ASSERT(offsetof(rf_strategy_t, desk) == 24, "Strategy.desk");
RF_STATIC_ASSERT(offsetof(rf_strategy_t, output_seq) == 48, "Strategy.output_seq");
RF_STATIC_ASSERT(offsetof(rf_strategy_t, epoch) == 56, "Strategy.epoch");
RF_STATIC_ASSERT(offsetof(rf_strategy_t, intents) == 64, "Strategy.intents");
RF_STATIC_ASSERT(offsetof(rf_strategy_t, denies) == 72, "Strategy.denies");
RF_STATIC_ASSERT(offsetof(rf_strategy_t, orders) == 80, "Strategy.orders");
RF_STATIC_ASSERT(offsetof(rf_strategy_t, fills) == 88, "Strategy.fills");
RF_STATIC_ASSERT(offsetof(rf_strategy_t, open_orders) == 96, "Strategy.open_orders");
RF_STATIC_ASSERT(offsetof(rf_strategy_t, max_age_ns) == 104, "Strategy.max_age_ns");
RF_STATIC_ASSERT(offsetof(rf_strategy_t, uid) == 112, "Strategy.uid");
RF_STATIC_ASSERT(offsetof(rf_strategy_t, pid) == 116, "Strategy.pid");
RF_STATIC_ASSERT(offsetof(rf_strategy_t, id) == 120, "Strategy.id");
RF_STATIC_ASSERT(offsetof(rf_strategy_t, status) == 122, "Strategy.status");
RF_STATIC_ASSERT(offsetof(rf_strategy_t, attached) == 123, "Strategy.attached");
RF_STATIC_ASSERT(offsetof(rf_strategy_t, stalled) == 124, "Strategy.stalled");
RF_STATIC_ASSERT(offsetof(rf_strategy_t, cancel_on_detach) == 125, "Strategy.cancel_on_detach");
RF_STATIC_ASSERT(offsetof(rf_strategy_t, pad_0) == 126, "Strategy.pad_0");
RF_STATIC_ASSERT(offsetof(rf_strategy_t, first_open) == 128, "Strategy.first_open");
RF_STATIC_ASSERT(offsetof(rf_strategy_t, last_open) == 132, "Strategy.last_open");
RF_STATIC_ASSERT(offsetof(rf_strategy_t, desk_row) == 136, "Strategy.desk_row");
RF_STATIC_ASSERT(offsetof(rf_strategy_t, silent) == 138, "Strategy.silent");
RF_STATIC_ASSERT(offsetof(rf_strategy_t, unapproved) == 139, "Strategy.unapproved");
RF_STATIC_ASSERT(offsetof(rf_strategy_t, scope) == 140, "Strategy.scope");
RF_STATIC_ASSERT(offsetof(rf_strategy_t, first_permission) == 144, "Strategy.first_permission");
RF_STATIC_ASSERT(offsetof(rf_strategy_t, pad_3) == 148, "Strategy.pad_3");
RF_STATIC_ASSERT(offsetof(rf_strategy_t, deadman_ns) == 152, "Strategy.deadman_ns");
RF_STATIC_ASSERT(offsetof(rf_strategy_t, repeated_digest) == 160, "Strategy.repeated_digest");
RF_STATIC_ASSERT(offsetof(rf_strategy_t, repeated_count) == 168, "Strategy.repeated_count");
RF_STATIC_ASSERT(offsetof(rf_strategy_t, repeats) == 172, "Strategy.repeats");
RF_STATIC_ASSERT(offsetof(rf_strategy_t, pad_1) == 173, "Strategy.pad_1");

/* Conditions and where an order that meets them goes. Rows are tried in order; the first that is active, fits and can take it now is taken. Written by: engine. */
typedef struct {
    uint32_t instrument; /* +0: 0: any */
    uint16_t account; /* +4: 0: any, the intent names it */
    uint16_t venue; /* +6 */
    uint16_t id; /* +8 */
    uint8_t status; /* +10: enum Status */
    uint8_t side; /* +11: 0: any enum Side */
    char name[24]; /* +12 */
    uint16_t strategy; /* +36: 0: any */
    char pad_0[2]; /* +38: zero */
    int64_t qty_min; /* +40: 0: any [instrument scale] */
    int64_t qty_max; /* +48: 0: any [instrument scale] */
    uint32_t from_s; /* +56: seconds of the UTC day from which it counts; from_s = until_s: always */
    uint32_t until_s; /* +60: seconds of the UTC day until which it counts; below from_s: over midnight */
    uint64_t chosen; /* +64: orders that took it */
    uint64_t skipped; /* +72: times it fitted and could not take the order */
    char pad_1[48]; /* +80: zero */
} rf_route_t;
RF_STATIC_ASSERT(sizeof(rf_route_t) == 128, "Route");
RF_STATIC_ASSERT(offsetof(rf_route_t, instrument) == 0, "Route.instrument");
RF_STATIC_ASSERT(offsetof(rf_route_t, account) == 4, "Route.account");
RF_STATIC_ASSERT(offsetof(rf_route_t, venue) == 6, "Route.venue");
RF_STATIC_ASSERT(offsetof(rf_route_t, id) == 8, "Route.id");
RF_STATIC_ASSERT(offsetof(rf_route_t, status) == 10, "Route.status");
RF_STATIC_ASSERT(offsetof(rf_route_t, side) == 11, "Route.side");
RF_STATIC_ASSERT(offsetof(rf_route_t, name) == 12, "Route.name");
RF_STATIC_ASSERT(offsetof(rf_route_t, strategy) == 36, "Route.strategy");
RF_STATIC_ASSERT(offsetof(rf_route_t, pad_0) == 38, "Route.pad_0");
RF_STATIC_ASSERT(offsetof(rf_route_t, qty_min) == 40, "Route.qty_min");
RF_STATIC_ASSERT(offsetof(rf_route_t, qty_max) == 48, "Route.qty_max");
RF_STATIC_ASSERT(offsetof(rf_route_t, from_s) == 56, "Route.from_s");
RF_STATIC_ASSERT(offsetof(rf_route_t, until_s) == 60, "Route.until_s");
RF_STATIC_ASSERT(offsetof(rf_route_t, chosen) == 64, "Route.chosen");
RF_STATIC_ASSERT(offsetof(rf_route_t, skipped) == 72, "Route.skipped");
RF_STATIC_ASSERT(offsetof(rf_route_t, pad_1) == 80, "Route.pad_1");

/* One order through its whole ClOrdID chain. Written by: engine. */
typedef struct {
    uint64_t order_id; /* +0: its row; never reused */
    uint64_t client_id; /* +8 */
    int64_t px; /* +16: of the live version [instrument scale] */
    int64_t stop_px; /* +24: [instrument scale] */
    int64_t qty; /* +32: OrderQty of the live version [instrument scale] */
    int64_t cum_qty; /* +40: over the whole chain [instrument scale] */
    int64_t leaves_qty; /* +48: 0 when terminal [instrument scale] */
    uint64_t notional_lo; /* +56: sum of LastPx*LastShares, low word of 128 bits: AvgPx is exact (S10) [price x quantity scale] */
    int64_t notional_hi; /* +64: high word */
    int64_t last_px; /* +72: [instrument scale] */
    int64_t last_qty; /* +80: [instrument scale] */
    int64_t display_qty; /* +88: [instrument scale] */
    int64_t pending_px; /* +96: of the newest replace in flight [instrument scale] */
    int64_t pending_stop_px; /* +104: [instrument scale] */
    int64_t pending_qty; /* +112: [instrument scale] */
    uint64_t expire_ns; /* +120: [ns] */
    uint64_t created_ns; /* +128: engine time [ns] */
    uint64_t updated_ns; /* +136: engine time [ns] */
    uint64_t acked_ns; /* +144: engine time of the first answer, 0 when none [ns] */
    uint64_t intent_ns; /* +152: the strategy's stamp [ns] */
    uint64_t created_seq; /* +160: journal sequence */
    uint64_t updated_seq; /* +168: journal sequence */
    uint64_t terms_hash; /* +176: of the new intent's terms: same client_id with other terms is refused (S14) */
    uint32_t instrument; /* +184 */
    uint16_t account; /* +188 */
    uint16_t strategy; /* +190 */
    uint16_t venue; /* +192 */
    uint16_t route; /* +194 */
    uint16_t revision; /* +196: last ClOrdID revision used */
    uint16_t live_revision; /* +198: last accepted (S20) */
    uint16_t cancel_revision; /* +200: revision of the newest cancel in flight, 0 when none */
    uint16_t replace_revision; /* +202: revision of the newest replace in flight, 0 when none */
    uint8_t pending_count; /* +204: requests in flight, as rows of requests; 255 means that many or more */
    uint8_t side; /* +205: enum Side */
    uint8_t ord_type; /* +206: enum OrdType */
    uint8_t time_in_force; /* +207: enum TimeInForce */
    uint8_t ord_status; /* +208: enum OrdStatus */
    uint8_t base_status; /* +209: status under the pending requests, restored by a reject (S7) enum OrdStatus */
    uint8_t deny_reason; /* +210: enum DenyReason */
    uint8_t flags; /* +211: ORDER_* bits */
    uint16_t venue_code; /* +212: last reject reason of the venue, plus 1 */
    uint16_t pending_base_revision; /* +214: revision that the newest replace in flight names as OrigClOrdID */
    uint16_t replaces; /* +216: accepted replaces */
    char pad_0[2]; /* +218: zero */
    uint32_t next_open; /* +220: open orders of the strategy, doubly linked */
    uint32_t prev_open; /* +224 */
    uint32_t first_execution; /* +228: head of its chain in executions */
    uint32_t last_execution; /* +232 */
    char venue_order_id[32]; /* +236: OrderID(37) */
    char text[64]; /* +268: last Text(58) */
    uint32_t day_code; /* +332: trading day of its creation, part of every ClOrdID of its chain */
    uint64_t transact_ns; /* +336: latest TransactTime(60) applied: an older report never regresses it (S8) [ns] */
    uint64_t requested_ns; /* +344: engine time of the newest cancel or replace in flight, 0 when none is (S17) [ns] */
    uint8_t instructions; /* +352: INSTRUCTION_* bits of the new intent */
    char pad_1[3]; /* +353: zero */
    uint32_t first_request; /* +356: head of its requests in flight, oldest first; 0 when none is */
    uint32_t last_request; /* +360 */
    char pad_3[4]; /* +364: zero */
    uint64_t asked_ns; /* +368: engine time of the last status request (S16) [ns] */
    uint64_t checks; /* +376: bit 1 << RiskRule of every check that it passed */
    int64_t reserved_qty; /* +384: what its scopes hold for it: the most that may still trade [instrument scale] */
    int64_t reserved_amount; /* +392: the same as an amount [10^-4 of the firm's currency] */
    uint64_t content_digest; /* +400: of instrument, account, side, type, prices and quantity */
    int64_t reserved_px; /* +408: price behind reserved_amount [instrument scale] */
    uint32_t next_level; /* +416: open orders of its instrument and side, doubly linked */
    uint32_t prev_level; /* +420 */
    uint32_t scope_set; /* +424: row in scope_sets; 0: not looked up yet */
    uint32_t counted; /* +428: 1 while its scopes count it as open */
    int64_t market_px; /* +432: far touch when it was new or enlarged, of a sale or an order without limit price: what it may trade at [instrument scale] */
    uint16_t routes_skipped; /* +440: routes that fitted and could not take it */
    uint8_t skip_reason; /* +442: why the last of them could not enum DenyReason */
    uint8_t unvalued; /* +443: 1: reserved_amount cannot be told */
    char pad_4[4]; /* +444: zero */
} rf_order_t;
RF_STATIC_ASSERT(sizeof(rf_order_t) == 448, "Order");
RF_STATIC_ASSERT(offsetof(rf_order_t, order_id) == 0, "Order.order_id");
RF_STATIC_ASSERT(offsetof(rf_order_t, client_id) == 8, "Order.client_id");
RF_STATIC_ASSERT(offsetof(rf_order_t, px) == 16, "Order.px");
RF_STATIC_ASSERT(offsetof(rf_order_t, stop_px) == 24, "Order.stop_px");
RF_STATIC_ASSERT(offsetof(rf_order_t, qty) == 32, "Order.qty");
RF_STATIC_ASSERT(offsetof(rf_order_t, cum_qty) == 40, "Order.cum_qty");
RF_STATIC_ASSERT(offsetof(rf_order_t, leaves_qty) == 48, "Order.leaves_qty");
RF_STATIC_ASSERT(offsetof(rf_order_t, notional_lo) == 56, "Order.notional_lo");
RF_STATIC_ASSERT(offsetof(rf_order_t, notional_hi) == 64, "Order.notional_hi");
RF_STATIC_ASSERT(offsetof(rf_order_t, last_px) == 72, "Order.last_px");
RF_STATIC_ASSERT(offsetof(rf_order_t, last_qty) == 80, "Order.last_qty");
RF_STATIC_ASSERT(offsetof(rf_order_t, display_qty) == 88, "Order.display_qty");
RF_STATIC_ASSERT(offsetof(rf_order_t, pending_px) == 96, "Order.pending_px");
RF_STATIC_ASSERT(offsetof(rf_order_t, pending_stop_px) == 104, "Order.pending_stop_px");
RF_STATIC_ASSERT(offsetof(rf_order_t, pending_qty) == 112, "Order.pending_qty");
RF_STATIC_ASSERT(offsetof(rf_order_t, expire_ns) == 120, "Order.expire_ns");
RF_STATIC_ASSERT(offsetof(rf_order_t, created_ns) == 128, "Order.created_ns");
RF_STATIC_ASSERT(offsetof(rf_order_t, updated_ns) == 136, "Order.updated_ns");
RF_STATIC_ASSERT(offsetof(rf_order_t, acked_ns) == 144, "Order.acked_ns");
RF_STATIC_ASSERT(offsetof(rf_order_t, intent_ns) == 152, "Order.intent_ns");
RF_STATIC_ASSERT(offsetof(rf_order_t, created_seq) == 160, "Order.created_seq");
RF_STATIC_ASSERT(offsetof(rf_order_t, updated_seq) == 168, "Order.updated_seq");
RF_STATIC_ASSERT(offsetof(rf_order_t, terms_hash) == 176, "Order.terms_hash");
RF_STATIC_ASSERT(offsetof(rf_order_t, instrument) == 184, "Order.instrument");
RF_STATIC_ASSERT(offsetof(rf_order_t, account) == 188, "Order.account");
RF_STATIC_ASSERT(offsetof(rf_order_t, strategy) == 190, "Order.strategy");
RF_STATIC_ASSERT(offsetof(rf_order_t, venue) == 192, "Order.venue");
RF_STATIC_ASSERT(offsetof(rf_order_t, route) == 194, "Order.route");
RF_STATIC_ASSERT(offsetof(rf_order_t, revision) == 196, "Order.revision");
RF_STATIC_ASSERT(offsetof(rf_order_t, live_revision) == 198, "Order.live_revision");
RF_STATIC_ASSERT(offsetof(rf_order_t, cancel_revision) == 200, "Order.cancel_revision");
RF_STATIC_ASSERT(offsetof(rf_order_t, replace_revision) == 202, "Order.replace_revision");
RF_STATIC_ASSERT(offsetof(rf_order_t, pending_count) == 204, "Order.pending_count");
RF_STATIC_ASSERT(offsetof(rf_order_t, side) == 205, "Order.side");
RF_STATIC_ASSERT(offsetof(rf_order_t, ord_type) == 206, "Order.ord_type");
RF_STATIC_ASSERT(offsetof(rf_order_t, time_in_force) == 207, "Order.time_in_force");
RF_STATIC_ASSERT(offsetof(rf_order_t, ord_status) == 208, "Order.ord_status");
RF_STATIC_ASSERT(offsetof(rf_order_t, base_status) == 209, "Order.base_status");
RF_STATIC_ASSERT(offsetof(rf_order_t, deny_reason) == 210, "Order.deny_reason");
RF_STATIC_ASSERT(offsetof(rf_order_t, flags) == 211, "Order.flags");
RF_STATIC_ASSERT(offsetof(rf_order_t, venue_code) == 212, "Order.venue_code");
RF_STATIC_ASSERT(offsetof(rf_order_t, pending_base_revision) == 214, "Order.pending_base_revision");
RF_STATIC_ASSERT(offsetof(rf_order_t, replaces) == 216, "Order.replaces");
RF_STATIC_ASSERT(offsetof(rf_order_t, pad_0) == 218, "Order.pad_0");
RF_STATIC_ASSERT(offsetof(rf_order_t, next_open) == 220, "Order.next_open");
RF_STATIC_ASSERT(offsetof(rf_order_t, prev_open) == 224, "Order.prev_open");
RF_STATIC_ASSERT(offsetof(rf_order_t, first_execution) == 228, "Order.first_execution");
RF_STATIC_ASSERT(offsetof(rf_order_t, last_execution) == 232, "Order.last_execution");
RF_STATIC_ASSERT(offsetof(rf_order_t, venue_order_id) == 236, "Order.venue_order_id");
RF_STATIC_ASSERT(offsetof(rf_order_t, text) == 268, "Order.text");
RF_STATIC_ASSERT(offsetof(rf_order_t, day_code) == 332, "Order.day_code");
RF_STATIC_ASSERT(offsetof(rf_order_t, transact_ns) == 336, "Order.transact_ns");
RF_STATIC_ASSERT(offsetof(rf_order_t, requested_ns) == 344, "Order.requested_ns");
RF_STATIC_ASSERT(offsetof(rf_order_t, instructions) == 352, "Order.instructions");
RF_STATIC_ASSERT(offsetof(rf_order_t, pad_1) == 353, "Order.pad_1");
RF_STATIC_ASSERT(offsetof(rf_order_t, first_request) == 356, "Order.first_request");
RF_STATIC_ASSERT(offsetof(rf_order_t, last_request) == 360, "Order.last_request");
RF_STATIC_ASSERT(offsetof(rf_order_t, pad_3) == 364, "Order.pad_3");
RF_STATIC_ASSERT(offsetof(rf_order_t, asked_ns) == 368, "Order.asked_ns");
RF_STATIC_ASSERT(offsetof(rf_order_t, checks) == 376, "Order.checks");
RF_STATIC_ASSERT(offsetof(rf_order_t, reserved_qty) == 384, "Order.reserved_qty");
RF_STATIC_ASSERT(offsetof(rf_order_t, reserved_amount) == 392, "Order.reserved_amount");
RF_STATIC_ASSERT(offsetof(rf_order_t, content_digest) == 400, "Order.content_digest");
RF_STATIC_ASSERT(offsetof(rf_order_t, reserved_px) == 408, "Order.reserved_px");
RF_STATIC_ASSERT(offsetof(rf_order_t, next_level) == 416, "Order.next_level");
RF_STATIC_ASSERT(offsetof(rf_order_t, prev_level) == 420, "Order.prev_level");
RF_STATIC_ASSERT(offsetof(rf_order_t, scope_set) == 424, "Order.scope_set");
RF_STATIC_ASSERT(offsetof(rf_order_t, counted) == 428, "Order.counted");
RF_STATIC_ASSERT(offsetof(rf_order_t, market_px) == 432, "Order.market_px");
RF_STATIC_ASSERT(offsetof(rf_order_t, routes_skipped) == 440, "Order.routes_skipped");
RF_STATIC_ASSERT(offsetof(rf_order_t, skip_reason) == 442, "Order.skip_reason");
RF_STATIC_ASSERT(offsetof(rf_order_t, unvalued) == 443, "Order.unvalued");
RF_STATIC_ASSERT(offsetof(rf_order_t, pad_4) == 444, "Order.pad_4");

/* One cancel or replace in flight; a row that is free is zero but for next. Written by: engine. */
typedef struct {
    int64_t px; /* +0: replace: asked for [instrument scale] */
    int64_t stop_px; /* +8: [instrument scale] */
    int64_t qty; /* +16: replace: new total [instrument scale] */
    uint64_t requested_ns; /* +24: engine time at which it was sent (S17) [ns] */
    uint64_t order_id; /* +32 */
    uint32_t next; /* +40: next of the same order, or next free row */
    uint16_t revision; /* +44: of its ClOrdID */
    uint16_t base_revision; /* +46: of its OrigClOrdID (S20) */
    uint8_t kind; /* +48: enum RequestKind */
    uint8_t overdue; /* +49: 1 when it was reported as unanswered */
    char pad_0[14]; /* +50: zero */
} rf_request_t;
RF_STATIC_ASSERT(sizeof(rf_request_t) == 64, "Request");
RF_STATIC_ASSERT(offsetof(rf_request_t, px) == 0, "Request.px");
RF_STATIC_ASSERT(offsetof(rf_request_t, stop_px) == 8, "Request.stop_px");
RF_STATIC_ASSERT(offsetof(rf_request_t, qty) == 16, "Request.qty");
RF_STATIC_ASSERT(offsetof(rf_request_t, requested_ns) == 24, "Request.requested_ns");
RF_STATIC_ASSERT(offsetof(rf_request_t, order_id) == 32, "Request.order_id");
RF_STATIC_ASSERT(offsetof(rf_request_t, next) == 40, "Request.next");
RF_STATIC_ASSERT(offsetof(rf_request_t, revision) == 44, "Request.revision");
RF_STATIC_ASSERT(offsetof(rf_request_t, base_revision) == 46, "Request.base_revision");
RF_STATIC_ASSERT(offsetof(rf_request_t, kind) == 48, "Request.kind");
RF_STATIC_ASSERT(offsetof(rf_request_t, overdue) == 49, "Request.overdue");
RF_STATIC_ASSERT(offsetof(rf_request_t, pad_0) == 50, "Request.pad_0");

/* One booked execution; the identity is (venue session, account, order, side, ExecID) (S2). Written by: engine. */
typedef struct {
    uint64_t id; /* +0: its row */
    uint64_t order_id; /* +8: 0: suspense */
    int64_t last_px; /* +16: [instrument scale] */
    int64_t last_qty; /* +24: [instrument scale] */
    uint64_t transact_ns; /* +32: [ns] */
    uint64_t booked_seq; /* +40: journal sequence */
    uint64_t engine_ns; /* +48: [ns] */
    char exec_id[40]; /* +56 */
    char venue_order_id[32]; /* +96 */
    uint32_t instrument; /* +128 */
    uint32_t next; /* +132: next of the same order */
    uint16_t account; /* +136 */
    uint16_t strategy; /* +138 */
    uint16_t venue; /* +140 */
    uint8_t side; /* +142: enum Side */
    uint8_t state; /* +143: EXECUTION_*: 1 booked, 2 busted, 3 corrected, 4 held until the execution it refers to arrives (S11), 5 assigned (S3) */
    uint64_t digest; /* +144: hash of the identity */
    uint32_t corrects; /* +152: row that this one corrects, 0 when none */
    uint32_t corrected_by; /* +156: row that corrects this one, 0 when none */
    uint32_t assigned_to; /* +160: row that took its place when it left suspense, 0 when none */
    char pad_0[28]; /* +164: zero */
} rf_execution_t;
RF_STATIC_ASSERT(sizeof(rf_execution_t) == 192, "Execution");
RF_STATIC_ASSERT(offsetof(rf_execution_t, id) == 0, "Execution.id");
RF_STATIC_ASSERT(offsetof(rf_execution_t, order_id) == 8, "Execution.order_id");
RF_STATIC_ASSERT(offsetof(rf_execution_t, last_px) == 16, "Execution.last_px");
RF_STATIC_ASSERT(offsetof(rf_execution_t, last_qty) == 24, "Execution.last_qty");
RF_STATIC_ASSERT(offsetof(rf_execution_t, transact_ns) == 32, "Execution.transact_ns");
RF_STATIC_ASSERT(offsetof(rf_execution_t, booked_seq) == 40, "Execution.booked_seq");
RF_STATIC_ASSERT(offsetof(rf_execution_t, engine_ns) == 48, "Execution.engine_ns");
RF_STATIC_ASSERT(offsetof(rf_execution_t, exec_id) == 56, "Execution.exec_id");
RF_STATIC_ASSERT(offsetof(rf_execution_t, venue_order_id) == 96, "Execution.venue_order_id");
RF_STATIC_ASSERT(offsetof(rf_execution_t, instrument) == 128, "Execution.instrument");
RF_STATIC_ASSERT(offsetof(rf_execution_t, next) == 132, "Execution.next");
RF_STATIC_ASSERT(offsetof(rf_execution_t, account) == 136, "Execution.account");
RF_STATIC_ASSERT(offsetof(rf_execution_t, strategy) == 138, "Execution.strategy");
RF_STATIC_ASSERT(offsetof(rf_execution_t, venue) == 140, "Execution.venue");
RF_STATIC_ASSERT(offsetof(rf_execution_t, side) == 142, "Execution.side");
RF_STATIC_ASSERT(offsetof(rf_execution_t, state) == 143, "Execution.state");
RF_STATIC_ASSERT(offsetof(rf_execution_t, digest) == 144, "Execution.digest");
RF_STATIC_ASSERT(offsetof(rf_execution_t, corrects) == 152, "Execution.corrects");
RF_STATIC_ASSERT(offsetof(rf_execution_t, corrected_by) == 156, "Execution.corrected_by");
RF_STATIC_ASSERT(offsetof(rf_execution_t, assigned_to) == 160, "Execution.assigned_to");
RF_STATIC_ASSERT(offsetof(rf_execution_t, pad_0) == 164, "Execution.pad_0");

/* Per account, strategy and instrument. State is (quantity, total cost); unit cost is derived. Written by: engine. */
typedef struct {
    int64_t net_qty; /* +0: signed [instrument scale] */
    int64_t bought_qty; /* +8: [instrument scale] */
    int64_t sold_qty; /* +16: [instrument scale] */
    uint64_t cost_lo; /* +24: total cost of the open quantity, signed 128 bits [price x quantity scale] */
    int64_t cost_hi; /* +32 */
    uint64_t realized_lo; /* +40: realized PnL in quote currency, signed 128 bits [price x quantity scale] */
    int64_t realized_hi; /* +48 */
    uint64_t traded_lo; /* +56: sum of |LastPx|*LastShares, 128 bits [price x quantity scale] */
    int64_t traded_hi; /* +64 */
    int64_t last_px; /* +72: [instrument scale] */
    uint64_t fills; /* +80 */
    uint64_t updated_ns; /* +88: [ns] */
    uint64_t updated_seq; /* +96 */
    uint32_t instrument; /* +104 */
    uint16_t account; /* +108 */
    uint16_t strategy; /* +110: 0: suspense */
    int64_t value; /* +112: net_qty at the reference price, as its scopes count it [10^-4 of the firm's currency] */
    int64_t profit; /* +120: realized and unrealized, as its scopes count it [10^-4 of the firm's currency] */
    int64_t day_profit; /* +128: the same when the trading day began [10^-4 of the firm's currency] */
    uint32_t scope_set; /* +136: row in scope_sets; 0: not looked up yet */
    uint32_t unvalued; /* +140: 1: value or profit cannot be told */
    uint32_t next_of_instrument; /* +144: positions of the same instrument */
    uint32_t counted; /* +148: 1 since its scopes count it */
    int64_t counted_qty; /* +152: net_qty as its scopes count it [instrument scale] */
    int64_t spent; /* +160: what a long position cost, or value when that is more [10^-4 of the firm's currency] */
    uint64_t flatten_ns; /* +168: engine time of the last try to close it by a kill; 0: none since the kill was released [ns] */
    uint32_t flatten_tries; /* +176: tries of that kill */
    uint8_t flatten_reason; /* +180: why the last try sent nothing enum DenyReason */
    uint8_t pad_1; /* +181: zero */
    uint16_t margin_rate; /* +182: row in margin_rates that it is margined by; 0: the one rate of its scopes */
    int64_t equity; /* +184: what it paid and received, and is worth at the reference price, as its account's equity counts it [10^-4 of the firm's currency] */
} rf_position_t;
RF_STATIC_ASSERT(sizeof(rf_position_t) == 192, "Position");
RF_STATIC_ASSERT(offsetof(rf_position_t, net_qty) == 0, "Position.net_qty");
RF_STATIC_ASSERT(offsetof(rf_position_t, bought_qty) == 8, "Position.bought_qty");
RF_STATIC_ASSERT(offsetof(rf_position_t, sold_qty) == 16, "Position.sold_qty");
RF_STATIC_ASSERT(offsetof(rf_position_t, cost_lo) == 24, "Position.cost_lo");
RF_STATIC_ASSERT(offsetof(rf_position_t, cost_hi) == 32, "Position.cost_hi");
RF_STATIC_ASSERT(offsetof(rf_position_t, realized_lo) == 40, "Position.realized_lo");
RF_STATIC_ASSERT(offsetof(rf_position_t, realized_hi) == 48, "Position.realized_hi");
RF_STATIC_ASSERT(offsetof(rf_position_t, traded_lo) == 56, "Position.traded_lo");
RF_STATIC_ASSERT(offsetof(rf_position_t, traded_hi) == 64, "Position.traded_hi");
RF_STATIC_ASSERT(offsetof(rf_position_t, last_px) == 72, "Position.last_px");
RF_STATIC_ASSERT(offsetof(rf_position_t, fills) == 80, "Position.fills");
RF_STATIC_ASSERT(offsetof(rf_position_t, updated_ns) == 88, "Position.updated_ns");
RF_STATIC_ASSERT(offsetof(rf_position_t, updated_seq) == 96, "Position.updated_seq");
RF_STATIC_ASSERT(offsetof(rf_position_t, instrument) == 104, "Position.instrument");
RF_STATIC_ASSERT(offsetof(rf_position_t, account) == 108, "Position.account");
RF_STATIC_ASSERT(offsetof(rf_position_t, strategy) == 110, "Position.strategy");
RF_STATIC_ASSERT(offsetof(rf_position_t, value) == 112, "Position.value");
RF_STATIC_ASSERT(offsetof(rf_position_t, profit) == 120, "Position.profit");
RF_STATIC_ASSERT(offsetof(rf_position_t, day_profit) == 128, "Position.day_profit");
RF_STATIC_ASSERT(offsetof(rf_position_t, scope_set) == 136, "Position.scope_set");
RF_STATIC_ASSERT(offsetof(rf_position_t, unvalued) == 140, "Position.unvalued");
RF_STATIC_ASSERT(offsetof(rf_position_t, next_of_instrument) == 144, "Position.next_of_instrument");
RF_STATIC_ASSERT(offsetof(rf_position_t, counted) == 148, "Position.counted");
RF_STATIC_ASSERT(offsetof(rf_position_t, counted_qty) == 152, "Position.counted_qty");
RF_STATIC_ASSERT(offsetof(rf_position_t, spent) == 160, "Position.spent");
RF_STATIC_ASSERT(offsetof(rf_position_t, flatten_ns) == 168, "Position.flatten_ns");
RF_STATIC_ASSERT(offsetof(rf_position_t, flatten_tries) == 176, "Position.flatten_tries");
RF_STATIC_ASSERT(offsetof(rf_position_t, flatten_reason) == 180, "Position.flatten_reason");
RF_STATIC_ASSERT(offsetof(rf_position_t, pad_1) == 181, "Position.pad_1");
RF_STATIC_ASSERT(offsetof(rf_position_t, margin_rate) == 182, "Position.margin_rate");
RF_STATIC_ASSERT(offsetof(rf_position_t, equity) == 184, "Position.equity");

/* A currency or asset that amounts are counted in. Written by: engine. */
typedef struct {
    char code[8]; /* +0 */
    int64_t rate; /* +8: units of the firm's currency for one of it; 0: not known [10^-9] */
    uint64_t changed_ns; /* +16: engine time [ns] */
    uint16_t id; /* +24 */
    uint8_t status; /* +26: enum Status */
    uint8_t is_firm; /* +27: 1: the firm's own; its rate is 1 */
    uint32_t scope; /* +28: row in scopes */
    char pad_0[32]; /* +32: zero */
} rf_currency_t;
RF_STATIC_ASSERT(sizeof(rf_currency_t) == 64, "Currency");
RF_STATIC_ASSERT(offsetof(rf_currency_t, code) == 0, "Currency.code");
RF_STATIC_ASSERT(offsetof(rf_currency_t, rate) == 8, "Currency.rate");
RF_STATIC_ASSERT(offsetof(rf_currency_t, changed_ns) == 16, "Currency.changed_ns");
RF_STATIC_ASSERT(offsetof(rf_currency_t, id) == 24, "Currency.id");
RF_STATIC_ASSERT(offsetof(rf_currency_t, status) == 26, "Currency.status");
RF_STATIC_ASSERT(offsetof(rf_currency_t, is_firm) == 27, "Currency.is_firm");
RF_STATIC_ASSERT(offsetof(rf_currency_t, scope) == 28, "Currency.scope");
RF_STATIC_ASSERT(offsetof(rf_currency_t, pad_0) == 32, "Currency.pad_0");

/* Days on which a currency does not settle, besides Saturdays and Sundays; the row is that of the currency. Written by: engine. */
typedef struct {
    uint64_t holidays[64]; /* +0: bit n: the day CALENDAR_BEGINS + n, 4,096 days */
    uint64_t changed_ns; /* +512: engine time [ns] */
    uint16_t currency; /* +520: 0: no holiday is known */
    char pad_0[54]; /* +522: zero */
} rf_calendar_t;
RF_STATIC_ASSERT(sizeof(rf_calendar_t) == 576, "Calendar");
RF_STATIC_ASSERT(offsetof(rf_calendar_t, holidays) == 0, "Calendar.holidays");
RF_STATIC_ASSERT(offsetof(rf_calendar_t, changed_ns) == 512, "Calendar.changed_ns");
RF_STATIC_ASSERT(offsetof(rf_calendar_t, currency) == 520, "Calendar.currency");
RF_STATIC_ASSERT(offsetof(rf_calendar_t, pad_0) == 522, "Calendar.pad_0");

/* Money of an account in a currency, besides what its positions paid: balance = entered - paid + cash of the positions that settle in it. Written by: engine. */
typedef struct {
    uint64_t entered[2]; /* +0: deposits less withdrawals, conversions [10^-18] */
    uint64_t entered_base[2]; /* +16: the same at the rates of their moments [10^-18 of the firm's currency] */
    uint64_t paid[2]; /* +32: fees in this currency of trades that settle in another [10^-18] */
    uint64_t paid_base[2]; /* +48: the same at the rates of their moments, less fees in another currency of trades that settle in this one [10^-18 of the firm's currency] */
    int64_t value; /* +64: entered less paid at the rate of now, as its account's equity counts it [10^-4 of the firm's currency] */
    uint64_t updated_seq; /* +72 */
    uint32_t entries; /* +80: that moved it */
    uint32_t base_unknown; /* +84: entries and fees for which there was no rate: the figures in the firm's currency lack them */
    uint32_t next_of_account; /* +88 */
    uint16_t account; /* +92 */
    uint16_t currency; /* +94: row in currencies */
    uint8_t unvalued; /* +96: 1: value cannot be told */
    char pad_0[31]; /* +97: zero */
} rf_cash_balance_t;
RF_STATIC_ASSERT(sizeof(rf_cash_balance_t) == 128, "CashBalance");
RF_STATIC_ASSERT(offsetof(rf_cash_balance_t, entered) == 0, "CashBalance.entered");
RF_STATIC_ASSERT(offsetof(rf_cash_balance_t, entered_base) == 16, "CashBalance.entered_base");
RF_STATIC_ASSERT(offsetof(rf_cash_balance_t, paid) == 32, "CashBalance.paid");
RF_STATIC_ASSERT(offsetof(rf_cash_balance_t, paid_base) == 48, "CashBalance.paid_base");
RF_STATIC_ASSERT(offsetof(rf_cash_balance_t, value) == 64, "CashBalance.value");
RF_STATIC_ASSERT(offsetof(rf_cash_balance_t, updated_seq) == 72, "CashBalance.updated_seq");
RF_STATIC_ASSERT(offsetof(rf_cash_balance_t, entries) == 80, "CashBalance.entries");
RF_STATIC_ASSERT(offsetof(rf_cash_balance_t, base_unknown) == 84, "CashBalance.base_unknown");
RF_STATIC_ASSERT(offsetof(rf_cash_balance_t, next_of_account) == 88, "CashBalance.next_of_account");
RF_STATIC_ASSERT(offsetof(rf_cash_balance_t, account) == 92, "CashBalance.account");
RF_STATIC_ASSERT(offsetof(rf_cash_balance_t, currency) == 94, "CashBalance.currency");
RF_STATIC_ASSERT(offsetof(rf_cash_balance_t, unvalued) == 96, "CashBalance.unvalued");
RF_STATIC_ASSERT(offsetof(rf_cash_balance_t, pad_0) == 97, "CashBalance.pad_0");

/* What a position traded for one value date: legs of exposure by asset and date follow from it. Days that have come are one row, day 0. Written by: engine. */
typedef struct {
    uint64_t qty[2]; /* +0: signed [instrument scale] */
    uint64_t flow[2]; /* +16: paid for it [money scale] */
    uint32_t position; /* +32: row in ledger_positions; 0: free */
    uint32_t value_day; /* +36: YYYYMMDD; 0: settled */
    uint32_t next; /* +40: later day of the same position; of a free row: the next free one */
    char pad_0[20]; /* +44: zero */
} rf_value_date_t;
RF_STATIC_ASSERT(sizeof(rf_value_date_t) == 64, "ValueDate");
RF_STATIC_ASSERT(offsetof(rf_value_date_t, qty) == 0, "ValueDate.qty");
RF_STATIC_ASSERT(offsetof(rf_value_date_t, flow) == 16, "ValueDate.flow");
RF_STATIC_ASSERT(offsetof(rf_value_date_t, position) == 32, "ValueDate.position");
RF_STATIC_ASSERT(offsetof(rf_value_date_t, value_day) == 36, "ValueDate.value_day");
RF_STATIC_ASSERT(offsetof(rf_value_date_t, next) == 40, "ValueDate.next");
RF_STATIC_ASSERT(offsetof(rf_value_date_t, pad_0) == 44, "ValueDate.pad_0");

/* A row of a margin schedule: what it is for (0: any), the rate, and rates of the part of a position above a step. Written by: engine. */
typedef struct {
    int64_t above[3]; /* +0: steps of a position's size, rising; 0: unused [10^-4 of the firm's currency] */
    uint32_t step_ppm[3]; /* +24: rate of the part above the step, in millionths */
    uint32_t rate_ppm; /* +36: of the part below the first step, in millionths */
    uint32_t highest_ppm; /* +40: of its rates: what working orders take up */
    uint16_t id; /* +44 */
    uint16_t broker; /* +46: row in brokers */
    uint16_t account; /* +48: row in accounts */
    uint16_t currency; /* +50: row in currencies: base or quote */
    uint32_t instrument; /* +52 */
    uint8_t kind; /* +56: enum InstrumentKind */
    uint8_t status; /* +57: enum Status */
    char pad_0[70]; /* +58: zero */
} rf_margin_rate_t;
RF_STATIC_ASSERT(sizeof(rf_margin_rate_t) == 128, "MarginRate");
RF_STATIC_ASSERT(offsetof(rf_margin_rate_t, above) == 0, "MarginRate.above");
RF_STATIC_ASSERT(offsetof(rf_margin_rate_t, step_ppm) == 24, "MarginRate.step_ppm");
RF_STATIC_ASSERT(offsetof(rf_margin_rate_t, rate_ppm) == 36, "MarginRate.rate_ppm");
RF_STATIC_ASSERT(offsetof(rf_margin_rate_t, highest_ppm) == 40, "MarginRate.highest_ppm");
RF_STATIC_ASSERT(offsetof(rf_margin_rate_t, id) == 44, "MarginRate.id");
RF_STATIC_ASSERT(offsetof(rf_margin_rate_t, broker) == 46, "MarginRate.broker");
RF_STATIC_ASSERT(offsetof(rf_margin_rate_t, account) == 48, "MarginRate.account");
RF_STATIC_ASSERT(offsetof(rf_margin_rate_t, currency) == 50, "MarginRate.currency");
RF_STATIC_ASSERT(offsetof(rf_margin_rate_t, instrument) == 52, "MarginRate.instrument");
RF_STATIC_ASSERT(offsetof(rf_margin_rate_t, kind) == 56, "MarginRate.kind");
RF_STATIC_ASSERT(offsetof(rf_margin_rate_t, status) == 57, "MarginRate.status");
RF_STATIC_ASSERT(offsetof(rf_margin_rate_t, pad_0) == 58, "MarginRate.pad_0");

/* Where accounts are held. Written by: engine. */
typedef struct {
    char name[24]; /* +0 */
    uint32_t scope; /* +24 */
    uint16_t id; /* +28 */
    uint8_t status; /* +30: enum Status */
    char pad_0[33]; /* +31: zero */
} rf_broker_t;
RF_STATIC_ASSERT(sizeof(rf_broker_t) == 64, "Broker");
RF_STATIC_ASSERT(offsetof(rf_broker_t, name) == 0, "Broker.name");
RF_STATIC_ASSERT(offsetof(rf_broker_t, scope) == 24, "Broker.scope");
RF_STATIC_ASSERT(offsetof(rf_broker_t, id) == 28, "Broker.id");
RF_STATIC_ASSERT(offsetof(rf_broker_t, status) == 30, "Broker.status");
RF_STATIC_ASSERT(offsetof(rf_broker_t, pad_0) == 31, "Broker.pad_0");

/* A group of strategies. Written by: engine. */
typedef struct {
    char name[24]; /* +0 */
    uint32_t scope; /* +24 */
    uint16_t id; /* +28 */
    uint8_t status; /* +30: enum Status */
    char pad_0[33]; /* +31: zero */
} rf_desk_t;
RF_STATIC_ASSERT(sizeof(rf_desk_t) == 64, "Desk");
RF_STATIC_ASSERT(offsetof(rf_desk_t, name) == 0, "Desk.name");
RF_STATIC_ASSERT(offsetof(rf_desk_t, scope) == 24, "Desk.scope");
RF_STATIC_ASSERT(offsetof(rf_desk_t, id) == 28, "Desk.id");
RF_STATIC_ASSERT(offsetof(rf_desk_t, status) == 30, "Desk.status");
RF_STATIC_ASSERT(offsetof(rf_desk_t, pad_0) == 31, "Desk.pad_0");

/* A grant to one strategy: sets, as bits, that multiply. What no grant covers is denied. Written by: engine. */
typedef struct {
    uint16_t strategy; /* +0: 0: every strategy */
    uint16_t id; /* +2 */
    uint32_t flags; /* +4: GRANT_* bits */
    uint32_t ord_types; /* +8: bit 1 << OrdType */
    uint32_t time_in_forces; /* +12: bit 1 << TimeInForce */
    uint64_t venues[2]; /* +16: bit row of venues; bit 0: any */
    uint64_t accounts[4]; /* +32: bit row of accounts; bit 0: any */
    uint64_t instruments[64]; /* +64: bit row of instruments; bit 0: any */
    uint32_t next; /* +576: next grant of the same strategy */
    char pad_0[4]; /* +580: zero */
    char name[24]; /* +584 */
    uint64_t changed_seq; /* +608: journal sequence at which it was last given to somebody, or taken from */
    char pad_1[24]; /* +616: zero */
} rf_permission_t;
RF_STATIC_ASSERT(sizeof(rf_permission_t) == 640, "Permission");
RF_STATIC_ASSERT(offsetof(rf_permission_t, strategy) == 0, "Permission.strategy");
RF_STATIC_ASSERT(offsetof(rf_permission_t, id) == 2, "Permission.id");
RF_STATIC_ASSERT(offsetof(rf_permission_t, flags) == 4, "Permission.flags");
RF_STATIC_ASSERT(offsetof(rf_permission_t, ord_types) == 8, "Permission.ord_types");
RF_STATIC_ASSERT(offsetof(rf_permission_t, time_in_forces) == 12, "Permission.time_in_forces");
RF_STATIC_ASSERT(offsetof(rf_permission_t, venues) == 16, "Permission.venues");
RF_STATIC_ASSERT(offsetof(rf_permission_t, accounts) == 32, "Permission.accounts");
RF_STATIC_ASSERT(offsetof(rf_permission_t, instruments) == 64, "Permission.instruments");
RF_STATIC_ASSERT(offsetof(rf_permission_t, next) == 576, "Permission.next");
RF_STATIC_ASSERT(offsetof(rf_permission_t, pad_0) == 580, "Permission.pad_0");
RF_STATIC_ASSERT(offsetof(rf_permission_t, name) == 584, "Permission.name");
RF_STATIC_ASSERT(offsetof(rf_permission_t, changed_seq) == 608, "Permission.changed_seq");
RF_STATIC_ASSERT(offsetof(rf_permission_t, pad_1) == 616, "Permission.pad_1");

/* Who may command the instance. Written by: engine. */
typedef struct {
    char name[24]; /* +0 */
    char public_key[32]; /* +24: Ed25519, for signed commands; zero: none */
    uint32_t uid; /* +56: Unix identity */
    uint16_t id; /* +60 */
    uint8_t role; /* +62: enum OperatorRole */
    uint8_t status; /* +63: enum Status */
    uint64_t last_request; /* +64: highest request number of a signed command: an older one is a repetition */
    uint8_t role_max; /* +72: highest role it ever had while active; 0: none enum OperatorRole */
    char pad_0[55]; /* +73: zero */
} rf_operator_t;
RF_STATIC_ASSERT(sizeof(rf_operator_t) == 128, "Operator");
RF_STATIC_ASSERT(offsetof(rf_operator_t, name) == 0, "Operator.name");
RF_STATIC_ASSERT(offsetof(rf_operator_t, public_key) == 24, "Operator.public_key");
RF_STATIC_ASSERT(offsetof(rf_operator_t, uid) == 56, "Operator.uid");
RF_STATIC_ASSERT(offsetof(rf_operator_t, id) == 60, "Operator.id");
RF_STATIC_ASSERT(offsetof(rf_operator_t, role) == 62, "Operator.role");
RF_STATIC_ASSERT(offsetof(rf_operator_t, status) == 63, "Operator.status");
RF_STATIC_ASSERT(offsetof(rf_operator_t, last_request) == 64, "Operator.last_request");
RF_STATIC_ASSERT(offsetof(rf_operator_t, role_max) == 72, "Operator.role_max");
RF_STATIC_ASSERT(offsetof(rf_operator_t, pad_0) == 73, "Operator.pad_0");

/* A change that needs two operators, or one that ends by itself. Written by: engine. */
typedef struct {
    uint64_t id; /* +0 */
    uint64_t proposed_seq; /* +8: journal sequence */
    uint64_t decided_seq; /* +16: journal sequence, 0 while pending */
    uint64_t proposed_ns; /* +24: [ns] */
    uint64_t expires_ns; /* +32: of the proposal while PENDING, of the change while RUNNING [ns] */
    int64_t before; /* +40: what the change replaces [by kind] */
    int64_t after; /* +48: [by kind] */
    uint32_t proposer; /* +56: uid */
    uint32_t decider; /* +60: uid */
    uint8_t state; /* +64: enum ProposalState */
    uint8_t kind; /* +65: enum ControlKind */
    uint8_t status; /* +66: of the command */
    uint8_t pad_0; /* +67: zero */
    uint16_t strategy; /* +68: of the command */
    char pad_1[2]; /* +70: zero */
    char reason[56]; /* +72: the proposer's */
    char operator_name[24]; /* +128: the proposer's */
    char body[256]; /* +152: of the command */
    char pad_2[104]; /* +408: zero */
} rf_proposal_t;
RF_STATIC_ASSERT(sizeof(rf_proposal_t) == 512, "Proposal");
RF_STATIC_ASSERT(offsetof(rf_proposal_t, id) == 0, "Proposal.id");
RF_STATIC_ASSERT(offsetof(rf_proposal_t, proposed_seq) == 8, "Proposal.proposed_seq");
RF_STATIC_ASSERT(offsetof(rf_proposal_t, decided_seq) == 16, "Proposal.decided_seq");
RF_STATIC_ASSERT(offsetof(rf_proposal_t, proposed_ns) == 24, "Proposal.proposed_ns");
RF_STATIC_ASSERT(offsetof(rf_proposal_t, expires_ns) == 32, "Proposal.expires_ns");
RF_STATIC_ASSERT(offsetof(rf_proposal_t, before) == 40, "Proposal.before");
RF_STATIC_ASSERT(offsetof(rf_proposal_t, after) == 48, "Proposal.after");
RF_STATIC_ASSERT(offsetof(rf_proposal_t, proposer) == 56, "Proposal.proposer");
RF_STATIC_ASSERT(offsetof(rf_proposal_t, decider) == 60, "Proposal.decider");
RF_STATIC_ASSERT(offsetof(rf_proposal_t, state) == 64, "Proposal.state");
RF_STATIC_ASSERT(offsetof(rf_proposal_t, kind) == 65, "Proposal.kind");
RF_STATIC_ASSERT(offsetof(rf_proposal_t, status) == 66, "Proposal.status");
RF_STATIC_ASSERT(offsetof(rf_proposal_t, pad_0) == 67, "Proposal.pad_0");
RF_STATIC_ASSERT(offsetof(rf_proposal_t, strategy) == 68, "Proposal.strategy");
RF_STATIC_ASSERT(offsetof(rf_proposal_t, pad_1) == 70, "Proposal.pad_1");
RF_STATIC_ASSERT(offsetof(rf_proposal_t, reason) == 72, "Proposal.reason");
RF_STATIC_ASSERT(offsetof(rf_proposal_t, operator_name) == 128, "Proposal.operator_name");
RF_STATIC_ASSERT(offsetof(rf_proposal_t, body) == 152, "Proposal.body");
RF_STATIC_ASSERT(offsetof(rf_proposal_t, pad_2) == 408, "Proposal.pad_2");

/* Limits, counts and state of one object or pair. Amounts are in 10^-4 of the firm's currency, quantities in the instrument's scale. Written by: engine. */
typedef struct {
    int64_t limits[40]; /* +0: by RiskRule; 0: none [by rule] */
    uint32_t hits[40]; /* +320: refusals by RiskRule */
    char name[24]; /* +480 */
    uint32_t a; /* +504: row of its object */
    uint32_t b; /* +508: row of the second object of a pair */
    uint32_t id; /* +512 */
    uint8_t kind; /* +516: enum ScopeKind */
    uint8_t state; /* +517: enum ScopeState */
    uint8_t last_rule; /* +518: of the last refusal enum RiskRule */
    uint8_t kill_options; /* +519: KILL_* bits of the kill in force */
    uint64_t last_hit_ns; /* +520: engine time of the last refusal [ns] */
    uint64_t kill_seq; /* +528: journal sequence of the kill in force, 0 when none */
    uint32_t open_orders; /* +536 */
    uint32_t rejects; /* +540: venue rejects in a row */
    int64_t working_buy; /* +544: amount of open buys */
    int64_t working_sell; /* +552: amount of open sells */
    int64_t long_amount; /* +560: amount of long positions at the reference price */
    int64_t short_amount; /* +568: amount of short positions, positive */
    int64_t turnover; /* +576: amount traded today */
    int64_t profit; /* +584: realized and unrealized since the day began */
    int64_t net_qty; /* +592: instrument and pairs only */
    int64_t buy_qty; /* +600: open buys; instrument and pairs only */
    int64_t sell_qty; /* +608: open sells; instrument and pairs only */
    int64_t short_qty; /* +616: sold short today; account pairs only */
    int64_t margin; /* +624: margin of positions and open orders, amount; firm, brokers and accounts only */
    uint64_t new_tat; /* +632: theoretical arrival time of the next new order (GCRA) [ns] */
    uint64_t replace_tat; /* +640: [ns] */
    uint64_t message_tat; /* +648: [ns] */
    uint64_t new_interval; /* +656: 1 s over NEW_RATE [ns] */
    uint64_t replace_interval; /* +664: [ns] */
    uint64_t message_interval; /* +672: [ns] */
    uint64_t messages; /* +680: new orders, replaces and cancels today */
    uint64_t limited; /* +688: bit 1 << RiskRule of every limit that is set; bit 0: state is not OPEN; 63: unvalued is not 0; 62: a trade of today had no amount; 61: untold is not 0 */
    int64_t short_working; /* +696: open short sales; account pairs only */
    int64_t spent; /* +704: what long positions cost, or are worth when that is more; firm, brokers and accounts only */
    uint32_t unvalued; /* +712: positions and open orders whose amount or profit cannot be told; they count 0 */
    uint32_t untold; /* +716: balances whose worth cannot be told; they count 0 in equity */
    int64_t equity; /* +720: cash, and positions at the reference price, of its accounts; firm, brokers and accounts only */
    char pad_1[40]; /* +728: zero */
} rf_scope_t;
RF_STATIC_ASSERT(sizeof(rf_scope_t) == 768, "Scope");
RF_STATIC_ASSERT(offsetof(rf_scope_t, limits) == 0, "Scope.limits");
RF_STATIC_ASSERT(offsetof(rf_scope_t, hits) == 320, "Scope.hits");
RF_STATIC_ASSERT(offsetof(rf_scope_t, name) == 480, "Scope.name");
RF_STATIC_ASSERT(offsetof(rf_scope_t, a) == 504, "Scope.a");
RF_STATIC_ASSERT(offsetof(rf_scope_t, b) == 508, "Scope.b");
RF_STATIC_ASSERT(offsetof(rf_scope_t, id) == 512, "Scope.id");
RF_STATIC_ASSERT(offsetof(rf_scope_t, kind) == 516, "Scope.kind");
RF_STATIC_ASSERT(offsetof(rf_scope_t, state) == 517, "Scope.state");
RF_STATIC_ASSERT(offsetof(rf_scope_t, last_rule) == 518, "Scope.last_rule");
RF_STATIC_ASSERT(offsetof(rf_scope_t, kill_options) == 519, "Scope.kill_options");
RF_STATIC_ASSERT(offsetof(rf_scope_t, last_hit_ns) == 520, "Scope.last_hit_ns");
RF_STATIC_ASSERT(offsetof(rf_scope_t, kill_seq) == 528, "Scope.kill_seq");
RF_STATIC_ASSERT(offsetof(rf_scope_t, open_orders) == 536, "Scope.open_orders");
RF_STATIC_ASSERT(offsetof(rf_scope_t, rejects) == 540, "Scope.rejects");
RF_STATIC_ASSERT(offsetof(rf_scope_t, working_buy) == 544, "Scope.working_buy");
RF_STATIC_ASSERT(offsetof(rf_scope_t, working_sell) == 552, "Scope.working_sell");
RF_STATIC_ASSERT(offsetof(rf_scope_t, long_amount) == 560, "Scope.long_amount");
RF_STATIC_ASSERT(offsetof(rf_scope_t, short_amount) == 568, "Scope.short_amount");
RF_STATIC_ASSERT(offsetof(rf_scope_t, turnover) == 576, "Scope.turnover");
RF_STATIC_ASSERT(offsetof(rf_scope_t, profit) == 584, "Scope.profit");
RF_STATIC_ASSERT(offsetof(rf_scope_t, net_qty) == 592, "Scope.net_qty");
RF_STATIC_ASSERT(offsetof(rf_scope_t, buy_qty) == 600, "Scope.buy_qty");
RF_STATIC_ASSERT(offsetof(rf_scope_t, sell_qty) == 608, "Scope.sell_qty");
RF_STATIC_ASSERT(offsetof(rf_scope_t, short_qty) == 616, "Scope.short_qty");
RF_STATIC_ASSERT(offsetof(rf_scope_t, margin) == 624, "Scope.margin");
RF_STATIC_ASSERT(offsetof(rf_scope_t, new_tat) == 632, "Scope.new_tat");
RF_STATIC_ASSERT(offsetof(rf_scope_t, replace_tat) == 640, "Scope.replace_tat");
RF_STATIC_ASSERT(offsetof(rf_scope_t, message_tat) == 648, "Scope.message_tat");
RF_STATIC_ASSERT(offsetof(rf_scope_t, new_interval) == 656, "Scope.new_interval");
RF_STATIC_ASSERT(offsetof(rf_scope_t, replace_interval) == 664, "Scope.replace_interval");
RF_STATIC_ASSERT(offsetof(rf_scope_t, message_interval) == 672, "Scope.message_interval");
RF_STATIC_ASSERT(offsetof(rf_scope_t, messages) == 680, "Scope.messages");
RF_STATIC_ASSERT(offsetof(rf_scope_t, limited) == 688, "Scope.limited");
RF_STATIC_ASSERT(offsetof(rf_scope_t, short_working) == 696, "Scope.short_working");
RF_STATIC_ASSERT(offsetof(rf_scope_t, spent) == 704, "Scope.spent");
RF_STATIC_ASSERT(offsetof(rf_scope_t, unvalued) == 712, "Scope.unvalued");
RF_STATIC_ASSERT(offsetof(rf_scope_t, untold) == 716, "Scope.untold");
RF_STATIC_ASSERT(offsetof(rf_scope_t, equity) == 720, "Scope.equity");
RF_STATIC_ASSERT(offsetof(rf_scope_t, pad_1) == 728, "Scope.pad_1");

/* The scopes that orders of one strategy, account, venue and instrument belong to, or positions (venue 0). Looked up once an order. Written by: engine. */
typedef struct {
    uint32_t instrument; /* +0 */
    uint16_t strategy; /* +4: 0: suspense */
    uint16_t account; /* +6 */
    uint16_t venue; /* +8: 0: of positions */
    uint8_t margin_rows; /* +10: the first so many of rows are firm, broker and account: margin is counted there */
    uint8_t qty_row; /* +11: from here on in rows, up to row_count: instrument and pairs: quantities are counted there */
    uint8_t row_count; /* +12: rows without currencies */
    uint8_t account_pair; /* +13: where in rows the pair of account and instrument is; 0: it has no scope */
    uint8_t all_rows; /* +14: rows with currencies */
    uint8_t sold_row; /* +15: where in rows the currency is that a purchase sells; 0: nowhere */
    uint32_t margin_ppm; /* +16: margin required, in millionths of the amount */
    uint32_t rows[11]; /* +20: rows in scopes: firm, broker, account, venue, desk, strategy, instrument, pairs, currencies */
} rf_scope_set_t;
RF_STATIC_ASSERT(sizeof(rf_scope_set_t) == 64, "ScopeSet");
RF_STATIC_ASSERT(offsetof(rf_scope_set_t, instrument) == 0, "ScopeSet.instrument");
RF_STATIC_ASSERT(offsetof(rf_scope_set_t, strategy) == 4, "ScopeSet.strategy");
RF_STATIC_ASSERT(offsetof(rf_scope_set_t, account) == 6, "ScopeSet.account");
RF_STATIC_ASSERT(offsetof(rf_scope_set_t, venue) == 8, "ScopeSet.venue");
RF_STATIC_ASSERT(offsetof(rf_scope_set_t, margin_rows) == 10, "ScopeSet.margin_rows");
RF_STATIC_ASSERT(offsetof(rf_scope_set_t, qty_row) == 11, "ScopeSet.qty_row");
RF_STATIC_ASSERT(offsetof(rf_scope_set_t, row_count) == 12, "ScopeSet.row_count");
RF_STATIC_ASSERT(offsetof(rf_scope_set_t, account_pair) == 13, "ScopeSet.account_pair");
RF_STATIC_ASSERT(offsetof(rf_scope_set_t, all_rows) == 14, "ScopeSet.all_rows");
RF_STATIC_ASSERT(offsetof(rf_scope_set_t, sold_row) == 15, "ScopeSet.sold_row");
RF_STATIC_ASSERT(offsetof(rf_scope_set_t, margin_ppm) == 16, "ScopeSet.margin_ppm");
RF_STATIC_ASSERT(offsetof(rf_scope_set_t, rows) == 20, "ScopeSet.rows");

/* Out-of-band kill switch in a region of its own, polled by gateways and engine: it works when the engine hangs. Row 1 is the firm, row 1 + v venue v. Written by: operators. */
typedef struct {
    uint64_t word; /* +0: KILL_CLEAR, or anything else: killed */
    uint64_t set_ns; /* +8: when it last changed [ns] */
    uint32_t uid; /* +16: who changed it last */
    char pad_0[4]; /* +20: zero */
    char reason[40]; /* +24 */
} rf_kill_word_t;
RF_STATIC_ASSERT(sizeof(rf_kill_word_t) == 64, "KillWord");
RF_STATIC_ASSERT(offsetof(rf_kill_word_t, word) == 0, "KillWord.word");
RF_STATIC_ASSERT(offsetof(rf_kill_word_t, set_ns) == 8, "KillWord.set_ns");
RF_STATIC_ASSERT(offsetof(rf_kill_word_t, uid) == 16, "KillWord.uid");
RF_STATIC_ASSERT(offsetof(rf_kill_word_t, pad_0) == 20, "KillWord.pad_0");
RF_STATIC_ASSERT(offsetof(rf_kill_word_t, reason) == 24, "KillWord.reason");

/* A fact that contradicts our state. Written by: engine. */
typedef struct {
    uint64_t seq; /* +0: journal sequence that raised it */
    uint64_t engine_ns; /* +8: [ns] */
    uint64_t order_id; /* +16: 0 when unknown */
    int64_t ours; /* +24 */
    int64_t theirs; /* +32 */
    char exec_id[40]; /* +40 */
    char cl_ord_id[24]; /* +80 */
    char text[64]; /* +104 */
    uint16_t venue; /* +168 */
    uint8_t kind; /* +170: enum BreakKind */
    char pad_0[21]; /* +171: zero */
} rf_break_t;
RF_STATIC_ASSERT(sizeof(rf_break_t) == 192, "Break");
RF_STATIC_ASSERT(offsetof(rf_break_t, seq) == 0, "Break.seq");
RF_STATIC_ASSERT(offsetof(rf_break_t, engine_ns) == 8, "Break.engine_ns");
RF_STATIC_ASSERT(offsetof(rf_break_t, order_id) == 16, "Break.order_id");
RF_STATIC_ASSERT(offsetof(rf_break_t, ours) == 24, "Break.ours");
RF_STATIC_ASSERT(offsetof(rf_break_t, theirs) == 32, "Break.theirs");
RF_STATIC_ASSERT(offsetof(rf_break_t, exec_id) == 40, "Break.exec_id");
RF_STATIC_ASSERT(offsetof(rf_break_t, cl_ord_id) == 80, "Break.cl_ord_id");
RF_STATIC_ASSERT(offsetof(rf_break_t, text) == 104, "Break.text");
RF_STATIC_ASSERT(offsetof(rf_break_t, venue) == 168, "Break.venue");
RF_STATIC_ASSERT(offsetof(rf_break_t, kind) == 170, "Break.kind");
RF_STATIC_ASSERT(offsetof(rf_break_t, pad_0) == 171, "Break.pad_0");

/* One slot of an open-addressing index: digest and row; row 0 is empty. Written by: engine. */
typedef struct {
    uint64_t digest; /* +0 */
    uint64_t row; /* +8 */
} rf_hash_slot_t;
RF_STATIC_ASSERT(sizeof(rf_hash_slot_t) == 16, "HashSlot");
RF_STATIC_ASSERT(offsetof(rf_hash_slot_t, digest) == 0, "HashSlot.digest");
RF_STATIC_ASSERT(offsetof(rf_hash_slot_t, row) == 8, "HashSlot.row");

/* One slot of an index of the ledger: a row, 0: free. Written by: engine. */
typedef struct {
    uint32_t row; /* +0 */
} rf_ledger_slot_t;
RF_STATIC_ASSERT(sizeof(rf_ledger_slot_t) == 4, "LedgerSlot");
RF_STATIC_ASSERT(offsetof(rf_ledger_slot_t, row) == 0, "LedgerSlot.row");

/* A slot of the market data ring: top of book. All kinds of slots agree on where slot_seq, both times, instrument and kind are. Written by: feed. */
typedef struct {
    uint64_t slot_seq; /* +0: ring position + 1, stored last with release; with TICK_BUSY while being written; 0 is never valid */
    uint64_t published_ns; /* +8: the feed's clock; what latency is counted from [ns] */
    uint64_t source_ns; /* +16: the quote's own time [ns] */
    int64_t bid; /* +24: 0: nobody bids [instrument scale] */
    int64_t ask; /* +32: 0: nobody offers [instrument scale] */
    int64_t bid_qty; /* +40: 0: not told [instrument scale] */
    int64_t ask_qty; /* +48: 0: not told [instrument scale] */
    uint32_t instrument; /* +56 */
    uint8_t kind; /* +60: enum TickKind */
    uint8_t flags; /* +61: TICK_* bits */
    char pad_0[2]; /* +62: zero */
} rf_quote_tick_t;
RF_STATIC_ASSERT(sizeof(rf_quote_tick_t) == 64, "QuoteTick");
RF_STATIC_ASSERT(offsetof(rf_quote_tick_t, slot_seq) == 0, "QuoteTick.slot_seq");
RF_STATIC_ASSERT(offsetof(rf_quote_tick_t, published_ns) == 8, "QuoteTick.published_ns");
RF_STATIC_ASSERT(offsetof(rf_quote_tick_t, source_ns) == 16, "QuoteTick.source_ns");
RF_STATIC_ASSERT(offsetof(rf_quote_tick_t, bid) == 24, "QuoteTick.bid");
RF_STATIC_ASSERT(offsetof(rf_quote_tick_t, ask) == 32, "QuoteTick.ask");
RF_STATIC_ASSERT(offsetof(rf_quote_tick_t, bid_qty) == 40, "QuoteTick.bid_qty");
RF_STATIC_ASSERT(offsetof(rf_quote_tick_t, ask_qty) == 48, "QuoteTick.ask_qty");
RF_STATIC_ASSERT(offsetof(rf_quote_tick_t, instrument) == 56, "QuoteTick.instrument");
RF_STATIC_ASSERT(offsetof(rf_quote_tick_t, kind) == 60, "QuoteTick.kind");
RF_STATIC_ASSERT(offsetof(rf_quote_tick_t, flags) == 61, "QuoteTick.flags");
RF_STATIC_ASSERT(offsetof(rf_quote_tick_t, pad_0) == 62, "QuoteTick.pad_0");

/* A slot of the market data ring: a trade of the market. Written by: feed. */
typedef struct {
    uint64_t slot_seq; /* +0: ring position + 1, stored last with release; with TICK_BUSY while being written; 0 is never valid */
    uint64_t published_ns; /* +8: as QuoteTick [ns] */
    uint64_t source_ns; /* +16: as QuoteTick [ns] */
    int64_t px; /* +24: [instrument scale] */
    int64_t qty; /* +32: 0: not told [instrument scale] */
    char pad_0[16]; /* +40: zero */
    uint32_t instrument; /* +56 */
    uint8_t kind; /* +60: enum TickKind */
    uint8_t flags; /* +61: TICK_* bits */
    uint8_t side; /* +62: of who took liquidity; 0: not told enum Side */
    uint8_t pad_1; /* +63: zero */
} rf_trade_tick_t;
RF_STATIC_ASSERT(sizeof(rf_trade_tick_t) == 64, "TradeTick");
RF_STATIC_ASSERT(offsetof(rf_trade_tick_t, slot_seq) == 0, "TradeTick.slot_seq");
RF_STATIC_ASSERT(offsetof(rf_trade_tick_t, published_ns) == 8, "TradeTick.published_ns");
RF_STATIC_ASSERT(offsetof(rf_trade_tick_t, source_ns) == 16, "TradeTick.source_ns");
RF_STATIC_ASSERT(offsetof(rf_trade_tick_t, px) == 24, "TradeTick.px");
RF_STATIC_ASSERT(offsetof(rf_trade_tick_t, qty) == 32, "TradeTick.qty");
RF_STATIC_ASSERT(offsetof(rf_trade_tick_t, pad_0) == 40, "TradeTick.pad_0");
RF_STATIC_ASSERT(offsetof(rf_trade_tick_t, instrument) == 56, "TradeTick.instrument");
RF_STATIC_ASSERT(offsetof(rf_trade_tick_t, kind) == 60, "TradeTick.kind");
RF_STATIC_ASSERT(offsetof(rf_trade_tick_t, flags) == 61, "TradeTick.flags");
RF_STATIC_ASSERT(offsetof(rf_trade_tick_t, side) == 62, "TradeTick.side");
RF_STATIC_ASSERT(offsetof(rf_trade_tick_t, pad_1) == 63, "TradeTick.pad_1");

/* A slot of the market data ring: one price level of one side of the book. Written by: feed. */
typedef struct {
    uint64_t slot_seq; /* +0: ring position + 1, stored last with release; with TICK_BUSY while being written; 0 is never valid */
    uint64_t published_ns; /* +8: as QuoteTick [ns] */
    uint64_t source_ns; /* +16: as QuoteTick [ns] */
    int64_t px; /* +24: [instrument scale] */
    int64_t qty; /* +32: of the whole level after it; 0 for DELETE [instrument scale] */
    char pad_0[16]; /* +40: zero */
    uint32_t instrument; /* +56 */
    uint8_t kind; /* +60: enum TickKind */
    uint8_t flags; /* +61: TICK_* bits */
    uint8_t side; /* +62: BUY: bids, SELL: offers enum Side */
    uint8_t action; /* +63: enum BookAction */
} rf_book_delta_t;
RF_STATIC_ASSERT(sizeof(rf_book_delta_t) == 64, "BookDelta");
RF_STATIC_ASSERT(offsetof(rf_book_delta_t, slot_seq) == 0, "BookDelta.slot_seq");
RF_STATIC_ASSERT(offsetof(rf_book_delta_t, published_ns) == 8, "BookDelta.published_ns");
RF_STATIC_ASSERT(offsetof(rf_book_delta_t, source_ns) == 16, "BookDelta.source_ns");
RF_STATIC_ASSERT(offsetof(rf_book_delta_t, px) == 24, "BookDelta.px");
RF_STATIC_ASSERT(offsetof(rf_book_delta_t, qty) == 32, "BookDelta.qty");
RF_STATIC_ASSERT(offsetof(rf_book_delta_t, pad_0) == 40, "BookDelta.pad_0");
RF_STATIC_ASSERT(offsetof(rf_book_delta_t, instrument) == 56, "BookDelta.instrument");
RF_STATIC_ASSERT(offsetof(rf_book_delta_t, kind) == 60, "BookDelta.kind");
RF_STATIC_ASSERT(offsetof(rf_book_delta_t, flags) == 61, "BookDelta.flags");
RF_STATIC_ASSERT(offsetof(rf_book_delta_t, side) == 62, "BookDelta.side");
RF_STATIC_ASSERT(offsetof(rf_book_delta_t, action) == 63, "BookDelta.action");

/* Latest top of book and trade of one instrument, under a sequence lock. Written by: feed. */
typedef struct {
    uint64_t version; /* +0: odd while being written */
    int64_t bid; /* +8: [instrument scale] */
    int64_t ask; /* +16: [instrument scale] */
    uint64_t source_ns; /* +24: the quote's own time [ns] */
    uint64_t published_ns; /* +32: [ns] */
    uint64_t count; /* +40: quotes so far */
    uint32_t instrument; /* +48 */
    uint32_t flags; /* +52: TICK_* bits */
    int64_t bid_qty; /* +56: 0: not told [instrument scale] */
    int64_t ask_qty; /* +64: 0: not told [instrument scale] */
    int64_t last; /* +72: price of the last trade, 0: none yet [instrument scale] */
    int64_t last_qty; /* +80: [instrument scale] */
    uint64_t last_source_ns; /* +88: the last trade's own time [ns] */
    uint64_t gaps; /* +96: times that messages of the source were missed */
    uint64_t position; /* +104: in the ring, of the newest slot about this instrument, plus 1; 0: none */
    char pad_0[16]; /* +112: zero */
} rf_quote_t;
RF_STATIC_ASSERT(sizeof(rf_quote_t) == 128, "Quote");
RF_STATIC_ASSERT(offsetof(rf_quote_t, version) == 0, "Quote.version");
RF_STATIC_ASSERT(offsetof(rf_quote_t, bid) == 8, "Quote.bid");
RF_STATIC_ASSERT(offsetof(rf_quote_t, ask) == 16, "Quote.ask");
RF_STATIC_ASSERT(offsetof(rf_quote_t, source_ns) == 24, "Quote.source_ns");
RF_STATIC_ASSERT(offsetof(rf_quote_t, published_ns) == 32, "Quote.published_ns");
RF_STATIC_ASSERT(offsetof(rf_quote_t, count) == 40, "Quote.count");
RF_STATIC_ASSERT(offsetof(rf_quote_t, instrument) == 48, "Quote.instrument");
RF_STATIC_ASSERT(offsetof(rf_quote_t, flags) == 52, "Quote.flags");
RF_STATIC_ASSERT(offsetof(rf_quote_t, bid_qty) == 56, "Quote.bid_qty");
RF_STATIC_ASSERT(offsetof(rf_quote_t, ask_qty) == 64, "Quote.ask_qty");
RF_STATIC_ASSERT(offsetof(rf_quote_t, last) == 72, "Quote.last");
RF_STATIC_ASSERT(offsetof(rf_quote_t, last_qty) == 80, "Quote.last_qty");
RF_STATIC_ASSERT(offsetof(rf_quote_t, last_source_ns) == 88, "Quote.last_source_ns");
RF_STATIC_ASSERT(offsetof(rf_quote_t, gaps) == 96, "Quote.gaps");
RF_STATIC_ASSERT(offsetof(rf_quote_t, position) == 104, "Quote.position");
RF_STATIC_ASSERT(offsetof(rf_quote_t, pad_0) == 112, "Quote.pad_0");

/* ns = base_ns + ((tsc - base_tsc) * mult >> shift); republished by the supervisor under a sequence lock. Written by: supervisor. */
typedef struct {
    uint64_t version; /* +0: odd while being written */
    uint64_t base_tsc; /* +8 */
    uint64_t base_ns; /* +16: [ns] */
    uint64_t mult; /* +24 */
    uint64_t error_ns; /* +32: bound of the last calibration [ns] */
    uint32_t shift; /* +40 */
    uint32_t source; /* +44: enum ClockSource */
    char pad_0[16]; /* +48: zero */
} rf_clock_calibration_t;
RF_STATIC_ASSERT(sizeof(rf_clock_calibration_t) == 64, "ClockCalibration");
RF_STATIC_ASSERT(offsetof(rf_clock_calibration_t, version) == 0, "ClockCalibration.version");
RF_STATIC_ASSERT(offsetof(rf_clock_calibration_t, base_tsc) == 8, "ClockCalibration.base_tsc");
RF_STATIC_ASSERT(offsetof(rf_clock_calibration_t, base_ns) == 16, "ClockCalibration.base_ns");
RF_STATIC_ASSERT(offsetof(rf_clock_calibration_t, mult) == 24, "ClockCalibration.mult");
RF_STATIC_ASSERT(offsetof(rf_clock_calibration_t, error_ns) == 32, "ClockCalibration.error_ns");
RF_STATIC_ASSERT(offsetof(rf_clock_calibration_t, shift) == 40, "ClockCalibration.shift");
RF_STATIC_ASSERT(offsetof(rf_clock_calibration_t, source) == 44, "ClockCalibration.source");
RF_STATIC_ASSERT(offsetof(rf_clock_calibration_t, pad_0) == 48, "ClockCalibration.pad_0");

/* One process of the instance. Written by: supervisor. */
typedef struct {
    char name[32]; /* +0 */
    char note[64]; /* +32 */
    uint64_t started_ns; /* +96: [ns] */
    uint32_t pid; /* +104 */
    uint32_t start_ticks_lo; /* +108 */
    uint32_t restarts; /* +112 */
    int32_t core; /* +116: -1: not pinned */
    uint32_t role; /* +120: enum Role */
    uint32_t state; /* +124: enum ProcessState */
    int32_t exit_code; /* +128 */
    char pad_0[60]; /* +132: zero */
} rf_component_t;
RF_STATIC_ASSERT(sizeof(rf_component_t) == 192, "Component");
RF_STATIC_ASSERT(offsetof(rf_component_t, name) == 0, "Component.name");
RF_STATIC_ASSERT(offsetof(rf_component_t, note) == 32, "Component.note");
RF_STATIC_ASSERT(offsetof(rf_component_t, started_ns) == 96, "Component.started_ns");
RF_STATIC_ASSERT(offsetof(rf_component_t, pid) == 104, "Component.pid");
RF_STATIC_ASSERT(offsetof(rf_component_t, start_ticks_lo) == 108, "Component.start_ticks_lo");
RF_STATIC_ASSERT(offsetof(rf_component_t, restarts) == 112, "Component.restarts");
RF_STATIC_ASSERT(offsetof(rf_component_t, core) == 116, "Component.core");
RF_STATIC_ASSERT(offsetof(rf_component_t, role) == 120, "Component.role");
RF_STATIC_ASSERT(offsetof(rf_component_t, state) == 124, "Component.state");
RF_STATIC_ASSERT(offsetof(rf_component_t, exit_code) == 128, "Component.exit_code");
RF_STATIC_ASSERT(offsetof(rf_component_t, pad_0) == 132, "Component.pad_0");

/* The instance as its supervisor sees it. Row 1 only. Written by: supervisor. */
typedef struct {
    uint64_t epoch; /* +0 */
    uint64_t started_ns; /* +8: [ns] */
    uint32_t mode; /* +16: enum Mode */
    uint32_t state; /* +20: enum ProcessState */
    char data_dir[200]; /* +24: directory of journal, session stores, socket and logs */
    uint64_t config_digest; /* +224 */
    char pad_0[24]; /* +232: zero */
} rf_instance_status_t;
RF_STATIC_ASSERT(sizeof(rf_instance_status_t) == 256, "InstanceStatus");
RF_STATIC_ASSERT(offsetof(rf_instance_status_t, epoch) == 0, "InstanceStatus.epoch");
RF_STATIC_ASSERT(offsetof(rf_instance_status_t, started_ns) == 8, "InstanceStatus.started_ns");
RF_STATIC_ASSERT(offsetof(rf_instance_status_t, mode) == 16, "InstanceStatus.mode");
RF_STATIC_ASSERT(offsetof(rf_instance_status_t, state) == 20, "InstanceStatus.state");
RF_STATIC_ASSERT(offsetof(rf_instance_status_t, data_dir) == 24, "InstanceStatus.data_dir");
RF_STATIC_ASSERT(offsetof(rf_instance_status_t, config_digest) == 224, "InstanceStatus.config_digest");
RF_STATIC_ASSERT(offsetof(rf_instance_status_t, pad_0) == 232, "InstanceStatus.pad_0");

/* A named, monotone or gauge, 64-bit value. Written by: its component. */
typedef struct {
    uint64_t value; /* +0 */
    char label[48]; /* +8 */
    uint32_t id; /* +56 */
    char pad_0[4]; /* +60: zero */
} rf_counter_t;
RF_STATIC_ASSERT(sizeof(rf_counter_t) == 64, "Counter");
RF_STATIC_ASSERT(offsetof(rf_counter_t, value) == 0, "Counter.value");
RF_STATIC_ASSERT(offsetof(rf_counter_t, label) == 8, "Counter.label");
RF_STATIC_ASSERT(offsetof(rf_counter_t, id) == 56, "Counter.id");
RF_STATIC_ASSERT(offsetof(rf_counter_t, pad_0) == 60, "Counter.pad_0");

/* A log-bucket histogram (HdrHistogram's bucketing, 2^5 sub-buckets: relative error at most 1/32); counts follow in their own section. Written by: its component. */
typedef struct {
    char label[48]; /* +0 */
    uint64_t count; /* +48 */
    uint64_t sum; /* +56: [ns] */
    uint64_t max; /* +64: [ns] */
    uint64_t min; /* +72: [ns] */
    uint32_t first_bucket; /* +80: index of its first count in the section */
    uint32_t bucket_count; /* +84 */
    char pad_0[40]; /* +88: zero */
} rf_histogram_header_t;
RF_STATIC_ASSERT(sizeof(rf_histogram_header_t) == 128, "HistogramHeader");
RF_STATIC_ASSERT(offsetof(rf_histogram_header_t, label) == 0, "HistogramHeader.label");
RF_STATIC_ASSERT(offsetof(rf_histogram_header_t, count) == 48, "HistogramHeader.count");
RF_STATIC_ASSERT(offsetof(rf_histogram_header_t, sum) == 56, "HistogramHeader.sum");
RF_STATIC_ASSERT(offsetof(rf_histogram_header_t, max) == 64, "HistogramHeader.max");
RF_STATIC_ASSERT(offsetof(rf_histogram_header_t, min) == 72, "HistogramHeader.min");
RF_STATIC_ASSERT(offsetof(rf_histogram_header_t, first_bucket) == 80, "HistogramHeader.first_bucket");
RF_STATIC_ASSERT(offsetof(rf_histogram_header_t, bucket_count) == 84, "HistogramHeader.bucket_count");
RF_STATIC_ASSERT(offsetof(rf_histogram_header_t, pad_0) == 88, "HistogramHeader.pad_0");

/* One count of a histogram. Written by: its component. */
typedef struct {
    uint64_t count; /* +0 */
} rf_bucket_t;
RF_STATIC_ASSERT(sizeof(rf_bucket_t) == 8, "Bucket");
RF_STATIC_ASSERT(offsetof(rf_bucket_t, count) == 0, "Bucket.count");

/* First bytes of a ledger: how many rows its tables have (32 bytes, outside the state hash) and use. Written by: engine. */
typedef struct {
    uint32_t instrument_rows; /* +0: row 0 included */
    uint32_t position_rows; /* +4 */
    uint32_t lot_rows; /* +8 */
    uint32_t event_rows; /* +12 */
    uint32_t pick_rows; /* +16 */
    uint32_t checkpoint_rows; /* +20 */
    uint32_t slots; /* +24: of the indexes, a power of two */
    char pad_0[4]; /* +28: zero */
    uint32_t position_count; /* +32 */
    uint32_t lot_count; /* +36: rows ever used */
    uint32_t free_lot; /* +40: first of the free rows */
    uint32_t open_lots; /* +44 */
    uint32_t event_count; /* +48 */
    uint32_t pick_count; /* +52 */
    uint32_t checkpoint_count; /* +56 */
    uint32_t free_checkpoint; /* +60: first of the rows whose checkpoint a recomputation has dropped */
    uint32_t held; /* +64: busts and corrections that wait for their fill */
    uint32_t stamp; /* +68: number of the last recomputation */
    uint64_t merged_lots; /* +72: dust that was merged because the lot pool was full */
    uint64_t inexact; /* +80: quantities of a split that were rounded */
    uint64_t duplicates; /* +88 */
    uint64_t conflicts; /* +96 */
    uint64_t refused; /* +104 */
    uint64_t recomputed; /* +112: events booked once more for busts and corrections */
    uint64_t checkpoints_dropped; /* +120: for which there was no row */
    uint64_t last_seq; /* +128 */
    uint8_t refusal; /* +136: why the last booking that was refused was; 0: none was enum LedgerResult */
    char pad_1[55]; /* +137: zero */
} rf_ledger_head_t;
RF_STATIC_ASSERT(sizeof(rf_ledger_head_t) == 192, "LedgerHead");
RF_STATIC_ASSERT(offsetof(rf_ledger_head_t, instrument_rows) == 0, "LedgerHead.instrument_rows");
RF_STATIC_ASSERT(offsetof(rf_ledger_head_t, position_rows) == 4, "LedgerHead.position_rows");
RF_STATIC_ASSERT(offsetof(rf_ledger_head_t, lot_rows) == 8, "LedgerHead.lot_rows");
RF_STATIC_ASSERT(offsetof(rf_ledger_head_t, event_rows) == 12, "LedgerHead.event_rows");
RF_STATIC_ASSERT(offsetof(rf_ledger_head_t, pick_rows) == 16, "LedgerHead.pick_rows");
RF_STATIC_ASSERT(offsetof(rf_ledger_head_t, checkpoint_rows) == 20, "LedgerHead.checkpoint_rows");
RF_STATIC_ASSERT(offsetof(rf_ledger_head_t, slots) == 24, "LedgerHead.slots");
RF_STATIC_ASSERT(offsetof(rf_ledger_head_t, pad_0) == 28, "LedgerHead.pad_0");
RF_STATIC_ASSERT(offsetof(rf_ledger_head_t, position_count) == 32, "LedgerHead.position_count");
RF_STATIC_ASSERT(offsetof(rf_ledger_head_t, lot_count) == 36, "LedgerHead.lot_count");
RF_STATIC_ASSERT(offsetof(rf_ledger_head_t, free_lot) == 40, "LedgerHead.free_lot");
RF_STATIC_ASSERT(offsetof(rf_ledger_head_t, open_lots) == 44, "LedgerHead.open_lots");
RF_STATIC_ASSERT(offsetof(rf_ledger_head_t, event_count) == 48, "LedgerHead.event_count");
RF_STATIC_ASSERT(offsetof(rf_ledger_head_t, pick_count) == 52, "LedgerHead.pick_count");
RF_STATIC_ASSERT(offsetof(rf_ledger_head_t, checkpoint_count) == 56, "LedgerHead.checkpoint_count");
RF_STATIC_ASSERT(offsetof(rf_ledger_head_t, free_checkpoint) == 60, "LedgerHead.free_checkpoint");
RF_STATIC_ASSERT(offsetof(rf_ledger_head_t, held) == 64, "LedgerHead.held");
RF_STATIC_ASSERT(offsetof(rf_ledger_head_t, stamp) == 68, "LedgerHead.stamp");
RF_STATIC_ASSERT(offsetof(rf_ledger_head_t, merged_lots) == 72, "LedgerHead.merged_lots");
RF_STATIC_ASSERT(offsetof(rf_ledger_head_t, inexact) == 80, "LedgerHead.inexact");
RF_STATIC_ASSERT(offsetof(rf_ledger_head_t, duplicates) == 88, "LedgerHead.duplicates");
RF_STATIC_ASSERT(offsetof(rf_ledger_head_t, conflicts) == 96, "LedgerHead.conflicts");
RF_STATIC_ASSERT(offsetof(rf_ledger_head_t, refused) == 104, "LedgerHead.refused");
RF_STATIC_ASSERT(offsetof(rf_ledger_head_t, recomputed) == 112, "LedgerHead.recomputed");
RF_STATIC_ASSERT(offsetof(rf_ledger_head_t, checkpoints_dropped) == 120, "LedgerHead.checkpoints_dropped");
RF_STATIC_ASSERT(offsetof(rf_ledger_head_t, last_seq) == 128, "LedgerHead.last_seq");
RF_STATIC_ASSERT(offsetof(rf_ledger_head_t, refusal) == 136, "LedgerHead.refusal");
RF_STATIC_ASSERT(offsetof(rf_ledger_head_t, pad_1) == 137, "LedgerHead.pad_1");

/* How the ledger values an instrument. Linear: value = qty * px * factor / divisor; inverse: value = -qty * factor / px. Written by: engine. */
typedef struct {
    uint64_t factor[2]; /* +0: multiplier and scales */
    uint64_t divisor[2]; /* +16: 1 but where money is coarser than price x quantity */
    uint32_t settle_asset; /* +32 */
    uint32_t base_asset; /* +36: what a unit of the position is */
    uint32_t flags; /* +40: LEDGER_* */
    uint8_t defined; /* +44 */
    uint8_t qty_digits; /* +45 */
    uint8_t px_digits; /* +46 */
    uint8_t money_digits; /* +47: of cost and all figures of its positions */
    char pad_0[80]; /* +48: zero */
} rf_ledger_instrument_t;
RF_STATIC_ASSERT(sizeof(rf_ledger_instrument_t) == 128, "LedgerInstrument");
RF_STATIC_ASSERT(offsetof(rf_ledger_instrument_t, factor) == 0, "LedgerInstrument.factor");
RF_STATIC_ASSERT(offsetof(rf_ledger_instrument_t, divisor) == 16, "LedgerInstrument.divisor");
RF_STATIC_ASSERT(offsetof(rf_ledger_instrument_t, settle_asset) == 32, "LedgerInstrument.settle_asset");
RF_STATIC_ASSERT(offsetof(rf_ledger_instrument_t, base_asset) == 36, "LedgerInstrument.base_asset");
RF_STATIC_ASSERT(offsetof(rf_ledger_instrument_t, flags) == 40, "LedgerInstrument.flags");
RF_STATIC_ASSERT(offsetof(rf_ledger_instrument_t, defined) == 44, "LedgerInstrument.defined");
RF_STATIC_ASSERT(offsetof(rf_ledger_instrument_t, qty_digits) == 45, "LedgerInstrument.qty_digits");
RF_STATIC_ASSERT(offsetof(rf_ledger_instrument_t, px_digits) == 46, "LedgerInstrument.px_digits");
RF_STATIC_ASSERT(offsetof(rf_ledger_instrument_t, money_digits) == 47, "LedgerInstrument.money_digits");
RF_STATIC_ASSERT(offsetof(rf_ledger_instrument_t, pad_0) == 48, "LedgerInstrument.pad_0");

/* Per account, strategy and instrument: what is held, what it cost and what came of it. Always: cost - realized - moved = flow. Written by: engine. */
typedef struct {
    uint64_t qty[2]; /* +0: signed [instrument scale] */
    uint64_t cost[2]; /* +16: of the open quantity; a short has negative cost [money scale] */
    uint64_t realized[2]; /* +32: [money scale] */
    uint64_t flow[2]; /* +48: sum of what was paid for quantities [money scale] */
    uint64_t moved[2]; /* +64: cost that came by transfer or spin-off [money scale] */
    uint64_t fees[2]; /* +80: value of all fees that were expensed [money scale] */
    uint64_t fees_elsewhere[2]; /* +96: of these, paid in assets without lots [money scale] */
    uint64_t funding[2]; /* +112: [money scale] */
    uint64_t income[2]; /* +128: interest, dividends, rewards [money scale] */
    uint64_t settled[2]; /* +144: variation margin paid so far [money scale] */
    uint64_t bound[2]; /* +160: no figure of a close can exceed it [money scale] */
    uint64_t cost_base[2]; /* +176: reporting currency, at the rates of the fills [money scale] */
    uint64_t realized_base[2]; /* +192: [money scale] */
    uint64_t realized_fx[2]; /* +208: the fx part of realized_base [money scale] */
    uint64_t fees_base[2]; /* +224: [money scale] */
    uint64_t income_base[2]; /* +240: funding and income [money scale] */
    uint32_t instrument; /* +256 */
    uint16_t account; /* +260 */
    uint16_t strategy; /* +262 */
    uint8_t method; /* +264: enum LedgerMethod */
    uint8_t base_unknown; /* +265: a rate was missing: the figures in the reporting currency say nothing */
    uint8_t own_method; /* +266: set for this position by SET_METHOD; 0: its account's enum LedgerMethod */
    uint8_t pad_0; /* +267: zero */
    uint32_t first_lot; /* +268: lowest sequence */
    uint32_t last_lot; /* +272 */
    uint32_t heap; /* +276: root of the heap of HIFO */
    uint32_t lot_count; /* +280 */
    uint32_t first_event; /* +284 */
    uint32_t last_event; /* +288 */
    uint32_t checkpoint; /* +292: newest of its checkpoints */
    uint32_t since_checkpoint; /* +296: events */
    uint32_t stamp; /* +300: recomputation that it takes part in */
    uint32_t next_of_family; /* +304 */
    uint32_t flags; /* +308: LEDGER_POSITION_* */
    uint64_t trades; /* +312 */
    uint64_t updated_seq; /* +320 */
    uint64_t mark_px[2]; /* +328: last mark [instrument scale] */
    uint64_t marked_seq; /* +344: 0: no mark yet */
    uint32_t first_date; /* +352: what it traded by value date: rows in value_dates */
    char pad_1[4]; /* +356: zero */
    uint64_t moved_base[2]; /* +360: moved, in the reporting currency; margined daily: what settlements paid, at the rates of their moments [money scale] */
    char pad_2[8]; /* +376: zero */
} rf_ledger_position_t;
RF_STATIC_ASSERT(sizeof(rf_ledger_position_t) == 384, "LedgerPosition");
RF_STATIC_ASSERT(offsetof(rf_ledger_position_t, qty) == 0, "LedgerPosition.qty");
RF_STATIC_ASSERT(offsetof(rf_ledger_position_t, cost) == 16, "LedgerPosition.cost");
RF_STATIC_ASSERT(offsetof(rf_ledger_position_t, realized) == 32, "LedgerPosition.realized");
RF_STATIC_ASSERT(offsetof(rf_ledger_position_t, flow) == 48, "LedgerPosition.flow");
RF_STATIC_ASSERT(offsetof(rf_ledger_position_t, moved) == 64, "LedgerPosition.moved");
RF_STATIC_ASSERT(offsetof(rf_ledger_position_t, fees) == 80, "LedgerPosition.fees");
RF_STATIC_ASSERT(offsetof(rf_ledger_position_t, fees_elsewhere) == 96, "LedgerPosition.fees_elsewhere");
RF_STATIC_ASSERT(offsetof(rf_ledger_position_t, funding) == 112, "LedgerPosition.funding");
RF_STATIC_ASSERT(offsetof(rf_ledger_position_t, income) == 128, "LedgerPosition.income");
RF_STATIC_ASSERT(offsetof(rf_ledger_position_t, settled) == 144, "LedgerPosition.settled");
RF_STATIC_ASSERT(offsetof(rf_ledger_position_t, bound) == 160, "LedgerPosition.bound");
RF_STATIC_ASSERT(offsetof(rf_ledger_position_t, cost_base) == 176, "LedgerPosition.cost_base");
RF_STATIC_ASSERT(offsetof(rf_ledger_position_t, realized_base) == 192, "LedgerPosition.realized_base");
RF_STATIC_ASSERT(offsetof(rf_ledger_position_t, realized_fx) == 208, "LedgerPosition.realized_fx");
RF_STATIC_ASSERT(offsetof(rf_ledger_position_t, fees_base) == 224, "LedgerPosition.fees_base");
RF_STATIC_ASSERT(offsetof(rf_ledger_position_t, income_base) == 240, "LedgerPosition.income_base");
RF_STATIC_ASSERT(offsetof(rf_ledger_position_t, instrument) == 256, "LedgerPosition.instrument");
RF_STATIC_ASSERT(offsetof(rf_ledger_position_t, account) == 260, "LedgerPosition.account");
RF_STATIC_ASSERT(offsetof(rf_ledger_position_t, strategy) == 262, "LedgerPosition.strategy");
RF_STATIC_ASSERT(offsetof(rf_ledger_position_t, method) == 264, "LedgerPosition.method");
RF_STATIC_ASSERT(offsetof(rf_ledger_position_t, base_unknown) == 265, "LedgerPosition.base_unknown");
RF_STATIC_ASSERT(offsetof(rf_ledger_position_t, own_method) == 266, "LedgerPosition.own_method");
RF_STATIC_ASSERT(offsetof(rf_ledger_position_t, pad_0) == 267, "LedgerPosition.pad_0");
RF_STATIC_ASSERT(offsetof(rf_ledger_position_t, first_lot) == 268, "LedgerPosition.first_lot");
RF_STATIC_ASSERT(offsetof(rf_ledger_position_t, last_lot) == 272, "LedgerPosition.last_lot");
RF_STATIC_ASSERT(offsetof(rf_ledger_position_t, heap) == 276, "LedgerPosition.heap");
RF_STATIC_ASSERT(offsetof(rf_ledger_position_t, lot_count) == 280, "LedgerPosition.lot_count");
RF_STATIC_ASSERT(offsetof(rf_ledger_position_t, first_event) == 284, "LedgerPosition.first_event");
RF_STATIC_ASSERT(offsetof(rf_ledger_position_t, last_event) == 288, "LedgerPosition.last_event");
RF_STATIC_ASSERT(offsetof(rf_ledger_position_t, checkpoint) == 292, "LedgerPosition.checkpoint");
RF_STATIC_ASSERT(offsetof(rf_ledger_position_t, since_checkpoint) == 296, "LedgerPosition.since_checkpoint");
RF_STATIC_ASSERT(offsetof(rf_ledger_position_t, stamp) == 300, "LedgerPosition.stamp");
RF_STATIC_ASSERT(offsetof(rf_ledger_position_t, next_of_family) == 304, "LedgerPosition.next_of_family");
RF_STATIC_ASSERT(offsetof(rf_ledger_position_t, flags) == 308, "LedgerPosition.flags");
RF_STATIC_ASSERT(offsetof(rf_ledger_position_t, trades) == 312, "LedgerPosition.trades");
RF_STATIC_ASSERT(offsetof(rf_ledger_position_t, updated_seq) == 320, "LedgerPosition.updated_seq");
RF_STATIC_ASSERT(offsetof(rf_ledger_position_t, mark_px) == 328, "LedgerPosition.mark_px");
RF_STATIC_ASSERT(offsetof(rf_ledger_position_t, marked_seq) == 344, "LedgerPosition.marked_seq");
RF_STATIC_ASSERT(offsetof(rf_ledger_position_t, first_date) == 352, "LedgerPosition.first_date");
RF_STATIC_ASSERT(offsetof(rf_ledger_position_t, pad_1) == 356, "LedgerPosition.pad_1");
RF_STATIC_ASSERT(offsetof(rf_ledger_position_t, moved_base) == 360, "LedgerPosition.moved_base");
RF_STATIC_ASSERT(offsetof(rf_ledger_position_t, pad_2) == 376, "LedgerPosition.pad_2");

/* What one fill left open. WAC has one, its pool. Written by: engine. */
typedef struct {
    uint64_t qty[2]; /* +0: signed [instrument scale] */
    uint64_t cost[2]; /* +16: [money scale] */
    uint64_t cost_base[2]; /* +32: [money scale] */
    uint64_t rank[2]; /* +48: unit value when it was opened, negated where the lowest goes first [money scale] */
    uint64_t seq; /* +64: of the fill: its place in the order */
    uint32_t event; /* +72: row of the fill */
    uint32_t position; /* +76: 0: free */
    uint32_t next; /* +80: higher sequence; of a free row: the next free one */
    uint32_t prev; /* +84 */
    uint32_t child; /* +88: heap */
    uint32_t sibling; /* +92: heap */
    char pad_0[32]; /* +96: zero */
} rf_lot_t;
RF_STATIC_ASSERT(sizeof(rf_lot_t) == 128, "Lot");
RF_STATIC_ASSERT(offsetof(rf_lot_t, qty) == 0, "Lot.qty");
RF_STATIC_ASSERT(offsetof(rf_lot_t, cost) == 16, "Lot.cost");
RF_STATIC_ASSERT(offsetof(rf_lot_t, cost_base) == 32, "Lot.cost_base");
RF_STATIC_ASSERT(offsetof(rf_lot_t, rank) == 48, "Lot.rank");
RF_STATIC_ASSERT(offsetof(rf_lot_t, seq) == 64, "Lot.seq");
RF_STATIC_ASSERT(offsetof(rf_lot_t, event) == 72, "Lot.event");
RF_STATIC_ASSERT(offsetof(rf_lot_t, position) == 76, "Lot.position");
RF_STATIC_ASSERT(offsetof(rf_lot_t, next) == 80, "Lot.next");
RF_STATIC_ASSERT(offsetof(rf_lot_t, prev) == 84, "Lot.prev");
RF_STATIC_ASSERT(offsetof(rf_lot_t, child) == 88, "Lot.child");
RF_STATIC_ASSERT(offsetof(rf_lot_t, sibling) == 92, "Lot.sibling");
RF_STATIC_ASSERT(offsetof(rf_lot_t, pad_0) == 96, "Lot.pad_0");

/* One input of the ledger and what became of it. Written by: engine. */
typedef struct {
    uint64_t seq; /* +0: journal sequence, rising */
    uint64_t engine_ns; /* +8: [ns] */
    uint64_t key; /* +16: digest of its identity; 0: none */
    uint64_t content; /* +24: digest of what it says */
    uint64_t ref_key; /* +32: of what it busts or corrects */
    uint64_t qty[2]; /* +40: signed: bought is positive [instrument scale] */
    uint64_t px[2]; /* +56: DEPOSIT, WITHDRAWAL, CONVERSION: what amount is worth in the reporting currency, at money scale [instrument scale] */
    uint64_t amount[2]; /* +72: received is positive [money scale] */
    uint64_t fee[2]; /* +88: by fee_kind [money scale, or units] */
    uint64_t fee_px[2]; /* +104: ELSEWHERE: what was paid in the currency other_instrument, at money scale [scale of fee_instrument] */
    int64_t ratio_num; /* +120 */
    int64_t ratio_den; /* +128 */
    int64_t share_num; /* +136 */
    int64_t share_den; /* +144 */
    int64_t fx; /* +152: reporting currency per unit of the settlement asset; 0: not known */
    uint32_t instrument; /* +160 */
    uint32_t other_instrument; /* +164: spun off, or whose lots pay the fee; a row in currencies of what moves cash or pays a fee ELSEWHERE */
    uint16_t account; /* +168 */
    uint16_t strategy; /* +170 */
    uint16_t other_account; /* +172: TRANSFER; CONVERSION: row in currencies of what is bought, qty of it at money scale */
    uint8_t kind; /* +174: enum LedgerEventKind */
    uint8_t state; /* +175: enum LedgerEventState */
    uint8_t fee_kind; /* +176: enum LedgerFee; 0: no fee */
    uint8_t fx_digits; /* +177 */
    uint8_t method; /* +178: for a position that this opens; 0: the ledger's */
    uint8_t amount_given; /* +179: 1: amount counts, not a price or rate */
    uint32_t first_pick; /* +180: lots that a close names */
    uint32_t pick_count; /* +184 */
    uint32_t position; /* +188 */
    uint32_t other_position; /* +192 */
    uint32_t next_of_position; /* +196 */
    uint32_t next_of_other; /* +200 */
    uint32_t root; /* +204: of a correction: the first of the chain */
    uint32_t newest; /* +208: of a fill: the correction in force */
    uint32_t given; /* +212: of a correction: LEDGER_GIVEN_* fields that it replaces */
    uint16_t other_strategy; /* +216: TRANSFER, CROSS */
    uint8_t undated; /* +218: of a fill: 1: it waits for names, or did when value dates were last kept, so they do not have it */
    uint8_t pad_0; /* +219: zero */
    uint32_t value_day; /* +220: when it settles, YYYYMMDD; 0: not of the engine */
    char pad_1[32]; /* +224: zero */
} rf_ledger_event_t;
RF_STATIC_ASSERT(sizeof(rf_ledger_event_t) == 256, "LedgerEvent");
RF_STATIC_ASSERT(offsetof(rf_ledger_event_t, seq) == 0, "LedgerEvent.seq");
RF_STATIC_ASSERT(offsetof(rf_ledger_event_t, engine_ns) == 8, "LedgerEvent.engine_ns");
RF_STATIC_ASSERT(offsetof(rf_ledger_event_t, key) == 16, "LedgerEvent.key");
RF_STATIC_ASSERT(offsetof(rf_ledger_event_t, content) == 24, "LedgerEvent.content");
RF_STATIC_ASSERT(offsetof(rf_ledger_event_t, ref_key) == 32, "LedgerEvent.ref_key");
RF_STATIC_ASSERT(offsetof(rf_ledger_event_t, qty) == 40, "LedgerEvent.qty");
RF_STATIC_ASSERT(offsetof(rf_ledger_event_t, px) == 56, "LedgerEvent.px");
RF_STATIC_ASSERT(offsetof(rf_ledger_event_t, amount) == 72, "LedgerEvent.amount");
RF_STATIC_ASSERT(offsetof(rf_ledger_event_t, fee) == 88, "LedgerEvent.fee");
RF_STATIC_ASSERT(offsetof(rf_ledger_event_t, fee_px) == 104, "LedgerEvent.fee_px");
RF_STATIC_ASSERT(offsetof(rf_ledger_event_t, ratio_num) == 120, "LedgerEvent.ratio_num");
RF_STATIC_ASSERT(offsetof(rf_ledger_event_t, ratio_den) == 128, "LedgerEvent.ratio_den");
RF_STATIC_ASSERT(offsetof(rf_ledger_event_t, share_num) == 136, "LedgerEvent.share_num");
RF_STATIC_ASSERT(offsetof(rf_ledger_event_t, share_den) == 144, "LedgerEvent.share_den");
RF_STATIC_ASSERT(offsetof(rf_ledger_event_t, fx) == 152, "LedgerEvent.fx");
RF_STATIC_ASSERT(offsetof(rf_ledger_event_t, instrument) == 160, "LedgerEvent.instrument");
RF_STATIC_ASSERT(offsetof(rf_ledger_event_t, other_instrument) == 164, "LedgerEvent.other_instrument");
RF_STATIC_ASSERT(offsetof(rf_ledger_event_t, account) == 168, "LedgerEvent.account");
RF_STATIC_ASSERT(offsetof(rf_ledger_event_t, strategy) == 170, "LedgerEvent.strategy");
RF_STATIC_ASSERT(offsetof(rf_ledger_event_t, other_account) == 172, "LedgerEvent.other_account");
RF_STATIC_ASSERT(offsetof(rf_ledger_event_t, kind) == 174, "LedgerEvent.kind");
RF_STATIC_ASSERT(offsetof(rf_ledger_event_t, state) == 175, "LedgerEvent.state");
RF_STATIC_ASSERT(offsetof(rf_ledger_event_t, fee_kind) == 176, "LedgerEvent.fee_kind");
RF_STATIC_ASSERT(offsetof(rf_ledger_event_t, fx_digits) == 177, "LedgerEvent.fx_digits");
RF_STATIC_ASSERT(offsetof(rf_ledger_event_t, method) == 178, "LedgerEvent.method");
RF_STATIC_ASSERT(offsetof(rf_ledger_event_t, amount_given) == 179, "LedgerEvent.amount_given");
RF_STATIC_ASSERT(offsetof(rf_ledger_event_t, first_pick) == 180, "LedgerEvent.first_pick");
RF_STATIC_ASSERT(offsetof(rf_ledger_event_t, pick_count) == 184, "LedgerEvent.pick_count");
RF_STATIC_ASSERT(offsetof(rf_ledger_event_t, position) == 188, "LedgerEvent.position");
RF_STATIC_ASSERT(offsetof(rf_ledger_event_t, other_position) == 192, "LedgerEvent.other_position");
RF_STATIC_ASSERT(offsetof(rf_ledger_event_t, next_of_position) == 196, "LedgerEvent.next_of_position");
RF_STATIC_ASSERT(offsetof(rf_ledger_event_t, next_of_other) == 200, "LedgerEvent.next_of_other");
RF_STATIC_ASSERT(offsetof(rf_ledger_event_t, root) == 204, "LedgerEvent.root");
RF_STATIC_ASSERT(offsetof(rf_ledger_event_t, newest) == 208, "LedgerEvent.newest");
RF_STATIC_ASSERT(offsetof(rf_ledger_event_t, given) == 212, "LedgerEvent.given");
RF_STATIC_ASSERT(offsetof(rf_ledger_event_t, other_strategy) == 216, "LedgerEvent.other_strategy");
RF_STATIC_ASSERT(offsetof(rf_ledger_event_t, undated) == 218, "LedgerEvent.undated");
RF_STATIC_ASSERT(offsetof(rf_ledger_event_t, pad_0) == 219, "LedgerEvent.pad_0");
RF_STATIC_ASSERT(offsetof(rf_ledger_event_t, value_day) == 220, "LedgerEvent.value_day");
RF_STATIC_ASSERT(offsetof(rf_ledger_event_t, pad_1) == 224, "LedgerEvent.pad_1");

/* A lot that a close names: the fill that opened it and how much of it. Written by: engine. */
typedef struct {
    uint64_t key; /* +0: of the fill */
    uint64_t qty[2]; /* +8: unsigned [instrument scale] */
    char pad_0[8]; /* +24: zero */
} rf_ledger_pick_t;
RF_STATIC_ASSERT(sizeof(rf_ledger_pick_t) == 32, "LedgerPick");
RF_STATIC_ASSERT(offsetof(rf_ledger_pick_t, key) == 0, "LedgerPick.key");
RF_STATIC_ASSERT(offsetof(rf_ledger_pick_t, qty) == 8, "LedgerPick.qty");
RF_STATIC_ASSERT(offsetof(rf_ledger_pick_t, pad_0) == 24, "LedgerPick.pad_0");

/* A position with at most one lot, as it was after an event: where a recomputation may begin. Written by: engine. */
typedef struct {
    uint64_t position[48]; /* +0: LedgerPosition */
    uint64_t lot[16]; /* +384: Lot; unused when flat */
    uint32_t event; /* +512: last event it contains */
    uint32_t previous; /* +516: older one of the same position; of a free row: the next free one */
    char pad_0[56]; /* +520: zero */
} rf_ledger_checkpoint_t;
RF_STATIC_ASSERT(sizeof(rf_ledger_checkpoint_t) == 576, "LedgerCheckpoint");
RF_STATIC_ASSERT(offsetof(rf_ledger_checkpoint_t, position) == 0, "LedgerCheckpoint.position");
RF_STATIC_ASSERT(offsetof(rf_ledger_checkpoint_t, lot) == 384, "LedgerCheckpoint.lot");
RF_STATIC_ASSERT(offsetof(rf_ledger_checkpoint_t, event) == 512, "LedgerCheckpoint.event");
RF_STATIC_ASSERT(offsetof(rf_ledger_checkpoint_t, previous) == 516, "LedgerCheckpoint.previous");
RF_STATIC_ASSERT(offsetof(rf_ledger_checkpoint_t, pad_0) == 520, "LedgerCheckpoint.pad_0");

/* Part of a lot that a booking closed. Written by: engine. */
typedef struct {
    uint64_t seq; /* +0: of the booking */
    uint64_t lot_seq; /* +8 */
    uint64_t qty[2]; /* +16: unsigned [instrument scale] */
    uint64_t realized[2]; /* +32: [money scale] */
    uint32_t position; /* +48 */
    uint32_t lot_event; /* +52 */
    char pad_0[8]; /* +56: zero */
} rf_ledger_closing_t;
RF_STATIC_ASSERT(sizeof(rf_ledger_closing_t) == 64, "LedgerClosing");
RF_STATIC_ASSERT(offsetof(rf_ledger_closing_t, seq) == 0, "LedgerClosing.seq");
RF_STATIC_ASSERT(offsetof(rf_ledger_closing_t, lot_seq) == 8, "LedgerClosing.lot_seq");
RF_STATIC_ASSERT(offsetof(rf_ledger_closing_t, qty) == 16, "LedgerClosing.qty");
RF_STATIC_ASSERT(offsetof(rf_ledger_closing_t, realized) == 32, "LedgerClosing.realized");
RF_STATIC_ASSERT(offsetof(rf_ledger_closing_t, position) == 48, "LedgerClosing.position");
RF_STATIC_ASSERT(offsetof(rf_ledger_closing_t, lot_event) == 52, "LedgerClosing.lot_event");
RF_STATIC_ASSERT(offsetof(rf_ledger_closing_t, pad_0) == 56, "LedgerClosing.pad_0");

/* One leg of a double entry; the legs of a booking sum to zero per asset. Written by: engine. */
typedef struct {
    uint64_t seq; /* +0: of the booking */
    uint64_t amount[2]; /* +8: debit is positive [10^-digits of the asset] */
    uint32_t asset; /* +24 */
    uint32_t instrument; /* +28 */
    uint32_t position; /* +32 */
    uint16_t account; /* +36 */
    uint16_t strategy; /* +38 */
    uint8_t leg_account; /* +40: enum LedgerLegAccount */
    uint8_t units; /* +41: 1: a quantity of what is traded, 0: money */
    uint8_t digits; /* +42 */
    uint8_t correction; /* +43: 1: the difference that a bust or correction makes */
    char pad_0[20]; /* +44: zero */
} rf_ledger_leg_t;
RF_STATIC_ASSERT(sizeof(rf_ledger_leg_t) == 64, "LedgerLeg");
RF_STATIC_ASSERT(offsetof(rf_ledger_leg_t, seq) == 0, "LedgerLeg.seq");
RF_STATIC_ASSERT(offsetof(rf_ledger_leg_t, amount) == 8, "LedgerLeg.amount");
RF_STATIC_ASSERT(offsetof(rf_ledger_leg_t, asset) == 24, "LedgerLeg.asset");
RF_STATIC_ASSERT(offsetof(rf_ledger_leg_t, instrument) == 28, "LedgerLeg.instrument");
RF_STATIC_ASSERT(offsetof(rf_ledger_leg_t, position) == 32, "LedgerLeg.position");
RF_STATIC_ASSERT(offsetof(rf_ledger_leg_t, account) == 36, "LedgerLeg.account");
RF_STATIC_ASSERT(offsetof(rf_ledger_leg_t, strategy) == 38, "LedgerLeg.strategy");
RF_STATIC_ASSERT(offsetof(rf_ledger_leg_t, leg_account) == 40, "LedgerLeg.leg_account");
RF_STATIC_ASSERT(offsetof(rf_ledger_leg_t, units) == 41, "LedgerLeg.units");
RF_STATIC_ASSERT(offsetof(rf_ledger_leg_t, digits) == 42, "LedgerLeg.digits");
RF_STATIC_ASSERT(offsetof(rf_ledger_leg_t, correction) == 43, "LedgerLeg.correction");
RF_STATIC_ASSERT(offsetof(rf_ledger_leg_t, pad_0) == 44, "LedgerLeg.pad_0");

/* First bytes of a journal segment file. Written by: sidecar. */
typedef struct {
    uint64_t magic; /* +0: 0x4C4A4652 ('RFJL') */
    uint32_t layout_version; /* +8 */
    uint32_t header_bytes; /* +12: [bytes] */
    uint64_t layout_hash; /* +16 */
    uint64_t first_seq; /* +24 */
    uint64_t index; /* +32: 1, 2, 3 ... */
    uint64_t created_ns; /* +40: [ns] */
    char instance[32]; /* +48 */
    char previous_sha256[32]; /* +80: digest of the whole previous segment, zero in the first */
    char pad_0[132]; /* +112: zero */
    uint32_t crc; /* +244: CRC32C of the bytes before */
    char pad_1[8]; /* +248: zero */
} rf_segment_header_t;
RF_STATIC_ASSERT(sizeof(rf_segment_header_t) == 256, "SegmentHeader");
RF_STATIC_ASSERT(offsetof(rf_segment_header_t, magic) == 0, "SegmentHeader.magic");
RF_STATIC_ASSERT(offsetof(rf_segment_header_t, layout_version) == 8, "SegmentHeader.layout_version");
RF_STATIC_ASSERT(offsetof(rf_segment_header_t, header_bytes) == 12, "SegmentHeader.header_bytes");
RF_STATIC_ASSERT(offsetof(rf_segment_header_t, layout_hash) == 16, "SegmentHeader.layout_hash");
RF_STATIC_ASSERT(offsetof(rf_segment_header_t, first_seq) == 24, "SegmentHeader.first_seq");
RF_STATIC_ASSERT(offsetof(rf_segment_header_t, index) == 32, "SegmentHeader.index");
RF_STATIC_ASSERT(offsetof(rf_segment_header_t, created_ns) == 40, "SegmentHeader.created_ns");
RF_STATIC_ASSERT(offsetof(rf_segment_header_t, instance) == 48, "SegmentHeader.instance");
RF_STATIC_ASSERT(offsetof(rf_segment_header_t, previous_sha256) == 80, "SegmentHeader.previous_sha256");
RF_STATIC_ASSERT(offsetof(rf_segment_header_t, pad_0) == 112, "SegmentHeader.pad_0");
RF_STATIC_ASSERT(offsetof(rf_segment_header_t, crc) == 244, "SegmentHeader.crc");
RF_STATIC_ASSERT(offsetof(rf_segment_header_t, pad_1) == 248, "SegmentHeader.pad_1");

/* Head of a frame in a journal file: Frame with its first word replaced; the payload follows, padded to 8 bytes. Written by: sidecar. */
typedef struct {
    uint32_t length; /* +0: of the whole frame [bytes] */
    uint32_t crc; /* +4: CRC32C of the frame with this field zero */
    uint64_t seq; /* +8 */
    uint64_t engine_ns; /* +16: [ns] */
    uint64_t source_position; /* +24 */
    uint32_t source_epoch; /* +32 */
    uint16_t source; /* +36 */
    uint16_t kind; /* +38: enum FrameKind */
    uint32_t payload_bytes; /* +40 */
    uint32_t instance_epoch; /* +44 */
    char pad_0[16]; /* +48: zero */
} rf_file_frame_t;
RF_STATIC_ASSERT(sizeof(rf_file_frame_t) == 64, "FileFrame");
RF_STATIC_ASSERT(offsetof(rf_file_frame_t, length) == 0, "FileFrame.length");
RF_STATIC_ASSERT(offsetof(rf_file_frame_t, crc) == 4, "FileFrame.crc");
RF_STATIC_ASSERT(offsetof(rf_file_frame_t, seq) == 8, "FileFrame.seq");
RF_STATIC_ASSERT(offsetof(rf_file_frame_t, engine_ns) == 16, "FileFrame.engine_ns");
RF_STATIC_ASSERT(offsetof(rf_file_frame_t, source_position) == 24, "FileFrame.source_position");
RF_STATIC_ASSERT(offsetof(rf_file_frame_t, source_epoch) == 32, "FileFrame.source_epoch");
RF_STATIC_ASSERT(offsetof(rf_file_frame_t, source) == 36, "FileFrame.source");
RF_STATIC_ASSERT(offsetof(rf_file_frame_t, kind) == 38, "FileFrame.kind");
RF_STATIC_ASSERT(offsetof(rf_file_frame_t, payload_bytes) == 40, "FileFrame.payload_bytes");
RF_STATIC_ASSERT(offsetof(rf_file_frame_t, instance_epoch) == 44, "FileFrame.instance_epoch");
RF_STATIC_ASSERT(offsetof(rf_file_frame_t, pad_0) == 48, "FileFrame.pad_0");

#endif
