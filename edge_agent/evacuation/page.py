"""The page as HTML without scripts: it must work on whatever is at hand. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from html import escape
from typing import Final

from contracts.evacuation import Course, InsideList, Person

OLD_MINUTES: Final = 10
CARD_LOOK_SECONDS: Final = 2  # how often the page looks whether a card was tapped

STYLE: Final = """
:root { color-scheme: light dark; font-family: system-ui, sans-serif; line-height: 1.45 }
body { max-width: 52rem; margin: 0 auto; padding: 16px }
h1 { font-size: 1.5rem; margin: 0 0 4px }
h2 { font-size: 1.1rem; margin: 24px 0 4px; border-bottom: 1px solid }
form { margin: 20px 0 }
label { display: block; font-weight: 600 }
input { font: inherit; font-size: 1.5rem; width: 100%; max-width: 20rem; box-sizing: border-box;
  padding: 12px; margin: 6px 0 12px; letter-spacing: .1em }
button { font: inherit; font-size: 1.1rem; font-weight: 600; min-height: 56px; padding: 0 24px }
ul { list-style: none; margin: 0; padding: 0 }
li { display: flex; gap: 12px; align-items: baseline; padding: 8px 0;
  border-bottom: 1px solid #8885 }
li::before { content: ""; flex: none; width: 14px; height: 14px; border: 1.5px solid }
.name { font-weight: 600 }
.phones { display: block; font-size: .9rem }
.since { margin-left: auto }
.said { padding: 12px; border: 2px solid; font-weight: 600 }
@media print { .screen { display: none } li { padding: 3px 0; font-size: 10pt; break-inside: avoid }
  h2 { break-after: avoid } a { color: inherit; text-decoration: none } }
"""


def ask_page(words: Mapping[str, str], said: str, central: bool) -> str:
    """Asks for the PIN or a card; ``said`` is what went wrong, empty for nothing."""
    return _document(
        words,
        f"""{_told(said)}<p>{escape(words["central" if central else "no_central"])}</p>
<form method="post" action="/open"><label for="pin">{escape(words["pin"])}</label>
<input id="pin" name="pin" inputmode="numeric" autocomplete="off" autofocus required>
<button>{escape(words["open"])}</button></form>
<form method="post" action="/card"><button>{escape(words["card"])}</button></form>""",
    )


def card_page(words: Mapping[str, str]) -> str:
    """Waits for a card; looks again by itself."""
    return _document(
        words,
        f'<p class="said">{escape(words["tap"])}</p><p>{escape(words["tap_now"])}</p>'
        f'<p><a href="/">{escape(words["again"])}</a></p>',
        head=f'<meta http-equiv="refresh" content="{CARD_LOOK_SECONDS}">',
    )


def note_page(words: Mapping[str, str], said: str) -> str:
    return _document(words, f'{_told(said)}<p><a href="/">{escape(words["again"])}</a></p>')


def list_page(words: Mapping[str, str], content: InsideList, now: datetime, central: bool) -> str:
    """The list itself, to read, to call from and to print."""
    minutes = max(0, int((now - content.made_at).total_seconds() // 60))
    as_of = words["as_of"].format(clock=content.clock)
    age = words["age"].format(n=minutes)
    old = f" <strong>{escape(words['old'])}</strong>" if minutes >= OLD_MINUTES else ""
    return _document(
        words,
        f"""<p><strong>{escape(content.school)}</strong> · {escape(as_of)} ({escape(age)}).{old}</p>
<p class="screen">{escape(words["central" if central else "no_central"])}</p>
<p><strong>{content.total}</strong> {escape(words["inside"])}</p>
{"".join(_course(words, course) for course in content.courses)}
<form class="screen" method="post" action="/close"><p>{escape(words["print"])}</p>
<button>{escape(words["close"])}</button></form>""",
    )


def _course(words: Mapping[str, str], course: Course) -> str:
    students = "".join(_student(words, student) for student in course.students)
    return f"<h2>{escape(course.name)} · {len(course.students)}</h2><ul>{students}</ul>"


def _student(words: Mapping[str, str], student: Person) -> str:
    unsure = "" if student.sure else f" ▲ {escape(words['unsure'])}"
    phones = " · ".join(
        f'{escape(contact.name)} <a href="tel:{escape(contact.phone)}">{escape(contact.phone)}</a>'
        for contact in student.contacts
    ) or escape(words["no_phone"])
    return (
        f'<li><span><span class="name">{escape(student.name)}</span>{unsure}'
        f'<span class="phones">{phones}</span></span>'
        f'<span class="since">{escape(student.since)}</span></li>'
    )


def _told(said: str) -> str:
    return f'<p class="said" role="alert">{escape(said)}</p>' if said else ""


def _document(words: Mapping[str, str], body: str, *, head: str = "") -> str:
    title = escape(words["title"])
    return (
        '<!doctype html><html><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f'{head}<title>{title}</title><link rel="stylesheet" href="/style.css"></head>'
        f"<body><h1>{title}</h1>{body}</body></html>"
    )
