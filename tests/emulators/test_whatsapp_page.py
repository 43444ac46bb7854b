"""The page with the guardians' phones, over HTTP and in a real browser."""

from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import requests

from tests.e2e.browser import PHONE, Visit, chromium
from tests.emulators.cloud_client import GUARDIAN, Cloud
from tests.emulators.sink import Sink
from tests.emulators.waiting import eventually

AT_ONCE = {"sent": 0, "delivered": 0, "read": None}


def page(cloud: Cloud, language: str = "", query: str = "") -> requests.Response:
    return requests.get(f"{cloud.url}/{query}", headers={"Accept-Language": language}, timeout=5)


@pytest.mark.parametrize(
    ("header", "query", "language"),
    [
        ("", "", "es"),
        ("es-CL,es;q=0.9,en;q=0.8", "", "es"),
        ("en-GB,en;q=0.9", "", "en"),
        ("de,en;q=0.5", "", "en"),
        ("fr", "", "es"),
        ("en", "?lang=es", "es"),
        ("es", "?lang=en", "en"),
        ("es", "?lang=xx", "es"),
    ],
)
def test_the_page_speaks_the_reader_s_language(
    cloud: Cloud, header: str, query: str, language: str
) -> None:
    text = page(cloud, header, query).text

    assert f'<html lang="{language}">' in text
    assert ("Escribir al colegio" if language == "es" else "Write to the school") in text
    assert "{{" not in text


def test_nothing_comes_from_elsewhere_and_nothing_is_inline(cloud: Cloud) -> None:
    answer = page(cloud)

    policy = answer.headers["Content-Security-Policy"]
    assert policy.startswith("default-src 'none'; script-src 'self'; style-src 'self'")
    assert "unsafe" not in policy
    assert "http" not in policy
    assert "Colegio &lt;Demo&gt;" in answer.text


def test_the_files_of_the_page_are_served_with_their_types(cloud: Cloud) -> None:
    types = {
        name: requests.get(f"{cloud.url}/static/{name}", timeout=5).headers["Content-Type"]
        for name in ("page.js", "page.css", "icon.svg", "words.es.json")
    }

    assert types["page.js"].startswith("text/javascript")
    assert types["page.css"].startswith("text/css")
    assert types["icon.svg"] == "image/svg+xml"
    assert requests.get(f"{cloud.url}/static/page.html", timeout=5).status_code == 404


def test_both_languages_have_the_same_words(cloud: Cloud) -> None:
    spanish, english = (cloud.get(f"/static/words.{language}.json") for language in ("es", "en"))

    assert spanish.keys() == english.keys()


def test_the_phone_with_the_latest_news_comes_first(cloud: Cloud) -> None:
    cloud.behave(delays={"sent": None, "delivered": None, "read": None})
    for number in ("56911110001", "56911110002", "56911110001", "56911110003", "56911110001"):
        cloud.send(to=number)

    phones = cloud.get("/emulator/phones")["phones"]

    assert [it["phone"][-1] for it in phones] == ["1", "3", "2"]
    assert phones[0]["last"]["template"] == "ingreso_ok"


def test_a_phone_counts_what_its_guardian_has_not_read(cloud: Cloud) -> None:
    cloud.behave(delays=AT_ONCE)
    cloud.send()
    cloud.send()
    eventually(lambda: {it["status"] for it in cloud.messages()} == {"delivered"})

    before = cloud.get("/emulator/phones")["phones"][0]["unread"]
    cloud.order(f"/emulator/phones/{GUARDIAN}/read", {})

    assert before == 2
    assert eventually(lambda: cloud.get("/emulator/phones")["phones"][0]["unread"] == 0)


@pytest.fixture
def stream(cloud: Cloud) -> Iterator[Iterator[dict[str, Any]]]:
    since = cloud.get("/emulator/phones")["revision"]
    with requests.get(
        f"{cloud.url}/emulator/events?since={since}", stream=True, timeout=10
    ) as answer:
        assert answer.headers["Content-Type"] == "text/event-stream"
        yield (
            json.loads(line.removeprefix("data: "))
            for line in answer.iter_lines(chunk_size=1, decode_unicode=True)
            if line.startswith("data: ")
        )


def test_a_message_is_streamed_with_each_step_it_takes(
    cloud: Cloud, stream: Iterator[dict[str, Any]]
) -> None:
    cloud.behave(delays={"sent": 0.5, "delivered": 1, "read": 1.5})
    id_ = cloud.send()

    seen: list[str] = []
    while not seen or seen[-1] != "read":
        (phone,) = next(stream)["phones"]
        assert phone["last"]["id"] == id_
        seen.append(phone["last"]["status"])

    assert seen == ["accepted", "sent", "delivered", "read"]


def test_a_rush_is_streamed_in_few_events(cloud: Cloud, stream: Iterator[dict[str, Any]]) -> None:
    cloud.behave(delays={"sent": None, "delivered": None, "read": None})
    for number in range(100):
        cloud.send(to=f"5691111{number:04}")

    seen: set[str] = set()
    events = 0
    while len(seen) < 100:
        seen |= {it["phone"] for it in next(stream)["phones"]}
        events += 1

    assert events < 20


def test_a_reset_empties_the_pages(cloud: Cloud, stream: Iterator[dict[str, Any]]) -> None:
    cloud.send()
    first = next(stream)

    cloud.order("/emulator/reset", {})

    assert first["phones"]
    assert eventually(lambda: next(stream)["phones"] == [])


@pytest.mark.parametrize("text", ["", "   ", "x" * 5000, None, 7])
def test_an_empty_or_endless_reply_is_refused(cloud: Cloud, text: Any) -> None:
    answer = cloud.order(f"/emulator/phones/{GUARDIAN}/reply", {"text": text})

    assert answer.status_code == 400
    assert cloud.messages() == []


@pytest.mark.browser
def test_a_guardian_sees_the_message_arrive_reads_it_and_answers(
    emulator: str, cloud: Cloud, sink: Sink
) -> None:
    cloud.behave(delays=AT_ONCE)
    with chromium() as browser:
        visit = Visit(browser, emulator, width=PHONE)
        visit.page.goto("/")
        visit.page.get_by_text("Aún no llega ningún mensaje").wait_for()

        id_ = cloud.send()
        visit.page.get_by_role("button", name="+56 9 1234 5678").click()
        visit.page.locator(".bubble", has_text="Sofía ingresó al colegio a las 8:07").wait_for()
        visit.page.locator(".bubble .tick.read").wait_for()
        visit.page.get_by_placeholder("Escribir al colegio").fill("Gracias por avisar")
        visit.page.get_by_role("button", name="Enviar").click()
        visit.page.locator(".bubble.mine", has_text="Gracias por avisar").wait_for()
        visit.page.get_by_role("button", name="Volver").click()
        visit.page.locator(".row", has_text="Gracias por avisar").wait_for()

        assert visit.complaints == []
        visit.close()
    eventually(lambda: "read" in sink.statuses(id_))
    assert eventually(lambda: [it for it in sink.received if "messages" in it.value])


@pytest.mark.browser
def test_the_page_keeps_up_with_900_phones_and_1200_messages(emulator: str, cloud: Cloud) -> None:
    cloud.behave(delays=AT_ONCE)
    with chromium() as browser:
        visit = Visit(browser, emulator, language="en")
        visit.page.goto("/")
        senders = [Cloud(emulator) for _ in range(4)]

        def send_share(share: int) -> None:
            for number in range(share, 1200, 4):
                senders[share].send(to=f"5693333{number % 900:04}")

        with ThreadPoolExecutor(4) as pool:
            list(pool.map(send_share, range(4)))
        cloud.behave(phone="56944440000", delays=AT_ONCE)
        cloud.send(to="56944440000", values=("Rayén", "8:31", "Puerta Sur"))

        visit.page.locator(".row", has_text="Rayén").wait_for()
        visit.page.wait_for_function("document.querySelectorAll('.row').length === 901")
        visit.page.get_by_placeholder("Search").fill("4444 0000")
        visit.page.wait_for_function("document.getElementById('count').textContent === '1'")
        visit.page.get_by_placeholder("Search").fill("no such text")
        visit.page.get_by_text("No phone matches.").wait_for()

        assert visit.complaints == []
        visit.close()
