"""What one part of the project file says of another, or of a file: names that must exist."""

from collections.abc import Iterable, Iterator
from difflib import get_close_matches
from glob import glob
from pathlib import Path

from fourways.config.datasets import FeedbackDataset, FilesDataset, KnowledgeDataset
from fourways.config.releasing import Canary
from fourways.config.serving import check_serve
from fourways.config.tree import App, FileSource, Knowledge, Project, Target, WebSource
from fourways.config.ways import PACKAGED, FinetuneWay, PretrainWay, Prompted, PromptWay, RagWay, Weighted

Wrong = tuple[tuple[str | int, ...], str]
"""A place in the project file, and what is wrong there."""

BUILT_IN_MODELS = ("echo", "extractive", *PACKAGED)
GLOB_MARKS = frozenset("*?[")


def check_references(project: Project, folder: Path) -> Iterator[Wrong]:
    """Yield every name that refers to nothing and every file that is not there."""
    for name, knowledge in project.knowledge.items():
        yield from _knowledge(project, knowledge, ("knowledge", name), folder)
    for name, provider in project.providers.items():
        if provider.serve is not None:
            for below, wrong in check_serve(provider.dialect, provider.base_url, provider.serve, folder):
                yield ("providers", name, *below), wrong
    for name, model in project.models.items():
        for number, target in enumerate(model.targets):
            named = target.model if isinstance(target, Target) else target
            yield from _model(project, named, ("models", name, "targets", number), itself=name)
        for number, fallback in enumerate(model.fallback):
            yield from _model(project, fallback, ("models", name, "fallback", number), itself=name)
    for name in project.datasets:
        yield from _dataset(project, name, folder)
    for name, app in project.apps.items():
        yield from _app(project, app, ("apps", name), folder)


def _knowledge(project: Project, knowledge: Knowledge, at: tuple[str | int, ...], folder: Path) -> Iterator[Wrong]:
    for number, source in enumerate(knowledge.sources):
        place = (*at, "sources", number)
        if isinstance(source, FileSource):
            for position, path in enumerate(source.paths):
                if not GLOB_MARKS & set(path) and not (folder / path).exists():
                    yield (*place, "paths", position), _no_file(path, folder)
        elif isinstance(source, WebSource):
            if not source.urls and source.sitemap is None:
                yield place, "a web source needs urls or a sitemap"
            if project.network == "none":
                yield place, "network is 'none', so no web page can be read; remove this source or set network: open"
    model = knowledge.embedding.model
    if model != "minilm" and not (folder / model).is_dir():
        yield from _model(project, model, (*at, "embedding", "model"), kinds="minilm, a folder, or provider/model")
    if knowledge.search.reranker:
        yield from _model(project, knowledge.search.reranker, (*at, "search", "reranker"))
    if knowledge.chunk.overlap >= knowledge.chunk.size:
        yield (*at, "chunk", "overlap"), f"must be less than size ({knowledge.chunk.size})"


def _dataset(project: Project, name: str, folder: Path) -> Iterator[Wrong]:
    dataset, at = project.datasets[name], ("datasets", name)
    if isinstance(dataset, FilesDataset):
        for position, path in enumerate(dataset.files):
            if not GLOB_MARKS & set(path) and not (folder / path).is_file():
                yield (*at, "files", position), _no_file(path, folder)
    elif isinstance(dataset, KnowledgeDataset):
        if dataset.knowledge not in project.knowledge:
            yield (*at, "knowledge"), _no_name("knowledge", dataset.knowledge, project.knowledge)
        if dataset.model is not None:
            yield from _model(project, dataset.model, (*at, "model"))
    elif isinstance(dataset, FeedbackDataset) and dataset.feedback not in project.apps:
        yield (*at, "feedback"), _no_name("app", dataset.feedback, project.apps)


def _app(project: Project, app: App, at: tuple[str | int, ...], folder: Path) -> Iterator[Wrong]:
    ways = {name: way for name, way in app.ways if way is not None}
    if not ways:
        yield (*at, "ways"), f"an app needs at least one way: {', '.join(name for name, _ in app.ways)}"
    if app.default_way is not None and app.default_way not in ways:
        yield (*at, "default_way"), f"'{app.default_way}' is not among the app's ways: {', '.join(ways) or 'none'}"
    for name, way in ways.items():
        yield from _way(project, way, (*at, "ways", name), folder)
    yield from _tests(project, app, (*at, "tests"), folder)
    yield from _judge(project, app.release.canary, (*at, "release", "canary"))
    for name, stage in app.release.stages.items():
        if stage.canary is not None:
            yield from _judge(project, stage.canary, (*at, "release", "stages", name, "canary"))


def _judge(project: Project, canary: Canary, at: tuple[str | int, ...]) -> Iterator[Wrong]:
    if canary.analysis.judge is not None:
        yield from _model(project, canary.analysis.judge, (*at, "analysis", "judge"))


def _tests(project: Project, app: App, at: tuple[str | int, ...], folder: Path) -> Iterator[Wrong]:
    for key, paths in (
        ("files", app.tests.files),
        ("tuning", app.tests.tuning),
        ("calibration", app.tests.calibration),
    ):
        for number, path in enumerate(paths):
            if not any(found.is_file() for found in matching(path, folder)):
                wrong = f"no file matches {path}" if GLOB_MARKS & set(path) else _no_file(path, folder)
                yield (*at, key, number), wrong
    if app.tests.judge is not None:
        yield from _model(project, app.tests.judge, (*at, "judge"))
    if app.tests.robustness is not None and app.tests.robustness.model is not None:
        yield from _model(project, app.tests.robustness.model, (*at, "robustness", "model"))


def _way(project: Project, way: Prompted, at: tuple[str | int, ...], folder: Path) -> Iterator[Wrong]:
    if isinstance(way, PromptWay) and way.model is not None:
        yield from _model(project, way.model, (*at, "model"))
    if way.template is not None and not (folder / way.template).is_file():
        yield (*at, "template"), _no_file(way.template, folder)
    if way.template is not None and way.system is not None:
        yield (*at, "template"), "give either system or template, not both"
    if way.examples.file is not None and not (folder / way.examples.file).is_file():
        yield (*at, "examples", "file"), _no_file(way.examples.file, folder)
    knowledge = way.knowledge if isinstance(way, RagWay | Weighted) else None
    if knowledge is not None and knowledge not in project.knowledge:
        yield (*at, "knowledge"), _no_name("knowledge", knowledge, project.knowledge)
    if isinstance(way, FinetuneWay):
        yield from _tuned(project, way, at, folder)
    if isinstance(way, PretrainWay):
        yield from _from_scratch(project, way, at)


def _tuned(project: Project, way: FinetuneWay, at: tuple[str | int, ...], folder: Path) -> Iterator[Wrong]:
    for number, name in enumerate(way.datasets):
        yield from _dataset_named(project, name, (*at, "datasets", number))
    if way.general is not None:
        yield from _dataset_named(project, way.general, (*at, "general"))
    named = {"base_model": way.base} | ({"teacher": way.teacher} if way.teacher else {})
    for key, name in named.items():
        if name in PACKAGED or (folder / name).is_dir():
            continue
        if name.count("/") != 1 or name.startswith((".", "/", "~")):
            right = f"{', '.join(PACKAGED)}, a folder, or a hub's org/name"
            yield (*at, key), f"there are no weights '{name}'; right would be {right}"
    if (way.teacher is None) == (way.method == "distill"):
        wrong = "distill learns from a larger model: name it" if way.method == "distill" else f"{way.method} has none"
        yield (*at, "teacher"), wrong


def _from_scratch(project: Project, way: PretrainWay, at: tuple[str | int, ...]) -> Iterator[Wrong]:
    for number, name in enumerate(way.corpus):
        if name not in project.knowledge:
            yield from _dataset_named(project, name, (*at, "corpus", number), more=project.knowledge)
    for number, name in enumerate(way.instructions):
        yield from _dataset_named(project, name, (*at, "instructions", number))
    if way.preferences is not None:
        yield from _dataset_named(project, way.preferences, (*at, "preferences"))
    turned = [name for name in ("size", "minutes", "usd") if getattr(way, name) is not None]
    if len(turned) > 1:
        yield (*at, turned[-1]), f"{' and '.join(turned)} are one dial, which sets all the rest: keep one of them"


def knowledge_of_way(way: Prompted, project: Project) -> list[str]:
    """List the knowledge that a way answers from, or is trained on, itself or through datasets made of it."""
    data: list[str] = []
    if isinstance(way, FinetuneWay):
        data = [*way.datasets, *([way.general] if way.general else [])]
    if isinstance(way, PretrainWay):
        data = [*way.corpus, *way.instructions, *([way.preferences] if way.preferences else [])]
    answers_from = way.knowledge if isinstance(way, RagWay | Weighted) else None
    rests_on = [getattr(project.datasets.get(name), "knowledge", name) for name in data]
    return [name for name in dict.fromkeys((answers_from, *rests_on)) if name in project.knowledge]


def _dataset_named(
    project: Project, name: str, at: tuple[str | int, ...], *, more: Iterable[str] = ()
) -> Iterator[Wrong]:
    if name not in project.datasets:
        yield at, _no_name("dataset", name, (*project.datasets, *more))


def _model(
    project: Project,
    name: str,
    at: tuple[str | int, ...],
    *,
    itself: str = "",
    kinds: str = "a model, or provider/model",
) -> Iterator[Wrong]:
    provider, slash, model = name.partition("/")
    if slash:
        if not model:
            yield at, f"'{name}' names a provider but no model; write {provider}/MODEL"
    elif name == itself:
        yield at, "a model cannot be its own target or fallback"
    elif name not in project.models and name not in BUILT_IN_MODELS:
        yield at, f"{_no_name('model', name, (*project.models, *BUILT_IN_MODELS))} ({kinds})"


def _no_name(kind: str, name: str, known: Iterable[str]) -> str:
    names = sorted(known)
    close = get_close_matches(name, names, n=1)
    hint = f"did you mean '{close[0]}'?" if close else f"there is: {', '.join(names) or 'none'}"
    return f"there is no {kind} '{name}'; {hint}"


def _no_file(path: str, folder: Path) -> str:
    parent = (folder / path).parent
    names = [item.name for item in parent.iterdir()] if parent.is_dir() else []
    close = get_close_matches(Path(path).name, names, n=1)
    hint = f"; did you mean {Path(path).with_name(close[0])}?" if close else f" (looked in {folder})"
    return f"there is no {path}{hint}"


def files_named(project: Project) -> list[str]:
    """List the files whose content decides answers: templates and examples."""
    ways = [way for app in project.apps.values() for _, way in app.ways if way is not None]
    return sorted({path for way in ways for path in (way.template, way.examples.file) if path is not None})


def matching(pattern: str, folder: Path) -> list[Path]:
    """List the files that a glob matches, in order; what is no glob names one file, whether it is there or not."""
    if not GLOB_MARKS & set(pattern):
        return [folder / pattern]
    found = glob(pattern, root_dir=folder, recursive=True, include_hidden=True)  # noqa: PTH207 - takes absolute ones too
    return sorted(path for name in found if (path := folder / name).is_file())


def files_of_tests(project: Project, folder: Path) -> list[str]:
    """List the files of test cases that a project names, globs filled in, as far as they lie in its folder."""
    tests = [app.tests for app in project.apps.values()]
    return _inside([path for each in tests for path in (*each.files, *each.tuning, *each.calibration)], folder)


def files_of_datasets(project: Project, folder: Path) -> list[str]:
    """List the files of rows that a project names, globs filled in, as far as they lie in its folder."""
    named = [each.files for each in project.datasets.values() if isinstance(each, FilesDataset)]
    return _inside([path for files in named for path in files], folder)


def _inside(patterns: list[str], folder: Path) -> list[str]:
    found = (path for pattern in patterns for path in matching(pattern, folder) if path.is_file())
    inside = (path for path in found if path.is_relative_to(folder) and ".." not in path.relative_to(folder).parts)
    return sorted({str(path.relative_to(folder)) for path in inside})
