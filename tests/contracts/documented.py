"""The topics and examples of ``contracts/README.md``."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import contracts

README = Path(contracts.__file__).with_name("README.md")
_SECTION = re.compile(r"^## `([^`]+)`\n(.*?)(?=^#|\Z)", re.MULTILINE | re.DOTALL)
_EXAMPLE = re.compile(r"^```json\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def sections() -> dict[str, str]:
    """Topic → text of its section, in the order of the page."""
    return dict(_SECTION.findall(README.read_text()))


def examples() -> dict[str, Any]:
    """Topic → its example, parsed. A topic with none or with several is an error."""
    found = {}
    for topic, text in sections().items():
        (example,) = _EXAMPLE.findall(text)
        found[topic] = json.loads(example)
    return found
