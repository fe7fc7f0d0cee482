"""How a release comes to people, as the project file says it for an app and a stage."""

from dataclasses import dataclass
from typing import Any

from fourways.config.releasing import Canary, Gate
from fourways.config.tree import App
from fourways.core.errors import InvalidRequest
from fourways.core.rollout import STAGES, Stage
from fourways.store.releases import ReleaseRow


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """How one release comes to people: pinned when it is made, so that no later edit changes its way."""

    gate: Gate
    approval: str
    canary: Canary

    def plain(self) -> dict[str, Any]:
        """Return it as JSON."""
        return {
            "gate": self.gate.model_dump(mode="json"),
            "approval": self.approval,
            "canary": self.canary.model_dump(mode="json", by_alias=True, exclude_none=True),
        }


def read_policy(release: ReleaseRow) -> Policy:
    """Return the policy that a release was made with."""
    plain = release.policy
    return Policy(
        gate=Gate.model_validate(plain["gate"]),
        approval=plain["approval"],
        canary=Canary.model_validate(plain["canary"]),
    )


def policy_of(app: App, stage: Stage) -> Policy:
    """Return the policy of an app in a stage.

    In staging, where nobody but testers asks, nothing is approved and there is no canary to wait for, unless said so.
    """
    node, own = app.release, app.release.stages.get(stage)
    easy = stage == "staging"
    gate = own.gate if own is not None else None
    approval = own.approval if own is not None else None
    canary = own.canary if own is not None else None
    return Policy(
        gate=gate or node.gate,
        approval=approval or ("none" if easy else node.approval),
        canary=canary or (Canary(steps=[]) if easy else node.canary),
    )


def checked_stage(stage: str) -> Stage:
    """Return a stage by its name; raises InvalidRequest."""
    for known in STAGES:
        if stage == known:
            return known
    raise InvalidRequest(f"there is no stage '{stage}'; there is: {', '.join(STAGES)}", param="stage")
