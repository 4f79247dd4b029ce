"""Secrets in text that no parser understands: cut JSON, forms, HTML, logs, tokens.

Owns the shapes. Works on the text alone, so that the beginning of a long payload
is searched like the whole. The text is hostile: every repetition is bounded, or
begins where the last one ended, so that no text takes more than linear time. Pure.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from console.secret_names import SecretNames

JWT = re.compile(r"(?<![\w-])eyJ[\w-]{4,}\.[\w-]{4,}(?:\.[\w-]*)*")

_SUSPICIOUS = re.compile(
    r"""[:=<]|["']\s*,|%3d|eyJ|bearer|basic|[spr]k[_-]|gh[pousr]_|xox|akia""", re.IGNORECASE
)
"""Every shape below has one of these: most strings have none, and are done."""

_CREDENTIALS = re.compile(
    r"""(?ix) \b (?P<scheme> bearer \s+ | basic \s+ (?=[a-z0-9+/]{16}) ) [^\s"',;<>]+ """
)
_KNOWN_KEYS = re.compile(
    r"""(?x) (?<![\w-]) (?:
        (?:sk|pk|rk)_(?:live|test)_\w{8,} | sk-[\w-]{16,} | gh[pousr]_\w{20,}
        | xox[abprs]-[\w-]{10,} | AKIA[0-9A-Z]{16} | (?:bot)?\d{6,12}:AA[\w-]{33}
    )"""
)
_URL_PASSWORD = re.compile(r"(?P<head>://[^\s/:@]{0,200}:)[^\s/@]{1,500}(?=@)")
_TAG = re.compile(r"<(?:input|meta|button|option)\b[^<>]*", re.IGNORECASE)
_ELEMENT = re.compile(r"<(?P<key>[\w.:-]{1,200}+)(?:\s[^<>]{0,500}+)?>(?P<value>[^<>]{1,10000}+)")
_ATTRIBUTE = re.compile(r"""(?P<key>[\w:-]+)=(?P<quote>["'])(?P<value>.*?)(?P=quote)""", re.DOTALL)
_PART = re.compile(
    r"""(?x) (?P<head> \bname="(?P<key>[^"\r\n]{0,200})" [^\r\n]{0,500}+ \r?\n
        (?: [^\r\n]{1,500}+ \r?\n ){0,8} \r?\n ) .*? (?= \r?\n-- | \Z )""",
    re.DOTALL,
)
# A name, quoted (perhaps by escaped quotes, inside a string of JSON) or bare, and then
# `:` or `=`: what follows is its value.
_NAMED = re.compile(
    r"""(?x) (?: (?P<quote>\\*["']) (?P<quoted>[^"'\\]{1,200}) (?P=quote)
        | (?<![\w%.$-]) (?P<bare>[\w%.$-]{1,200}+) ) \s*+ (?P<sign>[:=]) \s*+""",
)
# A name and its value as a pair of strings: a header, as ASGI and Python write it.
_PAIR = re.compile(
    r"""(?x) [(\[] \s{0,9}+ b? (?P<quote>\\*["']) (?P<key>[^"'\\]{1,200}) (?P=quote)
        \s{0,9}+ , \s{0,9}+ b? (?=\\*["'])""",
)
# In an address that is an argument of another: ?next=%2Fchat%3Ftoken%3D...
_ENCODED = re.compile(
    r"""(?xi) (?<![\w.-]) (?:[\da-f]{2}(?<=%..))? (?P<key>[\w.-]{1,200}+) %3d
        (?P<value>(?:(?!%26)[^\s&;"'<>])++)"""
)
_QUOTE = re.compile(r"""\\*["']""")
_ENDS = {quote: re.compile(rf"(?P<escapes>\\*+){quote}") for quote in "\"'"}
_BRACKET_OR_QUOTE = re.compile(r'["{}\[\]]')
_UNTIL_SIGN = re.compile(r"""[^\s;&"<>]*""")
_UNTIL_LINE_END = re.compile(r"""[^\r\n"]*""")


class Scrubber:
    """Replaces what looks like a secret by a marker.

    Args:
        names: which names promise one.
        marker: what stands in its place.
    """

    def __init__(self, names: SecretNames, marker: str) -> None:
        self._names = names
        self._marker = marker

    def scrub(self, text: str) -> str:
        """Return `text` with the marker in the place of every secret that can be told."""
        if _SUSPICIOUS.search(text) is None:
            return text
        if "eyJ" in text:
            text = JWT.sub(self._marker, text)
        text = _CREDENTIALS.sub(rf"\g<scheme>{self._marker}", text)
        text = _KNOWN_KEYS.sub(self._marker, text)
        if "://" in text:
            text = _URL_PASSWORD.sub(rf"\g<head>{self._marker}", text)
        if "<" in text:
            text = _TAG.sub(self._tag, text)
            text = _ELEMENT.sub(self._element, text)
        if 'name="' in text:
            text = _PART.sub(self._part, text)
        if "%3" in text:
            text = _ENCODED.sub(self._encoded, text)
        if "," in text:
            text = self._paired(text)
        return self._named(text) if ":" in text or "=" in text else text

    def _element(self, found: re.Match[str]) -> str:
        return self._without_value(found) if self._names.is_secret(found["key"]) else found[0]

    def _encoded(self, found: re.Match[str]) -> str:
        is_secret = self._names.is_secret_argument(found["key"])
        return self._without_value(found) if is_secret else found[0]

    def _without_value(self, found: re.Match[str]) -> str:
        return found[0][: found.start("value") - found.start()] + self._marker

    def _tag(self, tag: re.Match[str]) -> str:
        values = {found["key"].lower(): found["value"] for found in _ATTRIBUTE.finditer(tag[0])}
        if not any(self._names.is_secret(values.get(key, "")) for key in ("name", "id", "type")):
            return tag[0]
        return _ATTRIBUTE.sub(self._attribute, tag[0])

    def _attribute(self, found: re.Match[str]) -> str:
        if found["key"].lower() in ("value", "content"):
            return f'{found["key"]}="{self._marker}"'
        return found[0]

    def _part(self, part: re.Match[str]) -> str:
        return part["head"] + self._marker if self._names.is_secret(part["key"]) else part[0]

    def _paired(self, text: str) -> str:
        pairs = _PAIR.finditer(text)
        return self._without_values(
            text, ((pair, ",") for pair in pairs if self._names.is_secret(pair["key"]))
        )

    def _named(self, text: str) -> str:
        names = _NAMED.finditer(text)
        return self._without_values(
            text, ((name, name["sign"]) for name in names if self._is_secret(text, name))
        )

    def _is_secret(self, text: str, name: re.Match[str]) -> bool:
        # Of an address, or of a form.
        is_argument = name["sign"] == "=" and text[max(name.start() - 1, 0)] in "?&"
        promises = self._names.is_secret_argument if is_argument else self._names.is_secret
        return promises(name["quoted"] or name["bare"])

    def _without_values(self, text: str, names: Iterable[tuple[re.Match[str], str]]) -> str:
        """Return `text` with the marker in the place of the values that follow these names."""
        shown: list[str] = []
        done = 0
        for name, sign in names:
            if name.start() < done:
                continue
            if (end := _value_end(text, name.end(), sign)) > name.end():
                shown += text[done : name.end()], self._marker
                done = end
        return "".join((*shown, text[done:])) if shown else text


def _value_end(text: str, start: int, sign: str) -> int:
    """Return where the value that begins at `start` ends; a cut one ends with the text."""
    if text.startswith(("{", "["), start):
        return _bracket_end(text, start)
    if (quote := _QUOTE.match(text, start)) is not None:
        return _quoted_end(text, quote)
    # `name: value` is a header or a line of a log, whose value may have spaces.
    bare = (_UNTIL_LINE_END if sign == ":" else _UNTIL_SIGN).match(text, start)
    return bare.end() if bare is not None else start


def _quoted_end(text: str, quote: re.Match[str]) -> int:
    """Return the end of a string, whose quotes may be escaped themselves.

    At a depth of d backslashes before its quotes, a string of JSON ends at a quote
    with d of them, or with d more than a multiple of 2 (d + 1): those are escaped
    backslashes at the end of the value. Fewer than d end a string further out.
    """
    depth = len(quote[0]) - 1
    for found in _ENDS[quote[0][-1]].finditer(text, quote.end()):
        escapes = len(found["escapes"])
        if escapes <= depth or (escapes - depth) % (2 * (depth + 1)) == 0:
            return found.end()
    return len(text)


def _bracket_end(text: str, start: int) -> int:
    open_brackets = 0
    at = start
    while (found := _BRACKET_OR_QUOTE.search(text, at)) is not None:
        at = found.end()
        if found[0] == '"':
            at = _quoted_end(text, found)
            continue
        open_brackets += 1 if found[0] in "{[" else -1
        if open_brackets == 0:
            return at
    return len(text)
