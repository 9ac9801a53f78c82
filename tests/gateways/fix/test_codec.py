"""The codec against slow, obvious Python: Decimal, datetime, sums and splits; every byte boundary of a message."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ringfence.gateways.errors import FixError, GarbledMessage
from ringfence.gateways.fix import codec

HEADER = [(34, 7), (49, "A"), (52, "20231114-22:13:20.123"), (56, "B")]
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

values = st.binary(min_size=0, max_size=40).filter(lambda v: b"\x01" not in v)
plain_tags = st.integers(1, 999_999_999).filter(lambda t: t not in {8, 9, 10, 35, 89, 91, 96, 213, 446} and not 349 <= t <= 365)
bodies = st.lists(st.tuples(plain_tags, values), min_size=1, max_size=30)


def message(*fields: tuple[int, object]) -> bytes:
    return codec.encode(b"D", [*HEADER, *fields])  # type: ignore[list-item]


def with_checksum(data: bytes) -> bytes:
    return data + b"10=%03d\x01" % (sum(data) % 256)


@settings(deadline=None, max_examples=300)
@given(st.sampled_from([b"D", b"8", b"AE", b"long"]), bodies)
def test_encode_when_parsed_gives_the_same_fields(msg_type: bytes, fields: list[tuple[int, bytes]]) -> None:
    data = codec.encode(msg_type, fields)
    parsed = codec.parse(data)
    assert parsed[0] == (8, b"FIX.4.2")
    assert parsed[2] == (35, msg_type)
    assert parsed[3:-1] == fields
    assert int(parsed[1][1]) == len(data) - data.index(b"\x0135=") - 1 - 7
    assert int(parsed[-1][1]) == sum(data[:-7]) % 256


@pytest.mark.parametrize("body", [[(58, "x" * n)] for n in (0, 1, 2, 3, 37, 38, 39, 900, 901, 902)])
def test_frame_when_cut_at_any_byte_is_incomplete(body: list[tuple[int, str]]) -> None:
    data = message(*body)
    for cut in range(len(data)):
        assert codec.frame(data[:cut]) == ("incomplete", 0), f"cut at {cut} of {len(data)}"
    assert codec.frame(data) == ("complete", len(data))
    assert codec.frame(data + b"8=F") == ("complete", len(data))


def test_parse_when_any_one_byte_is_changed_never_gives_other_fields() -> None:
    data = message((11, "ABC"), (38, 100), (58, "text"))
    original = codec.parse(data)
    for at in range(len(data)):
        for flip in (0x01, 0x02, 0x80):
            changed = data[:at] + bytes([data[at] ^ flip]) + data[at + 1 :]
            with pytest.raises(GarbledMessage):
                assert codec.parse(changed) == original


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"9=5\x018=FIX.4.2\x0135=0\x01", id="wrong first field"),
        pytest.param(b"8=FIX.4.2\x0135=0\x019=5\x01", id="no 9 after 8"),
        pytest.param(b"8=FIX.4.2\x019=x\x0135=0\x01", id="BodyLength is no number"),
        pytest.param(b"8=FIX.4.2\x019=4\x0135=0\x01", id="BodyLength one short"),
        pytest.param(b"8=FIX.4.2\x019=0\x01", id="empty body"),
        pytest.param(b"8=FIX.4.2\x019=5\x0134=1\x01", id="35 is not third"),
        pytest.param(b"8=FIX.4.2\x019=4\x0135=\x01", id="35 without a value"),
        pytest.param(b"8=FIX.4.2\x019=10\x0135=0\x0111a=\x01", id="tag with a letter"),
        pytest.param(b"8=FIX.4.2\x019=10\x0135=0\x01011=\x01", id="tag with a leading zero"),
        pytest.param(b"8=FIX.4.2\x019=7\x0135=0\x01=\x01", id="no tag"),
        pytest.param(b"8=FIX.4.2\x019=7\x0135=0\x0111\x01"[:-1] + b"\x01", id="no equals sign"),
        pytest.param(b"8=FIX.4.2\x019=18\x0135=0\x011234567890=\x01", id="tag of ten digits"),
        pytest.param(b"8=FIX.4.2\x019=16\x0135=0\x0195=9\x0196=ab\x01", id="data length beyond the end"),
        pytest.param(b"8=FIX.4.2\x019=16\x0135=0\x0195=1\x0196=ab\x01", id="data length too small"),
        pytest.param(b"8=FIX.4.2\x019=70000\x0135=0\x01", id="BodyLength beyond the longest message"),
    ],
)
def test_parse_when_structure_is_wrong_is_garbled(data: bytes) -> None:
    with pytest.raises(GarbledMessage):
        codec.parse(with_checksum(data))


def test_parse_when_checksum_is_wrong_is_garbled_and_says_so() -> None:
    data = message((58, "x"))
    wrong = data[:-4] + b"%03d\x01" % ((int(data[-4:-1]) + 1) % 256)
    with pytest.raises(GarbledMessage, match="CheckSum"):
        codec.parse(wrong)


def test_parse_when_data_field_holds_soh_takes_its_length() -> None:
    fields = [(95, b"5"), (96, b"a\x0110="), (58, b"end")]
    assert codec.parse(codec.encode(b"B", fields))[3:-1] == fields
    with pytest.raises(FixError, match="holds SOH"):
        codec.encode(b"B", [(58, b"a\x01b")])


def test_frame_when_garbage_stands_before_a_message_skips_to_it() -> None:
    data = message((58, "FIX 8=FIX in a text"))
    for garbage in (b"x", b"8=FI", b"\x01\x00\xff" * 9, b"8=FIX.4.2\x019=", b"8=FIX.4.2\x01x", data[5:], b"8=8=FIX"):
        stream, skipped = garbage + data, 0
        while (found := codec.frame(stream))[0] == "garbled":
            assert found[1] > 0
            stream, skipped = stream[found[1] :], skipped + found[1]
        assert (found, skipped) == (("complete", len(data)), len(garbage)), f"after {garbage!r}"


@settings(deadline=None, max_examples=400)
@given(st.binary(max_size=200))
def test_frame_when_fed_anything_moves_forward_or_waits(data: bytes) -> None:
    state, size = codec.frame(data)
    assert state in ("complete", "incomplete", "garbled")
    assert (size == 0) == (state == "incomplete")
    assert size <= len(data)


@settings(deadline=None, max_examples=300)
@given(st.binary(max_size=3000))
def test_checksum_when_summed_eight_at_a_time_equals_the_sum(data: bytes) -> None:
    assert codec.checksum(data) == sum(data) % 256


def test_checksum_when_all_bytes_are_255_does_not_overflow() -> None:
    for n in (7, 8, 1023, 1024, 1025, 8192):
        assert codec.checksum(b"\xff" * n) == 255 * n % 256


@settings(deadline=None, max_examples=500)
@given(st.integers(-(10**18) + 1, 10**18 - 1), st.integers(0, 18))
def test_decimal_when_written_and_read_is_the_same_number(mantissa: int, digits: int) -> None:
    text = codec.decimal_text(mantissa, digits)
    assert Decimal(text.decode()) == Decimal(mantissa).scaleb(-digits)
    found, places = codec.decimal_value(text)
    assert Decimal(found).scaleb(-places) == Decimal(mantissa).scaleb(-digits)


@settings(deadline=None, max_examples=500)
@given(st.from_regex(rb"-?[0-9]{0,22}(\.[0-9]{0,22})?", fullmatch=True))
def test_decimal_when_text_is_a_fix_float_agrees_with_decimal_or_is_refused(text: bytes) -> None:
    digits = text.lstrip(b"-").replace(b".", b"")
    try:
        mantissa, places = codec.decimal_value(text)
    except FixError:
        value = Decimal(text.decode()) if digits else None
        shortest = value.normalize() if value is not None else None
        assert shortest is None or abs(shortest.as_tuple().exponent) > 18 or abs(shortest.scaleb(max(0, -shortest.as_tuple().exponent))) >= 10**18  # type: ignore[arg-type]
    else:
        assert Decimal(mantissa).scaleb(-places) == Decimal(text.decode())
        assert places == 0 or mantissa % 10, "zeros at the end of the fraction are dropped"


@pytest.mark.parametrize(
    ("text", "expected"),
    [(b"002000.00", (2000, 0)), (b"0.10", (1, 1)), (b".5", (5, 1)), (b"23.", (23, 0)), (b"-0.5", (-5, 1)), (b"-0", (0, 0)), (b"1.0500", (105, 2))],
)
def test_decimal_when_form_is_unusual_is_read(text: bytes, expected: tuple[int, int]) -> None:
    assert codec.decimal_value(text) == expected


@pytest.mark.parametrize(
    "text", [b"", b"-", b".", b"-.", b"+1", b"1e5", b"1,0", b" 1", b"1 ", b"0x1", b"1..2", b"--1", b"1-", b"1" * 19, b"0." + b"0" * 18 + b"1"]
)
def test_decimal_when_text_is_no_fix_float_is_refused(text: bytes) -> None:
    with pytest.raises(FixError):
        codec.decimal_value(text)


@settings(deadline=None, max_examples=400)
@given(st.datetimes(datetime(1970, 1, 1), datetime(2261, 12, 31)), st.sampled_from([0, 3, 6, 9]), st.integers(0, 999))
def test_timestamp_when_written_and_read_agrees_with_datetime(moment: datetime, places: int, nanos: int) -> None:
    ns = (moment.replace(tzinfo=UTC) - EPOCH) // timedelta(microseconds=1) * 1000 + nanos
    unit = 10 ** (9 - places)
    text = codec.timestamp_text(ns, places)
    assert text.startswith(moment.strftime("%Y%m%d-%H:%M:%S").rjust(17, "0").encode())
    assert len(text) == 17 + (places + 1 if places else 0)
    assert codec.timestamp_ns(text) == ns // unit * unit


@pytest.mark.parametrize(("text", "second"), [(b"20161231-23:59:60", 1483228800), (b"20000229-00:00:00", 951782400), (b"19700101-00:00:00", 0)])
def test_timestamp_when_calendar_is_odd_is_right(text: bytes, second: int) -> None:
    assert codec.timestamp_ns(text) == second * 10**9


@pytest.mark.parametrize(
    "text",
    [
        b"", b"20231114", b"20231114-22:13", b"20231114 22:13:20", b"20231114-22:13:20.", b"20231114-22:13:20,123", b"20231114-24:00:00", b"20231114-22:60:00",
        b"20231114-22:13:61", b"20230229-00:00:00", b"21000229-00:00:00", b"20231301-00:00:00", b"20230001-00:00:00", b"20230100-00:00:00",
        b"19691231-23:59:59",
        b"20231114-22:13:20.1234567890", b"2023111x-22:13:20",
    ],
)  # fmt: skip
def test_timestamp_when_text_is_none_is_refused(text: bytes) -> None:
    with pytest.raises(FixError):
        codec.timestamp_ns(text)


def test_parse_when_there_are_too_many_fields_says_so() -> None:
    most = [(58, "")] * (codec.FIELDS_MAX - 4)
    assert len(codec.parse(codec.encode(b"B", most))) == codec.FIELDS_MAX
    with pytest.raises(GarbledMessage, match="more than 1024 fields"):
        codec.parse(codec.encode(b"B", [*most, (58, "")]))


def test_encode_when_message_is_too_long_is_refused() -> None:
    longest = codec.encode(b"B", [(58, "x" * 65000)])
    assert codec.parse(longest)[3][1] == b"x" * 65000
    with pytest.raises(FixError, match="does not fit"):
        codec.encode(b"B", [(58, "x" * 66000)])
    with pytest.raises(FixError, match="BeginString"):
        codec.encode(b"B", [(58, "x")], b"FIX.4.2.too.long")


def test_parse_when_compared_with_simplefix_agrees() -> None:
    simplefix = pytest.importorskip("simplefix")
    fields = [(11, "ID"), (38, "100"), (44, "1.25"), (55, "ABC"), (58, "hello")]
    parser = simplefix.FixParser()
    parser.append_buffer(message(*fields))
    other = parser.get_message()
    assert [(int(t), v) for t, v in other.pairs] == codec.parse(message(*fields))


@pytest.mark.parametrize("tag", [0, -1, -12])
def test_parse_when_a_tag_is_not_positive_keeps_it_for_validation(tag: int) -> None:
    message = codec.encode(b"0", [(tag, "HI")])
    assert codec.parse(message)[3] == (tag, b"HI")


def test_frame_when_body_length_is_too_long_skips_the_claimed_body() -> None:
    first = codec.encode(b"0", [(112, "A")])
    second, third = codec.encode(b"0", [(112, "B")]), codec.encode(b"0", [(112, "C")])
    wrong = first.replace(b"9=%d\x01" % int(codec.parse(first)[1][1]), b"9=40\x01")
    assert codec.frame(wrong + second + third) == ("garbled", len(wrong + second))
