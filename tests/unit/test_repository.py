"""The repository keeps its own promises: nothing of anybody's machine in it, and documents that point at what is there."""

import re
import subprocess
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TRACKED = [
    ROOT / line
    for line in subprocess.run(
        ["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=False
    ).stdout.splitlines()
]
DOCUMENTS = [path for path in TRACKED if path.suffix == ".md"]


@pytest.fixture(scope="module", autouse=True)
def _in_a_checkout():
    if not TRACKED:
        pytest.skip("not a git checkout")


def test_what_is_installed_names_no_host():
    """Locks, the image and the build say which versions, never where from: that is the installing machine's to say."""
    built_from = [
        path
        for path in TRACKED
        if path.name in {"Dockerfile", "Makefile", "compose.yaml", "pyproject.toml"}
        or path.suffix == ".lock"
        or path.parent.name == ".ci"
    ]
    assert len(built_from) >= 7
    another_host = re.compile(rb"://(?!127\.0\.0\.1)")
    assert [path.name for path in built_from if another_host.search(path.read_bytes())] == []
    for lock in (path for path in TRACKED if path.name == "package-lock.json"):
        assert b'"resolved"' not in lock.read_bytes()


def test_the_lock_is_pinned_by_hash():
    lines = (ROOT / "requirements.lock").read_text().splitlines()
    pins = [line for line in lines if re.match(r"^[a-z0-9]", line, re.IGNORECASE)]
    assert len(pins) > 50
    assert all("==" in pin for pin in pins)
    assert not any(line.startswith(("--index", "--extra-index", "--find-links")) for line in lines)


def test_every_dependency_says_why_it_is_there():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    wanted = [
        *project["dependencies"],
        *(name for extra in project["optional-dependencies"].values() for name in extra),
    ]
    names = {re.split(r"[\[<>=]", name)[0] for name in wanted} - {"kinlink"}
    text = (ROOT / "docs/dependencies.md").read_text()
    assert sorted(name for name in names if not re.search(rf"\b{re.escape(name)}\b", text)) == []


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_in_documents_lead_somewhere(document):
    text = re.sub(r"```.*?```", "", document.read_text(), flags=re.DOTALL)
    targets = re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", text)
    missing = [
        t for t in targets if "://" not in t and not t.startswith("mailto:") and not (document.parent / t).exists()
    ]
    assert missing == []


def test_nothing_calls_encodings_anonymous():
    claims = re.compile(
        r"\banonym(?:ous|ised|ized)\s+(?:encoding|CLK|record|data)|CLKs? (?:is|are) anonymous", re.IGNORECASE
    )
    found = [
        str(p.relative_to(ROOT))
        for p in TRACKED
        if p.suffix in {".py", ".md", ".yaml"} and p != Path(__file__) and claims.search(p.read_text())
    ]
    assert found == []


def test_every_security_property_names_code_and_a_test_that_exist():
    table = (ROOT / "docs/security-properties.md").read_text()
    rows = [line for line in table.splitlines() if re.match(r"^\| \d+ \|", line)]
    assert len(rows) >= 12
    for row in rows:
        named = re.findall(r"`([\w./-]+\.py)(?:::(\w+))?`", row)
        assert len(named) >= 2, row
        for file, test in named:
            path = ROOT / file
            assert path.exists(), f"{file} in: {row}"
            assert not test or f"def {test}(" in path.read_text(), f"{test} in: {row}"
