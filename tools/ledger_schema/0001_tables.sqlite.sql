-- Tables of the ledger in SQLite. Amounts are whole numbers at the scale of their instrument: integers where 64 bits hold them, text where not, so their
-- columns have no type. Nothing is ever changed or removed: triggers refuse it.

CREATE TABLE book (
    one INTEGER PRIMARY KEY DEFAULT 1 CHECK (one = 1),
    instance TEXT NOT NULL,
    money_digits INTEGER NOT NULL
);

CREATE TABLE words (enum TEXT NOT NULL, id INTEGER NOT NULL, name TEXT NOT NULL, PRIMARY KEY (enum, id));

CREATE TABLE batches (
    number INTEGER PRIMARY KEY,
    first_seq INTEGER NOT NULL,
    last_seq INTEGER NOT NULL UNIQUE,
    engine_ns INTEGER NOT NULL,
    frame_crc INTEGER NOT NULL,
    postings INTEGER NOT NULL,
    executions INTEGER NOT NULL,
    journal_head TEXT NOT NULL,
    entries_head TEXT NOT NULL,
    state_hash TEXT NOT NULL,
    CHECK (last_seq >= first_seq)
);

CREATE TABLE days (day TEXT PRIMARY KEY, first_seq INTEGER NOT NULL);
CREATE TABLE accounts (id INTEGER PRIMARY KEY, name TEXT NOT NULL, code TEXT NOT NULL, currency TEXT NOT NULL);
CREATE TABLE strategies (id INTEGER PRIMARY KEY, name TEXT NOT NULL);
-- What an account ('account': its broker) or a strategy ('strategy': its desk) belongs to from a sequence on.
CREATE TABLE memberships (
    seq INTEGER NOT NULL,
    engine_ns INTEGER NOT NULL,
    what TEXT NOT NULL,
    id INTEGER NOT NULL,
    name TEXT NOT NULL,
    PRIMARY KEY (what, id, seq)
);
CREATE TABLE venues (id INTEGER PRIMARY KEY, name TEXT NOT NULL);
-- What never changes once there is a trade, and what never changes once the ledger has booked one.
CREATE TABLE instruments (id INTEGER PRIMARY KEY, symbol TEXT NOT NULL, qty_digits INTEGER NOT NULL, px_digits INTEGER NOT NULL);
CREATE TABLE valuations (
    id INTEGER PRIMARY KEY,
    base TEXT NOT NULL,
    quote TEXT NOT NULL,
    unit TEXT NOT NULL,
    settle TEXT NOT NULL,
    money_digits INTEGER NOT NULL,
    inverse INTEGER NOT NULL,
    margin INTEGER NOT NULL,
    daily INTEGER NOT NULL,
    factor NOT NULL,
    divisor NOT NULL,
    unit_scale NOT NULL,
    qty_scale NOT NULL
);
CREATE TABLE position_keys (id INTEGER PRIMARY KEY, account INTEGER NOT NULL, strategy INTEGER NOT NULL, instrument INTEGER NOT NULL);
-- The cost method of a position from a sequence on; it changes only while the position is flat.
CREATE TABLE methods (seq INTEGER NOT NULL, engine_ns INTEGER NOT NULL, position INTEGER NOT NULL, method TEXT NOT NULL, PRIMARY KEY (position, seq));

-- The last prices of a batch in which they changed, and the price that the instrument's positions are valued at (MarkSide).
CREATE TABLE marks (
    seq INTEGER NOT NULL,
    engine_ns INTEGER NOT NULL,
    instrument INTEGER NOT NULL,
    bid INTEGER NOT NULL,
    ask INTEGER NOT NULL,
    last INTEGER NOT NULL,
    side INTEGER NOT NULL,
    PRIMARY KEY (instrument, seq)
) WITHOUT ROWID;

-- Units of the firm's currency for one of another, in 10^-9; 0: not known.
CREATE TABLE rates (
    seq INTEGER NOT NULL,
    engine_ns INTEGER NOT NULL,
    currency TEXT NOT NULL,
    rate INTEGER NOT NULL,
    is_firm INTEGER NOT NULL,
    PRIMARY KEY (currency, seq)
);

-- What one booking did to the balance of an account in a currency besides what its positions paid: deposits, withdrawals and conversions (entered), fees of
-- trades that settle in another currency (paid), and both in the firm's currency at the rate of the moment.
CREATE TABLE cash_moves (
    seq INTEGER NOT NULL,
    engine_ns INTEGER NOT NULL,
    execution INTEGER NOT NULL,
    day TEXT NOT NULL,
    value_day TEXT NOT NULL,
    account INTEGER NOT NULL,
    currency TEXT NOT NULL,
    entered NOT NULL,
    entered_base NOT NULL,
    paid NOT NULL,
    paid_base NOT NULL,
    base_unknown INTEGER NOT NULL,
    PRIMARY KEY (account, currency, seq)
);

CREATE TABLE postings (
    seq INTEGER NOT NULL,
    engine_ns INTEGER NOT NULL,
    position INTEGER NOT NULL,
    execution INTEGER NOT NULL,
    day TEXT NOT NULL,
    value_day TEXT NOT NULL,
    correction INTEGER NOT NULL,
    venue INTEGER NOT NULL,
    base_unknown INTEGER NOT NULL,
    cost NOT NULL,
    cash NOT NULL,
    fee NOT NULL,
    pnl NOT NULL,
    funding NOT NULL,
    income NOT NULL,
    equity NOT NULL,
    units NOT NULL,
    moved NOT NULL,
    fees_elsewhere NOT NULL,
    cost_base NOT NULL,
    realized_base NOT NULL,
    realized_fx NOT NULL,
    fees_base NOT NULL,
    income_base NOT NULL,
    moved_base NOT NULL
);
CREATE INDEX postings_seq ON postings (seq);
CREATE INDEX postings_position ON postings (position, seq);

CREATE TABLE executions (
    seq INTEGER NOT NULL,
    engine_ns INTEGER NOT NULL,
    transact_ns INTEGER NOT NULL,
    order_id INTEGER NOT NULL,
    qty INTEGER NOT NULL,
    px INTEGER NOT NULL,
    amount NOT NULL,
    fee NOT NULL,
    execution INTEGER NOT NULL,
    execution_row INTEGER NOT NULL,
    instrument INTEGER NOT NULL,
    position INTEGER NOT NULL,
    day TEXT NOT NULL,
    trade_day TEXT NOT NULL,
    value_day TEXT NOT NULL,
    account INTEGER NOT NULL,
    strategy INTEGER NOT NULL,
    venue INTEGER NOT NULL,
    side INTEGER NOT NULL,
    kind INTEGER NOT NULL,
    result INTEGER NOT NULL,
    fee_kind INTEGER NOT NULL,
    fee_currency TEXT NOT NULL,
    exec_id TEXT NOT NULL,
    venue_order_id TEXT NOT NULL
);
CREATE INDEX executions_root ON executions (execution, seq);
