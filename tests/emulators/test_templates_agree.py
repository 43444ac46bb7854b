"""What the school's message log shows must be what guardians get."""

from __future__ import annotations

from central.notifications.templates import TEMPLATES
from emulators.whatsapp.templates import APPROVED


def test_the_school_s_templates_are_the_approved_ones() -> None:
    approved = {key: template.body for key, template in APPROVED.items()}

    ours = {
        (template.name, language): body
        for template in TEMPLATES.values()
        for language, body in template.bodies.items()
    }

    assert ours == approved
