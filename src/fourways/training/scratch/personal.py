"""Masks what looks like personal data in a corpus: by form and check digits, so that what a model learns names nobody.

Names are not found, and what is written in other ways passes; a corpus of personal data needs more than this.
"""

import re
from collections import Counter
from collections.abc import Callable

ROLES = frozenset(
    """abuse accounts admin board careers contact desk events facilities finance help helpdesk hr info it jobs legal
    mail marketing news office orders press privacy sales security service support team webmaster""".split()
)
"""Parts of addresses that belong to a task and not to a person."""


def _of_a_person(found: str) -> bool:
    parts = re.split(r"[._]", found.partition("@")[0].lower())
    return len(parts) > 1 and not ROLES & set(parts)


def _luhn(found: str) -> bool:
    """Check a card's number (ISO/IEC 7812-1)."""
    digits = [int(digit) for digit in found if digit.isdigit()][::-1]
    doubled = [digit if at % 2 == 0 else sum(divmod(2 * digit, 10)) for at, digit in enumerate(digits)]
    return sum(doubled) % 10 == 0


def _iban(found: str) -> bool:
    """Check an account's number (ISO 13616)."""
    plain = re.sub(r"\s", "", found).upper()
    return int("".join(str(int(letter, 36)) for letter in plain[4:] + plain[:4])) % 97 == 1


def _always(_found: str) -> bool:
    return True


KINDS: tuple[tuple[str, re.Pattern[str], Callable[[str], bool]], ...] = (
    ("email", re.compile(r"\b[\w.+-]+@[\w-]+(?:\.[\w-]+)+\b"), _of_a_person),
    ("iban", re.compile(r"\b[A-Z]{2}\d{2}(?: ?[A-Z0-9]{4}){3,7}(?: ?[A-Z0-9]{1,3})?\b"), _iban),
    ("card", re.compile(r"\b(?:\d[ -]?){12,18}\d\b"), _luhn),
    ("phone", re.compile(r"(?<![\w+])\+\d{1,3}[ ./-]?(?:\(?\d{1,5}\)?[ ./-]?){2,6}\d{2,}\b"), _always),
)
"""What is masked: form, and a check of what has it. In order: what is masked is not looked at again."""


def mask(text: str) -> tuple[str, Counter[str]]:
    """Return a text in which each finding is replaced by its kind in angle brackets, and how many of each."""
    counts: Counter[str] = Counter()
    for name, form, check in KINDS:

        def replaced(found: re.Match[str], name: str = name, check: Callable[[str], bool] = check) -> str:
            if not check(found[0]):
                return found[0]
            counts[name] += 1
            return f"<{name}>"

        text = form.sub(replaced, text)
    return text, counts
