"""The fault table of docs/gate.md: broker, names, certificates and central."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from contracts import topics
from contracts.control import RosterNotice
from devkit.servers import Mosquitto, free_port
from devkit.waiting import wait_until
from tests.edge.central import Central
from tests.edge.faults import in_its_own_network, patterns
from tests.edge.gate import PASSWORD, PATIENCE, Gate, roster
from tests.edge.tls import Authority, TlsMosquitto
from tests.edge.website import Asked, Reply, Website, a_key_file


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("tls") / "ours", "our authority")


@pytest.fixture(scope="module")
def revoked(authority: Authority) -> tuple[Path, Path]:
    """A certificate that was withdrawn, and its key."""
    return authority.issue("withdrawn")


@pytest.fixture(scope="module")
def broker(
    server_folder: Path, authority: Authority, revoked: tuple[Path, Path]
) -> Iterator[TlsMosquitto]:
    server = TlsMosquitto(server_folder / "mosquitto-tls", authority)
    server.lines["crlfile"] = str(authority.revoke(revoked[0]))
    with server:
        yield server


@pytest.fixture
def secure(gate: Gate, broker: TlsMosquitto, authority: Authority) -> Gate:
    """A gate that goes by TLS, with a certificate that is good."""
    broker.admit({gate.device: PASSWORD})
    show(gate, authority.issue(gate.device))
    believe(gate, authority)
    gate.host = "localhost"
    gate.tls = 'ca_file = "ca.pem"\ncert_file = "device.pem"\nkey_file = "device.key"'
    gate.write_config(broker.tls_port)
    return gate


@pytest.fixture
def listening(broker: TlsMosquitto, gate: Gate) -> Iterator[Central]:
    with Central(broker, gate.device, prompt=True) as made:
        yield made


def show(gate: Gate, files: tuple[Path, Path]) -> None:
    """From its next connection on the gate shows this certificate."""
    for file, name in zip(files, ("device.pem", "device.key"), strict=True):
        (gate.folder / name).write_bytes(file.read_bytes())


def believe(gate: Gate, authority: Authority) -> None:
    (gate.folder / "ca.pem").write_bytes(authority.ca_file.read_bytes())


def logs(gate: Gate, text: str) -> bool:
    return wait_until(lambda: text in gate.logged(), PATIENCE)


@pytest.fixture
def another(tmp_path: Path) -> Authority:
    return Authority(tmp_path / "another", "another authority")


@pytest.mark.parametrize("fault", ["of another authority", "expired", "withdrawn"])
def test_a_broker_that_refuses_our_certificate(
    fault: str,
    secure: Gate,
    listening: Central,
    authority: Authority,
    another: Authority,
    revoked: tuple[Path, Path],
) -> None:
    refused = {
        "of another authority": another.issue(secure.device),
        "expired": authority.issue("late", valid=(-timedelta(days=2), -timedelta(days=1))),
        "withdrawn": revoked,
    }
    show(secure, refused[fault])
    secure.start()

    assert patterns(secure, (1, 2)) == {"accept"}
    assert list(secure.stored()) == [1, 2]
    assert logs(secure, "the broker may refuse our certificate")

    show(secure, authority.issue(secure.device))
    listening.wait_for(lambda: {tap.seq for tap in listening.taps} == {1, 2})
    assert "Traceback" not in secure.logged()


def test_a_broker_that_is_not_the_one_it_says_it_is(
    secure: Gate, listening: Central, authority: Authority, another: Authority
) -> None:
    believe(secure, another)
    secure.start()

    assert patterns(secure, (1, 2)) == {"accept"}
    assert list(secure.stored()) == [1, 2]
    assert logs(secure, "certificate verify failed")

    believe(secure, authority)
    listening.wait_for(lambda: {tap.seq for tap in listening.taps} == {1, 2})


def test_a_name_that_nobody_knows(
    gate: Gate, mosquitto: Mosquitto, prompt_central: Central, tmp_path: Path
) -> None:
    gate.python, hosts = in_its_own_network(tmp_path, sys.executable)
    gate.host = "broker.example.cl"
    gate.write_config(mosquitto.port)
    gate.start()

    assert patterns(gate, (1, 2)) == {"accept"}
    assert list(gate.stored()) == [1, 2]
    assert logs(gate, "gaierror")

    hosts.write_text("127.0.0.1 localhost broker.example.cl\n")
    prompt_central.wait_for(lambda: {tap.seq for tap in prompt_central.taps} == {1, 2})


def test_a_broker_that_is_not_there(gate: Gate, server_folder: Path) -> None:
    users = {"central-ingest": "central-ingest", gate.device: PASSWORD}
    broker = Mosquitto(server_folder / f"late-{gate.device}", free_port(), users)
    gate.write_config(broker.port)
    gate.start()

    assert patterns(gate, (1, 2)) == {"accept"}
    assert list(gate.stored()) == [1, 2]
    assert logs(gate, "not connected: ConnectionRefusedError")

    with broker, Central(broker, gate.device, prompt=True) as central:
        central.wait_for(lambda: {tap.seq for tap in central.taps} == {1, 2})
        gate.terminate()


def test_a_broker_that_takes_taps_and_a_central_that_never_receipts(
    gate: Gate, central: Central
) -> None:
    gate.start()

    assert patterns(gate, (1, 2)) == {"accept"}
    central.wait_for(lambda: {tap.seq for tap in central.taps} == {1, 2})
    assert list(gate.stored()) == [1, 2]
    gate.kill()
    gate.start()
    central.wait_for(lambda: central.healths and central.healths[-1].queue_depth == 2)

    central.receipt(central.batches[0].stream, 2)
    assert wait_until(lambda: not gate.stored(), PATIENCE)


def test_a_central_that_answers_500_for_the_roster(
    gate: Gate, mosquitto: Mosquitto, central: Central
) -> None:
    replies = [Reply(500)]

    def answer(_: Asked) -> Reply:
        return replies[-1]

    with Website(answer) as website:
        a_key_file(gate.folder)
        extra = f'[central]\nurl = "http://127.0.0.1:{website.port}"\nkey_file = "device.key"'
        gate.write_config(mosquitto.port, extra)
        gate.start()

        assert logs(gate, "no roster from central, keeping version r1")
        assert patterns(gate, (1, 2)) == {"accept"}
        central.wait_for(lambda: central.healths)
        assert central.healths[-1].roster_version == "r1"

        replies.append(Reply(200, roster("r2", {3: "revoked"}).to_json()))
        central.send(topics.roster(gate.device), RosterNotice("r2").to_json())
        assert logs(gate, "roster version r2")
        assert patterns(gate, (3,)) == {"reject"}
