"""Rows that are meant by names on the command line: files, and datasets of the project file."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from fourways.config.datasets import FilesDataset, KnowledgeDataset
from fourways.control.dataset_inputs import Inputs, OnMade
from fourways.control.suites_apart import contaminated
from fourways.core.errors import InvalidRequest, NotFound, Problem
from fourways.evals.cases import Suite
from fourways.evals.suites import shown
from fourways.training.data.reading import Read, read_file
from fourways.training.data.rows import Row, with_system


@dataclass(frozen=True, slots=True, kw_only=True)
class Gathered:
    """What was meant.

    Attributes:
        found: (name, format or kind, rows) of each file and dataset.
        left_out: made rows that were not taken, because a test case asks the same.
    """

    rows: Sequence[Row]
    problems: Sequence[Problem] = ()
    found: Sequence[tuple[str, str, int]] = ()
    left_out: int = 0


async def gather(
    names: Sequence[str],
    folder: Path,
    inputs: Inputs | None,
    suites: Sequence[Suite] = (),
    *,
    form: str = "",
    columns: Mapping[str, str] | None = None,
    on_made: OnMade = lambda *_: None,
) -> Gathered:
    """Read files and make datasets. Rows that cannot be read become problems.

    Args:
        names: of datasets in the project file, or of files.
        folder: where files are looked for, the project's.
        inputs: makes datasets; None where there is no project.
        suites: test cases that made rows are kept apart from.
        form: how files are to be read; told by their content where "".
        columns: which of their columns is what.
        on_made: told how far making rows is.

    Raises:
        InvalidRequest: nothing is named.
        NotFound: a name is neither a file nor a dataset.
        InvalidDataset: a file cannot be read at all.
    """
    if not names:
        raise InvalidRequest("nothing is named: name a dataset of the project file, or a file of rows")
    datasets = inputs.project.datasets if inputs is not None else {}
    rows: list[Row] = []
    problems: list[Problem] = []
    found: list[tuple[str, str, int]] = []
    left_out = 0
    for name in names:
        path = next((one for one in (Path(name), folder / name) if one.is_file()), None)
        node = datasets.get(name)
        if node is None and path is None:
            raise NotFound.named("file or dataset", name, datasets)
        if inputs is None or node is None or path is not None:
            reads = [_read(path or Path(name), folder, form, columns)]
        elif isinstance(node, FilesDataset):
            how = {str(key): value for key, value in node.columns.items()}
            reads = [_read(each, folder, node.format or "", how) for _, each in inputs.files_of(node)]
        else:
            made = await inputs.rows(name, on_made)
            taken = {one.row for one in contaminated(made, suites)} if isinstance(node, KnowledgeDataset) else set()
            rows += [row for number, row in enumerate(made) if number not in taken]
            left_out += len(taken)
            found.append((name, made[0].kind, len(made) - len(taken)))
            continue
        for read in reads:
            rows += [with_system(row, node.system if node is not None else "") for row in read.rows]
            problems += read.problems
            found.append((read.file, read.format, len(read.rows)))
    return Gathered(rows=rows, problems=problems, found=found, left_out=left_out)


def _read(path: Path, folder: Path, form: str, columns: Mapping[str, str] | None) -> Read:
    inside = path.absolute().is_relative_to(folder.absolute())
    name = shown(path.absolute(), folder.absolute()) if inside else str(path)
    return read_file(path, file=name, format_=form, columns=columns)
