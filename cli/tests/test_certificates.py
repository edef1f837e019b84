"""Certificates of a suite: made once, renewed near their end, and only as many names and uses as needed."""

from __future__ import annotations

import stat
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.x509.verification import PolicyBuilder, Store

from headwater.certificates import LIFE, RENEWED_BEFORE, SUBJECTS, Certificates
from kernel.config import CONTEXTS, ConfigurationError, Settings, Tls


def read(path: str | Path) -> x509.Certificate:
    return x509.load_pem_x509_certificate(Path(path).read_bytes())


def test_they_are_made_once_and_renewed_when_a_month_is_left(tmp_path: Path) -> None:
    certificates = Certificates(tmp_path / "tls")
    today = datetime.now(UTC)
    assert certificates.renew(today) == ["ca", *SUBJECTS]
    before = certificates.fingerprints("postgres")
    assert certificates.renew(today + LIFE - RENEWED_BEFORE - timedelta(days=1)) == []
    assert certificates.fingerprints("postgres") == before
    assert certificates.renew(today + LIFE - RENEWED_BEFORE + timedelta(days=1)) == [*SUBJECTS], "not the authority"
    assert certificates.fingerprints("postgres") != before
    (tmp_path / "tls" / "gateway.key").unlink()
    assert certificates.renew(today) == ["gateway"]


def test_keys_can_be_read_by_their_owner_only(tmp_path: Path) -> None:
    certificates = Certificates(tmp_path / "tls")
    certificates.renew()
    keys = list((tmp_path / "tls").glob("*.key"))
    assert {stat.S_IMODE(key.stat().st_mode) for key in keys} == {0o600}
    assert len(keys) == len(SUBJECTS) + 1
    assert stat.S_IMODE((tmp_path / "tls").stat().st_mode) == 0o700


def test_they_name_what_they_are_for_and_chain_to_their_authority(tmp_path: Path) -> None:
    certificates = Certificates(tmp_path)
    certificates.renew()
    verifier = PolicyBuilder().store(Store([read(certificates.ca)])).build_server_verifier(x509.DNSName("pipeline"))
    verifier.verify(read(certificates.of("services").cert), [])
    with pytest.raises(x509.verification.VerificationError):
        verifier.verify(read(certificates.of("https").cert), [])
    for name in SUBJECTS:
        usages = read(certificates.of(name).cert).extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
        assert set(usages) == set(SUBJECTS[name].usages)


def test_tls_is_all_or_nothing_and_its_files_are_there(tmp_path: Path) -> None:
    certificates = Certificates(tmp_path)
    certificates.renew()
    ours = certificates.of("services")
    variables = {"HEADWATER_TLS_CA": ours.ca, "PIPELINE_TLS_CERT": ours.cert, "HEADWATER_TLS_KEY": ours.key}
    wrong: list[str] = []
    assert Tls.from_environment("pipeline", variables, wrong) == ours
    assert Tls.from_environment("pipeline", {}, wrong) is None
    assert Tls.from_environment("pipeline", {"HEADWATER_TLS_CA": ours.ca}, wrong) is None, "a client's: whom to trust"
    assert wrong == []
    for context in CONTEXTS:
        with pytest.raises(ConfigurationError, match=r"TLS needs all of .*_TLS_CA, _CERT and _KEY"):
            Settings.from_environment(context, {"HEADWATER_TLS_CERT": ours.cert})
    with pytest.raises(ConfigurationError, match=r"names /no/such.pem, which cannot be read"):
        Settings.from_environment("pipeline", variables | {"HEADWATER_TLS_CA": "/no/such.pem"})
