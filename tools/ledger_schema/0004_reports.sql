-- What people ask the ledger for: PnL in the position's currency and in the firm's, the master identity, and the sums of many positions (ledger_rollups.py).

-- In the position's currency, and in the firm's at the rates of their moments; what is open at the rate of now. Unknown, never 0, without a mark; the
-- firm's also without a rate of then or now (base_known is 0).
CREATE VIEW pnl AS
SELECT position, account, strategy, instrument, currency, exact_decimal(qty, qty_digits) AS qty,
       exact_decimal(exact_mul(px_twice, 5), px_digits + 1) AS mark, mark_from,
       exact_decimal(realized, money_digits) AS realized,
       exact_decimal(unrealized, money_digits) AS unrealized, exact_decimal(fees, money_digits) AS fees, exact_decimal(funding, money_digits) AS funding,
       exact_decimal(income, money_digits) AS income, exact_decimal(result, money_digits) AS total, updated_seq, base_currency, base_known,
       CASE WHEN base_unknown = 0 THEN exact_decimal(realized_base, money_digits) END AS realized_base,
       CASE WHEN base_unknown = 0 THEN exact_decimal(realized_price, money_digits) END AS realized_price,
       CASE WHEN base_unknown = 0 THEN exact_decimal(realized_fx, money_digits) END AS realized_fx,
       exact_decimal(unrealized_base, money_digits) AS unrealized_base, exact_decimal(unrealized_price, money_digits) AS unrealized_price,
       exact_decimal(unrealized_fx, money_digits) AS unrealized_fx,
       CASE WHEN base_unknown = 0 THEN exact_decimal(fees_base, money_digits) END AS fees_base,
       CASE WHEN base_unknown = 0 THEN exact_decimal(income_base, money_digits) END AS income_base,
       exact_decimal(fx_on_cash, money_digits) AS fx_on_cash, exact_decimal(total_base, money_digits) AS total_base
FROM marked_figures;

-- The master identity: what the ledger says came of a position against the money that it moved and what it is worth at the mark. Cost that came by transfer or
-- spin-off was paid elsewhere, as were fees in assets without lots; a margined position is worth what it would realize, and under daily variation margin
-- what of that is not paid yet. Without a mark the position counts at cost: the identity holds at any mark. And what EQUITY is the contra of: moved cost and
-- fees elsewhere; of margined positions the cost, under daily variation margin also what was settled ahead of being realized. Both differences are 0, always.
CREATE VIEW identity AS
WITH s AS (
    SELECT f.position, f.account, f.strategy, f.instrument, f.currency, f.realized, f.fees, f.funding, f.income, f.cost, f.cash, f.moved, f.fees_elsewhere,
           f.equity, f.money_digits, f.margin, f.daily, coalesce(f.worth, f.cost) AS at_mark, exact_add(exact_sub(exact_add(f.realized, f.funding), f.fees), f.income) AS made,
           exact_sub(exact_add(exact_sub(f.cash, f.fees_elsewhere), f.fees), exact_add(f.funding, f.income)) AS paid
    FROM marked_figures f
), t AS (
    SELECT s.*, exact_sub(exact_add(made, at_mark), cost) AS result, CASE
        WHEN daily = 1 THEN exact_sub(exact_add(exact_sub(at_mark, cost), realized), paid)
        WHEN margin = 1 THEN exact_sub(at_mark, cost)
        ELSE exact_sub(at_mark, moved) END AS position_at_mark, CASE
        WHEN daily = 1 THEN exact_sub(exact_add(cost, paid), realized)
        WHEN margin = 1 THEN cost
        ELSE moved END AS contra
    FROM s
)
SELECT position, account, strategy, instrument, currency, exact_decimal(realized, money_digits) AS realized, exact_decimal(fees, money_digits) AS fees,
       exact_decimal(funding, money_digits) AS funding, exact_decimal(income, money_digits) AS income,
       exact_decimal(exact_sub(at_mark, cost), money_digits) AS unrealized, exact_decimal(result, money_digits) AS result,
       exact_decimal(cash, money_digits) AS cash, exact_decimal(position_at_mark, money_digits) AS position_at_mark,
       exact_decimal(fees_elsewhere, money_digits) AS fees_elsewhere,
       exact_decimal(exact_sub(result, exact_sub(exact_add(cash, position_at_mark), fees_elsewhere)), money_digits) AS difference,
       exact_decimal(equity, money_digits) AS equity,
       exact_decimal(exact_add(equity, exact_add(contra, fees_elsewhere)), money_digits) AS equity_difference
FROM t;

-- Money of an account in a currency, whole numbers at the money scale, and what it was worth in the firm's currency when it came (base): entries and fees in
-- third currencies at the rates of their moments, and what positions paid, told from their base figures. What is margined paid what it realized, at the rates of
-- those moments; under daily variation margin moved_base is what settlements paid.
CREATE VIEW cash_figures AS
SELECT account_id, currency, exact_sum(entered) AS entered, exact_sum(positions) AS positions, exact_sum(paid) AS paid, exact_sum(base) AS base,
       sum(base_unknown) AS base_unknown
FROM (
    SELECT account AS account_id, currency, entered, 0 AS positions, paid, exact_sub(entered_base, paid_base) AS base, 0 AS base_unknown FROM cash_moves_now
    UNION ALL
    SELECT account, currency, 0, 0, 0, 0, base_unknown FROM cash_moves WHERE seq <= (SELECT as_of_seq()) AND engine_ns <= (SELECT as_of_ns())
    UNION ALL
    SELECT account_id, currency, 0, cash, 0, exact_add(exact_sub(income_base, fees_base), CASE
        WHEN daily = 1 THEN moved_base
        WHEN margin = 1 THEN exact_sub(realized_base, realized_fx)
        ELSE exact_sub(exact_add(realized_base, moved_base), cost_base) END), base_unknown
    FROM named_figures WHERE account_id <> 0
) AS parts
GROUP BY account_id, currency;

-- The same as people read it; worth and fx_on_cash at the rate of now, unknown without one. fx_on_cash is what the balance gained by its rate since it came.
CREATE VIEW cash AS
SELECT a.name AS account, s.currency, exact_decimal(s.entered, s.money_digits) AS entered, exact_decimal(s.positions, s.money_digits) AS positions,
       exact_decimal(s.paid, s.money_digits) AS fees, exact_decimal(s.balance, s.money_digits) AS balance, s.base_currency,
       exact_decimal(s.worth, s.money_digits) AS worth,
       CASE WHEN s.base_unknown = 0 THEN exact_decimal(exact_sub(s.worth, s.base), s.money_digits) END AS fx_on_cash,
       CASE WHEN s.base_unknown = 0 AND s.worth IS NOT NULL THEN 1 ELSE 0 END AS base_known
FROM (
    SELECT b.*, (SELECT max(currency) FROM rates_now WHERE is_firm = 1) AS base_currency,
           CASE WHEN r.is_firm = 1 THEN b.balance WHEN r.rate > 0 THEN exact_div(exact_mul(b.balance, r.rate), 1000000000) END AS worth
    FROM (
        SELECT c.*, exact_sub(exact_add(c.entered, c.positions), c.paid) AS balance, (SELECT money_digits FROM book) AS money_digits FROM cash_figures c
    ) AS b LEFT JOIN rates_now r ON r.currency = b.currency
) AS s JOIN accounts a ON a.id = s.account_id;
