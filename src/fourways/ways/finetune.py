"""Way 3: a model that is there already, tuned on datasets: its answers, its preferences, or a larger model's."""

from fourways.config.ways import FinetuneWay
from fourways.core.chat import Answerer
from fourways.core.specs import Candidate
from fourways.core.traits import Trait, Traits
from fourways.training.runs import Adapter, Hyper, Run
from fourways.ways import weighted
from fourways.ways.recipes import Base, Ingredient, Recipe
from fourways.ways.workshop import Workshop


class TuningWay:
    """Builds and opens tuned models."""

    name = "finetune"

    async def build(self, app: str, spec: FinetuneWay, workshop: Workshop) -> Candidate:
        """Pin the base, what came of tuning it, and how questions are put.

        Raises:
            NotTrained: this recipe was not trained, and this is no place to do so.
        """
        putting = weighted.pin_putting(spec, workshop)
        training = workshop.training
        base = await training.base(spec.base)
        recipe = Recipe(
            app=app,
            way=self.name,
            run=run_of(spec, base),
            base=base,
            teacher=await training.base(spec.teacher) if spec.teacher else None,
            ingredients=await _ingredients(spec, workshop),
            prompt=putting["prompt"],
            reading=weighted.reading_of(putting),
            processes=spec.processes,
            launch=spec.launch,
        )
        return weighted.candidate(app, self.name, await training.trained(recipe), putting)

    def open(self, candidate: Candidate, workshop: Workshop) -> Answerer:
        """Answer with the tuned weights."""
        return weighted.opened(candidate, workshop)

    def traits(self, candidate: Candidate, workshop: Workshop) -> Traits:
        """Say what a tuned model is like: what it was shown stands in its weights."""
        pin = candidate.parts["weights"]
        return weighted.traits(
            candidate,
            workshop,
            people=Trait(
                says="People who prepare data and know how models are tuned and checked.",
                because=(f"tuned by {pin['method']}; data, learning rate and overfitting have to be watched",),
            ),
            hardware=Trait(
                says="A machine that holds the base with its adapter; to tune a large one, GPUs.",
                because=(f"its base is {pin['base']['name']}, on machines of your own",),
            ),
        )


def run_of(spec: FinetuneWay, base: Base) -> Run:
    """Return what the training program is told, without paths."""
    return Run(
        method=spec.method,
        licence=spec.licence or "",
        seed=spec.seed,
        adapter=Adapter(
            kind=spec.adapter or ("full" if base.reads else "lora"),
            r=spec.lora_r,
            alpha=spec.lora_alpha,
            dropout=spec.lora_dropout,
            targets=tuple(spec.lora_target_modules),
        ),
        hyper=Hyper(
            learning_rate=spec.learning_rate,
            epochs=spec.num_epochs,
            max_steps=spec.max_steps,
            batch=spec.micro_batch_size,
            length=spec.sequence_len,
            warmup=spec.warmup_ratio,
            weight_decay=spec.weight_decay,
            packing=spec.sample_packing,
            patience=spec.early_stopping_patience,
            beta=spec.rl_beta,
        ),
        quantize=spec.quantize,
        report_to=tuple(spec.report_to),
    )


async def _ingredients(spec: FinetuneWay, workshop: Workshop) -> tuple[Ingredient, ...]:
    found = [await workshop.training.ingredient("train", name) for name in spec.datasets]
    if spec.general is not None:
        found.append(await workshop.training.ingredient("general", spec.general))
    return tuple(found)
