"""Updates: what a gate installs, what it refuses, and how it goes back."""

from __future__ import annotations

import io
import json
import os
import shutil
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from contracts.releases import MANIFEST, SIGNATURE, Manifest, Version, entries_of
from edge_agent.updates.environments import CURRENT, PREVIOUS, PROVEN, Environments
from edge_agent.updates.record import Record, keep_record, read_record
from edge_agent.updates.sign_of_life import Before, Sign, complaint, read_sign
from edge_agent.updates.updater import Places, Terms, Updater, keep_keys
from tests.edge.releases import (
    DIES_SOON,
    DOES_NOT_START,
    KEY,
    NEVER_ONLINE,
    NEXT_KEY,
    STRANGER,
    Supervisor,
    a_release,
    packed,
    public,
)
from tests.emulators.waiting import eventually

PATIENT = Terms(within_s=20.0, steady_s=0.5)
BRIEF = Terms(within_s=2.0, steady_s=0.5)  # for what never works


class Gate:
    """A gate on which ``1.0.0`` runs, as after its first boot, once it was received."""

    def __init__(self, folder: Path, *, like: Gate | None = None) -> None:
        self.places = Places(folder / "opt", folder / "inbox", folder / "alive.json")
        if like is None:
            self.places.root.mkdir()
        else:
            shutil.copytree(like.places.root, self.places.root, symlinks=True)
        self.places.inbox.mkdir()
        self.environments = Environments(self.places.root, sys.executable)
        self.supervisor = Supervisor(self.places.root, self.places.sign)
        self.updater = Updater(self.places, self.environments, self.supervisor, PATIENT)
        keep_keys(self.places.root, [public(KEY), public(NEXT_KEY)])

    def receive(self, release: bytes, terms: Terms = PATIENT) -> Record:
        """Have this installed; what became of it."""
        (self.places.inbox / "release.zip").write_bytes(release)
        Updater(self.places, self.environments, self.supervisor, terms).run()
        return self.record()

    def works(self) -> bool:
        """Wait until the agent has shown itself."""
        eventually(lambda: read_sign(self.places.sign))
        return True

    def record(self) -> Record:
        return read_record(self.places.root / "update.json")

    def at(self, link: str) -> str:
        return str(self.environments.version_at(link))


@pytest.fixture(scope="module")
def settled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gate]:
    """One gate for all the tests that must leave it as it is."""
    gate = Gate(tmp_path_factory.mktemp("gate"))
    assert gate.receive(a_release("1.0.0")).state == "active"
    yield gate
    gate.supervisor.close()


@pytest.fixture(scope="module")
def renewed(settled: Gate, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gate]:
    """Another on which ``1.1.0`` has followed; also to be left as it is."""
    gate = Gate(tmp_path_factory.mktemp("renewed"), like=settled)
    assert gate.works()
    gate.receive(a_release("1.1.0"))
    yield gate
    gate.supervisor.close()


@pytest.fixture
def gate(renewed: Gate, tmp_path: Path) -> Iterator[Gate]:
    """One of its own for a test that changes it; ``1.1.0`` runs."""
    made = Gate(tmp_path, like=renewed)
    assert made.works()
    yield made
    made.supervisor.close()


def test_a_newer_version_that_works_is_kept(renewed: Gate) -> None:
    record = renewed.record()

    assert (record.state, record.version, record.reason) == ("active", "1.1.0", None)
    assert (renewed.at(CURRENT), renewed.at(PROVEN)) == ("1.1.0", "1.1.0")
    assert renewed.at(PREVIOUS) == "1.0.0"
    assert list(renewed.places.inbox.iterdir()) == []


def test_older_versions_are_cleared_away_but_for_the_one_before(gate: Gate) -> None:
    gate.receive(a_release("1.2.0"))

    assert sorted(path.name for path in gate.places.root.iterdir() if path.is_dir()) == [
        *("1.1.0", "1.2.0", "current", "previous", "proven"),
    ]


@pytest.mark.parametrize(
    ("does", "reason"),
    [
        (DOES_NOT_START, "no_sign_of_life"),
        (DIES_SOON, "restarts"),
        (NEVER_ONLINE, "not_online"),
    ],
    ids=["does not start", "dies soon", "never online"],
)
def test_a_version_that_does_not_work_is_left_for_the_one_that_did(
    settled: Gate, does: str, reason: str
) -> None:
    version = f"2.{len(does)}.0"
    assert settled.works()

    record = settled.receive(a_release(version, does), BRIEF)

    assert (record.state, record.version) == ("rolled_back", version)
    assert record.reason in (reason, "no_sign_of_life")  # a slow machine may not have seen it
    assert (settled.at(CURRENT), settled.at(PROVEN)) == ("1.0.0", "1.0.0")
    assert settled.receive(a_release(version)).reason == "failed_before"


def tampered(release: bytes) -> bytes:
    """One bit of a wheel is another; the manifest and its signature are untouched."""
    with zipfile.ZipFile(io.BytesIO(release)) as archive:
        files = {name: archive.read(name) for name in archive.namelist()}
    name = next(name for name in files if name.startswith("tiny_gate"))
    files[name] = files[name][:-1] + bytes([files[name][-1] ^ 1])
    return zipped(files)


def zipped(files: dict[str, bytes]) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return made.getvalue()


def without(release: bytes, dropped: str) -> bytes:
    with zipfile.ZipFile(io.BytesIO(release)) as archive:
        return zipped({name: archive.read(name) for name in archive.namelist() if name != dropped})


def with_one_more(release: bytes) -> bytes:
    with zipfile.ZipFile(io.BytesIO(release)) as archive:
        files = {name: archive.read(name) for name in archive.namelist()}
    return zipped({**files, "sitecustomize.py": b"print('hello')"})


def with_another_manifest(release: bytes) -> bytes:
    """The version raised after signing."""
    with zipfile.ZipFile(io.BytesIO(release)) as archive:
        files = {name: archive.read(name) for name in archive.namelist()}
    files[MANIFEST] = files[MANIFEST].replace(b"1.5.0", b"1.6.0")
    return zipped(files)


@pytest.mark.parametrize(
    ("release", "reason"),
    [
        (tampered(a_release("1.5.0")), "damaged"),
        (with_another_manifest(a_release("1.5.0")), "wrong_signature"),
        (a_release("1.5.0", key=STRANGER), "wrong_signature"),
        (without(a_release("1.5.0"), SIGNATURE), "unsigned"),
        (without(a_release("1.5.0"), MANIFEST), "no_release"),
        (with_one_more(a_release("1.5.0")), "no_release"),
        (a_release("1.0.0"), "not_newer"),
        (a_release("0.9.9"), "not_newer"),
        (b"", "no_release"),
        (b"PK\x03\x04 half of a download", "no_release"),
        (a_release("1.5.0")[:200_000], "no_release"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_we_did_not_sign_or_what_is_not_newer_is_refused(
    settled: Gate, release: bytes, reason: str
) -> None:
    record = settled.receive(release)

    assert (record.state, record.reason) == ("refused", reason)
    assert (settled.at(CURRENT), settled.at(PROVEN)) == ("1.0.0", "1.0.0")
    assert list(settled.places.inbox.iterdir()) == []


def test_a_file_that_claims_to_be_outside_is_no_release() -> None:
    contents = {"ok.whl": b"x"}
    manifest = Manifest(Version(1, 5, 0), "tiny-gate", entries_of({"../../etc/passwd": b"x"}))

    with pytest.raises(ValueError, match="not plain"):
        Manifest.from_json(manifest.to_json())

    assert packed(manifest, contents, KEY)


def test_a_link_in_the_inbox_leads_nowhere(settled: Gate, tmp_path: Path) -> None:
    outside = tmp_path / "outside.zip"
    outside.write_bytes(a_release("1.5.0"))
    (settled.places.inbox / "release.zip").symlink_to(outside)

    settled.updater.run()

    assert settled.record().reason == "no_release"
    assert settled.at(CURRENT) == "1.0.0"
    assert outside.exists()


def test_a_pipe_in_the_inbox_does_not_hold_the_updater(settled: Gate) -> None:
    os.mkfifo(settled.places.inbox / "release.zip")

    settled.updater.run()

    assert settled.record().reason == "no_release"


def test_the_signing_key_is_rotated_by_a_release(gate: Gate) -> None:
    """Old and next are believed; a release by the old key names next and the one after it."""
    gate.receive(a_release("1.2.0", key=KEY, keys=[NEXT_KEY, STRANGER]))

    by_the_old_key = gate.receive(a_release("1.3.0", key=KEY)).reason
    by_the_next_key = gate.receive(a_release("1.3.0", key=NEXT_KEY)).state

    assert gate.updater.keys() == [public(NEXT_KEY), public(STRANGER)]
    assert (by_the_old_key, by_the_next_key) == ("wrong_signature", "active")


def test_a_version_that_failed_changes_no_keys(settled: Gate) -> None:
    settled.receive(a_release("3.0.0", DOES_NOT_START, keys=[STRANGER]), BRIEF)

    assert settled.updater.keys() == [public(KEY), public(NEXT_KEY)]


def test_a_trial_that_a_power_cut_interrupted_is_finished_at_the_next_boot(gate: Gate) -> None:
    gate.environments.point(PROVEN, Version(1, 0, 0))
    interrupted = Record("installing", "1.1.0", None, (), Before(True, 1), 1, (public(NEXT_KEY),))
    keep_record(gate.places.root / "update.json", interrupted)

    gate.updater.run()

    assert (gate.record().state, gate.at(PROVEN)) == ("active", "1.1.0")
    assert gate.updater.keys() == [public(NEXT_KEY)]


def test_a_version_that_takes_the_power_each_time_is_given_up(gate: Gate) -> None:
    gate.environments.point(PROVEN, Version(1, 0, 0))
    keep_record(gate.places.root / "update.json", Record("installing", "1.1.0", trials=3))

    gate.updater.run()

    assert (gate.record().state, gate.record().reason) == ("rolled_back", "interrupted")
    assert gate.at(CURRENT) == "1.0.0"


def test_power_cut_before_the_switch_leaves_the_old_version(settled: Gate) -> None:
    keep_record(settled.places.root / "update.json", Record("installing", "1.9.0", trials=0))

    settled.updater.run()

    assert (settled.record().state, settled.record().reason) == ("refused", "interrupted")
    assert settled.at(CURRENT) == "1.0.0"


def test_somebody_can_go_back_by_hand(gate: Gate) -> None:
    went = gate.updater.back()

    assert went
    assert (gate.at(CURRENT), gate.at(PROVEN)) == ("1.0.0", "1.0.0")
    assert gate.receive(a_release("1.1.0")).reason == "failed_before"


def test_the_record_can_be_read_by_the_agent(settled: Gate) -> None:
    path = settled.places.root / "update.json"

    assert path.stat().st_mode & 0o777 == 0o644
    assert set(json.loads(path.read_text())) >= {"state", "version", "reason", "failed"}


@pytest.mark.parametrize(
    "written", ["", "[]", "{}", '{"state": 1}', '{"state": null, "before": 3}']
)
def test_a_record_of_no_use_is_an_empty_one(tmp_path: Path, written: str) -> None:
    path = tmp_path / "update.json"
    path.write_text(written)

    assert read_record(path) == Record()


SIGN = Sign("1.1.0", 7, up_s=100.0, online=True, readers=1)


@pytest.mark.parametrize(
    ("sign", "before", "now_s", "found"),
    [
        (SIGN, Before(True, 1), 101.0, None),
        (SIGN, Before(False, 0), 101.0, None),
        (SIGN, Before(True, 2), 101.0, "reader_lost"),
        (SIGN, Before(True, 1), 116.0, "no_sign_of_life"),
        (None, Before(False, 0), 101.0, "no_sign_of_life"),
        (Sign("1.0.0", 7, 100.0, True, 1), Before(True, 1), 101.0, "other_version"),
        (Sign("1.1.0", 7, 100.0, False, 1), Before(True, 1), 101.0, "not_online"),
        (Sign("1.1.0", 7, 100.0, False, 1), Before(False, 1), 101.0, None),
    ],
)
def test_a_new_version_may_not_be_worse_than_the_one_before(
    sign: Sign | None, before: Before, now_s: float, found: str | None
) -> None:
    assert complaint(sign, "1.1.0", before, now_s) == found
