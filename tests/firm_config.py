"""A configuration that says something of everything in the firm's model."""

FIRM = """
instance = {name = "t", data_dir = "d", mode = "demo", prefix = "RF"}
firm = {currency = "USD"}
[[currency]]
code = "EUR"
rate = "1.0825"
[[broker]]
name = "prime"
[[account]]
name = "main"
currency = "USD"
broker = "prime"
[[account]]
name = "hedge"
currency = "EUR"
[[desk]]
name = "fx"
[[strategy]]
name = "mm1"
desk = "fx"
deadman_ms = 500
[[strategy]]
name = "mm2"
[[instrument]]
symbol = "EUR/USD"
base = "EUR"
quote = "USD"
price_digits = 5
qty_digits = 0
tick = "0.00001"
lot = "1000"
qty_min = "1000"
qty_max = "10000000"
margin = "3.5%"
[[instrument]]
symbol = "FESX"
base = "SX5E"
quote = "EUR"
kind = "future"
price_digits = 1
qty_digits = 0
tick = "0.5"
lot = "1"
qty_min = "1"
qty_max = "1000"
multiplier = 10
last_day = "2026-12-18"
restricted = true
mark = "last"
variation_margin = "daily"
locate_required = true
bands = [{from = "1000", tick = "1"}, {from = "5000", tick = "5"}]
[[venue]]
name = "ecn"
cancel_on_disconnect = true
session = {sender_comp_id = "A", target_comp_id = "B", host = "h", port = 1}
[[route]]
name = "big"
instrument = "EUR/USD"
strategy = "mm1"
side = "buy"
qty_min = "1000000"
qty_max = "5000000"
from = "07:30"
until = "21:00:30"
account = "main"
venue = "ecn"
[[route]]
name = "rest"
account = "main"
venue = "ecn"
[[permission]]
name = "makers"
strategies = ["mm1", "mm2"]
accounts = ["main"]
instruments = "EUR/USD"
ord_types = ["limit"]
time_in_forces = ["day", "ioc"]
[[permission]]
name = "index"
strategies = "mm1"
instruments = "FESX"
short = true
[[limit]]
scope = "firm"
rule = "MAX_NOTIONAL"
value = "1000000.5"
[[limit]]
scope = "account:main/EUR/USD"
rule = "MAX_POSITION"
value = "5000000"
[[limit]]
scope = "strategy:mm1"
rule = "REFERENCE_AGE"
value = "5s"
[[limit]]
scope = "firm"
rule = "COLLAR"
value = "2.5%"
[[limit]]
scope = "firm"
rule = "SELF_MATCH"
value = "cancel_resting"
[[limit]]
scope = "venue:ecn"
rule = "MESSAGE_RATE"
value = "100/s"
[[operator]]
name = "risk1"
uid = 4001
role = "risk"
public_key = "00112233445566778899aabbccddeeff00112233445566778899aabbccddee01"
"""
