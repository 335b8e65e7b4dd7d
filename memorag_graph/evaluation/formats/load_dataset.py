"""A path → the data set behind it."""

from pathlib import Path

from memorag_graph.errors import InputError
from memorag_graph.evaluation.dataset import DataSet
from memorag_graph.evaluation.formats.evidence_format import DOCUMENTS, QUESTIONS, read_evidence
from memorag_graph.evaluation.formats.folder_format import read_folder
from memorag_graph.evaluation.formats.longbench import read_longbench


def load_dataset(path: str | Path) -> DataSet:
    """Read a data set of any format: a folder in the evidence format or of your own, or a file of LongBench's.

    Raises:
        InputError: If there is none, or naming the file, line and field that cannot be used.
    """
    path = Path(path)
    if path.is_file():
        return read_longbench(path)
    if (path / DOCUMENTS).is_file():
        return read_evidence(path)
    if (path / QUESTIONS).is_file():
        return read_folder(path)
    raise InputError(
        "dataset",
        f"{path} is no data set; give a folder with {QUESTIONS} (and {DOCUMENTS}, or text files), "
        "or a JSON-lines file in LongBench's format",
    )
