"""Personal data and secrets in texts, by pattern and check digit. Names of people are not found. Pure."""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from ipaddress import ip_address

LEAST_PHONE, MOST_PHONE = 9, 15
"""Digits of a telephone number: ITU-T E.164 ends at fifteen."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Personal:
    """Something personal, and its place in the text."""

    kind: str
    text: str
    start: int
    end: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Pattern:
    """How a kind of personal data looks, and what must hold of it besides."""

    look: re.Pattern[str]
    holds: Callable[[str], bool] = bool


def luhn(text: str) -> bool:
    """Whether digits have the check digit of payment cards (ISO/IEC 7812-1, annex B)."""
    digits = [int(one) for one in text if one.isdigit()]
    if len(set(digits)) == 1:  # 0000 0000 0000 0000
        return False
    doubled = [2 * one - 9 * (one > 4) for one in digits[-2::-2]]  # noqa: PLR2004 - a digit's double over nine
    return (sum(doubled) + sum(digits[-1::-2])) % 10 == 0


def iban(text: str) -> bool:
    """Whether an account number has its check digits (ISO 13616: modulo 97 is 1)."""
    plain = re.sub(r"\s", "", text).upper()
    if not 15 <= len(plain) <= 34:  # noqa: PLR2004 - as the standard has it
        return False
    return int("".join(str(int(one, 36)) for one in plain[4:] + plain[:4])) % 97 == 1


def _phone(text: str) -> bool:
    digits = re.sub(r"\D", "", text)
    written = text.startswith(("+", "0", "(")) or bool(re.match(r"\d{3}[ .-]\d{3}[ .-]\d{4}$|1[ .-]\d{3}", text))
    return LEAST_PHONE <= len(digits) <= MOST_PHONE and written and not re.match(r"\d{4}-\d{2}-\d{2}", text)


def _public(text: str) -> bool:
    """Whether an IP address may be somebody's: not loopback, not of documentation, not a version number."""
    try:
        address = ip_address(text)
    except ValueError:
        return False
    return not (address.is_loopback or address.is_unspecified)


_IPV6 = r"(?<![\w:])(?:[0-9a-f]{1,4}:){7}[0-9a-f]{1,4}(?![\w:])"
_BORN = r"born(?: on)?|date of birth|dob|geboren(?: am)?|nacid[oa]"
_GROUPS = r"(?<![\w.-])(?:\+\d{1,3}[ .-]?)?(?:\(\d{1,5}\)[ .-]?)?\d{2,5}(?:[ ./-]\d{2,8}){1,4}(?![\w/])"
_STREET = (
    r"\b\d{1,5} (?:[A-Z][\w’'-]+ ){1,3}(?:Street|St|Road|Rd|Avenue|Ave|Lane|Ln|Drive|Dr|Boulevard|Blvd|Court|Ct|"
    r"Square|Place|Way|Terrace)\b\.?"
)
_STRASSE = r"\b[A-ZÄÖÜ][\wäöüß-]*(?:straße|strasse|str\.|weg|platz|gasse|allee) \d{1,4}[a-z]?\b"
_DAY = r"\d{1,2}[./ -](?:\d{1,2}|[A-Z][a-z]{2,8})[./ -]\d{2,4}|\d{4}-\d{2}-\d{2}"

PATTERNS: Mapping[str, Pattern] = {
    "secret": Pattern(
        look=re.compile(
            r"\b(?:sk-[A-Za-z0-9_-]{20,}|AKIA[0-9A-Z]{16}|gh[pousr]_[A-Za-z0-9]{30,}|xox[abprs]-[A-Za-z0-9-]{10,}"
            r"|AIza[0-9A-Za-z_-]{35}|eyJ[A-Za-z0-9_-]{10,}\.eyJ[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{5,})"
            r"|-----BEGIN [A-Z ]*PRIVATE KEY-----"
        )
    ),
    "email": Pattern(look=re.compile(r"(?<![\w.+-])[\w.+-]+@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)*\.[A-Za-z]{2,}\b")),
    "iban": Pattern(look=re.compile(r"\b[A-Z]{2}\d{2}(?: ?[A-Z0-9]){11,30}\b"), holds=iban),
    "card": Pattern(look=re.compile(r"(?<![\d.-])\d(?:[ -]?\d){12,18}(?![\d-])"), holds=luhn),
    "ssn": Pattern(look=re.compile(r"(?<![\d-])(?!000|666|9\d\d)\d{3}-(?!00)\d{2}-(?!0000)\d{4}(?![\d-])")),
    "ip": Pattern(look=re.compile(rf"(?<![\w.])(?:\d{{1,3}}\.){{3}}\d{{1,3}}(?![\w.])|{_IPV6}"), holds=_public),
    "birth": Pattern(look=re.compile(rf"(?i:\b(?:{_BORN})):? (?:{_DAY})")),
    "phone": Pattern(look=re.compile(rf"{_GROUPS}|(?<![\w.])\+\d{{9,15}}\b"), holds=_phone),
    "address": Pattern(look=re.compile(rf"{_STREET}|{_STRASSE}")),
}  # fmt: skip
"""What is looked for, in this order: what was found by one kind is not looked at by the next."""


def personal_in(text: str) -> list[Personal]:
    """Find personal data, from the text's front to its end; no two overlap."""
    found: list[Personal] = []
    for kind, pattern in PATTERNS.items():
        for match in pattern.look.finditer(text):
            start, end = match.span()
            apart = all(end <= one.start or one.end <= start for one in found)
            if apart and pattern.holds(match.group()):
                found.append(Personal(kind=kind, text=match.group(), start=start, end=end))
    return sorted(found, key=lambda one: one.start)


def masked(text: str) -> str:
    """Put each kind's name in brackets where something personal stands: `[email]`, `[phone]`."""
    return "".join(_pieces(text))


def _pieces(text: str) -> Iterator[str]:
    at = 0
    for one in personal_in(text):
        yield text[at : one.start]
        yield f"[{one.kind}]"
        at = one.end
    yield text[at:]


def veiled(text: str) -> str:
    """Show that something was found without showing it: its first and last character, and its length."""
    return f"{text[0]}{'•' * min(8, len(text) - 2)}{text[-1]}" if len(text) > 4 else "•" * len(text)  # noqa: PLR2004
