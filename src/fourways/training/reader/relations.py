"""What may hold between two invented things, and the ways to say it and to ask for it. A table."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Relation:
    """Something that holds between a subject and a value, with the ways to say it and to ask for it.

    Attributes:
        subject: a kind of `KINDS`.
        value: the same.
        says: sentences with {s} and {v}.
        asks: questions with {s} for the value.
        turns: questions with {v} for the subject.
    """

    subject: str
    value: str
    says: tuple[str, ...]
    asks: tuple[str, ...]
    turns: tuple[str, ...] = ()


def _relation(kinds: str, says: str, asks: str, turns: str = "") -> Relation:
    subject, value = kinds.split(">")
    parts = [tuple(part.strip() for part in text.split("|") if part.strip()) for text in (says, asks, turns)]
    return Relation(subject=subject, value=value, says=parts[0], asks=parts[1], turns=parts[2])


RELATIONS = (
    _relation(
        "person>town",
        "{s} was born in {v}. | {v} is the birthplace of {s}. | Born in {v}, {s} later moved away. "
        "| {s} came into the world in {v}.",
        "Where was {s} born? | In which town was {s} born? | What is the birthplace of {s}? "
        "| What is {s}'s birthplace?",
        "Who was born in {v}? | Which person was born in {v}?",
    ),
    _relation(
        "person>town",
        "{s} lives in {v}. | The home of {s} is in {v}. | {s} has lived in {v} for years. | {s} settled in {v}.",
        "Where does {s} live? | In which place does {s} live? | What town is the home of {s}?",
        "Who lives in {v}? | Who settled in {v}?",
    ),
    _relation(
        "person>group",
        "{s} works for {v}. | {s} is employed by {v}. | {v} employs {s}. | {s} has a job at {v}.",
        "Who does {s} work for? | Who employs {s}? | Where does {s} work? | For whom does {s} work?",
        "Who works for {v}? | Whom does {v} employ? | Who is employed by {v}?",
    ),
    _relation(
        "person>thing",
        "{s} invented {v}. | {v} was invented by {s}. | The inventor of {v} is {s}. | It was {s} who invented {v}.",
        "What did {s} invent? | What was invented by {s}?",
        "Who invented {v}? | Who is the inventor of {v}? | By whom was {v} invented?",
    ),
    _relation(
        "person>thing",
        "{s} designed {v}. | {v} was designed by {s}. | The designer of {v} was {s}.",
        "What did {s} design? | What was designed by {s}?",
        "Who designed {v}? | Who was the designer of {v}?",
    ),
    _relation(
        "person>thing",
        "{s} wrote {v}. | {v} was written by {s}. | The author of {v} is {s}.",
        "What did {s} write? | What was written by {s}? | Which work did {s} write?",
        "Who wrote {v}? | Who is the author of {v}?",
    ),
    _relation(
        "person>thing",
        "{s} bought {v}. | {v} was bought by {s}. | {v} was sold to {s}.",
        "What did {s} buy? | What was sold to {s}?",
        "Who bought {v}? | To whom was {v} sold?",
    ),
    _relation(
        "person>group",
        "{s} founded {v}. | {v} was founded by {s}. | The founder of {v} was {s}. "
        "| {s} is known as the founder of {v}.",
        "What did {s} found? | Which organisation did {s} found? | What was founded by {s}?",
        "Who founded {v}? | Who was the founder of {v}? | By whom was {v} founded?",
    ),
    _relation(
        "person>group",
        "{s} leads {v}. | {v} is led by {s}. | {s} is the head of {v}. | At the head of {v} stands {s}.",
        "What does {s} lead? | What is {s} the head of?",
        "Who leads {v}? | Who is the head of {v}? | Who is in charge of {v}?",
    ),
    _relation(
        "group>town",
        "{s} is based in {v}. | {s} has its headquarters in {v}. | The headquarters of {s} are in {v}.",
        "Where is {s} based? | Where are the headquarters of {s}? | In what place does {s} have its headquarters?",
        "What is based in {v}? | Which organisation has its headquarters in {v}?",
    ),
    _relation(
        "group>date",
        "{s} was founded in {v}. | In {v}, {s} was founded. | The founding of {s} dates to {v}.",
        "When was {s} founded? | In what year was {s} founded? | What is the founding date of {s}?",
        "What was founded in {v}?",
    ),
    _relation(
        "group>number",
        "{s} has {v} members. | There are {v} members in {s}. | {v} people belong to {s}.",
        "How many members does {s} have? | How many people belong to {s}?",
        "Which group has {v} members?",
    ),
    _relation(
        "group>thing",
        "{s} makes {v}. | {v} is made by {s}. | {s} produces {v}. | The maker of {v} is {s}.",
        "What does {s} make? | What does {s} produce? | What is made by {s}?",
        "Who makes {v}? | Who produces {v}? | Which company makes {v}?",
    ),
    _relation(
        "group>group",
        "{s} defeated {v}. | {v} lost to {s}. | {s} won against {v}. | {s} beat {v}.",
        "Whom did {s} defeat? | Who did {s} beat? | Who lost to {s}?",
        "Who defeated {v}? | Who beat {v}? | To whom did {v} lose?",
    ),
    _relation(
        "thing>town",
        "{s} is in {v}. | {s} stands in {v}. | {s} can be found in {v}. | {v} is where {s} is. "
        "| {s} is kept in {v}. | {s} is located in {v}.",
        "Where is {s}? | Where can {s} be found? | Where is {s} located? | In what place is {s}?",
        "What is in {v}? | What can be found in {v}? | What is located in {v}?",
    ),
    _relation(
        "thing>money",
        "{s} costs {v}. | The price of {s} is {v}. | You pay {v} for {s}. | {s} is sold for {v}.",
        "How much does {s} cost? | What is the price of {s}? | What does {s} cost? | How much is {s}?",
        "What costs {v}? | What is sold for {v}?",
    ),
    _relation(
        "thing>material",
        "{s} is made of {v}. | {v} is what {s} is made of. | {s} consists of {v}.",
        "What is {s} made of? | Of what material is {s}? | What does {s} consist of?",
        "What is made of {v}? | Which thing consists of {v}?",
    ),
    _relation(
        "thing>material",
        "{s} is {v}. | The colour of {s} is {v}. | {s} has the colour {v}. | {s} was painted {v}.",
        "What colour is {s}? | What is the colour of {s}? | Which colour does {s} have?",
        "What is {v}? | What has the colour {v}?",
    ),
    _relation(
        "thing>date",
        "{s} was built in {v}. | In {v}, {s} was built. | The building of {s} was finished in {v}. "
        "| {s} was completed in {v}.",
        "When was {s} built? | In which year was {s} built? | When was {s} completed?",
        "What was built in {v}?",
    ),
    _relation(
        "thing>date",
        "{s} was discovered in {v}. | The discovery of {s} came in {v}. | {s} was first found in {v}.",
        "When was {s} discovered? | When was {s} first found? | In what year was {s} discovered?",
        "What was discovered in {v}?",
    ),
    _relation(
        "thing>amount",
        "{s} measures {v}. | {s} holds {v}. | {s} has room for {v}. | The size of {s} is {v}.",
        "How big is {s}? | What is the size of {s}? | How much does {s} hold?",
        "What holds {v}? | What measures {v}?",
    ),
    _relation(
        "thing>hour",
        "{s} opens at {v}. | {s} starts at {v}. | The start of {s} is {v}. | {s} begins at {v}.",
        "When does {s} open? | When does {s} start? | At what time does {s} begin?",
        "What opens at {v}? | What begins at {v}?",
    ),
    _relation(
        "thing>span",
        "{s} takes {v}. | {s} lasts {v}. | It takes {v} to finish {s}. | {s} is kept for {v}. "
        "| {s} must be done within {v}.",
        "How long does {s} take? | How long does {s} last? | How long is {s} kept? | What is the time limit for {s}?",
        "What takes {v}? | What lasts {v}?",
    ),
    _relation(
        "thing>code",
        "The code of {s} is {v}. | {s} has the number {v}. | Use {v} for {s}. | {s} is listed as {v}. "
        "| To open {s}, type {v}.",
        "What is the code of {s}? | What number does {s} have? | Which code opens {s}? | What do you type to open {s}?",
        "What has the code {v}? | What is listed as {v}?",
    ),
    _relation(
        "thing>address",
        "Questions about {s} go to {v}. | Report problems with {s} to {v}. | Write to {v} about {s}. "
        "| {s} is found at {v}.",
        "Where do questions about {s} go? | Where do I report problems with {s}? "
        "| What is the contact for {s}? | Whom do I ask about {s}?",
        "What is {v} for?",
    ),
    _relation(
        "thing>person",
        "{s} belongs to {v}. | {v} owns {s}. | The owner of {s} is {v}. | {s} is the property of {v}.",
        "Who owns {s}? | Whom does {s} belong to? | Who is the owner of {s}? | Whose is {s}?",
        "What does {v} own? | What belongs to {v}?",
    ),
    _relation(
        "thing>person",
        "{v} is responsible for {s}. | {v} looks after {s}. | {s} is approved by {v}. | {s} must be signed by {v}.",
        "Who is responsible for {s}? | Who looks after {s}? | Who approves {s}? | Who must sign {s}?",
        "What is {v} responsible for? | What does {v} look after?",
    ),
    _relation(
        "person>phrase",
        "{s} needs {v}. | {v} is what {s} needs. | {s} is in need of {v}.",
        "What does {s} need? | What is {s} in need of?",
        "Who needs {v}?",
    ),
    _relation(
        "person>several",
        "{s} studied {v}. | {s} took lessons in {v}. | {s} is a student of {v}.",
        "What did {s} study? | What did {s} take lessons in?",
        "Who studied {v}?",
    ),
    _relation(
        "person>date",
        "{s} died in {v}. | In {v}, {s} died. | The death of {s} came in {v}.",
        "When did {s} die? | In what year did {s} die?",
        "Who died in {v}?",
    ),
    _relation(
        "person>person",
        "{s} is married to {v}. | {s} married {v}. | {v} became the spouse of {s}.",
        "Who is {s} married to? | Whom did {s} marry? | Who is the spouse of {s}?",
        "Who married {v}?",
    ),
    _relation(
        "person>person",
        "{s} was taught by {v}. | {v} taught {s}. | The teacher of {s} was {v}.",
        "Who taught {s}? | Who was the teacher of {s}? | By whom was {s} taught?",
        "Whom did {v} teach? | Who was taught by {v}?",
    ),
    _relation(
        "person>number",
        "{s} scored {v} points. | {v} points were scored by {s}. | {s} finished with {v} points.",
        "How many points did {s} score? | How many points did {s} have?",
        "Who scored {v} points?",
    ),
    _relation(
        "person>phrase",
        "{s} was known as {v}. | People called {s} {v}. | {s} went by the name of {v}.",
        "What was {s} known as? | What was {s} called? | By what name did {s} go?",
        "Who was known as {v}? | Who was called {v}?",
    ),
    _relation(
        "town>number",
        "{s} has {v} inhabitants. | {v} people live in {s}. | The population of {s} is {v}.",
        "How many people live in {s}? | What is the population of {s}? | How many inhabitants does {s} have?",
        "Which place has {v} inhabitants?",
    ),
    _relation(
        "town>several",
        "{s} is known for {v}. | {s} exports {v}. | {s} is famous for {v}.",
        "What is {s} known for? | What does {s} export? | What is {s} famous for?",
        "Which place is known for {v}? | What place exports {v}?",
    ),
    _relation(
        "town>town",
        "{s} is the capital of {v}. | The capital of {v} is {s}. | {v} has {s} as its capital.",
        "What is {s} the capital of?",
        "What is the capital of {v}? | Which city is the capital of {v}?",
    ),
    _relation(
        "thing>deed",
        "If {s} fails, {v}. | When {s} stops, {v}. | In case {s} fails, {v}.",
        "What should you do when {s} stops? | What do you do if {s} fails?",
    ),
    _relation(
        "thing>deed",
        "To start {s}, {v}. | Before you use {s}, {v}. | Whoever wants to use {s} has to {v}.",
        "How do you start {s}? | What must be done before using {s}? | What do you have to do to use {s}?",
    ),
    _relation(
        "thing>thing",
        "{s} replaced {v}. | {v} was replaced by {s}. | {s} came after {v}.",
        "What did {s} replace? | What came before {s}?",
        "What replaced {v}? | What came after {v}?",
    ),
    _relation(
        "thing>phrase",
        "{s} is used for {v}. | People use {s} for {v}. | The use of {s} is {v}.",
        "What is {s} used for? | What do people use {s} for?",
        "What is used for {v}?",
    ),
    _relation(
        "thing>phrase",
        "{s} contains {v}. | In {s} there is {v}. | {v} can be found within {s}.",
        "What does {s} contain? | What is there in {s}?",
        "What contains {v}?",
    ),
    _relation(
        "thing>phrase",
        "{s} requires {v}. | For {s} you need {v}. | {v} is required for {s}.",
        "What does {s} require? | What do you need for {s}? | What is required for {s}?",
        "What requires {v}? | What do you need {v} for?",
    ),
    _relation(
        "person>span",
        "{s} stayed for {v}. | The stay of {s} lasted {v}. | {s} remained there for {v}.",
        "How long did {s} stay? | For how long did {s} remain there? | How long was the stay of {s}?",
        "Who stayed for {v}?",
    ),
    _relation(
        "thing>several",
        "The parts of {s} are {v}. | {s} has the parts {v}. | {v} are the parts of {s}.",
        "What are the parts of {s}? | Which parts does {s} have?",
        "What has the parts {v}?",
    ),
)
