"""Text that a stranger chose: it may hold what JSON can escape and UTF-8 or a database cannot."""

from __future__ import annotations

import json

from hypothesis import example, given
from hypothesis import strategies as st

from contracts.control import Answer, Reported
from contracts.fields import dump

any_text = st.text(st.characters(exclude_categories=()))  # lone surrogates and NUL as well


@given(text=any_text)
@example("\ud800")
@example("\0")
def test_any_text_can_be_written(text: str) -> None:
    written = json.loads(dump({"text": text, "inside": [{text: text}]}))

    assert written["text"] == text.encode("utf-8", "replace").decode()


def test_a_report_with_half_a_letter_is_read_and_written() -> None:
    report = Reported.from_json(rb'{"version":1,"agent":"a","errors":{"a":"\ud800"}}')

    assert Reported.from_json(report.to_json()).errors == {"a": "?"}


def test_an_answer_with_half_a_letter_is_read_and_written() -> None:
    answer = Answer.from_json(rb'{"id":"c-1","ok":true,"result":{"\udfff":"\u0000"}}')

    assert Answer.from_json(answer.to_json()).result == {"?": "\0"}
