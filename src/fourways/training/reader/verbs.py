"""What invented subjects do to what: verbs of like meaning, by the kinds that they hold between. A table."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Verb:
    """A verb's three forms: write, wrote, written."""

    base: str
    past: str
    participle: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Deed:
    """What one kind of thing may do to another, both of `KINDS`, in verbs of like meaning."""

    subject: str
    item: str
    verbs: tuple[Verb, ...]


def _deed(line: str) -> Deed:
    kinds, _, forms = line.partition(": ")
    subject, item = kinds.split(">")
    verbs = tuple(
        Verb(base=base, past=past, participle=participle)
        for base, past, participle in (word.strip().split("/") for word in forms.split(","))
    )
    return Deed(subject=subject, item=item, verbs=verbs)


DEEDS = tuple(
    _deed(line)
    for line in """\
person>thing: write/wrote/written, pen/penned/penned, compose/composed/composed
person>thing: build/built/built, construct/constructed/constructed, erect/erected/erected
person>thing: discover/discovered/discovered, find/found/found
person>thing: invent/invented/invented, devise/devised/devised, create/created/created
person>thing: buy/bought/bought, purchase/purchased/purchased, acquire/acquired/acquired
person>thing: sell/sold/sold
person>thing: destroy/destroyed/destroyed, demolish/demolished/demolished, ruin/ruined/ruined
person>thing: steal/stole/stolen
person>thing: design/designed/designed, plan/planned/planned
person>thing: open/opened/opened, inaugurate/inaugurated/inaugurated
person>thing: close/closed/closed, shut/shut/shut
person>thing: lose/lost/lost
person>thing: paint/painted/painted
person>thing: repair/repaired/repaired, mend/mended/mended, fix/fixed/fixed
person>thing: draw/drew/drawn, sketch/sketched/sketched
person>thing: break/broke/broken
person>thing: hide/hid/hidden, conceal/concealed/concealed
person>thing: give/gave/given, donate/donated/donated
person>thing: win/won/won
person>thing: review/reviewed/reviewed, examine/examined/examined, inspect/inspected/inspected
person>thing: approve/approved/approved, authorise/authorised/authorised
person>thing: reject/rejected/rejected, refuse/refused/refused
person>thing: describe/described/described
person>thing: study/studied/studied, investigate/investigated/investigated
person>thing: translate/translated/translated
person>thing: publish/published/published, release/released/released, issue/issued/issued
person>thing: bring/brought/brought, carry/carried/carried
person>thing: see/saw/seen, observe/observed/observed
person>thing: teach/taught/taught
person>thing: collect/collected/collected, gather/gathered/gathered
person>person: meet/met/met
person>person: kill/killed/killed, murder/murdered/murdered
person>person: marry/married/married, wed/wedded/wedded
person>person: succeed/succeeded/succeeded, replace/replaced/replaced
person>person: defeat/defeated/defeated, beat/beat/beaten
person>person: hire/hired/hired, employ/employed/employed
person>person: arrest/arrested/arrested, imprison/imprisoned/imprisoned
person>person: support/supported/supported, back/backed/backed
person>person: choose/chose/chosen, select/selected/selected, elect/elected/elected
person>person: praise/praised/praised, admire/admired/admired
person>person: criticise/criticised/criticised, attack/attacked/attacked
person>person: influence/influenced/influenced, inspire/inspired/inspired
person>group: found/founded/founded, establish/established/established, start/started/started
person>group: lead/led/led, head/headed/headed, run/ran/run, direct/directed/directed
person>group: join/joined/joined, enter/entered/entered
person>group: leave/left/left, quit/quit/quit
person>group: visit/visited/visited
person>group: fund/funded/funded, finance/financed/financed, pay/paid/paid
person>town: rule/ruled/ruled, govern/governed/governed
person>town: reach/reached/reached
person>town: visit/visited/visited, tour/toured/toured
person>town: conquer/conquered/conquered, capture/captured/captured, take/took/taken
person>town: map/mapped/mapped, explore/explored/explored
group>group: defeat/defeated/defeated, beat/beat/beaten
group>group: buy/bought/bought, acquire/acquired/acquired, take over/took over/taken over
group>group: sue/sued/sued
group>group: join/joined/joined
group>thing: make/made/made, produce/produced/produced, manufacture/manufactured/manufactured
group>thing: develop/developed/developed, create/created/created
group>thing: sell/sold/sold
group>thing: host/hosted/hosted, hold/held/held, organise/organised/organised
group>thing: launch/launched/launched, introduce/introduced/introduced, start/started/started
group>thing: cancel/cancelled/cancelled, stop/stopped/stopped, end/ended/ended
group>thing: use/used/used, employ/employed/employed
group>thing: win/won/won
group>thing: own/owned/owned
group>thing: keep/kept/kept, store/stored/stored
group>town: occupy/occupied/occupied
group>town: settle/settled/settled, colonise/colonised/colonised
group>town: attack/attacked/attacked, invade/invaded/invaded
group>town: serve/served/served
group>person: hire/hired/hired, employ/employed/employed, recruit/recruited/recruited
group>person: honour/honoured/honoured
group>person: dismiss/dismissed/dismissed, fire/fired/fired
group>person: choose/chose/chosen, elect/elected/elected, appoint/appointed/appointed
thing>thing: cause/caused/caused, trigger/triggered/triggered
thing>thing: replace/replaced/replaced
thing>thing: contain/contained/contained, include/included/included
thing>thing: need/needed/needed, require/required/required
thing>thing: produce/produced/produced, create/created/created
thing>thing: cover/covered/covered
thing>town: reach/reached/reached
thing>town: cross/crossed/crossed
thing>town: destroy/destroyed/destroyed, devastate/devastated/devastated
thing>person: kill/killed/killed
thing>person: surprise/surprised/surprised, astonish/astonished/astonished""".splitlines()
)
