"""The validator: each check on and off in both versions, groups inside groups, which fault wins, and random messages against a slow obvious one."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ringfence.gateways.fix import dictionary
from ringfence.gateways.fix.codec import encode, parse
from ringfence.gateways.fix.dictionary import CHECK_ALL, CHECKS, Dictionary

VERSIONS = ["FIX.4.2", "FIX.4.4"]
AT = "20231114-22:13:20.123"
HEADER: list[tuple[int, bytes | str | int]] = [(34, 2), (49, "TW"), (52, AT), (56, "ISLD")]
ORDER: list[tuple[int, bytes | str | int]] = [(11, "ID"), (21, 1), (38, "200.00"), (40, 1), (54, 1), (55, "INTC"), (60, AT)]
Fields = list[tuple[int, bytes | str | int]]


def without(fields: Fields, tag: int) -> Fields:
    return [f for f in fields if f[0] != tag]


def fault(version: str, fields: Fields, checks: int = CHECK_ALL, msg_type: bytes = b"D") -> tuple[int, int] | None:
    return dictionary.load(version).fault(encode(msg_type, fields, version.encode()), checks)


FAULTS = [
    pytest.param("required", without([*HEADER, *ORDER], 11), (11, 1), id="required in the body"),
    pytest.param("required", [*without(HEADER, 56), *ORDER], (56, 1), id="required in the header"),
    pytest.param("unknown", [*HEADER, *ORDER, (999, "HI")], (999, 0), id="tag of no version"),
    pytest.param("unknown", [*HEADER, *ORDER, (6, "1")], (6, 2), id="tag of another message"),
    pytest.param("unknown", [*HEADER, *ORDER, (336, "x")], (336, 2), id="field of a group without its count"),
    pytest.param("empty", [*HEADER, *ORDER, (1, "")], (1, 4), id="no value"),
    pytest.param("empty", [*without(HEADER, 56), (56, ""), *ORDER], (56, 4), id="no value in the header"),
    pytest.param("repeated", [*HEADER, *ORDER, (40, 2)], (40, 13), id="repeated"),
    pytest.param("repeated", [*HEADER, (34, 3), *ORDER], (34, 13), id="repeated in the header"),
    pytest.param("order", [*ORDER, *HEADER], (34, 14), id="body before header"),
    pytest.param("types", [*HEADER, *ORDER, (126, "x")], (126, 6), id="time"),
    pytest.param("types", [*HEADER, *without(ORDER, 38), (38, "+200.00")], (38, 6), id="sign of a quantity"),
    pytest.param("types", [*HEADER, *without(ORDER, 38), (38, "1.2.3")], (38, 6), id="two points"),
    pytest.param("types", [*HEADER, *without(ORDER, 38), (38, ".")], (38, 6), id="a point alone"),
    pytest.param("types", [*HEADER, *ORDER, (64, "20230230")], (64, 6), id="date that is none"),
    pytest.param("values", [*HEADER, *ORDER, (59, "Z")], (59, 5), id="enumeration"),
    pytest.param("values", [*HEADER, *ORDER, (18, "1 ~")], (18, 5), id="one of several values"),
    pytest.param("groups", [*HEADER, *ORDER, (386, 3), (336, "PRE"), (336, "AFTER")], (386, 16), id="count too high"),
    pytest.param("groups", [*HEADER, *ORDER, (386, 1), (336, "PRE"), (336, "AFTER")], (386, 16), id="count too low"),
    pytest.param("groups", [*HEADER, *ORDER, (386, 1)], (386, 16), id="no entry"),
    pytest.param("groups", [*HEADER, *ORDER, (78, 1), (80, 5)], (78, 16), id="entry without its first field"),
    pytest.param("user_tags", [*HEADER, *ORDER, (5000, "x")], (5000, 0), id="tag of nobody"),
]


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize(("check", "fields", "expected"), FAULTS)
def test_check_when_on_finds_it_and_when_off_does_not(version: str, check: str, fields: Fields, expected: tuple[int, int]) -> None:
    assert fault(version, fields) == expected
    assert fault(version, fields, CHECKS[check] | 0) == expected
    assert fault(version, fields, CHECK_ALL & ~CHECKS[check]) in {None, (80, 2)}


@pytest.mark.parametrize("version", VERSIONS)
def test_msg_type_when_unknown_is_refused_without_a_tag_unless_switched_off(version: str) -> None:
    assert fault(version, [*HEADER, (58, "x")], msg_type=b"ZZ") == (0, 11)
    assert fault(version, [*HEADER, (58, "x")], CHECK_ALL & ~CHECKS["msg_type"], b"ZZ") is None


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("extra", [[(386, 0)], [(386, 2), (336, "PRE"), (336, "AFTER")], [(18, "1 2")], [(126, "20231114-22:13:20")], [(64, "20240229")]])
def test_order_when_nothing_is_wrong_is_accepted(version: str, extra: Fields) -> None:
    assert fault(version, [*HEADER, *ORDER, *extra]) is None


def test_version_when_it_needs_another_set_of_fields_says_so() -> None:
    assert fault("FIX.4.2", [*HEADER, *without(ORDER, 21)]) == (21, 1)
    assert fault("FIX.4.4", [*HEADER, *without(ORDER, 21)]) is None


@pytest.mark.parametrize(
    ("extra", "expected"),
    [
        ([(453, 2), (448, "A"), (447, "D"), (452, 1), (802, 2), (523, "s"), (803, 1), (523, "t"), (448, "B"), (452, 3)], None),
        ([(453, 2), (448, "A"), (802, 2), (523, "s"), (448, "B")], (802, 16)),
        ([(453, 1), (448, "A"), (802, 1), (523, "s"), (447, "D")], None),
        ([(453, 1), (448, "A"), (448, "B")], (453, 16)),
        ([(453, 1), (448, "A"), (447, "D"), (447, "D")], (453, 16)),
        ([(453, 1), (448, "A"), (452, "x")], (452, 6)),
        ([(453, 1), (448, "A"), (54, 1)], (54, 13)),
    ],
)
def test_groups_when_nested_are_counted_each(extra: Fields, expected: tuple[int, int] | None) -> None:
    assert fault("FIX.4.4", [*HEADER, *ORDER, *extra]) == expected


def test_group_when_an_entry_lacks_a_required_field_names_it() -> None:
    listed: Fields = [*HEADER, (66, "LIST"), (394, 1), (68, 2), (73, 2)]
    first: Fields = [(11, "A"), (67, 1), (55, "INTC"), (54, 1)]
    second: Fields = [(11, "B"), (67, 2), (55, "INTC"), (54, 2)]
    assert fault("FIX.4.4", [*listed, *first, *second], msg_type=b"E") is None
    assert fault("FIX.4.4", [*listed, *first, *without(second, 54)], msg_type=b"E") == (54, 1)
    assert fault("FIX.4.4", [*listed, *without(first, 67), *second], msg_type=b"E") == (67, 1)


def test_group_when_an_entry_lacks_its_first_field_is_a_wrong_count() -> None:
    assert fault("FIX.4.4", [*HEADER, (131, "q"), (146, 2), (54, 1), (55, "A")], msg_type=b"R") == (146, 16)


def test_group_when_the_message_has_none_is_not_of_this_message() -> None:
    assert fault("FIX.4.4", [*HEADER, *ORDER, (146, 2), (55, "A"), (55, "B")]) == (146, 2)


@pytest.mark.parametrize(
    ("fields", "msg_type", "expected"),
    [
        ([*ORDER[1:], *HEADER], b"ZZ", (34, 14)),
        ([*HEADER, *ORDER[1:]], b"ZZ", (0, 11)),
        ([*HEADER, (999, "x"), *ORDER[1:]], b"D", (11, 1)),
        ([*HEADER, *ORDER, (999, ""), (59, "Z")], b"D", (999, 4)),
        ([*HEADER, *ORDER, (40, "long")], b"D", (40, 13)),
        ([*HEADER, *without(ORDER, 40), (40, "long")], b"D", (40, 6)),
    ],
)
def test_fault_when_several_hold_is_the_one_that_other_engines_report(fields: Fields, msg_type: bytes, expected: tuple[int, int]) -> None:
    assert fault("FIX.4.2", fields, msg_type=msg_type) == expected


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("tag", [0, -1, 999])
def test_tag_when_it_is_no_tag_is_named_as_it_was_written(version: str, tag: int) -> None:
    body = b"35=0\x0134=2\x0149=TW\x0152=%s\x0156=ISLD\x01%d=HI\x01" % (AT.encode(), tag)
    message = b"8=%s\x019=%d\x01" % (version.encode(), len(body)) + body
    assert dictionary.load(version).fault(message + b"10=%03d\x01" % (sum(message) % 256)) == (tag, 0)


def test_custom_field_when_declared_is_accepted_and_typed() -> None:
    own = dictionary.load("FIX.4.4", {5000: ("Mine", "INT"), 1057: ("AggressorIndicator", "BOOLEAN")})

    def found(*extra: tuple[int, bytes | str | int]) -> tuple[int, int] | None:
        return own.fault(encode(b"D", [*HEADER, *ORDER, *extra], b"FIX.4.4"))

    assert found((5000, 1), (1057, "Y")) is None
    assert found((5000, "x")) == (5000, 6)
    assert found((5000, 1), (5000, 2)) == (5000, 13)
    assert found((5001, 1)) == (5001, 0)
    assert found((453, 2), (448, "A"), (5000, 1), (448, "B")) is None


# ---- against a slow obvious validator of bodies without groups


def slow_fault(d: Dictionary, message: bytes) -> tuple[int, int] | None:
    """The rules in the order in which they win; only messages whose groups are absent."""
    fields = parse(message)
    header, trailer = {m.tag for m in d.declaration.header}, {m.tag for m in d.declaration.trailer}
    body = d.messages[fields[2][1]]
    own = {m.tag for m in body.members}
    place = 0
    for tag, _ in fields:
        here = 0 if tag in header else 2 if tag in trailer else 1
        if tag in d.fields and here < place:
            return tag, 14
        place = max(place, here) if tag in d.fields else place
    have = {tag for tag, _ in fields}
    for members in (d.declaration.header, body.members, d.declaration.trailer):
        for m in members:
            if m.required and m.tag not in have:
                return m.tag, 1
    seen = set()
    for tag, value in fields:
        if tag in seen and tag in own | header:
            return tag, 13
        seen.add(tag)
        if not value:
            return tag, 4
        if tag not in d.fields:
            return tag, 0
        f = d.fields[tag]
        if f.type == "CHAR" and len(value) != 1:
            return tag, 6
        if f.values and value not in f.values:
            return tag, 5
        if tag not in own | header | trailer:
            return tag, 2
    return None


@settings(max_examples=400, deadline=None)
@given(st.data())
@pytest.mark.parametrize("version", VERSIONS)
def test_fault_when_messages_are_random_is_what_the_slow_validator_finds(version: str, data: st.DataObject) -> None:
    d = dictionary.load(version)
    plain = [(1, "A"), (58, "text"), (59, "1"), (59, "Z"), (1, ""), (999, "x"), (5000, "x"), (6, "1"), (40, "22"), (47, "A"), (50, "s"), (43, "N"), (99, "1")]
    fields: Fields = [*HEADER, *ORDER]
    for extra in data.draw(st.lists(st.sampled_from(plain), max_size=4)):
        fields.insert(data.draw(st.integers(0, len(fields))), extra)
    for _ in range(data.draw(st.integers(0, 2))):
        del fields[data.draw(st.integers(0, len(fields) - 1))]
    message = encode(b"D", fields, version.encode())
    assert d.fault(message) == slow_fault(d, message)
