"""Where things are on a developer's machine, and who may reach them."""

from __future__ import annotations

import hashlib
import importlib.util
import os
import pwd
import secrets
import stat
from pathlib import Path

from devkit.errors import DevError

ROOT = Path(__file__).resolve().parent.parent
INSTALLED = ROOT / ".dev"  # installs are shared by every state folder
OPT = INSTALLED / "opt"
VENV = ROOT / ".venv"
VENV_PYTHON = VENV / "bin" / "python"

# PostgreSQL refuses to run as root. This user exists everywhere and owns nothing.
UNPRIVILEGED = "nobody"
SHELTER = Path("/var/tmp/school-attendance")  # noqa: S108 - survives a reboot, as .dev does


def server_user() -> str | None:
    """Whom a server that refuses root runs as; None when we are not root anyway."""
    return UNPRIVILEGED if os.geteuid() == 0 else None


def reachable(path: Path, user: str) -> bool:
    """Whether ``user`` may pass through every folder above ``path`` that exists."""
    uid = pwd.getpwnam(user).pw_uid
    for folder in filter(Path.exists, path.resolve().parents):
        status = folder.stat()
        needed = stat.S_IXUSR if status.st_uid == uid else stat.S_IXOTH
        if not status.st_mode & needed:
            return False
    return True


def sheltered(path: Path, user: str | None) -> Path:
    """``path``, or, where ``user`` cannot reach it, a place of its own that can be reached.

    A project or test folder below root's home (mode 700) is closed to the user that a server
    runs as. The answer depends on ``path`` alone, so the next run finds the same place.
    """
    if user is None or reachable(path, user):
        return path
    SHELTER.mkdir(mode=0o711, exist_ok=True)
    if SHELTER.stat().st_uid != os.geteuid():
        raise DevError(f"{SHELTER} belongs to somebody else; root's servers cannot use it")
    SHELTER.chmod(0o711)  # whatever the umask says
    return SHELTER / hashlib.sha256(str(path.resolve()).encode()).hexdigest()[:16]


def site_package(name: str) -> Path:
    """The folder of an installed package, from this interpreter or the project's own venv."""
    spec = importlib.util.find_spec(name)
    if spec is not None and spec.origin is not None:
        return Path(spec.origin).parent
    for folder in VENV.glob(f"lib/python3*/site-packages/{name}"):
        return folder
    raise DevError(f"{name} is not installed; ./dev test or ./dev up installs it")


def secret_in(path: Path) -> str:
    """The secret kept in ``path`` (mode 600), made up when there is none yet."""
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(secrets.token_hex(24))
    return path.read_text()


def write_private(path: Path, text: str) -> None:
    """Replace ``path`` (mode 600) in one step: a reader sees the old text or the new one."""
    draft = path.with_name(f"{path.name}.new")
    draft.unlink(missing_ok=True)
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(text)
    draft.replace(path)
