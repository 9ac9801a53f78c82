-- The views, the same in every database: written with the functions of 0002. Each answers as of the session's moment (sequence, engine time, value date).

CREATE VIEW postings_now AS
SELECT * FROM postings
WHERE seq <= (SELECT as_of_seq()) AND engine_ns <= (SELECT as_of_ns()) AND value_day <= (SELECT as_of_value_day());

CREATE VIEW executions_now AS
SELECT * FROM executions
WHERE seq <= (SELECT as_of_seq()) AND engine_ns <= (SELECT as_of_ns()) AND value_day <= (SELECT as_of_value_day());

CREATE VIEW marks_now AS
SELECT m.instrument, m.seq, m.engine_ns, m.bid, m.ask, m.last, w.name AS side
FROM marks m JOIN words w ON w.enum = 'MarkSide' AND w.id = m.side
WHERE m.seq = (
    SELECT max(x.seq) FROM marks x
    WHERE x.instrument = m.instrument AND x.seq <= (SELECT as_of_seq()) AND x.engine_ns <= (SELECT as_of_ns())
);

CREATE VIEW methods_now AS
SELECT m.position, m.method FROM methods m
WHERE m.seq = (
    SELECT max(x.seq) FROM methods x WHERE x.position = m.position AND x.seq <= (SELECT as_of_seq()) AND x.engine_ns <= (SELECT as_of_ns())
);

CREATE VIEW valued AS
SELECT i.id, i.symbol, i.qty_digits, i.px_digits, v.base, v.quote, v.unit, v.settle, v.money_digits, v.inverse, v.margin, v.factor, v.divisor,
       v.unit_scale, v.qty_scale
FROM instruments i JOIN valuations v ON v.id = i.id;

-- Figures of each position, whole numbers at the scales of its instrument.
CREATE VIEW figures AS
SELECT position, exact_sum(units) AS qty, exact_sum(cost) AS cost, exact_neg(exact_sum(pnl)) AS realized, exact_sum(fee) AS fees,
       exact_neg(exact_sum(income)) AS income, exact_sum(cash) AS cash, count(*) AS postings, max(seq) AS updated_seq
FROM postings_now GROUP BY position;

CREATE VIEW named_figures AS
SELECT f.position, k.account AS account_id, k.strategy AS strategy_id, k.instrument AS instrument_id, m.method,
       coalesce(a.name, '-') AS account, coalesce(s.name, '-') AS strategy, i.symbol AS instrument, i.settle AS currency,
       f.qty, f.cost, f.realized, f.fees, f.income, f.cash, f.postings, f.updated_seq,
       i.qty_digits, i.px_digits, i.money_digits, i.inverse, i.factor, i.divisor
FROM figures f
JOIN position_keys k ON k.id = f.position
JOIN valued i ON i.id = k.instrument
LEFT JOIN methods_now m ON m.position = f.position
LEFT JOIN accounts a ON a.id = k.account
LEFT JOIN strategies s ON s.id = k.strategy;

CREATE VIEW positions AS
SELECT position, account, strategy, instrument, method, exact_decimal(qty, qty_digits) AS qty, currency, exact_decimal(cost, money_digits) AS cost,
       exact_decimal(realized, money_digits) AS realized, exact_decimal(fees, money_digits) AS fees, exact_decimal(income, money_digits) AS income,
       exact_decimal(cash, money_digits) AS cash, postings, updated_seq
FROM named_figures;

-- The price at which a position is valued: what its instrument's setting asks for, else the next that there is, as tools/marks.py says it.
CREATE VIEW position_marks AS
SELECT s.position, s.mark_from, s.mark_wanted, CASE s.mark_from WHEN 'MID' THEN s.bid + s.ask WHEN 'BID' THEN 2 * s.bid WHEN 'ASK' THEN 2 * s.ask
    WHEN 'LAST' THEN 2 * s.last END AS px_twice
FROM (
    SELECT w.*, CASE
        WHEN w.mark_wanted = 'MID' AND w.bid <> 0 AND w.ask <> 0 THEN 'MID'
        WHEN w.mark_wanted = 'BID' AND w.bid <> 0 THEN 'BID'
        WHEN w.mark_wanted = 'ASK' AND w.ask <> 0 THEN 'ASK'
        WHEN w.last <> 0 THEN 'LAST'
        WHEN w.mark_wanted = 'LAST' AND w.bid <> 0 AND w.ask <> 0 THEN 'MID'
        WHEN w.bid <> 0 THEN 'BID'
        WHEN w.ask <> 0 THEN 'ASK' END AS mark_from
    FROM (
        SELECT f.position, m.bid, m.ask, m.last, CASE WHEN m.side <> 'SIDE' THEN m.side WHEN exact_sign(f.qty) > 0 THEN 'BID' ELSE 'ASK' END AS mark_wanted
        FROM figures f JOIN position_keys k ON k.id = f.position JOIN marks_now m ON m.instrument = k.instrument
    ) AS w
) AS s;

-- What the open quantity would realize at the mark. Unknown without one.
CREATE VIEW marked_figures AS
SELECT f.*, m.px_twice, CASE WHEN m.mark_from = m.mark_wanted THEN m.mark_from ELSE m.mark_from || ' for ' || m.mark_wanted END AS mark_from, CASE
    WHEN exact_is_zero(f.qty) THEN exact_neg(f.cost)
    WHEN m.px_twice IS NULL OR (f.inverse = 1 AND m.px_twice <= 0) THEN NULL
    WHEN f.inverse = 1 THEN exact_sub(exact_neg(exact_div(exact_mul(exact_mul(f.qty, f.factor), 2), m.px_twice)), f.cost)
    ELSE exact_sub(exact_div(exact_mul(exact_mul(f.qty, m.px_twice), f.factor), exact_mul(f.divisor, 2)), f.cost)
    END AS unrealized
FROM named_figures f LEFT JOIN position_marks m ON m.position = f.position;

CREATE VIEW pnl AS
SELECT position, account, strategy, instrument, currency, exact_decimal(qty, qty_digits) AS qty,
       exact_decimal(exact_mul(px_twice, 5), px_digits + 1) AS mark, mark_from, exact_decimal(realized, money_digits) AS realized,
       exact_decimal(unrealized, money_digits) AS unrealized, exact_decimal(fees, money_digits) AS fees, exact_decimal(income, money_digits) AS income,
       exact_decimal(exact_add(exact_sub(exact_add(realized, income), fees), unrealized), money_digits) AS total, updated_seq
FROM marked_figures;

-- Legs of each position by asset and value date, at the money scale: linear +qty*multiplier of the base and -flow of the quote; inverse -flow of the base
-- and -qty*multiplier of the quote.
CREATE VIEW exposure_legs AS
WITH sums AS MATERIALIZED (
    SELECT position, value_day, exact_sum(units) AS units, exact_sum(cost) AS cost, exact_sum(pnl) AS pnl FROM postings_now GROUP BY position, value_day
)
SELECT k.account, k.strategy, k.instrument, p.value_day, i.money_digits, CASE WHEN i.inverse = 1 THEN i.quote ELSE i.base END AS asset,
       exact_mul(exact_mul(p.units, i.unit_scale), CASE WHEN i.inverse = 1 THEN -1 ELSE 1 END) AS amount
FROM sums p JOIN position_keys k ON k.id = p.position JOIN valued i ON i.id = k.instrument
UNION ALL
SELECT k.account, k.strategy, k.instrument, p.value_day, i.money_digits, i.settle AS asset, exact_neg(exact_add(p.cost, p.pnl)) AS amount
FROM sums p JOIN position_keys k ON k.id = p.position JOIN valued i ON i.id = k.instrument;

CREATE VIEW exposure AS
SELECT e.asset, e.value_day, coalesce(a.name, '-') AS account, coalesce(s.name, '-') AS strategy,
       exact_decimal(exact_sum(e.amount), e.money_digits) AS amount
FROM exposure_legs e LEFT JOIN accounts a ON a.id = e.account LEFT JOIN strategies s ON s.id = e.strategy
GROUP BY e.asset, e.value_day, a.name, s.name, e.money_digits;

-- Sums of all legs by position, one row a leg.
CREATE VIEW leg_sums AS
WITH s AS MATERIALIZED (
    SELECT i.settle, i.unit, i.qty_scale, i.money_digits, f.cost, f.cash, f.fee, f.pnl, f.income, f.equity, f.units
    FROM (
        SELECT position, exact_sum(cost) AS cost, exact_sum(cash) AS cash, exact_sum(fee) AS fee, exact_sum(pnl) AS pnl, exact_sum(income) AS income,
               exact_sum(equity) AS equity, exact_sum(units) AS units
        FROM postings_now GROUP BY position
    ) AS f JOIN position_keys k ON k.id = f.position JOIN valued i ON i.id = k.instrument
)
SELECT settle AS asset, 'money' AS what, 'POSITION' AS ledger_account, cost AS amount, money_digits FROM s
UNION ALL SELECT settle, 'money', 'VENUE', cash, money_digits FROM s
UNION ALL SELECT settle, 'money', 'FEE', fee, money_digits FROM s
UNION ALL SELECT settle, 'money', 'PNL', pnl, money_digits FROM s
UNION ALL SELECT settle, 'money', 'INCOME', income, money_digits FROM s
UNION ALL SELECT settle, 'money', 'EQUITY', equity, money_digits FROM s
UNION ALL SELECT unit, 'units', 'POSITION', exact_mul(units, qty_scale), money_digits FROM s
UNION ALL SELECT unit, 'units', 'EQUITY', exact_neg(exact_mul(units, qty_scale)), money_digits FROM s;

CREATE VIEW trial_balance AS
SELECT asset, what, ledger_account, exact_decimal(exact_sum(amount), money_digits) AS balance
FROM leg_sums GROUP BY asset, what, ledger_account, money_digits;

-- Zero for every asset, always.
CREATE VIEW trial_balance_totals AS
SELECT asset, what, exact_decimal(exact_sum(amount), money_digits) AS total FROM leg_sums GROUP BY asset, what, money_digits;

-- The entries as an accountant reads them: one row a leg, debit is positive.
CREATE VIEW legs AS
SELECT seq, engine_ns, position, execution, day, value_day, correction, 1 AS leg, 'POSITION' AS ledger_account, 'money' AS what, cost AS amount FROM postings_now
UNION ALL SELECT seq, engine_ns, position, execution, day, value_day, correction, 2, 'VENUE', 'money', cash FROM postings_now
UNION ALL SELECT seq, engine_ns, position, execution, day, value_day, correction, 3, 'FEE', 'money', fee FROM postings_now
UNION ALL SELECT seq, engine_ns, position, execution, day, value_day, correction, 4, 'PNL', 'money', pnl FROM postings_now
UNION ALL SELECT seq, engine_ns, position, execution, day, value_day, correction, 5, 'INCOME', 'money', income FROM postings_now
UNION ALL SELECT seq, engine_ns, position, execution, day, value_day, correction, 6, 'EQUITY', 'money', equity FROM postings_now
UNION ALL SELECT seq, engine_ns, position, execution, day, value_day, correction, 7, 'POSITION', 'units', units FROM postings_now
UNION ALL SELECT seq, engine_ns, position, execution, day, value_day, correction, 8, 'EQUITY', 'units', exact_neg(units) FROM postings_now;

CREATE VIEW entries AS
SELECT l.seq, l.leg, at_time(l.engine_ns) AS engine_time, l.day, l.value_day, l.ledger_account, l.what,
       CASE WHEN l.what = 'units' THEN i.unit ELSE i.settle END AS asset,
       exact_decimal(l.amount, CASE WHEN l.what = 'units' THEN i.qty_digits ELSE i.money_digits END) AS amount,
       l.position, l.execution, coalesce(a.name, '-') AS account, coalesce(s.name, '-') AS strategy, i.symbol AS instrument, l.correction
FROM legs l
JOIN position_keys k ON k.id = l.position
JOIN valued i ON i.id = k.instrument
LEFT JOIN accounts a ON a.id = k.account
LEFT JOIN strategies s ON s.id = k.strategy
WHERE NOT exact_is_zero(l.amount);

-- Every booking of every kind and every change of one, oldest first: what was reported, corrected, busted, and what the ledger refused (result).
CREATE VIEW fill_history AS
SELECT x.seq, at_time(x.engine_ns) AS engine_time, x.execution, k.name AS kind, coalesce(r.name, 'NOT_BOOKED') AS result, x.day, x.trade_day, x.value_day,
       coalesce(a.name, '-') AS account, coalesce(s.name, '-') AS strategy, coalesce(v.name, '-') AS venue, coalesce(a.broker, '-') AS broker,
       coalesce(i.symbol, '-') AS instrument, d.name AS side, exact_decimal(x.qty, coalesce(i.qty_digits, 0)) AS qty,
       exact_decimal(x.px, coalesce(i.px_digits, 0)) AS px, x.exec_id, x.venue_order_id, x.order_id, x.position
FROM executions_now x
LEFT JOIN words k ON k.enum = 'LedgerEventKind' AND k.id = x.kind
LEFT JOIN words r ON r.enum = 'LedgerResult' AND r.id = x.result
LEFT JOIN words d ON d.enum = 'Side' AND d.id = x.side
LEFT JOIN accounts a ON a.id = x.account
LEFT JOIN strategies s ON s.id = x.strategy
LEFT JOIN venues v ON v.id = x.venue
LEFT JOIN instruments i ON i.id = x.instrument;

-- Each trade once, with what is in force of it; UNNAMED: it waits for the names of its lots (SPEC); REFUSED: the ledger does not have what the newest report says.
CREATE VIEW fills AS
SELECT h.execution, h.booked_seq, h.seq AS changed_seq, h.changes,
       CASE WHEN h.result = 'HELD' THEN 'UNNAMED' WHEN h.result <> 'BOOKED' THEN 'REFUSED' WHEN h.kind = 'BUST' THEN 'BUSTED' WHEN h.kind = 'CORRECT' THEN 'CORRECTED' ELSE 'BOOKED' END AS status,
       h.result, h.trade_day, h.value_day, h.account, h.strategy, h.venue, h.broker, h.instrument, h.side, h.qty, h.px, h.exec_id, h.order_id, h.position,
       h.engine_time
FROM (
    SELECT f.*, min(seq) OVER (PARTITION BY execution) AS booked_seq, count(*) OVER (PARTITION BY execution) AS changes,
           row_number() OVER (PARTITION BY execution ORDER BY seq DESC) AS newest, first_value(kind) OVER (PARTITION BY execution ORDER BY seq) AS first_kind
    FROM fill_history f
) AS h WHERE h.newest = 1 AND h.first_kind = 'FILL';
