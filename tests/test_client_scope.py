"""What the run of a client may use: files of one folder if allowed, memories by id, no directory."""

from pathlib import Path

import pytest
from langgraph.runtime import Runtime

from memorag_graph.documents import from_text
from memorag_graph.errors import ForbiddenError, InputError, UnknownLibraryError
from memorag_graph.progress import ignore_progress
from memorag_graph.registry import Registry
from memorag_graph.serving.client_options import chosen_options, client_options
from memorag_graph.serving.credentials import Everybody, OneKey, Principal
from memorag_graph.serving.served_graph import build_served_graph
from memorag_graph.serving.tenants import Tenants
from memorag_graph.settings import RunOptions
from tests.conftest import TEXT, TINY

WRITER = Principal("w", "acme", "writer")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with a file, beside a secret that links and names point to."""
    (tmp_path / "secret.txt").write_text("secret")
    folder = tmp_path / "folder"
    (folder / "inner").mkdir(parents=True)
    (folder / "open.txt").write_text("An open text.")
    (folder / "inner" / "deep.txt").write_text("A deep text.")
    (folder / "link.txt").symlink_to(tmp_path / "secret.txt")
    (folder / "outside").symlink_to(tmp_path, target_is_directory=True)
    return folder


@pytest.mark.parametrize("name", ["open.txt", "inner/deep.txt", "inner/../open.txt"])
def test_files_of_the_folder_are_read_under_their_own_names(registry: Registry, folder: Path, name: str) -> None:
    (document,) = Tenants(registry).scope(WRITER, TINY, folder).read([name])
    assert document.text.endswith("text.")
    assert document.source == name


@pytest.mark.parametrize(
    "name",
    [
        "../secret.txt",
        "link.txt",
        "outside/secret.txt",
        "SECRET",
        "",
        ".",
        "inner",
        "missing.txt",
        "a\0b",
        "~/x",
        "x" * 5000,
    ],
)
def test_nothing_outside_the_folder_is_read(registry: Registry, folder: Path, name: str) -> None:
    named = name.replace("SECRET", str(folder.parent / "secret.txt"))
    with pytest.raises(InputError, match="there is no file"):
        Tenants(registry).scope(WRITER, TINY, folder).read([named])


def test_without_a_folder_no_file_is_read(registry: Registry, folder: Path) -> None:
    with pytest.raises(InputError, match="reads no files"):
        Tenants(registry).scope(WRITER, TINY).read([str(folder / "open.txt")])


def test_memories_are_named_by_id_and_kept_in_the_store(registry: Registry, tmp_path: Path) -> None:
    scope = Tenants(registry).scope(WRITER, TINY)
    assert scope.memory("0" * 32) == "0" * 32
    for place in (str(tmp_path), "../x", "", "0" * 31, "0" * 32 + "\n", "F" * 32):
        with pytest.raises(InputError, match="must be the id of a memory"):
            scope.memory(place)
    with pytest.raises(InputError, match="keeps memories in its store"):
        scope.memorize([from_text(TEXT)], str(tmp_path / "made"), ignore_progress)
    assert not (tmp_path / "made").exists()
    with pytest.raises(ForbiddenError):
        Tenants(registry).scope(Principal("r", "acme", "reader"), TINY).memorize(
            [from_text(TEXT)], None, ignore_progress
        )


def test_the_operators_options_are_the_defaults_and_only_some_can_be_changed() -> None:
    operator = RunOptions(model="mine", generator="local", hits=7, gist_tokens=32)
    schema = client_options(operator)
    chosen = chosen_options(operator, schema(evidence_tokens=99))
    assert chosen == operator.model_copy(update={"evidence_tokens": 99})
    assert chosen_options(operator, None) == operator
    foreign = RunOptions(model="/evil", generator="openai:x")
    assert chosen_options(operator, foreign) == operator, "a context of another class sets nothing"
    for name in ("model", "generator", "embedding_model", "reranker", "index", "device", "file_check"):
        assert name not in schema.model_fields
        with pytest.raises(InputError, match=f"{name}: unknown key"):
            schema(**{name: "mine"})
    with pytest.raises(InputError, match="hits: input should be greater than or equal to 1, not 0"):
        schema(hits=0)


def test_files_are_in_the_schema_only_if_they_are_allowed(registry: Registry, folder: Path) -> None:
    closed = build_served_graph(Tenants(registry), TINY, Everybody())
    allowed = build_served_graph(Tenants(registry), TINY, Everybody(), folder)
    assert "files" not in closed.get_input_jsonschema()["properties"]
    assert "files" in allowed.get_input_jsonschema()["properties"]
    assert "save_dir" not in allowed.get_input_jsonschema()["properties"]
    (folder / "open.txt").write_text(TEXT)
    result = allowed.invoke({"files": ["open.txt"], "query": "Who was proud?", "task_type": "lookup"})
    assert result["evidence"][0].metadata["source"] == "open.txt"


def test_a_run_without_a_user_is_refused_if_keys_are_needed(registry: Registry) -> None:
    graph = build_served_graph(Tenants(registry), TINY, OneKey("secret"))
    with pytest.raises(ForbiddenError, match="belongs to no user"):
        graph.invoke({"context": TEXT, "query": "Who was proud?"})
    assert Runtime().server_info is None


def test_clients_name_libraries_never_paths(registry: Registry, tmp_path: Path) -> None:
    """Neither by the input nor by the state, which clients of a LangGraph server can write."""
    tenants = Tenants(registry, options=TINY)
    scope = tenants.scope(WRITER, TINY)
    library = tenants.libraries(WRITER.tenant).create("letters")
    assert scope.library("letters") == str(library.directory)
    graph = build_served_graph(tenants, TINY, Everybody())
    for named in (str(library.directory), "../letters", "a/../letters"):
        with pytest.raises(InputError, match="cannot be the name of a library"):
            scope.library(named)
        with pytest.raises(InputError, match="cannot be the name of a library"):
            graph.invoke({"query": "What?", "library": named}, context={})
        with pytest.raises(InputError, match="nothing to ask about"):
            graph.invoke({"query": "What?", "thread_library": named}, context={})
    with pytest.raises(UnknownLibraryError, match="there is no library 'letters'"):
        graph.invoke({"query": "What?", "library": "letters"}, context={})  # another tenant's
