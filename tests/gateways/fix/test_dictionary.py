"""The dictionary files: every name declared, nothing twice, enumerations of the type of their field; and the names that people read."""

from __future__ import annotations

import re

import pytest

from ringfence.gateways.errors import FixError
from ringfence.gateways.fix import dictionary, tags
from ringfence.gateways.fix.dictionary_file import FILES, Declaration, Member, declared, tags_of

VERSIONS = sorted(FILES)
MSG_TYPES_42 = set("0123456789ABCDEFGHJKLMNPQRSTVWXYZabcdefghijklm")
RETIRED_44 = {20, 24, 46, 47, 51, 76, 86, 92, 105, 109, 125, 166, *range(173, 188), 204, 205, 219, 261, 314, 319, 370, 439, 440, 449, 450, 465, 653, 685}


def every_list(d: Declaration) -> list[tuple[Member, ...]]:
    """Return the header, the trailer, every body and every group."""
    found, todo = [], [d.header, d.trailer, *(m.members for m in d.messages.values())]
    while todo:
        members = todo.pop()
        found.append(members)
        todo += [m.group for m in members if m.group]
    return found


@pytest.mark.parametrize("version", VERSIONS)
def test_file_when_read_declares_its_own_version_and_no_tag_twice_in_a_list(version: str) -> None:
    d = declared(version)
    assert d.begin_string == version
    for members in every_list(d):
        numbers = [m.tag for m in members]
        assert len(numbers) == len(set(numbers))
        assert set(numbers) <= d.fields.keys()


@pytest.mark.parametrize("version", VERSIONS)
def test_file_when_a_group_is_counted_the_count_is_a_number(version: str) -> None:
    d = declared(version)
    assert {d.fields[m.tag].type for members in every_list(d) for m in members if m.group} <= {"INT", "NUMINGROUP"}


@pytest.mark.parametrize("version", VERSIONS)
def test_file_when_a_field_is_enumerated_each_value_has_its_type_and_a_name(version: str) -> None:
    forms = {"CHAR": rb"[!-~]", "INT": rb"-?\d+", "NUMINGROUP": rb"\d+", "STRING": rb"[!-~]{1,16}", "MULTIPLEVALUESTRING": rb"[!-~]{1,16}"}
    for f in declared(version).fields.values():
        for value, name in f.values.items():
            assert re.fullmatch(forms[f.type], value), f"{f.tag} {f.name} {f.type}: {value!r}"
            assert re.fullmatch(r"\w+", name), f"{f.tag} {f.name}: {name!r}"


@pytest.mark.parametrize("version", VERSIONS)
def test_file_when_a_body_is_listed_it_has_no_field_of_header_or_trailer(version: str) -> None:
    d = declared(version)
    outer = {*tags_of(d.header), *tags_of(d.trailer)}
    assert not {(m.name, tag) for m in d.messages.values() for tag in outer & m.tags}


def test_files_when_counted_have_every_message_type_and_field_of_the_standard() -> None:
    assert {t.decode() for t in declared("FIX.4.2").messages} == MSG_TYPES_42
    assert set(range(1, 447)) - declared("FIX.4.2").fields.keys() == {101, *range(220, 223), *range(224, 231), *range(232, 262)}
    assert len(declared("FIX.4.4").messages) == 93
    assert set(range(1, 957)) - declared("FIX.4.4").fields.keys() - RETIRED_44 == {101, 809, 831}


def test_load_when_asked_for_groups_gives_everything_inside() -> None:
    d = dictionary.load("FIX.4.4").messages[b"D"]
    assert d.groups[386] == {336, 625}
    assert d.groups[453] == {448, 447, 452, 802, 523, 803}
    assert {11, 54, 60, 40} <= d.required


def test_load_when_called_twice_gives_the_same_tables() -> None:
    assert dictionary.load("FIX.4.2") is dictionary.load("FIX.4.2")
    assert dictionary.load("FIX.4.2", {5000: ("A", "INT")}) is dictionary.load("FIX.4.2", custom={5000: ("A", "INT")})


@pytest.mark.parametrize(
    ("version", "custom", "message"),
    [
        ("FIX.4.1", {}, "no data dictionary for BeginString"),
        ("FIX.4.2", {5000: ("A", "TEXT")}, "type 'TEXT'"),
        ("FIX.4.2", {0: ("A", "INT")}, "must be positive"),
        ("FIX.4.2", {49: ("A", "STRING")}, "header or trailer"),
    ],
)
def test_load_when_it_cannot_be_says_why(version: str, custom: dict[int, tuple[str, str]], message: str) -> None:
    with pytest.raises(FixError, match=message):
        dictionary.load(version, custom)


def test_tags_when_derived_keep_the_names_of_the_records() -> None:
    assert (tags.TAGS[32], tags.TAGS[44], tags.TAGS[453]) == ("LastShares", "Price", "NoPartyIDs")
    assert (tags.TAG_OF["LastShares"], tags.TAG_OF["LastQty"]) == (32, 32)
    assert tags.EXEC_TYPES[b"1"] == "PartialFill"
    assert tags.EXEC_TYPES[b"F"] == "Trade"
    assert tags.MSG_TYPES[b"D"] == "NewOrderSingle"
    assert {8, 9, 35, 34, 49, 56, 52, 43, 97, 122} <= tags.HEADER_TAGS
