"""Releases as they are made: signed, stamped, and with a first boot that needs Python alone."""

from __future__ import annotations

import io
import re
import stat
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from contracts.releases import ReleaseRefused, Version, open_release
from edge_agent.updates.signatures import signed_by
from firmware_config import build_release
from firmware_config.build_release import (
    LOCK,
    PIP_LOCK,
    TARGETS,
    first_boot_program,
    load_key,
    make_key,
    public_half,
    sign,
    split_lock,
    stamp,
)

FILES = {"one.whl": b"1", "firstboot.pyz": b"2"}


@pytest.fixture
def key_file(tmp_path: Path) -> Path:
    return tmp_path / "release.key"


def test_a_key_is_for_its_owner_only_and_is_never_made_twice(key_file: Path) -> None:
    printed = make_key(key_file)

    assert stat.S_IMODE(key_file.stat().st_mode) == 0o600
    assert printed == public_half(load_key(key_file))
    with pytest.raises(FileExistsError):
        make_key(key_file)


def test_another_kind_of_key_signs_nothing(key_file: Path) -> None:
    other = generate_private_key(SECP256R1())
    key_file.write_bytes(other.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))

    with pytest.raises(ValueError, match="Ed25519"):
        load_key(key_file)


def test_what_is_signed_is_believed_by_whoever_has_the_public_half(key_file: Path) -> None:
    public = make_key(key_file)
    release = sign(Version(1, 4, 0), FILES, load_key(key_file), ["ab" * 32])

    opened = open_release(io.BytesIO(release), signed_by([public]))

    assert str(opened.manifest.version) == "1.4.0"
    assert opened.manifest.keys == ("ab" * 32,)
    assert {name: opened.read(name) for name in opened.manifest.files} == FILES
    with pytest.raises(ReleaseRefused, match="wrong_signature"):
        open_release(io.BytesIO(release), signed_by([]))


def test_the_same_files_make_the_same_release(key_file: Path) -> None:
    make_key(key_file)
    key = load_key(key_file)

    assert sign(Version(1, 4, 0), FILES, key) == sign(Version(1, 4, 0), FILES, key)


def test_the_sources_are_stamped_in_both_places(tmp_path: Path) -> None:
    for name in ("edge_agent/__init__.py", "setup.py"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text((build_release.ROOT / name).read_text())

    stamp(tmp_path, Version(12, 34, 56))

    assert 'VERSION = "12.34.56"' in (tmp_path / "edge_agent/__init__.py").read_text()
    assert '    version="12.34.56",' in (tmp_path / "setup.py").read_text()


def test_sources_that_say_no_version_are_not_released(tmp_path: Path) -> None:
    (tmp_path / "edge_agent").mkdir()
    (tmp_path / "edge_agent/__init__.py").write_text("")

    with pytest.raises(ValueError, match="no version"):
        stamp(tmp_path, Version(1, 0, 0))


def test_every_line_of_the_lock_is_fetched_or_made(tmp_path: Path) -> None:
    made, fetched = split_lock(tmp_path)

    assert re.findall(r"^[a-z0-9-]+", made.read_text(), re.MULTILINE) == ["pydes"]
    assert sorted((made.read_text() + fetched.read_text()).splitlines()) == sorted(
        LOCK.read_text().splitlines()
    )
    assert "--hash=sha256:" in PIP_LOCK.read_text()


def test_wheels_are_sought_for_the_machine_up_to_its_libc() -> None:
    platforms = TARGETS[0].platforms()

    assert platforms[0] == "manylinux_2_36_aarch64"
    assert "manylinux_2_37_aarch64" not in platforms
    assert platforms[-1] == "linux_aarch64"


def test_the_first_boot_needs_nothing_but_python(tmp_path: Path) -> None:
    """Isolated, without any package: it must fail for want of gate.json and nothing else."""
    program = tmp_path / "firstboot.pyz"
    program.write_bytes(first_boot_program())

    done = subprocess.run(
        [sys.base_prefix + "/bin/python3", "-I", "-S", "-c", _LOOK, str(program)],
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.stdout.strip() == "None", done.stderr


_LOOK = """
import sys
sys.path.insert(0, sys.argv[1])
from firmware_config.firstboot.__main__ import make_gate
from firmware_config.firstboot.steps import SYSTEM_FILES
from importlib import resources
ours = resources.files("firmware_config")
missing = [name for name in SYSTEM_FILES if not ours.joinpath(name).read_bytes()]
print(next(iter(missing), None))
"""


def test_the_first_boot_program_holds_no_more_than_it_needs() -> None:
    with zipfile.ZipFile(io.BytesIO(first_boot_program())) as archive:
        names = archive.namelist()

    assert "firmware_config/firstboot/steps.py" in names
    assert not [name for name in names if "build_release" in name or "render" in name]
