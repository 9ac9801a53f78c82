"""Venue profiles: the files that ship load, a file states only what differs, and every mistake is named."""

from __future__ import annotations

from pathlib import Path

import pytest

from ringfence.gateways.errors import SessionError
from ringfence.gateways.fix import profile as profiles
from ringfence.gateways.fix.dialect import Dialect


def file(folder: Path, text: str) -> str:
    path = folder / "venue.toml"
    path.write_text(text)
    return str(path)


def test_names_when_listed_are_the_files_that_ship() -> None:
    assert {"cqg", "default", "osl", "simulator"} <= set(profiles.names())


@pytest.mark.parametrize("name", profiles.names())
def test_load_when_a_profile_ships_it_is_whole_in_some_version(name: str) -> None:
    loaded = []
    for begin_string in profiles.BEGIN_STRINGS:
        try:
            loaded.append(profiles.load(name, begin_string))
        except SessionError as error:
            assert "is not among them" in str(error)
    assert loaded
    for profile in loaded:
        Dialect(profile, ["EUR/USD", "USD/JPY"])
        profile.check_ids(16)


def test_default_when_loaded_takes_everything_that_its_version_has() -> None:
    old, new = profiles.load("default", "FIX.4.2"), profiles.load("default", "FIX.4.4")
    assert (old.ord_types_mask, old.time_in_forces_mask, old.instructions_mask) == (0b11110, 0b11111110, 0)
    assert (old.handl_inst, old.mass_cancel, new.handl_inst, new.mass_cancel) == ("1", False, "", True)
    assert new.instructions_mask == 256, "a mass cancel in one message, and no post-only"


def test_load_when_a_file_states_a_part_the_rest_is_the_default(tmp_path: Path) -> None:
    text = 'about = "x"\n[orders]\nord_types = ["limit"]\n["FIX.4.4".orders]\npost_only = "18=6"\n'
    new = profiles.load(file(tmp_path, text), "FIX.4.4")
    old = profiles.load(file(tmp_path, text), "FIX.4.2")
    assert (new.name, new.ord_types, new.post_only, new.instructions_mask) == ("venue", ("limit",), "18=6", 1 | 256)
    assert (old.post_only, old.instructions_mask, old.time_in_forces) == ("", 0, profiles.load().time_in_forces)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[orders]\nord_types = []", "orders.ord_types: [] is not allowed; it must be a list of some of market, limit"),
        ('[orders]\nord_types = ["limit", "pegged"]', "orders.ord_types"),
        ('[orders]\npost_only = "yes"', "orders.post_only: 'yes' is not allowed; it must be a field such as \"18=6\""),
        ("[orders]\ndisplay_qty = 5", "orders.display_qty: 5 is not allowed; it must be one of 0, 111, 210, 1138"),
        ("[orders]\nmax_age = 5", "orders.max_age: unknown key"),
        ("[ids]\ncl_ord_id_max = 0", "ids.cl_ord_id_max: 0 is not allowed"),
        ('[symbol]\nseparator = "#"', "symbol.separator: '#' is not allowed"),
        ("[symbol.names]\nABC = 5", "symbol.names.ABC: 5 is not allowed"),
        ("[tags]\ntime_places = 4", "tags.time_places: 4 is not allowed; it must be one of 0, 3, 6, 9"),
        ('[tags]\nhandl_inst = ""', "FIX.4.2 requires HandlInst(21)"),
        ('[requests]\nstatus = "AF"', "is not in FIX.4.2"),
        ("[requests]\nmass_cancel = true", "is not in FIX.4.2"),
        ('[constants]\nE = ["22=8"]', "constants.E: no message that we send; use D, F, G, H"),
        ('[constants]\nD = ["22"]', "constants.D"),
        ("[constants]\nD = [" + ", ".join(f'"{9000 + k}=abcdefghijklmnop"' for k in range(9)) + "]", "at most 120 characters"),
        ('begin_strings = ["FIX.5.0"]', "begin_strings: ['FIX.5.0'] is not allowed"),
        ('begin_strings = ["FIX.4.4"]', "the session's begin_string FIX.4.2 is not among them"),
        ("[order]\n", "order: unknown key"),
        ("tags = 5", "tags"),
        ("[orders", "not valid TOML"),
    ],
)
def test_load_when_a_key_is_wrong_names_it(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(SessionError) as e:
        profiles.load(file(tmp_path, text + "\n"), "FIX.4.2")
    assert message in str(e.value)


def test_load_when_there_is_no_such_profile_lists_what_there_is(tmp_path: Path) -> None:
    with pytest.raises(SessionError, match="fix_profile was 'nasdaq'; use cqg, default"):
        profiles.load("nasdaq")
    with pytest.raises(SessionError, match="cannot read"):
        profiles.load("none.toml", base=tmp_path)


def test_symbols_when_two_are_one_at_the_venue_are_refused(tmp_path: Path) -> None:
    profile = profiles.load(file(tmp_path, '[symbol]\nseparator = ""\n'))
    assert profile.symbols(["EUR/USD", "ABC"]) == (("EUR/USD", "EURUSD"), ("ABC", "ABC"))
    assert profile.symbols(["ABC"]) == ()
    with pytest.raises(SessionError, match="'EUR/USD' and 'EURUSD' are both 'EURUSD'"):
        profile.symbols(["EUR/USD", "EURUSD"])
    with pytest.raises(SessionError, match="use 1 to 24 characters"):
        profiles.load(file(tmp_path, f'[symbol.names]\nABC = "{"x" * 25}"\n')).symbols(["ABC"])


def test_dialect_when_there_are_many_symbols_finds_each_both_ways(tmp_path: Path) -> None:
    ours = [f"S{k}/{k * 7919}" for k in range(1000)]
    dialect = Dialect(profiles.load(file(tmp_path, '[symbol]\nseparator = "."\n')), ours)
    for name in ours:
        theirs = name.replace("/", ".").encode()
        assert dialect.venue_symbol(name.encode()) == theirs
        assert dialect.our_symbol(theirs) == name.encode()
    assert dialect.venue_symbol(b"S5") is None
    assert dialect.our_symbol(b"S0/0") is None


def test_check_ids_when_the_venues_are_shorter_than_ours_refuses(tmp_path: Path) -> None:
    profile = profiles.load(file(tmp_path, "[ids]\ncl_ord_id_max = 12\n"))
    with pytest.raises(SessionError, match="cl_ord_id_max is 12, our ClOrdIDs have 16 characters"):
        profile.check_ids(16)
