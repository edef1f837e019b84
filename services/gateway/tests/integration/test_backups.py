"""An administrator downloads a backup as it is: sealed, whole, and only that."""

from __future__ import annotations

import io
import json
import zipfile
from pathlib import Path

import pytest

from testkit.callers import a_caller, a_token

from .conftest import gateway_to

STAMP = "20260301T031500Z"


def a_backup(folder: Path, stamp: str, whole: bool = True) -> None:
    (folder / stamp).mkdir(parents=True)
    (folder / "keys").mkdir(exist_ok=True)
    (folder / stamp / "customer.log.sealed").write_bytes(stamp.encode() * 50_000)
    (folder / stamp / "note.txt").write_text("somebody's")
    (folder / "keys" / "customer.keys.sealed").write_bytes(b"sealed keys")
    if whole:
        (folder / stamp / "manifest.json").write_text(json.dumps({"stamp": stamp, "services": {"customer": {}}}))


@pytest.mark.feature("NFR-05")
def test_an_administrator_downloads_a_backup_and_nobody_else_does(tmp_path: Path) -> None:
    folder = tmp_path / "backups"
    a_backup(folder, STAMP)
    a_backup(folder, "20260302T031500Z")
    a_backup(folder, "20260303T031500Z", whole=False)
    (tmp_path / "backup-keys.json").write_text("secret")
    with gateway_to({"identity": "127.0.0.1:1"}, HEADWATER_BACKUPS=str(folder)) as running:
        admin = running.client(a_token(a_caller()))
        found = admin.get("/v1/backups").json()
        assert found["kept"]
        assert [it["backup_id"] for it in found["backups"]] == ["20260302T031500Z", STAMP], (
            "newest first, whole ones only"
        )
        assert found["backups"][1]["taken_at"] == "2026-03-01T03:15:00Z"
        assert found["backups"][1]["services"] == ["customer"]

        answer = admin.get(f"/v1/backups/{STAMP}:download")
        assert answer.status_code == 200
        assert answer.headers["content-disposition"] == f'attachment; filename="headwater-{STAMP}.zip"'
        with zipfile.ZipFile(io.BytesIO(answer.content)) as archive:
            assert archive.testzip() is None
            there = {name: archive.read(name) for name in archive.namelist()}
        assert there.keys() == {f"{STAMP}/customer.log.sealed", f"{STAMP}/manifest.json", "keys/customer.keys.sealed"}
        assert there[f"{STAMP}/customer.log.sealed"] == (folder / STAMP / "customer.log.sealed").read_bytes()
        assert sum(map(len, there.values())) == int(found["backups"][1]["size_bytes"])

        for name in ("20260303T031500Z", "keys", "..", "%2e%2e", "20260101T000000Z", "..%2fbackup-keys.json"):
            assert admin.get(f"/v1/backups/{name}:download").status_code in (400, 404), name
        reader = running.client(a_token(a_caller(permissions=("*.*.read", "audit.undo.admin"))))
        for path in ("/v1/backups", f"/v1/backups/{STAMP}:download"):
            refused = reader.get(path)
            assert (refused.status_code, "audit.backup.export" in refused.json()["detail"]) == (403, True)
            assert running.client().get(path).status_code == 401


@pytest.mark.feature("NFR-05")
def test_where_nobody_keeps_backups_that_is_said() -> None:
    with gateway_to({"identity": "127.0.0.1:1"}) as running:
        assert running.client(a_token(a_caller())).get("/v1/backups").json() == {"backups": [], "kept": False}
