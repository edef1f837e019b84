"""A private certificate authority for one suite, and the certificates of everything that speaks in it.

Certificates live for 90 days and are made anew at a start when fewer than 30 are left. Keys can be read by
their owner only. The names in a certificate are what peers check: a service is named by its context.
"""

from __future__ import annotations

import hashlib
import ipaddress
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from kernel.config import CONTEXTS, Tls

LIFE = timedelta(days=90)
RENEWED_BEFORE = timedelta(days=30)
AUTHORITY_LIFE = timedelta(days=3650)
_CLOCKS_DIFFER = timedelta(hours=1)

HERE = ("localhost", "127.0.0.1", "::1")
SERVER, CLIENT = ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH


@dataclass(frozen=True, slots=True)
class Subject:
    """Whom a certificate names, and as what he may use it."""

    names: Sequence[str]
    usages: Sequence[x509.ObjectIdentifier]


SUBJECTS: Mapping[str, Subject] = {
    "services": Subject((*CONTEXTS, *HERE), (SERVER, CLIENT)),  # one process is all of them
    "gateway": Subject(("gateway",), (CLIENT,)),
    "operator": Subject(("operator",), (CLIENT,)),
    "https": Subject(HERE, (SERVER,)),
    "postgres": Subject(HERE, (SERVER,)),
    "rabbitmq": Subject(HERE, (SERVER,)),
}


class Certificates:
    """The files below one folder: ca.pem and ca.key, and two like them for every subject."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @property
    def ca(self) -> Path:
        return self.folder / "ca.pem"

    def of(self, name: str) -> Tls:
        """The paths of one subject's."""
        return Tls(str(self.ca), str(self.folder / f"{name}.pem"), str(self.folder / f"{name}.key"))

    def fingerprints(self, name: str) -> dict[str, str]:
        """What tells this set of files from another: their folder, and a hash of what `name` shows."""
        shown = self.ca.read_bytes() + (self.folder / f"{name}.pem").read_bytes()
        return {"folder": str(self.folder), "shown": hashlib.sha256(shown).hexdigest()}

    def renew(self, now: datetime | None = None) -> list[str]:
        """Make what is missing or near its end; return the names of those made."""
        at = now or datetime.now(UTC)
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        made = []
        if self._ends_soon(self.ca, at):
            self._make_authority(at)
            made.append("ca")
        for name, subject in SUBJECTS.items():
            if made[:1] == ["ca"] or self._ends_soon(self.folder / f"{name}.pem", at):
                self._make(name, subject, at)
                made.append(name)
        return made

    @staticmethod
    def _ends_soon(path: Path, at: datetime) -> bool:
        if not path.exists() or not path.with_suffix(".key").exists():
            return True
        return x509.load_pem_x509_certificate(path.read_bytes()).not_valid_after_utc - at < RENEWED_BEFORE

    def _make_authority(self, at: datetime) -> None:
        key = ec.generate_private_key(ec.SECP256R1())
        name = _named("Headwater private authority")
        identifier = x509.SubjectKeyIdentifier.from_public_key(key.public_key())
        certificate = (
            _builder(name, name, key, at, AUTHORITY_LIFE)
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(_usage(signs_certificates=True), critical=True)
            .add_extension(identifier, critical=False)
            .sign(key, hashes.SHA256())
        )
        self._write("ca", certificate, key)

    def _make(self, name: str, subject: Subject, at: datetime) -> None:
        authority = x509.load_pem_x509_certificate(self.ca.read_bytes())
        signer = load_pem_private_key(self.ca.with_suffix(".key").read_bytes(), None)
        assert isinstance(signer, ec.EllipticCurvePrivateKey)
        key = ec.generate_private_key(ec.SECP256R1())
        certificate = (
            _builder(_named(f"headwater {name}"), authority.subject, key, at, LIFE)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(_usage(signs_certificates=False), critical=True)
            .add_extension(x509.ExtendedKeyUsage(list(subject.usages)), critical=False)
            .add_extension(x509.SubjectAlternativeName([_general(each) for each in subject.names]), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key()), critical=False)
            .sign(signer, hashes.SHA256())
        )
        self._write(name, certificate, key)

    def _write(self, name: str, certificate: x509.Certificate, key: ec.EllipticCurvePrivateKey) -> None:
        secret = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        write_secret(self.folder / f"{name}.key", secret)
        (self.folder / f"{name}.pem").write_bytes(certificate.public_bytes(Encoding.PEM))


def write_secret(path: Path, secret: bytes) -> None:
    """Write a file that only its owner can read, never for a moment otherwise."""
    path.unlink(missing_ok=True)
    path.touch(mode=0o600)
    path.write_bytes(secret)


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePrivateKey, at: datetime, life: timedelta
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(at - _CLOCKS_DIFFER)
        .not_valid_after(at + life)
    )


def _named(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])


def _general(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _usage(signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=True,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        encipher_only=False,
        decipher_only=False,
    )
