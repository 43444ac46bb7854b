"""What the screen says, in the school's language. Nobody is ever told off by it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

WORDS: Final[Mapping[str, Mapping[str, str]]] = {
    "es": {
        "idle": "Acerca tu tarjeta",
        "starting": "Un momento, por favor",
        "offline": "Sin conexión: todo se anota igual",
        "hello": "¡Hola,",
        "hello_all": "¡Hola!",
        "bye": "¡Hasta pronto,",
        "noted": "Listo",
        "in": "Entrada",
        "out": "Salida",
        "hold": "Otra vez, por favor",
        "hold_how": "Deja la tarjeta quieta un momento",
        "unknown": "Pasa por inspectoría con esta tarjeta",
        "revoked": "Esta tarjeta ya no se usa: pasa por inspectoría",
        "not_today": "Pasa por inspectoría",
        "refused": "No pude leer bien tu tarjeta: pasa por inspectoría",
        "not_stored": "No pude anotar tu paso: avisa en inspectoría",
        "identify": "Soy esta puerta",
        "testing": "Revisando la puerta…",
        "tested_well": "Todo está bien",
        "tested_fault": "Para revisar: {n}",
    },
    "en": {
        "idle": "Hold your card here",
        "starting": "One moment, please",
        "offline": "No connection: everything is noted all the same",
        "hello": "Hello,",
        "hello_all": "Hello!",
        "bye": "See you soon,",
        "noted": "Done",
        "in": "Coming in",
        "out": "Going out",
        "hold": "Once more, please",
        "hold_how": "Keep the card still for a moment",
        "unknown": "Take this card to the office, please",
        "revoked": "This card is no longer used: call at the office, please",
        "not_today": "Call at the office, please",
        "refused": "I could not read your card well: call at the office, please",
        "not_stored": "I could not note you: tell the office, please",
        "identify": "This is the gate",
        "testing": "Looking at everything…",
        "tested_well": "All is well",
        "tested_fault": "To look at: {n}",
    },
}
