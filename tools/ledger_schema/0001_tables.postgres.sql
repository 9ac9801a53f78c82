-- Tables of the ledger in PostgreSQL. Amounts are whole numbers at the scale of their instrument: a row is exact whatever it is added to.
-- What grows is partitioned by the trading day on which it was booked; nothing is ever changed or removed, and the writer's role could not.

CREATE TABLE book (
    one int PRIMARY KEY DEFAULT 1 CHECK (one = 1),
    instance text NOT NULL,
    money_digits int NOT NULL
);

CREATE TABLE words (enum text NOT NULL, id int NOT NULL, name text NOT NULL, PRIMARY KEY (enum, id));

CREATE TABLE batches (
    number bigint PRIMARY KEY,
    first_seq bigint NOT NULL,
    last_seq bigint NOT NULL UNIQUE,
    engine_ns bigint NOT NULL,
    frame_crc bigint NOT NULL,
    postings int NOT NULL,
    executions int NOT NULL,
    journal_head text NOT NULL,
    entries_head text NOT NULL,
    state_hash text NOT NULL,
    CHECK (last_seq >= first_seq)
);

CREATE TABLE days (day date PRIMARY KEY, first_seq bigint NOT NULL);
CREATE TABLE accounts (id int PRIMARY KEY, name text NOT NULL, code text NOT NULL, currency text NOT NULL);
CREATE TABLE strategies (id int PRIMARY KEY, name text NOT NULL);
-- What an account ('account': its broker) or a strategy ('strategy': its desk) belongs to from a sequence on.
CREATE TABLE memberships (
    seq bigint NOT NULL,
    engine_ns bigint NOT NULL,
    what text NOT NULL,
    id int NOT NULL,
    name text NOT NULL,
    PRIMARY KEY (what, id, seq)
);
CREATE TABLE venues (id int PRIMARY KEY, name text NOT NULL);
-- What never changes once there is a trade, and what never changes once the ledger has booked one.
CREATE TABLE instruments (id int PRIMARY KEY, symbol text NOT NULL, qty_digits int NOT NULL, px_digits int NOT NULL);
CREATE TABLE valuations (
    id int PRIMARY KEY,
    base text NOT NULL,
    quote text NOT NULL,
    unit text NOT NULL,
    settle text NOT NULL,
    money_digits int NOT NULL,
    inverse int NOT NULL,
    margin int NOT NULL,
    daily int NOT NULL,
    factor numeric(39) NOT NULL,
    divisor numeric(39) NOT NULL,
    unit_scale numeric(39) NOT NULL,
    qty_scale numeric(39) NOT NULL
);
CREATE TABLE position_keys (id int PRIMARY KEY, account int NOT NULL, strategy int NOT NULL, instrument int NOT NULL);
-- The cost method of a position from a sequence on; it changes only while the position is flat.
CREATE TABLE methods (seq bigint NOT NULL, engine_ns bigint NOT NULL, position int NOT NULL, method text NOT NULL, PRIMARY KEY (position, seq));

-- The last prices of a batch in which they changed, and the price that the instrument's positions are valued at (MarkSide).
CREATE TABLE marks (
    seq bigint NOT NULL,
    engine_ns bigint NOT NULL,
    instrument int NOT NULL,
    bid bigint NOT NULL,
    ask bigint NOT NULL,
    last bigint NOT NULL,
    side int NOT NULL,
    PRIMARY KEY (instrument, seq)
);

-- Units of the firm's currency for one of another, in 10^-9; 0: not known.
CREATE TABLE rates (
    seq bigint NOT NULL,
    engine_ns bigint NOT NULL,
    currency text NOT NULL,
    rate bigint NOT NULL,
    is_firm int NOT NULL,
    PRIMARY KEY (currency, seq)
);

-- What one booking did to the balance of an account in a currency besides what its positions paid: deposits, withdrawals and conversions (entered), fees of
-- trades that settle in another currency (paid), and both in the firm's currency at the rate of the moment.
CREATE TABLE cash_moves (
    seq bigint NOT NULL,
    engine_ns bigint NOT NULL,
    execution int NOT NULL,
    day date NOT NULL,
    value_day date NOT NULL,
    account int NOT NULL,
    currency text NOT NULL,
    entered numeric(39) NOT NULL,
    entered_base numeric(39) NOT NULL,
    paid numeric(39) NOT NULL,
    paid_base numeric(39) NOT NULL,
    base_unknown int NOT NULL,
    PRIMARY KEY (account, currency, seq)
);

CREATE TABLE postings (
    seq bigint NOT NULL,
    engine_ns bigint NOT NULL,
    position int NOT NULL,
    execution int NOT NULL,
    day date NOT NULL,
    value_day date NOT NULL,
    correction int NOT NULL,
    venue int NOT NULL,
    base_unknown int NOT NULL,
    cost numeric(39) NOT NULL,
    cash numeric(39) NOT NULL,
    fee numeric(39) NOT NULL,
    pnl numeric(39) NOT NULL,
    funding numeric(39) NOT NULL,
    income numeric(39) NOT NULL,
    equity numeric(39) NOT NULL,
    units numeric(39) NOT NULL,
    moved numeric(39) NOT NULL,
    fees_elsewhere numeric(39) NOT NULL,
    cost_base numeric(39) NOT NULL,
    realized_base numeric(39) NOT NULL,
    realized_fx numeric(39) NOT NULL,
    fees_base numeric(39) NOT NULL,
    income_base numeric(39) NOT NULL,
    moved_base numeric(39) NOT NULL,
    CONSTRAINT balanced CHECK (cost + cash + fee + pnl + funding + income + equity = 0)
) PARTITION BY RANGE (day);
CREATE INDEX postings_time ON postings USING brin (seq, engine_ns);

CREATE TABLE executions (
    seq bigint NOT NULL,
    engine_ns bigint NOT NULL,
    transact_ns bigint NOT NULL,
    order_id bigint NOT NULL,
    qty bigint NOT NULL,
    px bigint NOT NULL,
    amount numeric(39) NOT NULL,
    fee numeric(39) NOT NULL,
    execution int NOT NULL,
    execution_row int NOT NULL,
    instrument int NOT NULL,
    position int NOT NULL,
    day date NOT NULL,
    trade_day date NOT NULL,
    value_day date NOT NULL,
    account int NOT NULL,
    strategy int NOT NULL,
    venue int NOT NULL,
    side int NOT NULL,
    kind int NOT NULL,
    result int NOT NULL,
    fee_kind int NOT NULL,
    fee_currency text NOT NULL,
    exec_id text NOT NULL,
    venue_order_id text NOT NULL
) PARTITION BY RANGE (day);
CREATE INDEX executions_time ON executions USING brin (seq, engine_ns);

-- The writer may not create tables; this makes the partitions of one day for it and nothing else. While a day is written its partitions have BRIN only, which
-- costs next to nothing; the B-trees that questions about one position or one trade need are made when the day is over.
CREATE FUNCTION open_day(wanted date) RETURNS void LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
DECLARE
    parent text;
    key text;
    part text;
    closed text;
BEGIN
    FOR parent, key IN VALUES ('postings', 'position, seq'), ('executions', 'execution, seq') LOOP
        part := parent || to_char(wanted, '"_"YYYYMMDD');
        IF to_regclass(quote_ident(part)) IS NULL THEN
            FOR closed IN SELECT c.relname FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid WHERE i.inhparent = parent::regclass LOOP
                EXECUTE format('CREATE INDEX IF NOT EXISTS %I ON %I (%s)', closed || '_key', closed, key);
            END LOOP;
            EXECUTE format('CREATE TABLE %I PARTITION OF %I FOR VALUES FROM (%L) TO (%L)', part, parent, wanted, wanted + 1);
            EXECUTE format('GRANT SELECT, INSERT ON %I TO %I', part, current_schema() || '_writer');
            EXECUTE format('GRANT SELECT ON %I TO %I', part, current_schema() || '_reader');
        END IF;
    END LOOP;
END $$;
