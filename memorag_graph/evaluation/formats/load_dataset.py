"""Load a data set of any format."""

from pathlib import Path

from memorag_graph.errors import InputError
from memorag_graph.evaluation.dataset import DataSet
from memorag_graph.evaluation.formats.evidence_format import DOCUMENTS, QUESTIONS, read_evidence
from memorag_graph.evaluation.formats.folder_format import read_folder
from memorag_graph.evaluation.formats.longbench import read_longbench


def load_dataset(path: str | Path) -> DataSet:
    """Read a data set: a folder in the evidence format, a folder of text files, or a file in LongBench's format.

    Raises:
        InputError: If there is none, or a value is invalid; the message names file, line and field.
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
        f"{path} is not a data set; give a folder with {QUESTIONS} (and {DOCUMENTS}, or text files), "
        "or a JSON-lines file in LongBench's format",
    )
