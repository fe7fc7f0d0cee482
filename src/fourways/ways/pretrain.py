"""Way 4: a model trained from scratch, from a corpus to an assistant; one dial sets all the rest."""

from typing import Any

from fourways.config.ways import PretrainWay
from fourways.core.chat import Answerer
from fourways.core.specs import Candidate
from fourways.core.traits import Trait, Traits
from fourways.training.runs import Run
from fourways.ways import weighted
from fourways.ways.recipes import Recipe, Role
from fourways.ways.workshop import Workshop


class PretrainingWay:
    """Builds and opens models of one's own."""

    name = "pretrain"

    async def build(self, app: str, spec: PretrainWay, workshop: Workshop) -> Candidate:
        """Pin what came of training from nothing, and how questions are put.

        Raises:
            NotTrained: this recipe was not trained, and this is no place to do so.
        """
        putting = weighted.pin_putting(spec, workshop)
        uses: list[tuple[Role, str]] = [
            *(("corpus", name) for name in spec.corpus),
            *(("instructions", name) for name in spec.instructions),
            *((("preferences", spec.preferences),) if spec.preferences else ()),
        ]
        facts = workshop.project.apps[app].facts or workshop.project.facts
        recipe = Recipe(
            app=app,
            way=self.name,
            run=Run(
                method="pretrain",
                seed=spec.seed,
                quantize=spec.quantize,
                pretrain=dial_of(spec, facts.machine_usd_per_hour),
                report_to=tuple(spec.report_to),
            ),
            base=None,
            ingredients=tuple([await workshop.training.ingredient(role, name) for role, name in uses]),
            prompt=putting["prompt"],
            reading=weighted.reading_of(putting),
            processes=spec.processes,
            launch=spec.launch,
        )
        return weighted.candidate(app, self.name, await workshop.training.trained(recipe), putting)

    def open(self, candidate: Candidate, workshop: Workshop) -> Answerer:
        """Answer with the trained weights."""
        return weighted.opened(candidate, workshop)

    def traits(self, candidate: Candidate, workshop: Workshop) -> Traits:
        """Say what a model of one's own is like: all that it knows stands in its weights."""
        return weighted.traits(
            candidate,
            workshop,
            people=Trait(
                says="AI expertise, and for anything large people who run clusters.",
                because=("tokenizer, corpus, schedule and stages are all one's own",),
            ),
            hardware=Trait(
                says="Minutes on this machine for a toy; for anything large, a cluster of GPUs.",
                because=("`fourways plan --method pretrain` says what a size takes",),
            ),
        )


def dial_of(spec: PretrainWay, usd_per_hour: float) -> dict[str, Any]:
    """Return the dial as the training program reads it; where nobody turns it, the corpus decides."""
    turned = {name: value for name in ("size", "minutes", "usd") if (value := getattr(spec, name)) is not None}
    price = {"usd_per_hour": usd_per_hour} if "usd" in turned else {}
    by_hand = {"set": dict(spec.overrides)} if spec.overrides else {}
    return {**turned, **price, **by_hand}
