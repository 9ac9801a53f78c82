-- The arithmetic and the moment that the views are written with; SQLite gets the same functions from tools/ledger_sqlite.py.

CREATE FUNCTION exact_add(a numeric, b numeric) RETURNS numeric IMMUTABLE STRICT PARALLEL SAFE LANGUAGE sql AS 'SELECT a + b';
CREATE FUNCTION exact_sub(a numeric, b numeric) RETURNS numeric IMMUTABLE STRICT PARALLEL SAFE LANGUAGE sql AS 'SELECT a - b';
CREATE FUNCTION exact_mul(a numeric, b numeric) RETURNS numeric IMMUTABLE STRICT PARALLEL SAFE LANGUAGE sql AS 'SELECT a * b';
CREATE FUNCTION exact_neg(a numeric) RETURNS numeric IMMUTABLE STRICT PARALLEL SAFE LANGUAGE sql AS 'SELECT -a';
CREATE FUNCTION exact_sign(a numeric) RETURNS int IMMUTABLE STRICT PARALLEL SAFE LANGUAGE sql AS 'SELECT sign(a)::int';
CREATE FUNCTION exact_is_zero(a numeric) RETURNS boolean IMMUTABLE STRICT PARALLEL SAFE LANGUAGE sql AS 'SELECT a = 0';

-- Half-even, as the ledger rounds.
CREATE FUNCTION exact_div(n numeric, d numeric) RETURNS numeric IMMUTABLE STRICT PARALLEL SAFE LANGUAGE sql AS $$
    SELECT q + CASE WHEN 2 * abs(r) > abs(d) OR (2 * abs(r) = abs(d) AND mod(q, 2) <> 0) THEN sign(n) * sign(d) ELSE 0 END
    FROM (SELECT div(n, d) AS q, n - div(n, d) * d AS r) AS division
$$;

-- What a quantity is worth at half of px_twice; unknown without a price, or at one that an inverse contract cannot have.
CREATE FUNCTION exact_value(qty numeric, px_twice numeric, factor numeric, divisor numeric, inverse int) RETURNS numeric IMMUTABLE PARALLEL SAFE LANGUAGE sql AS
    $$ SELECT CASE
        WHEN qty = 0 THEN 0
        WHEN inverse = 1 THEN CASE WHEN px_twice > 0 THEN -exact_div(2 * qty * factor, px_twice) END
        ELSE exact_div(qty * px_twice * factor, 2 * divisor) END $$;

-- A whole number at a scale, as a decimal without needless zeros.
CREATE FUNCTION exact_decimal(mantissa numeric, digits int) RETURNS numeric IMMUTABLE STRICT PARALLEL SAFE LANGUAGE sql AS
    $$ SELECT trim_scale(mantissa * ('1e-' || digits)::numeric) $$;

CREATE FUNCTION at_time(ns bigint) RETURNS text IMMUTABLE STRICT PARALLEL SAFE LANGUAGE sql AS $$
    SELECT to_char(timestamp 'epoch' + (ns / 1000) * interval '1 microsecond', 'YYYY-MM-DD"T"HH24:MI:SS.US') || lpad((ns % 1000)::text, 3, '0') || 'Z'
$$;

-- The moment that every view answers for: of this session, or of this transaction after as_of(..., local => true).
CREATE FUNCTION as_of_seq() RETURNS bigint STABLE LANGUAGE sql AS
    $$ SELECT coalesce(nullif(current_setting('ledger.seq', true), '')::bigint, 9223372036854775807) $$;
CREATE FUNCTION as_of_ns() RETURNS bigint STABLE LANGUAGE sql AS
    $$ SELECT coalesce(nullif(current_setting('ledger.ns', true), '')::bigint, 9223372036854775807) $$;
CREATE FUNCTION as_of_value_day() RETURNS date STABLE LANGUAGE sql AS
    $$ SELECT coalesce(nullif(current_setting('ledger.value_day', true), '')::date, date '9999-12-31') $$;
CREATE FUNCTION as_of(seq bigint DEFAULT NULL, ns bigint DEFAULT NULL, value_day date DEFAULT NULL, local boolean DEFAULT false) RETURNS void
    LANGUAGE sql AS $$
    SELECT set_config('ledger.seq', coalesce(seq::text, ''), local), set_config('ledger.ns', coalesce(ns::text, ''), local),
           set_config('ledger.value_day', coalesce(value_day::text, ''), local)
$$;
