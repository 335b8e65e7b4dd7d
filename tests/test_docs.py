"""The pages are true: what they link to and name exists, and generated parts are current."""

import importlib.util
import re
import tomllib
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"
PAGES = sorted([*ROOT.glob("*.md"), *DOCS.glob("*.md"), *ROOT.glob("benchmarks/**/README.md")])
REPOSITORY = "https://github.com/memorag-graph/memorag-graph/"
RAW = "https://raw.githubusercontent.com/memorag-graph/memorag-graph/main/"


def links(page: Path) -> list[str]:
    """Targets of a page's links and images, outside blocks of code."""
    text = re.sub(r"```.*?```", "", page.read_text(encoding="utf-8"), flags=re.DOTALL)
    return re.findall(r"\]\(([^)\s]+)\)", text)


def anchors(page: Path) -> set[str]:
    headings = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[\s-]+", "-", re.sub(r"[^\w\s-]", "", heading).strip().lower()) for heading in headings}


def local_target(page: Path, link: str) -> Path | None:
    """The file in the repository that a link leads to; None for other addresses."""
    path = link.split("#")[0]
    if path.startswith(RAW):
        return ROOT / path.removeprefix(RAW)
    if match := re.match(rf"{REPOSITORY}(?:blob|tree)/main/(.+)", path):
        return ROOT / match[1]
    if re.match(r"[a-z]+:", path):
        return None
    return page.parent / path if path else page


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_links_lead_somewhere(page: Path) -> None:
    broken = []
    for link in links(page):
        target = local_target(page, link)
        fragment = link.partition("#")[2]
        if target and not (target.exists() and (not fragment or fragment in anchors(target))):
            broken.append(link)
    assert broken == []


def test_images_of_the_readme_are_shown_on_a_package_index() -> None:
    images = re.findall(r"!\[[^]]*\]\(([^)]+)\)", (ROOT / "README.md").read_text(encoding="utf-8"))
    assert images
    assert [image for image in images if not image.startswith(RAW)] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_the_files_that_a_page_names_exist(page: Path) -> None:
    if page.name == "CHANGELOG.md":  # it names what was removed
        pytest.skip("names removed files")
    text = page.read_text(encoding="utf-8")
    named = set(re.findall(r"\b(?:tests|benchmarks|docs|examples)/[\w./-]*\.(?:py|md|json|jsonl|txt|png)\b", text))
    assert [name for name in sorted(named) if not (ROOT / name).exists()] == []


@pytest.mark.parametrize("page", ["architecture.md", "install.md"])
def test_the_modules_that_a_page_names_exist(page: str) -> None:
    named = set(re.findall(r"`((?!tests/)(?:[a-z_]+/)*[a-z_]+\.py)`", (DOCS / page).read_text(encoding="utf-8")))
    modules = [path.as_posix() for path in (ROOT / "memorag_graph").rglob("*.py")]
    assert named
    assert [name for name in sorted(named) if not any(module.endswith(f"/{name}") for module in modules)] == []


def test_every_page_is_in_the_navigation() -> None:
    class Loader(yaml.SafeLoader):
        """Reads MkDocs' configuration without importing what its tags name."""

    Loader.add_multi_constructor("tag:yaml.org,2002:python/", lambda *_: None)
    config = yaml.load((ROOT / "mkdocs.yml").read_text(encoding="utf-8"), Loader)
    assert set(re.findall(r"[\w-]+\.md", str(config["nav"]))) == {page.name for page in DOCS.glob("*.md")}


def test_the_table_of_options_is_current() -> None:
    spec = importlib.util.spec_from_file_location("options_table", DOCS / "options_table.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    page = module.PAGE.read_text(encoding="utf-8")
    assert module.updated(page) == page, "run: python docs/options_table.py"


def test_the_reason_for_each_declared_package_is_given() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    declared = {re.split(r"[^\w-]", it)[0] for it in project["dependencies"]}
    rows = re.findall(r"^\| `([\w-]+)` \| (.+?) \|", (ROOT / "docs" / "dependencies.md").read_text(), re.MULTILINE)
    assert declared == {name for name, _ in rows}
    assert all(reason.strip() for _, reason in rows)
