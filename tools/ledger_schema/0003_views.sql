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

CREATE VIEW rates_now AS
SELECT r.currency, r.rate, r.is_firm FROM rates r
WHERE r.seq = (SELECT max(x.seq) FROM rates x WHERE x.currency = r.currency AND x.seq <= (SELECT as_of_seq()) AND x.engine_ns <= (SELECT as_of_ns()));

CREATE VIEW cash_moves_now AS
SELECT * FROM cash_moves
WHERE seq <= (SELECT as_of_seq()) AND engine_ns <= (SELECT as_of_ns()) AND value_day <= (SELECT as_of_value_day());

CREATE VIEW memberships_now AS
SELECT m.what, m.id, m.name FROM memberships m
WHERE m.seq = (
    SELECT max(x.seq) FROM memberships x
    WHERE x.what = m.what AND x.id = m.id AND x.seq <= (SELECT as_of_seq()) AND x.engine_ns <= (SELECT as_of_ns())
);

CREATE VIEW methods_now AS
SELECT m.position, m.method FROM methods m
WHERE m.seq = (
    SELECT max(x.seq) FROM methods x WHERE x.position = m.position AND x.seq <= (SELECT as_of_seq()) AND x.engine_ns <= (SELECT as_of_ns())
);

CREATE VIEW valued AS
SELECT i.id, i.symbol, i.qty_digits, i.px_digits, v.base, v.quote, v.unit, v.settle, v.money_digits, v.inverse, v.margin, v.daily, v.factor, v.divisor,
       v.unit_scale, v.qty_scale
FROM instruments i JOIN valuations v ON v.id = i.id;

-- Whether a position has figures in the firm's currency that no rate was known for (not 0). It is the whole position's, at every venue and whatever the value
-- date: such a figure counts as 0 in its sums, and a part that does not have it is not known either, since costs are shared.
CREATE VIEW unrated AS
SELECT position, sum(base_unknown) AS unrated FROM postings WHERE seq <= (SELECT as_of_seq()) AND engine_ns <= (SELECT as_of_ns()) GROUP BY position;

-- Figures of each position, and of what it did at each venue, whole numbers at the scales of its instrument; held is the position's quantity in both.
CREATE VIEW figures AS
SELECT 'whole' AS part, 0 AS venue_id, position, exact_sum(units) AS held, exact_sum(units) AS qty, exact_sum(cost) AS cost,
       exact_neg(exact_sum(pnl)) AS realized,
       exact_sum(fee) AS fees, exact_neg(exact_sum(funding)) AS funding, exact_neg(exact_sum(income)) AS income, exact_sum(cash) AS cash,
       exact_sum(equity) AS equity, exact_sum(moved) AS moved, exact_sum(fees_elsewhere) AS fees_elsewhere, exact_sum(cost_base) AS cost_base,
       exact_sum(realized_base) AS realized_base, exact_sum(realized_fx) AS realized_fx, exact_sum(fees_base) AS fees_base,
       exact_sum(income_base) AS income_base, exact_sum(moved_base) AS moved_base, max(unrated) AS base_unknown, count(*) AS postings,
       max(seq) AS updated_seq
FROM postings_now JOIN unrated USING (position) GROUP BY position
UNION ALL
SELECT 'venue', v.venue, v.position, w.held, v.qty, v.cost, v.realized, v.fees, v.funding, v.income, v.cash, v.equity, v.moved, v.fees_elsewhere, v.cost_base,
       v.realized_base, v.realized_fx, v.fees_base, v.income_base, v.moved_base, u.unrated, v.postings, v.updated_seq
FROM (
    SELECT position, venue, exact_sum(units) AS qty, exact_sum(cost) AS cost, exact_neg(exact_sum(pnl)) AS realized,
           exact_sum(fee) AS fees, exact_neg(exact_sum(funding)) AS funding, exact_neg(exact_sum(income)) AS income, exact_sum(cash) AS cash,
           exact_sum(equity) AS equity, exact_sum(moved) AS moved, exact_sum(fees_elsewhere) AS fees_elsewhere, exact_sum(cost_base) AS cost_base,
           exact_sum(realized_base) AS realized_base, exact_sum(realized_fx) AS realized_fx, exact_sum(fees_base) AS fees_base,
           exact_sum(income_base) AS income_base, exact_sum(moved_base) AS moved_base, count(*) AS postings, max(seq) AS updated_seq
    FROM postings_now GROUP BY position, venue
) AS v
JOIN (SELECT position, exact_sum(units) AS held FROM postings_now GROUP BY position) AS w ON w.position = v.position
JOIN unrated u ON u.position = v.position;

CREATE VIEW named_parts AS
SELECT f.part, f.position, k.account AS account_id, k.strategy AS strategy_id, k.instrument AS instrument_id, m.method,
       coalesce(a.name, '-') AS account, coalesce(s.name, '-') AS strategy, i.symbol AS instrument, i.settle AS currency,
       coalesce(b.name, '-') AS broker, coalesce(d.name, '-') AS desk, CASE WHEN f.part = 'venue' THEN coalesce(v.name, '-') END AS venue,
       f.held, f.qty, f.cost, f.realized, f.fees, f.funding, f.income, f.cash, f.equity, f.moved, f.fees_elsewhere,
       f.cost_base, f.realized_base, f.realized_fx, f.fees_base, f.income_base, f.moved_base, f.base_unknown, f.postings, f.updated_seq,
       i.qty_digits, i.px_digits, i.money_digits, i.inverse, i.margin, i.daily, i.factor, i.divisor
FROM figures f
JOIN position_keys k ON k.id = f.position
JOIN valued i ON i.id = k.instrument
LEFT JOIN methods_now m ON m.position = f.position
LEFT JOIN accounts a ON a.id = k.account
LEFT JOIN strategies s ON s.id = k.strategy
LEFT JOIN venues v ON v.id = f.venue_id
LEFT JOIN memberships_now b ON b.what = 'account' AND b.id = k.account
LEFT JOIN memberships_now d ON d.what = 'strategy' AND d.id = k.strategy;

CREATE VIEW named_figures AS SELECT * FROM named_parts WHERE part = 'whole';

CREATE VIEW positions AS
SELECT position, account, strategy, instrument, method, exact_decimal(qty, qty_digits) AS qty, currency, exact_decimal(cost, money_digits) AS cost,
       exact_decimal(realized, money_digits) AS realized, exact_decimal(fees, money_digits) AS fees, exact_decimal(funding, money_digits) AS funding,
       exact_decimal(income, money_digits) AS income, exact_decimal(cash, money_digits) AS cash, postings, updated_seq,
       CASE WHEN base_unknown = 0 THEN exact_decimal(cost_base, money_digits) END AS cost_base,
       CASE WHEN base_unknown = 0 THEN exact_decimal(realized_base, money_digits) END AS realized_base,
       CASE WHEN base_unknown = 0 THEN exact_decimal(fees_base, money_digits) END AS fees_base,
       CASE WHEN base_unknown = 0 THEN exact_decimal(income_base, money_digits) END AS income_base,
       CASE WHEN base_unknown = 0 THEN 1 ELSE 0 END AS base_known
FROM named_figures;

-- The price at which a position is valued: what its instrument's setting asks for, else the next that there is, as tools/marks.py says it. Twice it, as a mid
-- may be between two prices.
CREATE VIEW priced_parts AS
SELECT s.*, CASE s.mark_is WHEN 'MID' THEN exact_add(s.bid, s.ask) WHEN 'BID' THEN exact_mul(s.bid, 2) WHEN 'ASK' THEN exact_mul(s.ask, 2)
    WHEN 'LAST' THEN exact_mul(s.last, 2) END AS px_twice,
       CASE WHEN s.mark_is = s.mark_wanted THEN s.mark_is ELSE s.mark_is || ' for ' || s.mark_wanted END AS mark_from
FROM (
    SELECT w.*, CASE
        WHEN w.mark_wanted = 'MID' AND w.bid <> 0 AND w.ask <> 0 THEN 'MID'
        WHEN w.mark_wanted = 'BID' AND w.bid <> 0 THEN 'BID'
        WHEN w.mark_wanted = 'ASK' AND w.ask <> 0 THEN 'ASK'
        WHEN w.last <> 0 THEN 'LAST'
        WHEN w.mark_wanted = 'LAST' AND w.bid <> 0 AND w.ask <> 0 THEN 'MID'
        WHEN w.bid <> 0 THEN 'BID'
        WHEN w.ask <> 0 THEN 'ASK' END AS mark_is
    FROM (
        SELECT f.*, m.bid, m.ask, m.last, CASE WHEN m.side <> 'SIDE' THEN m.side WHEN exact_sign(f.held) > 0 THEN 'BID' ELSE 'ASK' END AS mark_wanted
        FROM named_parts f LEFT JOIN marks_now m ON m.instrument = f.instrument_id
    ) AS w
) AS s;

CREATE VIEW worth_parts AS
SELECT p.*, exact_value(p.qty, p.px_twice, p.factor, p.divisor, p.inverse) AS worth, r.rate,
       (SELECT max(currency) FROM rates_now WHERE is_firm = 1) AS base_currency
FROM priced_parts p LEFT JOIN rates_now r ON r.currency = p.currency AND r.rate > 0;

-- What the open quantity would realize at the mark, and all that came of it (result), in its currency; and the former in the firm's at the rate of now.
CREATE VIEW marked_parts AS
SELECT w.*, exact_sub(w.worth, w.cost) AS unrealized,
       exact_add(exact_sub(exact_add(exact_add(w.realized, w.funding), w.income), w.fees), exact_sub(w.worth, w.cost)) AS result,
       CASE WHEN w.base_unknown = 0 AND w.rate IS NOT NULL THEN 1 ELSE 0 END AS base_known,
       CASE WHEN w.base_unknown <> 0 THEN NULL WHEN exact_is_zero(w.qty) THEN exact_neg(w.cost_base)
       ELSE exact_sub(exact_div(exact_mul(w.worth, w.rate), 1000000000), w.cost_base) END AS unrealized_base,
       CASE WHEN w.base_unknown <> 0 THEN NULL WHEN exact_is_zero(w.qty) AND exact_is_zero(w.cost) THEN 0
       ELSE exact_div(exact_mul(exact_sub(w.worth, w.cost), w.rate), 1000000000) END AS unrealized_price
FROM worth_parts w;

-- In the firm's currency: a figure is its price part and its fx part; fx_on_cash is what the money that came of the position gained since by its rate; the
-- total is the result at the rate of now. All are unknown when a rate is.
CREATE VIEW valued_parts AS
WITH s AS (
    SELECT m.*, CASE WHEN m.base_known = 1 THEN exact_div(exact_mul(m.result, m.rate), 1000000000) END AS total_base,
           exact_sub(m.realized_base, m.realized_fx) AS realized_price, exact_sub(m.unrealized_base, m.unrealized_price) AS unrealized_fx
    FROM marked_parts m
)
SELECT s.*, exact_sub(s.total_base, exact_add(exact_sub(exact_add(s.realized_base, s.income_base), s.fees_base), s.unrealized_base)) AS fx_on_cash
FROM s;

CREATE VIEW marked_figures AS SELECT * FROM valued_parts WHERE part = 'whole';

-- Legs of each position by asset and value date, at the money scale: linear +qty*multiplier of the base and -flow of the quote; inverse -flow of the base
-- and -qty*multiplier of the quote.
CREATE VIEW exposure_legs AS
WITH sums AS MATERIALIZED (
    SELECT position, value_day, venue, exact_sum(units) AS units, exact_sum(cost) AS cost, exact_sum(pnl) AS pnl
    FROM postings_now GROUP BY position, value_day, venue
)
SELECT k.account, k.strategy, k.instrument, p.venue, p.value_day, i.money_digits, CASE WHEN i.inverse = 1 THEN i.quote ELSE i.base END AS asset,
       exact_mul(exact_mul(p.units, i.unit_scale), CASE WHEN i.inverse = 1 THEN -1 ELSE 1 END) AS amount
FROM sums p JOIN position_keys k ON k.id = p.position JOIN valued i ON i.id = k.instrument
UNION ALL
SELECT k.account, k.strategy, k.instrument, p.venue, p.value_day, i.money_digits, i.settle AS asset, exact_neg(exact_add(p.cost, p.pnl)) AS amount
FROM sums p JOIN position_keys k ON k.id = p.position JOIN valued i ON i.id = k.instrument;

CREATE VIEW named_exposure AS
SELECT e.asset, e.value_day, coalesce(a.name, '-') AS account, coalesce(s.name, '-') AS strategy, i.symbol AS instrument, coalesce(b.name, '-') AS broker,
       coalesce(d.name, '-') AS desk, coalesce(v.name, '-') AS venue, e.amount, e.money_digits
FROM exposure_legs e
JOIN instruments i ON i.id = e.instrument
LEFT JOIN accounts a ON a.id = e.account
LEFT JOIN strategies s ON s.id = e.strategy
LEFT JOIN venues v ON v.id = e.venue
LEFT JOIN memberships_now b ON b.what = 'account' AND b.id = e.account
LEFT JOIN memberships_now d ON d.what = 'strategy' AND d.id = e.strategy;

CREATE VIEW exposure AS
SELECT asset, value_day, account, strategy, exact_decimal(exact_sum(amount), money_digits) AS amount
FROM named_exposure GROUP BY asset, value_day, account, strategy, money_digits;

-- Sums of all legs by position, one row a leg.
CREATE VIEW leg_sums AS
WITH s AS MATERIALIZED (
    SELECT i.settle, i.unit, i.qty_scale, i.money_digits, f.cost, f.cash, f.fee, f.pnl, f.funding, f.income, f.equity, f.units
    FROM (
        SELECT position, exact_sum(cost) AS cost, exact_sum(cash) AS cash, exact_sum(fee) AS fee, exact_sum(pnl) AS pnl,
               exact_sum(funding) AS funding, exact_sum(income) AS income, exact_sum(equity) AS equity, exact_sum(units) AS units
        FROM postings_now GROUP BY position
    ) AS f JOIN position_keys k ON k.id = f.position JOIN valued i ON i.id = k.instrument
)
SELECT settle AS asset, 'money' AS what, 'POSITION' AS ledger_account, cost AS amount, money_digits FROM s
UNION ALL SELECT settle, 'money', 'VENUE', cash, money_digits FROM s
UNION ALL SELECT settle, 'money', 'FEE', fee, money_digits FROM s
UNION ALL SELECT settle, 'money', 'PNL', pnl, money_digits FROM s
UNION ALL SELECT settle, 'money', 'FUNDING', funding, money_digits FROM s
UNION ALL SELECT settle, 'money', 'INCOME', income, money_digits FROM s
UNION ALL SELECT settle, 'money', 'EQUITY', equity, money_digits FROM s
UNION ALL SELECT currency, 'money', 'VENUE', exact_sub(entered, paid), (SELECT money_digits FROM book) FROM cash_moves_now
UNION ALL SELECT currency, 'money', 'EQUITY', exact_sub(paid, entered), (SELECT money_digits FROM book) FROM cash_moves_now
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
SELECT seq, engine_ns, position, execution, day, value_day, correction, 1 AS leg, 'POSITION' AS ledger_account, 'money' AS what, cost AS amount
FROM postings_now
UNION ALL SELECT seq, engine_ns, position, execution, day, value_day, correction, 2, 'VENUE', 'money', cash FROM postings_now
UNION ALL SELECT seq, engine_ns, position, execution, day, value_day, correction, 3, 'FEE', 'money', fee FROM postings_now
UNION ALL SELECT seq, engine_ns, position, execution, day, value_day, correction, 4, 'PNL', 'money', pnl FROM postings_now
UNION ALL SELECT seq, engine_ns, position, execution, day, value_day, correction, 5, 'FUNDING', 'money', funding FROM postings_now
UNION ALL SELECT seq, engine_ns, position, execution, day, value_day, correction, 6, 'INCOME', 'money', income FROM postings_now
UNION ALL SELECT seq, engine_ns, position, execution, day, value_day, correction, 7, 'EQUITY', 'money', equity FROM postings_now
UNION ALL SELECT seq, engine_ns, position, execution, day, value_day, correction, 8, 'POSITION', 'units', units FROM postings_now
UNION ALL SELECT seq, engine_ns, position, execution, day, value_day, correction, 9, 'EQUITY', 'units', exact_neg(units) FROM postings_now;

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
WHERE NOT exact_is_zero(l.amount)
UNION ALL
SELECT m.seq, g.leg, at_time(m.engine_ns), m.day, m.value_day, g.ledger_account, 'money', m.currency,
       exact_decimal(CASE WHEN g.leg = 1 THEN exact_sub(m.entered, m.paid) ELSE exact_sub(m.paid, m.entered) END, (SELECT money_digits FROM book)),
       0, m.execution, coalesce(a.name, '-'), '-', '-', 0
FROM cash_moves_now m
JOIN (SELECT 1 AS leg, 'VENUE' AS ledger_account UNION ALL SELECT 2, 'EQUITY') AS g ON 1 = 1
LEFT JOIN accounts a ON a.id = m.account
WHERE NOT exact_is_zero(exact_sub(m.entered, m.paid));

-- Every booking of every kind and every change of one, oldest first: what was reported, corrected, busted, and what the ledger refused (result).
CREATE VIEW fill_history AS
SELECT x.seq, at_time(x.engine_ns) AS engine_time, x.execution, k.name AS kind, coalesce(r.name, 'NOT_BOOKED') AS result, x.day, x.trade_day, x.value_day,
       coalesce(a.name, '-') AS account, CASE WHEN k.name IN ('DEPOSIT', 'WITHDRAWAL', 'CONVERSION') THEN '-' ELSE coalesce(s.name, '-') END AS strategy,
       coalesce(v.name, '-') AS venue, coalesce(b.name, '-') AS broker,
       coalesce(i.symbol, '-') AS instrument, d.name AS side, exact_decimal(x.qty, coalesce(i.qty_digits, 0)) AS qty,
       exact_decimal(x.px, coalesce(i.px_digits, 0)) AS px, exact_decimal(x.amount, (SELECT money_digits FROM book)) AS amount,
       CASE WHEN w.settle IS NOT NULL THEN w.settle WHEN x.fee_currency <> '' THEN x.fee_currency END AS currency,
       exact_decimal(x.fee, CASE WHEN f.name = 'BASE' THEN i.qty_digits ELSE w.money_digits END) AS fee, f.name AS fee_kind,
       CASE WHEN f.name = 'BASE' THEN w.base WHEN x.fee_kind <> 0 THEN w.settle END AS fee_asset,
       CASE WHEN x.fee_kind <> 0 AND x.fee_currency <> '' THEN x.fee_currency END AS fee_currency, x.exec_id, x.venue_order_id, x.order_id, x.position
FROM executions_now x
LEFT JOIN words k ON k.enum = 'LedgerEventKind' AND k.id = x.kind
LEFT JOIN words r ON r.enum = 'LedgerResult' AND r.id = x.result
LEFT JOIN words d ON d.enum = 'Side' AND d.id = x.side
LEFT JOIN words f ON f.enum = 'LedgerFee' AND f.id = x.fee_kind
LEFT JOIN accounts a ON a.id = x.account
LEFT JOIN strategies s ON s.id = x.strategy
LEFT JOIN venues v ON v.id = x.venue
LEFT JOIN instruments i ON i.id = x.instrument
LEFT JOIN valuations w ON w.id = x.instrument
LEFT JOIN memberships_now b ON b.what = 'account' AND b.id = x.account;

-- Each trade once, with what is in force of it; UNNAMED: it waits for the names of its lots (SPEC); REFUSED: the ledger does not have what the newest report says.
CREATE VIEW fills AS
SELECT h.execution, h.booked_seq, h.seq AS changed_seq, h.changes,
       CASE WHEN h.result = 'HELD' THEN 'UNNAMED' WHEN h.result <> 'BOOKED' THEN 'REFUSED' WHEN h.kind = 'BUST' THEN 'BUSTED'
       WHEN h.kind = 'CORRECT' THEN 'CORRECTED' ELSE 'BOOKED' END AS status,
       h.result, h.trade_day, h.value_day, h.account, h.strategy, h.venue, h.broker, h.instrument, h.side, h.qty, h.px, h.fee, h.fee_kind, h.fee_asset,
       h.fee_currency, h.exec_id, h.order_id, h.position,
       h.engine_time
FROM (
    SELECT f.*, min(seq) OVER (PARTITION BY execution) AS booked_seq, count(*) OVER (PARTITION BY execution) AS changes,
           row_number() OVER (PARTITION BY execution ORDER BY seq DESC) AS newest, first_value(kind) OVER (PARTITION BY execution ORDER BY seq) AS first_kind
    FROM fill_history f
) AS h WHERE h.newest = 1 AND h.first_kind = 'FILL';
