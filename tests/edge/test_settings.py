"""A wrong setting is one line that names the key, before anything is touched."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import edge_agent
from edge_agent.reader_settings import ReaderSettings
from edge_agent.settings import Settings, SettingsError, TlsFiles
from tests.edge.gate import REPOSITORY

KEY = "00112233445566778899aabbccddeeff" * 2
GOOD = """\
device = "demo-norte"
data_dir = "data"
[broker]
host = "127.0.0.1"
port = 1883
username = "demo-norte"
password = "s3cret-word"
[site]
key_file = "site-key"
token_domain = "colegio.example.cl"
[roster]
file = "roster.json"
[[readers]]
name = "entrada"
driver = "nfcpy"
path = "/dev/gate-reader"
direction = "auto"
[feedback]
kind = "console"
[capture]
repeat_window_s = 45
"""


@pytest.fixture
def config(tmp_path: Path) -> Path:
    (tmp_path / "site-key").write_text(KEY + "\n")
    (tmp_path / "bad-key").write_text(KEY[:-2])
    (tmp_path / "binary-key").write_bytes(bytes(range(200, 232)))
    (tmp_path / "word").write_text("from-a-file\n")
    (tmp_path / "ca.pem").touch()
    path = tmp_path / "agent.toml"
    path.write_text(GOOD)
    return path


def edited(path: Path, old: str, new: str) -> Path:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))
    return path


def test_a_good_file_is_understood(config: Path) -> None:
    settings = Settings.from_file(config)

    assert settings.device == "demo-norte"
    assert settings.data_dir == config.parent / "data"
    assert settings.clock == "system"
    assert (settings.broker.host, settings.broker.port) == ("127.0.0.1", 1883)
    assert settings.broker.password == "s3cret-word"
    assert settings.broker.tls is None
    assert settings.site.key == bytes.fromhex(KEY)
    assert settings.roster == config.parent / "roster.json"
    assert settings.readers == (ReaderSettings("entrada", "nfcpy", "/dev/gate-reader", "auto"),)
    assert settings.feedback.socket is None
    assert settings.repeat_window_s == 45


def test_what_has_a_default_may_be_left_out(config: Path) -> None:
    edited(config, 'direction = "auto"\n', "")
    edited(config, "[capture]\nrepeat_window_s = 45\n", "")

    settings = Settings.from_file(config)

    assert settings.readers[0].direction == "auto"
    assert settings.repeat_window_s == 45


def test_a_password_may_lie_in_a_file_of_its_own(config: Path) -> None:
    edited(config, 'password = "s3cret-word"', 'password_file = "word"')

    assert Settings.from_file(config).broker.password == "from-a-file"


def test_tls_needs_no_more_than_the_authority(config: Path) -> None:
    edited(config, "port = 1883", 'port = 8883\nca_file = "ca.pem"')

    assert Settings.from_file(config).broker.tls == TlsFiles(config.parent / "ca.pem")


@pytest.mark.parametrize(
    ("url", "reached"),
    [
        ("https://school.example.cl", ("school.example.cl", 443, True)),
        ("https://school.example.cl:8443/", ("school.example.cl", 8443, True)),
        ("http://127.0.0.1:8000", ("127.0.0.1", 8000, False)),
        ("http://localhost", ("localhost", 80, False)),
    ],
)
def test_central_is_reached_by_https_or_on_this_host(
    config: Path, url: str, reached: tuple[str, int, bool]
) -> None:
    edited(config, "[site]", f'[central]\nurl = "{url}"\nkey_file = "word"\n[site]')

    central = Settings.from_file(config).central

    assert central is not None
    assert (central.host, central.port, central.secure) == reached


def test_without_central_the_roster_is_somebody_else_s_file(config: Path) -> None:
    assert Settings.from_file(config).central is None


def test_secrets_are_not_printed(config: Path) -> None:
    shown = repr(Settings.from_file(config))

    assert "s3cret-word" not in shown
    assert repr(bytes.fromhex(KEY)) not in shown


def test_each_driver_has_its_own_form_of_path_and_options(config: Path) -> None:
    more = """\
[[readers]]
name = "codigos"
driver = "hid"
path = "/dev/input/by-id/usb-scanner-event-kbd"
layout = "es"
direction = "in"
[[readers]]
name = "mesa"
driver = "pcsc"
path = "ACS ACR1252 [1]"
[feedback]
"""
    edited(config, "[feedback]\n", more)

    _, codes, desk = Settings.from_file(config).readers

    assert (codes.path, codes.options, codes.direction) == (
        "/dev/input/by-id/usb-scanner-event-kbd",
        {"layout": "es"},
        "in",
    )
    assert (desk.path, desk.options, desk.direction) == ("ACS ACR1252 [1]", {}, "auto")


def test_the_example_is_complete_and_right() -> None:
    folder = Path(edge_agent.__file__).parent
    example = folder / "example.toml"

    with pytest.raises(SettingsError, match=r"^broker\.ca_file: expected an existing file"):
        Settings.from_file(example)  # right up to the files that only a real gate has


WRONG = [
    ('device = "demo-norte"\n', "", "device: missing; expected 3 to 40 of a-z, 0-9 and -"),
    ('device = "demo-norte"', 'device = "Demo Norte"', "device: expected 3 to 40 of a-z"),
    ('device = "demo-norte"', "device = 7", "device: expected 3 to 40 of a-z"),
    ('data_dir = "data"\n', "", "data_dir: missing; expected a path"),
    ('data_dir = "data"', 'data_dir = ""', "data_dir: expected a path"),
    (
        'data_dir = "data"',
        'data_dir = "d"\nclock = "mine"',
        'clock: expected one of "host", "system"',
    ),
    ('data_dir = "data"', 'data_dir = "d"\ncolour = 1', "colour: unknown key"),
    ("[capture]", "[lights]\n[capture]", "lights: unknown key"),
    ('host = "127.0.0.1"\n', "", "broker.host: missing; expected a host name"),
    ('host = "127.0.0.1"', 'host = "a b"', "broker.host: expected a host name"),
    ("port = 1883", "port = 0", "broker.port: expected a whole number from 1 to 65535"),
    ("port = 1883", 'port = "1883"', "broker.port: expected a whole number from 1 to 65535"),
    ("port = 1883", "port = true", "broker.port: expected a whole number from 1 to 65535"),
    ("port = 1883", "port = 1883\nqos = 2", "broker.qos: unknown key"),
    ('username = "demo-norte"\n', "", "broker.username: missing; expected a user name"),
    ('password = "s3cret-word"\n', "", "broker.password: missing; expected a password, or the key"),
    ('password = "s3cret-word"', "password = 1234", "broker.password: expected a password"),
    (
        "[site]",
        '[central]\nurl = "http://school.example.cl"\nkey_file = "word"\n[site]',
        "central.url: expected https, for another host than this one",
    ),
    (
        "[site]",
        '[central]\nurl = "https://school.example.cl:70000"\nkey_file = "word"\n[site]',
        "central.url: expected a port up to 65535",
    ),
    (
        "[site]",
        '[central]\nurl = "https://school.example.cl/app"\nkey_file = "word"\n[site]',
        "central.url: expected https://host",
    ),
    (
        "[site]",
        '[central]\nurl = "https://school.example.cl"\nkey_file = "none"\n[site]',
        "central.key_file: expected an existing file",
    ),
    (
        'password = "s3cret-word"',
        'password = "a"\npassword_file = "word"',
        "broker.password: expected either password or password_file",
    ),
    (
        'password = "s3cret-word"',
        'password_file = "nowhere"',
        "broker.password_file: expected an existing file",
    ),
    (
        'password = "s3cret-word"',
        'password_file = "ca.pem"',
        "broker.password_file: expected a file with one line",
    ),
    ("port = 1883", 'port = 1\nca_file = "nowhere"', "broker.ca_file: expected an existing file"),
    (
        "port = 1883",
        'port = 1\nca_file = "ca.pem"\ncert_file = "ca.pem"',
        "broker.key_file: missing; expected a path",
    ),
    ("port = 1883", 'port = 1\nkey_file = "ca.pem"', "broker.key_file: unknown key"),
    (
        'key_file = "site-key"',
        'key_file = "bad-key"',
        "site.key_file: expected a file with 32 bytes",
    ),
    ('key_file = "site-key"', 'key_file = "binary-key"', "site.key_file: expected a file with 32"),
    ('key_file = "site-key"', 'key_file = "nowhere"', "site.key_file: expected an existing file"),
    ('token_domain = "colegio.example.cl"\n', "", "site.token_domain: missing; expected a domain"),
    (
        'token_domain = "colegio.example.cl"',
        'token_domain = "https://x"',
        "site.token_domain: expected a domain",
    ),
    ('[roster]\nfile = "roster.json"\n', "", "roster: missing; expected a table"),
    ("[roster]\n", "[roster]\nurl = 1\n", "roster.url: unknown key"),
    ("[[readers]]", "[[reader]]", "readers: missing; expected at least one [[readers]] table"),
    ("[[readers]]", "[readers]", "readers: expected at least one [[readers]] table"),
    ('name = "entrada"', 'name = "la entrada"', "readers[0].name: expected letters, digits and"),
    (
        'driver = "nfcpy"',
        'driver = "magic"',
        'readers[0].driver: expected one of "hid", "nfcpy", "pcsc"',
    ),
    ('path = "/dev/gate-reader"\n', "", "readers[0].path: missing; expected a device path"),
    (
        'path = "/dev/gate-reader"',
        'path = "tty:x;reboot:pn532"',
        "readers[0].path: expected a device path",
    ),
    (
        'direction = "auto"',
        'direction = "up"',
        'readers[0].direction: expected one of "auto", "in", "out"',
    ),
    ('driver = "nfcpy"', 'driver = "nfcpy"\nlayout = "us"', "readers[0].layout: unknown key"),
    (
        'driver = "nfcpy"',
        'driver = "hid"\nlayout = "fr"',
        'readers[0].layout: expected one of "es", "us"',
    ),
    (
        'driver = "nfcpy"\npath = "/dev/gate-reader"',
        'driver = "hid"\npath = "usb:054c:06c3"',
        "readers[0].path: expected a device path such as /dev/input",
    ),
    (
        'driver = "nfcpy"\npath = "/dev/gate-reader"',
        'driver = "pcsc"\npath = ""',
        "readers[0].path: expected a part of the name of a reader",
    ),
    (
        "[feedback]",
        '[[readers]]\nname = "entrada"\ndriver = "nfcpy"\npath = "usb"\n[feedback]',
        "readers[1].name: expected a name that no other reader has",
    ),
    ('kind = "console"', 'kind = "disco"', 'feedback.kind: expected one of "console", "emulated"'),
    ('kind = "console"', 'kinds = ["disco"]', 'feedback.kinds: expected a list of "console", "emu'),
    ('kind = "console"', "kinds = []", "feedback.kinds: expected a list of"),
    (
        'kind = "console"',
        'kinds = ["screen"]',
        'screen: missing; feedback "screen" needs the table',
    ),
    (
        'kind = "console"',
        'kinds = ["lights"]\nlights = {green_pin = 40}',
        "feedback.lights.green_pin",
    ),
    (
        "[capture]",
        "[screen]\nlocale = 'fr'\n[capture]",
        'screen.locale: expected one of "en", "es"',
    ),
    (
        "[capture]",
        "[screen]\ntimezone = 'Mars'\n[capture]",
        "screen.timezone: expected a time zone",
    ),
    ("[capture]", "[evacuation]\n[capture]", "central: missing; the evacuation list comes from"),
    (
        "[capture]",
        "[evacuation]\nsecure = 1\n[capture]",
        "evacuation.secure: expected true or false",
    ),
    (
        "[capture]",
        "[evacuation]\nsecure = false\n[capture]",
        "evacuation.secure: expected true, for",
    ),
    ('kind = "console"', 'kind = "emulated"', "feedback.socket: missing; expected a path"),
    ('kind = "console"', 'kind = "console"\nsocket = "x"', "feedback.socket: unknown key"),
    ("repeat_window_s = 45", "repeat_window_s = -1", "capture.repeat_window_s: expected a whole"),
    ("repeat_window_s = 45", "repeat_window_s = 4.5", "capture.repeat_window_s: expected a whole"),
    ("[capture]", "[[capture]]", "capture: expected a table"),
    ("[broker]", "[broker", "is not TOML: "),
]


@pytest.mark.parametrize(("old", "new", "complaint"), WRONG, ids=[case[2][:40] for case in WRONG])
def test_a_wrong_file_is_refused_by_the_name_of_the_key(
    config: Path, old: str, new: str, complaint: str
) -> None:
    edited(config, old, new)

    with pytest.raises(SettingsError) as refused:
        Settings.from_file(config)

    assert str(refused.value).startswith(complaint)
    assert "\n" not in str(refused.value)
    assert "s3cret-word" not in str(refused.value)


def run_agent(config: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "edge_agent", "run", "--config", str(config)]
    return subprocess.run(
        command, cwd=REPOSITORY, capture_output=True, text=True, timeout=30, check=False
    )


def test_the_command_says_it_in_one_line_and_exits_with_two(config: Path) -> None:
    edited(config, "port = 1883", "port = 99999")

    ended = run_agent(config)

    assert ended.returncode == 2
    assert ended.stderr == (f"{config}: broker.port: expected a whole number from 1 to 65535\n")
    assert ended.stdout == ""
    assert not (config.parent / "data").exists()


def test_a_file_that_is_not_there_is_said_in_one_line(tmp_path: Path) -> None:
    ended = run_agent(tmp_path / "nowhere.toml")

    assert ended.returncode == 2
    assert len(ended.stderr.splitlines()) == 1
    assert "nowhere.toml: cannot be read" in ended.stderr


def test_a_driver_without_its_library_is_said_in_one_line(config: Path) -> None:
    without_nfcpy = (
        "import sys; sys.modules['nfc'] = None\n"
        "from edge_agent.__main__ import main\n"
        f"sys.exit(main(['run', '--config', {str(config)!r}]))"
    )

    ended = subprocess.run(
        [sys.executable, "-c", without_nfcpy],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )

    assert ended.returncode == 2
    assert len(ended.stderr.splitlines()) == 1
    assert 'driver "nfcpy" needs a library that is not installed' in ended.stderr
