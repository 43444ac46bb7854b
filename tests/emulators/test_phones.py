"""The store of the guardians' phones: what it keeps, forgets and reports."""

from __future__ import annotations

from emulators.whatsapp import phones as limits
from emulators.whatsapp.phones import Message, Phones


def a_message(id_: str, phone: str = "56912345678") -> Message:
    return Message(id_, phone, "Aviso", at=1000.0)


def test_a_late_status_does_not_take_a_message_back() -> None:
    phones = Phones()
    phones.add(a_message("a"))

    for status in ("read", "sent", "failed", "delivered"):
        assert phones.advance("a", status, 1001.0)

    (message,) = phones.messages()
    assert message["status"] == "read"
    assert set(message["times"]) == {"read", "sent", "failed", "delivered"}


def test_delivered_may_follow_failed_on_another_device() -> None:
    phones = Phones()
    phones.add(a_message("a"))

    phones.advance("a", "failed", 1001.0, error=131026)
    phones.advance("a", "delivered", 1002.0)

    (message,) = phones.messages()
    assert (message["status"], message["error"]) == ("delivered", None)


def test_a_status_reached_before_is_not_news() -> None:
    phones = Phones()
    phones.add(a_message("a"))

    assert phones.advance("a", "sent", 1001.0)
    assert not phones.advance("a", "sent", 1002.0)


def test_one_phone_keeps_its_latest_messages() -> None:
    phones = Phones()
    for number in range(limits.MOST_PER_PHONE + 5):
        phones.add(a_message(str(number)))

    kept = phones.messages("56912345678")

    assert len(kept) == len(phones.messages()) == limits.MOST_PER_PHONE
    assert kept[0]["id"] == "5"


def test_all_phones_together_keep_a_bounded_number() -> None:
    phones = Phones()
    many = limits.MOST_MESSAGES + 10
    for number in range(many):
        phones.add(a_message(str(number), phone=f"569{number:08}"))

    revision, summaries = phones.changed_since(0, timeout=0)

    assert len(phones.messages()) == len(summaries) == limits.MOST_MESSAGES
    assert phones.messages("56900000009") == []
    assert revision == phones.revision
    assert phones.advance("0", "sent", 1001.0)  # forgotten, but its statuses are still told


def test_only_phones_with_news_are_reported_the_latest_first() -> None:
    phones = Phones()
    for number in range(3):
        phones.add(a_message(str(number), phone=f"5691111000{number}"))
    before, _ = phones.changed_since(0, timeout=0)

    phones.advance("0", "sent", 1001.0)
    phones.add(a_message("x", phone="56911110002"))
    _, changed = phones.changed_since(before, timeout=0)

    assert [it["phone"] for it in changed] == ["56911110002", "56911110000"]


def test_without_news_the_wait_ends_with_nothing() -> None:
    phones = Phones()

    assert phones.changed_since(phones.revision, timeout=0.01) == (phones.revision, [])


def test_a_page_from_before_a_restart_gets_everything() -> None:
    phones = Phones()
    phones.add(a_message("a"))

    _, changed = phones.changed_since(phones.revision + 1000, timeout=0)

    assert len(changed) == 1
