"""A small project for end-to-end tests: twelve pages of an invented company, one of them for HR only."""

from pathlib import Path

from tests.e2e.processes import ProjectFolder

YAML = """\
project: acme
knowledge:
  handbook:
    sources:
      - paths: [docs]
apps:
  helpdesk:
    ways:
      prompt: {model: echo, system: "You are the help desk of Acme."}
      rag: {model: extractive, knowledge: handbook}
  parrot:
    ways:
      prompt: {model: echo}
"""

PAGES = {
    "vpn": ("VPN", "The VPN client is called Burrow. Connect to the gateway mole.acme.example with your badge number."),
    "passwords": ("Passwords", "Passwords are reset at the kiosk in the lobby. A password has 14 characters at least."),
    "printers": ("Printers", "The colour printer stands on the third floor. Its paper tray holds 500 sheets."),
    "holidays": ("Holidays", "Every employee has 27 days of holiday a year. They are asked for in the calendar tool."),
    "laptops": ("Laptops", "Laptops are replaced every 41 months. A broken laptop goes to desk nine in the basement."),
    "canteen": ("Canteen", "The canteen opens at half past eleven. On Thursdays it serves lentil soup."),
    "parking": ("Parking", "Visitors park on level minus two. A parking permit costs 12 euros a month."),
    "wifi": ("Wireless network", "The wireless network for guests is named Heron. Its code changes every Monday."),
    "security": ("Security", "Report a lost badge to the guard at extension 4471. Doors lock at nine in the evening."),
    "travel": ("Travel", "Trains are booked in second class. Receipts are handed in within 30 days of the trip."),
    "phones": ("Telephones", "Desk phones forward calls to a mobile with star 21. Voicemail is kept for 60 days."),
    "salaries": ("Salary bands", "The salary of band seven begins at 81250 euros. Bonuses are paid out in Februember."),
}  # fmt: skip
FOR_HR = "salaries"
SECRET = "Februember"
"""A word that stands on HR's page and nowhere else."""


def page(name: str) -> str:
    title, text = PAGES[name]
    labels = "acl: [hr]\n" if name == FOR_HR else ""
    return f"---\ntitle: {title}\n{labels}topic: {name}\n---\n# {title}\n\n{text}\n"


def make(folder: Path) -> ProjectFolder:
    project = ProjectFolder(folder=folder)
    project.write("fourways.yaml", YAML)
    for name in PAGES:
        project.write(f"docs/{name}.md", page(name))
    return project
