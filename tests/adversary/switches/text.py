"""How the cleaning of texts is switched off."""

from __future__ import annotations

import importlib
import secrets

import pytest

from pushpals.audit.unseen import Cleaned
from pushpals.audit.untrusted import clean_untrusted
from tests.adversary.controls import control, swapped

request = importlib.import_module("pushpals.localbuddy.request")

swapped(
    "hidden text",
    "a model reads no word that a page does not show",
    "pushpals.audit.untrusted:_round",
    by=lambda text, _: text,
)
swapped(
    "unseen characters",
    "a model reads no character that nobody sees",
    "pushpals.audit.untrusted:strip_unseen",
    "pushpals.localbuddy.request:strip_unseen",
    by=lambda text: Cleaned(text=text),
)
swapped(
    "inert prose",
    "nothing acts in what a model says to people",
    "pushpals.audit.outgoing:_pass",
    by=lambda text, _: text,
)
swapped(
    "calling nobody",
    "no title calls anybody",
    "pushpals.audit.prose.pull_request:plain",
    by=lambda text, _: text,
)


@control("telling", "what was taken out of a text is told")
def _silent(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(request, "clean_untrusted", lambda text: Cleaned(text=clean_untrusted(text).text))


@control("secret fence", "nobody can write the mark that ends what people wrote")
def _known(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(secrets, "token_hex", lambda _: "0" * 16)
