"""How a gate gets its identity, keeps it fresh, and what it forgets when it is revoked."""

from __future__ import annotations

import json
import stat
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.hashes import SHA256

from central.identity.signing import Signer, pem_of, requested_key
from devkit.waiting import wait_until
from edge_agent.__main__ import main
from edge_agent.central_link import CentralLink
from edge_agent.clock import Clock, host_clock
from edge_agent.device_key import DeviceKey
from edge_agent.identity import IdentityKeeper
from edge_agent.identity_files import IdentityFiles, key_in
from edge_agent.outbox import Outbox
from edge_agent.settings import CentralSettings, Settings, TlsFiles
from edge_agent.wipe import is_wiped, wipe
from tests.edge.gate import PATIENCE, SITE_KEY
from tests.edge.values import MORNING, SetClock, a_draft
from tests.edge.website import Asked, Reply, Website

DEVICE = "gate-001"
YEAR = timedelta(days=365)


@dataclass
class Authority:
    """Central as far as a gate's identity goes."""

    signer: Signer = field(default_factory=lambda: Signer.new(now=datetime.now(UTC)))
    others: list[Signer] = field(default_factory=list)
    name: str = DEVICE
    signed_name: str = ""  # in certificates, if it is another
    made_at: datetime = field(default_factory=lambda: datetime.now(UTC))
    renew: bool = False
    code: str = ""  # of a refusal
    renewals: int = 0

    def answer(self, asked: Asked) -> Reply:
        if self.code:
            body = json.dumps({"status": 403, "code": self.code}).encode()
            return Reply(403 if self.code == "revoked" else 401, body)
        if asked.path.endswith("/identity"):
            return self._identity(asked)
        self.renewals += not asked.path.endswith("/enroll")
        told = {
            "device": self.name,
            "certificate": self.sign(json.loads(asked.body)["csr"]),
            "authorities": self.pem,
            "broker": {"host": "localhost", "port": 8883},
            "site_key": SITE_KEY.hex(),
            "token_domain": "colegio.example.cl",
        }
        return Reply(201, json.dumps(told).encode())

    def sign(self, request: str) -> str:
        name = self.signed_name or self.name
        return self.signer.sign_device(name, requested_key(request), now=self.made_at).pem

    @property
    def pem(self) -> str:
        return "".join(pem_of(one.certificate) for one in (self.signer, *self.others))

    def _identity(self, asked: Asked) -> Reply:
        renew = self.renew and not self.renewals
        told = {"authorities": self.pem, "renew": renew, "broker": {"host": "x", "port": 1}}
        etag = f'"{hash((self.pem, renew))}"'
        if asked.etag == etag:
            return Reply(304, headers={"ETag": etag})
        return Reply(200, json.dumps(told).encode(), headers={"ETag": etag})


@pytest.fixture
def authority() -> Authority:
    return Authority()


@pytest.fixture
def site(authority: Authority) -> Iterator[Website]:
    with Website(authority.answer) as site:
        yield site


@pytest.fixture
def files(tmp_path: Path) -> IdentityFiles:
    return IdentityFiles(tmp_path / "identity")


def enroll(site: Website, files: IdentityFiles, *more: str) -> int:
    code_file = files.folder.parent / "code"
    code_file.write_text("one-time-code\n")
    return main(
        [
            *("enroll", "--central", f"http://127.0.0.1:{site.port}"),
            *("--code-file", str(code_file), "--folder", str(files.folder), *more),
        ]
    )


def test_a_gate_makes_its_own_key_and_keeps_what_it_is_given_to_itself(
    site: Website, files: IdentityFiles, capsys: pytest.CaptureFixture[str]
) -> None:
    assert enroll(site, files) == 0

    assert capsys.readouterr().out == f"{DEVICE}\n"
    asked = json.loads(site.asked[0].body)
    assert asked["code"] == "one-time-code"
    csr = x509.load_pem_x509_csr(asked["csr"].encode())
    assert csr.public_key() == key_in(files.key).public_key()
    assert "PRIVATE" not in str(site.asked[0].body)
    assert files.site_key.read_text() == SITE_KEY.hex()
    assert json.loads(files.told.read_text())["broker"] == {"host": "localhost", "port": 8883}
    assert {stat.S_IMODE(path.stat().st_mode) for path in files.folder.iterdir()} == {0o600}
    assert stat.S_IMODE(files.folder.stat().st_mode) == 0o700


def test_the_authority_has_to_be_the_one_that_the_technician_brought(
    site: Website, authority: Authority, files: IdentityFiles, capsys: pytest.CaptureFixture[str]
) -> None:
    right = authority.signer.certificate.fingerprint(SHA256()).hex()

    assert enroll(site, files, "--fingerprint", "00" * 32) == 3
    assert "authority" in capsys.readouterr().err
    assert not files.certificate.exists()
    assert enroll(site, files, "--fingerprint", right.upper()) == 0


def test_a_certificate_in_another_name_is_not_kept(
    site: Website, authority: Authority, files: IdentityFiles
) -> None:
    authority.signed_name = "gate-999"

    assert enroll(site, files) == 3
    assert not files.certificate.exists()


@pytest.mark.parametrize("address", ["http://school.example.cl", "school.example.cl", "ftp://x"])
def test_a_code_is_shown_to_nobody_by_plain_http(
    files: IdentityFiles, tmp_path: Path, address: str
) -> None:
    (tmp_path / "code").write_text("x")
    arguments = ["--code-file", str(tmp_path / "code"), "--folder", str(files.folder)]

    assert main(["enroll", "--central", address, *arguments]) == 3


def test_a_refused_code_needs_somebody_and_a_central_that_is_away_needs_time(
    site: Website, authority: Authority, files: IdentityFiles
) -> None:
    authority.code = "wrong_credentials"

    assert enroll(site, files) == 3
    with Website(lambda _: Reply(503)) as away:
        assert enroll(away, files) == 1


# --- afterwards


@dataclass
class Kept:
    keeper: IdentityKeeper
    renewed: threading.Event = field(default_factory=threading.Event)
    revoked: threading.Event = field(default_factory=threading.Event)


@contextmanager
def keeping(site: Website, files: IdentityFiles, clock: Clock = host_clock) -> Iterator[Kept]:
    settings = CentralSettings("127.0.0.1", site.port, False, files.key)
    link = CentralLink(settings, DeviceKey.from_file(DEVICE, files.key), clock)
    kept: Kept
    keeper = IdentityKeeper(
        link,
        DEVICE,
        TlsFiles(files.authorities, files.certificate, files.key),
        clock,
        renewed=lambda: kept.renewed.set(),
        revoked=lambda: kept.revoked.set(),
    )
    kept, stop = Kept(keeper), threading.Event()
    thread = threading.Thread(target=keeper.run, args=(stop,))
    thread.start()
    try:
        yield kept
    finally:
        stop.set()
        keeper.leave()
        thread.join(PATIENCE)
        assert not thread.is_alive()


def looked(site: Website) -> list[Any]:
    """What was asked after enrolment."""
    return [asked.path.rpartition("/")[2] for asked in site.asked if "/me/" in asked.path]


def test_a_fresh_certificate_is_left_alone_and_central_learns_what_we_hold(
    site: Website, files: IdentityFiles
) -> None:
    enroll(site, files)
    before = files.certificate.read_bytes()

    with keeping(site, files) as kept:
        assert wait_until(lambda: looked(site) == ["identity", "identity"], PATIENCE)

        assert kept.keeper.days_left() == 396

    assert site.asked[-1].etag is not None
    assert files.certificate.read_bytes() == before
    assert not kept.renewed.is_set()


@pytest.mark.parametrize("told", [True, False], ids=["central says so", "by ourselves"])
def test_a_certificate_is_renewed_for_the_same_key(
    site: Website, authority: Authority, files: IdentityFiles, told: bool
) -> None:
    if not told:
        authority.made_at -= timedelta(days=265)
    enroll(site, files)
    authority.made_at, authority.renew = datetime.now(UTC), told
    key, before = files.key.read_bytes(), files.certificate.read_bytes()

    with keeping(site, files) as kept:
        assert kept.renewed.wait(PATIENCE)
        assert wait_until(lambda: looked(site)[-1] == "identity", PATIENCE)

        assert kept.keeper.days_left() == 396

    assert authority.renewals == 1
    assert files.certificate.read_bytes() != before
    assert files.key.read_bytes() == key


def test_a_gate_that_does_not_know_the_time_does_not_judge_by_it(
    site: Website, authority: Authority, files: IdentityFiles
) -> None:
    enroll(site, files)
    clock = SetClock(at=datetime.now(UTC) + 2 * YEAR, clock="unsynced")

    with keeping(site, files, clock):
        assert wait_until(lambda: len(looked(site)) >= 2, PATIENCE)

    assert authority.renewals == 0


def test_a_new_authority_is_trusted_beside_the_old_one(
    site: Website, authority: Authority, files: IdentityFiles
) -> None:
    enroll(site, files)
    authority.others.append(Signer.new(now=MORNING))

    with keeping(site, files) as kept:
        assert kept.renewed.wait(PATIENCE)

    assert files.authorities.read_text() == authority.pem
    assert authority.renewals == 0


def test_a_certificate_that_is_not_ours_replaces_nothing(
    site: Website, authority: Authority, files: IdentityFiles, caplog: pytest.LogCaptureFixture
) -> None:
    enroll(site, files)
    before = files.certificate.read_bytes()
    authority.name, authority.renew = "gate-999", True

    with keeping(site, files):
        assert wait_until(lambda: "not for gate-001" in caplog.text, PATIENCE)

    assert files.certificate.read_bytes() == before


def test_in_doubt_central_is_asked_but_not_in_a_storm(
    site: Website, authority: Authority, files: IdentityFiles
) -> None:
    enroll(site, files)

    with keeping(site, files) as kept:
        assert wait_until(lambda: len(looked(site)) == 2, PATIENCE)
        for _ in range(50):
            kept.keeper.doubt()

        assert len(looked(site)) == 2


@pytest.mark.parametrize("code", ["not_allowed", ""])
def test_only_central_s_own_word_for_it_revokes(
    site: Website, authority: Authority, files: IdentityFiles, code: str
) -> None:
    enroll(site, files)
    refusal = json.dumps({"code": code}).encode() if code else b"<html>Forbidden by a proxy</html>"

    with (
        Website(lambda _: Reply(403, refusal)) as other,
        keeping(other, files) as kept,
    ):
        assert wait_until(lambda: bool(other.asked), PATIENCE)

    assert not kept.revoked.is_set()


def test_a_revocation_is_noticed(site: Website, authority: Authority, files: IdentityFiles) -> None:
    enroll(site, files)
    authority.code = "revoked"

    with keeping(site, files) as kept:
        assert kept.revoked.wait(PATIENCE)


# --- what is forgotten


@pytest.fixture
def config(site: Website, files: IdentityFiles, tmp_path: Path) -> Path:
    enroll(site, files)
    file = tmp_path / "agent.toml"
    file.write_text(f"""\
device = "{DEVICE}"
data_dir = "data"
[broker]
host = "localhost"
port = 8883
ca_file = "identity/authorities.pem"
cert_file = "identity/device.pem"
key_file = "identity/device.key"
[central]
url = "http://127.0.0.1:{site.port}"
key_file = "identity/device.key"
[site]
key_file = "identity/site-key"
token_domain = "colegio.example.cl"
[roster]
file = "roster.json"
[[readers]]
name = "entrada"
driver = "nfcpy"
path = "/dev/nothing"
[feedback]
kinds = ["console"]
""")
    return file


def test_a_revoked_gate_keeps_its_taps_and_forgets_everything_else(
    config: Path, files: IdentityFiles, tmp_path: Path
) -> None:
    settings = Settings.from_file(config)
    data = settings.data_dir
    (data / "photos").mkdir(parents=True)
    for name in ("roster.last-good.json", "evacuation.json", "photos/1.sealed", "desired.json"):
        (data / name).write_text("somebody")
    settings.roster.write_text("somebody")
    with closing(Outbox.open(data / "outbox.db")) as outbox:
        outbox.put(a_draft(1))

    wipe(settings)
    wipe(settings)  # as at the next start, had the first been cut short

    left = {path.name for path in tmp_path.rglob("*") if path.is_file()}
    with closing(Outbox.open(data / "outbox.db")) as outbox:
        assert outbox.depth() == 1
    assert {name for name in left if not name.startswith("outbox.db")} == {
        *("agent.toml", "authorities.pem", "code", "revoked")
    }
    assert files.revoked.exists()


def test_a_revoked_gate_does_not_start_until_it_is_enrolled_again(
    config: Path, site: Website, files: IdentityFiles
) -> None:
    assert not is_wiped(config)
    wipe(Settings.from_file(config))

    assert main(["run", "--config", str(config)]) == 77

    assert enroll(site, files) == 0
    assert not is_wiped(config)
    assert Settings.from_file(config).broker.username == ""
