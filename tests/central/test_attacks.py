"""Who tries to be another gate, or to harm one, at a real broker with the deployment's rules.

Each is refused, and a gate beside it notices nothing. Who has no good certificate is in the log of
the broker; that a topic is not its own is told to a sender only (Mosquitto logs it for debugging).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import pytest

from central.identity import broker_rules
from central.identity.broker_rules import AUTHORITIES, LISTS, MUTED, SERVER, Held, Wanted
from central.identity.broker_service import Delivery
from central.identity.rules import LIFETIME, list_time
from central.identity.signing import Signer, new_key, pem_of
from central.jobs.broker import BrokerFolder
from contracts import topics
from devkit.servers import Mosquitto
from devkit.waiting import wait_until
from tests.central.fort import Guest, Pass, a_broker, a_pass, at_the_door, of_central, self_made

SECONDS = 10


@dataclass
class Fort:
    """An authority, and a broker that has been given what central gives it."""

    folder: Path
    signer: Signer = field(default_factory=lambda: Signer.new(now=datetime.now(UTC)))
    others: list[Signer] = field(default_factory=list)
    listed_at: datetime | None = None
    broker: Mosquitto = field(init=False)

    def __post_init__(self) -> None:
        self.broker = a_broker(self.folder / "broker", self.folder / "delivered")
        self.authorities = self.folder / "authorities.pem"
        key, private = new_key()
        signed = self.signer.sign_server("localhost", key, now=datetime.now(UTC))
        self._server = signed.pem + private
        self.deliver()

    def deliver(self, revoked: tuple[str, ...] = (), muted: tuple[str, ...] = ()) -> None:
        """Write for the broker what central's job would."""
        signers = (self.signer, *self.others)
        trusted = "".join(pem_of(one.certificate) for one in signers)
        self.authorities.write_text(trusted)
        self.listed_at = list_time(self.listed_at, datetime.now(UTC))
        files = {
            AUTHORITIES: trusted,
            SERVER: self._server,
            LISTS: "".join(one.list_revoked(revoked, at=self.listed_at) for one in signers),
            MUTED: broker_rules.muted(muted),
        }
        wanted = Wanted(str(len(signers)), f"{revoked}{muted}", "here")
        held = Held(wanted, self.listed_at, datetime.now(UTC) + LIFETIME)
        BrokerFolder(self.folder / "delivered").write(Delivery(files, held))

    def a_pass(self, name: str, *, at: datetime | None = None) -> Pass:
        return a_pass(self.folder, self.signer, name, at=at)

    def logged(self, words: str) -> bool:
        return words in self.broker.log.read_text(errors="replace")


@pytest.fixture(scope="module")
def fort(server_folder: Path) -> Iterator[Fort]:
    folder = server_folder / "fort"
    folder.mkdir()
    made = Fort(folder)
    with made.broker:
        yield made


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


@pytest.fixture
def central(fort: Fort, stack: ExitStack) -> Guest:
    return stack.enter_context(of_central(fort.broker))


def a_name() -> str:
    return f"gate-{uuid4().hex[:8]}"


@pytest.fixture
def name() -> str:
    return a_name()


@pytest.fixture
def shown(fort: Fort, name: str) -> Pass:
    return fort.a_pass(name)


@pytest.fixture
def bystander(fort: Fort, stack: ExitStack) -> Iterator[Guest]:
    """A gate that has done nothing, and goes on undisturbed whatever the test does."""
    own = a_name()
    guest = stack.enter_context(at_the_door(fort.broker, fort.a_pass(own), fort.authorities))
    assert guest.inside, guest.welcome
    yield guest
    assert guest.say(topics.health(own)) == "Success"
    assert guest.lost.empty()


def test_a_gate_speaks_in_its_own_name(
    fort: Fort, name: str, shown: Pass, central: Guest, stack: ExitStack
) -> None:
    central.listen(topics.taps(name))
    gate = stack.enter_context(at_the_door(fort.broker, shown, fort.authorities))
    gate.listen(topics.receipt(name))

    assert gate.say(topics.taps(name)) == "Success"
    central.say(topics.receipt(name), b"receipt")

    assert central.heard()[0] == topics.taps(name)
    assert gate.heard() == (topics.receipt(name), b"receipt")


def test_another_gate_s_topics_are_closed(
    fort: Fort, name: str, shown: Pass, bystander: Guest, central: Guest, stack: ExitStack
) -> None:
    victim = a_name()
    central.listen("gate/v1/#")
    gate = stack.enter_context(at_the_door(fort.broker, shown, fort.authorities))
    gate.listen("#")
    gate.listen(topics.command(victim))

    answers = {
        topic: gate.say(topic)
        for topic in (
            *(topics.taps(victim), topics.status(victim), topics.receipt(victim)),
            *(topics.receipt(name), topics.desired(name), "gate/v1/x", "$SYS/x", "anything"),
        )
    }
    central.say(topics.command(victim))
    central.say(topics.command(name))

    assert set(answers.values()) == {"Not authorized"}
    assert gate.heard()[0] == topics.command(name)
    assert gate.received.empty()
    # what central hears are its own two messages, and nothing of the gate's
    assert {central.heard()[0], central.heard()[0]} == {
        topics.command(victim),
        topics.command(name),
    }


def test_a_gate_cannot_take_the_place_of_another(
    fort: Fort, name: str, shown: Pass, central: Guest, stack: ExitStack
) -> None:
    victim = a_name()
    theirs = stack.enter_context(at_the_door(fort.broker, fort.a_pass(victim), fort.authorities))

    thief = stack.enter_context(
        at_the_door(fort.broker, shown, fort.authorities, client_id=victim, user=victim)
    )

    assert thief.inside  # as itself
    assert thief.say(topics.taps(victim)) == "Not authorized"
    assert thief.say(topics.taps(name)) == "Success"
    assert theirs.say(topics.taps(victim)) == "Success"
    assert theirs.lost.empty()


@pytest.mark.parametrize("user", ["", "central-ingest"])
def test_without_a_certificate_nobody_comes_in(fort: Fort, bystander: Guest, user: str) -> None:
    def seen_off() -> bool:
        with at_the_door(fort.broker, Pass(None), fort.authorities, user=user) as guest:
            assert not guest.inside
        return fort.logged("peer did not return a certificate")

    assert wait_until(seen_off, SECONDS), fort.broker.log.read_text()


def test_a_certificate_of_another_authority_opens_nothing(
    fort: Fort, bystander: Guest, name: str
) -> None:
    stranger = Signer.new(now=datetime.now(UTC))
    other = a_pass(fort.folder, stranger, name)
    forged = self_made(fort.folder, fort.signer, name)

    for shown in (other, forged):
        with at_the_door(fort.broker, shown, fort.authorities) as guest:
            assert not guest.inside

    assert wait_until(lambda: fort.logged("certificate verify failed"), SECONDS)


def test_a_server_s_certificate_is_no_gate_s(fort: Fort, bystander: Guest, name: str) -> None:
    key, private = new_key()
    issued = fort.signer.sign_server("localhost", key, now=datetime.now(UTC))
    file = fort.folder / "server-as-client.pem"
    file.write_text(issued.pem + private)

    with at_the_door(fort.broker, Pass(file), fort.authorities) as guest:
        assert not guest.inside


def test_a_certificate_that_has_ended_opens_nothing(
    fort: Fort, bystander: Guest, name: str
) -> None:
    ended = fort.a_pass(name, at=datetime.now(UTC) - LIFETIME - timedelta(minutes=1))

    with at_the_door(fort.broker, ended, fort.authorities) as guest:
        assert not guest.inside


def test_a_gate_that_is_revoked_while_connected_is_mute_and_does_not_come_back(
    fort: Fort, bystander: Guest, name: str, shown: Pass, central: Guest, stack: ExitStack
) -> None:
    central.listen(topics.taps(name))
    gate = stack.enter_context(at_the_door(fort.broker, shown, fort.authorities))
    gate.listen(topics.command(name))
    assert gate.say(topics.taps(name)) == "Success"

    began = datetime.now(UTC)
    fort.deliver(revoked=(shown.serial,), muted=(name,))
    assert wait_until(lambda: gate.say(topics.taps(name)) == "Not authorized", SECONDS)
    took = datetime.now(UTC) - began
    central.say(topics.command(name))

    with at_the_door(fort.broker, shown, fort.authorities) as again:
        assert not again.inside
    assert gate.received.empty()
    assert took < timedelta(seconds=5)

    fort.deliver()  # the revocation is taken back
    assert wait_until(lambda: gate.say(topics.taps(name)) == "Success", SECONDS)
    with at_the_door(fort.broker, shown, fort.authorities) as again:
        assert again.inside


def test_several_revocations_in_one_second_all_count(fort: Fort, bystander: Guest) -> None:
    passes = [fort.a_pass(a_name()) for _ in range(4)]
    for count in range(1, 5):
        fort.deliver(revoked=tuple(one.serial for one in passes[:count]))

    def refused(shown: Pass) -> bool:
        with at_the_door(fort.broker, shown, fort.authorities) as guest:
            return not guest.inside

    assert wait_until(lambda: refused(passes[-1]), SECONDS)
    assert all(map(refused, passes))
    fort.deliver()
    assert wait_until(lambda: not refused(passes[0]), SECONDS)


def test_what_is_too_large_ends_the_connection_of_its_sender_only(
    fort: Fort, bystander: Guest, name: str, shown: Pass, central: Guest, stack: ExitStack
) -> None:
    central.listen(topics.taps(name))
    gate = stack.enter_context(at_the_door(fort.broker, shown, fort.authorities))

    gate.client.publish(topics.taps(name), b"x" * 1_200_000, qos=1)

    assert gate.lost.get(timeout=SECONDS)
    assert central.received.empty()


def test_poison_that_is_kept_is_the_gate_s_own_and_goes_when_it_says_better(
    fort: Fort, bystander: Guest, name: str, shown: Pass, stack: ExitStack
) -> None:
    victim = a_name()
    gate = stack.enter_context(at_the_door(fort.broker, shown, fort.authorities))
    assert gate.say(topics.status(victim), b"poison", retain=True) == "Not authorized"
    assert gate.say(topics.receipt(victim), b"poison", retain=True) == "Not authorized"
    assert gate.say(topics.status(name), b"poison", retain=True) == "Success"

    with of_central(fort.broker) as central:
        central.listen(topics.status(victim))
        central.listen(topics.receipt(victim))
        central.listen(topics.status(name))
        assert central.heard() == (topics.status(name), b"poison")  # for the quarantine
        assert central.received.empty()

    assert gate.say(topics.status(name), b"", retain=True) == "Success"
    with of_central(fort.broker) as central:
        central.listen(topics.status(name))
        central.listen(topics.taps(name))
        assert central.received.empty()


def test_a_device_cannot_come_by_central_s_door(fort: Fort, name: str) -> None:
    with pytest.raises(AssertionError, match="Not authorized"), of_central(fort.broker, name):
        pass


def test_another_certificate_of_the_broker_disturbs_nobody(
    fort: Fort, bystander: Guest, name: str, shown: Pass, stack: ExitStack
) -> None:
    before = fort._server
    key, private = new_key()
    fort._server = fort.signer.sign_server("localhost", key, now=datetime.now(UTC)).pem + private
    fort.deliver()

    taken = fort.broker.folder / "identity" / SERVER
    assert wait_until(lambda: taken.read_text() == fort._server != before, SECONDS)

    gate = stack.enter_context(at_the_door(fort.broker, shown, fort.authorities))
    assert gate.say(topics.taps(name)) == "Success"


def test_another_authority_is_trusted_after_a_moment_s_restart(
    fort: Fort, name: str, shown: Pass
) -> None:
    coming = Signer.new(now=datetime.now(UTC))
    fresh = a_pass(fort.folder, coming, name)
    with at_the_door(fort.broker, fresh, fort.authorities) as guest:
        assert not guest.inside

    fort.others.append(coming)
    fort.deliver()

    def comes_in(shown: Pass) -> bool:
        with at_the_door(fort.broker, shown, fort.authorities) as guest:
            return guest.inside

    assert wait_until(lambda: comes_in(fresh), SECONDS)
    assert comes_in(shown)
    fort.deliver(revoked=(fresh.serial,))
    assert wait_until(lambda: not comes_in(fresh), SECONDS)
    assert comes_in(shown)
