"""Sessions of both versions, roles and profiles for the session case tests; certificates for those of TLS."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.gateways.fix.session_cases import LOGON, Make
from tests.gateways.fix.test_session import Side


@pytest.fixture(params=["FIX.4.2", "FIX.4.4"])
def version(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(params=["compatible", "strict"])
def profile(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def make(tmp_path: Path, version: str) -> Iterator[Make]:
    made: list[Side] = []

    def factory(role: str, **changes: Any) -> Side:
        made.append(Side(tmp_path / f"{role}{len(made)}", role, **{"begin_string": version, **changes}))
        return made[-1]

    yield factory
    for side in made:
        side.store.close()


@pytest.fixture
def up(make: Make) -> Make:
    """A side that is logged on, by role and settings."""

    def factory(role: str = "acceptor", **changes: Any) -> Side:
        side = make(role, **changes)
        side.session.connected(side.now)
        side.out()
        side.feed("A", *LOGON)
        assert side.kinds() == ["up"]
        side.events.clear()
        return side

    return factory


@pytest.fixture(params=["acceptor", "initiator"])
def side(request: pytest.FixtureRequest, up: Make) -> Side:
    return up(request.param)


@pytest.fixture
def strict(up: Make) -> Side:
    return up("acceptor", profile="strict")


def openssl(*words: str) -> None:
    subprocess.run(["openssl", *words], check=True, capture_output=True, timeout=60)


@pytest.fixture(scope="session")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A CA, a certificate for 127.0.0.1 and localhost, one for a client, and one of another CA."""
    folder = tmp_path_factory.mktemp("certificates")
    key = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2")
    for ca in ("ca", "other-ca"):
        openssl("req", "-x509", *key, "-keyout", str(folder / f"{ca}.key"), "-out", str(folder / f"{ca}.pem"), "-subj", f"/CN={ca}")
    for name, ca, subject in (("server", "ca", "IP:127.0.0.1,DNS:localhost"), ("client", "ca", "DNS:client"), ("stranger", "other-ca", "DNS:stranger")):
        extension = folder / f"{name}.ext"
        extension.write_text(f"subjectAltName={subject}\n")
        openssl("req", *key[:-2], "-keyout", str(folder / f"{name}.key"), "-out", str(folder / f"{name}.csr"), "-subj", f"/CN={name}")
        signer = ("-CA", str(folder / f"{ca}.pem"), "-CAkey", str(folder / f"{ca}.key"), "-CAcreateserial", "-days", "2", "-extfile", str(extension))
        openssl("x509", "-req", "-in", str(folder / f"{name}.csr"), "-out", str(folder / f"{name}.pem"), *signer)
    return folder
