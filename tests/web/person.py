"""A person with a browser that runs no scripts: reads pages, fills in the forms there, and sends them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from html.parser import HTMLParser
from io import BytesIO
from typing import Self
from urllib.parse import urlencode

import aiohttp

VOID = {"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr"}
Attributes = dict[str, str | None]


@dataclass
class Form:
    action: str
    method: str
    id: str | None
    fields: dict[str, str] = field(default_factory=dict)
    buttons: dict[str, tuple[str, str] | None] = field(default_factory=dict)


class Reader(HTMLParser):
    """Takes a page apart: every element, its forms, its text."""

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[tuple[str, Attributes]] = []
        self.stack: list[str] = []
        self.text = ""
        self.forms: list[Form] = []
        self.scripts: list[str] = []
        self._form: Form | None = None
        self._button: Attributes | None = None
        self._words = ""
        self._typing: str | None = None
        self._disabled = 0
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        self.elements.append((tag, given))
        if tag not in VOID:
            self.stack.append(tag)
        name, value = given.get("name"), given.get("value") or ""
        if tag == "form":
            self._form = Form(given.get("action") or "", given.get("method") or "get", given.get("id"))
            self.forms.append(self._form)
        elif tag == "fieldset":
            self._disabled += "disabled" in given
        elif tag == "button":
            self._button, self._words = given, ""
        elif tag == "textarea":
            self._typing, self._words = name, ""
        elif tag == "input" and self._form and name and (given.get("type") != "radio" or "checked" in given):
            self._form.fields[name] = value
        elif tag == "select" and self._form and name:
            self._form.fields[name] = ""

    def handle_endtag(self, tag: str) -> None:
        while self.stack and tag in self.stack:
            if self.stack.pop() == tag:
                break
        if tag == "form":
            self._form = None
        elif tag == "fieldset":
            self._disabled = 0
        elif tag == "textarea" and self._form and self._typing:
            self._form.fields[self._typing] = self._words.removeprefix("\n")
            self._typing = None
        elif tag == "button" and self._button is not None:
            self._end_button(self._button)
            self._button = None

    def _end_button(self, button: Attributes) -> None:
        owner = self._form
        if "form" in button:
            owner = next(form for form in self.forms if form.id == button["form"])
        if owner and not self._disabled and "disabled" not in button:
            name = button.get("name")
            owner.buttons[" ".join(self._words.split())] = (name, button.get("value") or "") if name else None

    def handle_data(self, data: str) -> None:
        self._words += data
        if "script" in self.stack:
            self.scripts.append(data)
        elif not {"style", "title"} & set(self.stack):
            self.text += data


@dataclass
class Page:
    status: int
    path: str
    html: str
    headers: Mapping[str, str]

    @property
    def read(self) -> Reader:
        return Reader(self.html)

    @property
    def text(self) -> str:
        """What stands on the page, each run of white space as one space."""
        return " ".join(self.read.text.split())

    @property
    def buttons(self) -> list[str]:
        return [words for form in self.read.forms for words in form.buttons]

    @property
    def links(self) -> dict[str, str]:
        return {
            attrs["href"] or "": tag for tag, attrs in self.read.elements if tag == "a" and "href" in attrs
        }

    def form(self, button: str) -> Form:
        """The form with a button of these words; of several, the one that comes first."""
        found = [form for form in self.read.forms if button in form.buttons]
        assert found, f"no button {button!r}; there are {self.buttons}"
        return found[0]


@dataclass
class Somebody:
    url: str
    session: aiohttp.ClientSession

    @classmethod
    def at(cls, url: str) -> Self:
        # A cookie jar takes no cookies from addresses without a name unless it is told to.
        return cls(url, aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True)))

    async def open(self, path: str, **headers: str) -> Page:
        async with self.session.get(self.url + path, headers=headers, allow_redirects=True) as answer:
            html = await answer.text()
            return Page(answer.status, answer.url.path, html, answer.headers)

    async def press(self, page: Page, button: str, **typed: str) -> Page:
        """Fill in the form of a button and press it; the redirect that answers it is followed."""
        form = page.form(button)
        unknown = set(typed) - set(form.fields)
        assert not unknown, f"the form has no {unknown}"
        choice = form.buttons[button]
        sent = {**form.fields, **typed, **(dict([choice]) if choice else {})}
        return await self.post(form.action, sent, Referer=self.url + page.path)

    async def post(self, path: str, fields: dict[str, str], **headers: str) -> Page:
        kind = "application/x-www-form-urlencoded"
        given = {"Origin": self.url, "Sec-Fetch-Site": "same-origin", "Content-Type": kind, **headers}
        # Browsers end lines in text areas like this.
        body = urlencode({name: value.replace("\n", "\r\n") for name, value in fields.items()})
        async with self.session.post(
            self.url + path, data=BytesIO(body.encode()), headers=given, allow_redirects=False
        ) as answer:
            html = await answer.text()
            if answer.status != 303:
                return Page(answer.status, path, html, answer.headers)
        return await self.open(answer.headers["Location"])

    async def become(self, login: str) -> None:
        page = await self.press(await self.open("/"), "Switch", login=login)
        assert page.status == 200
