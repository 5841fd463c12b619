"""The site of the documentation: its navigation is whole, every public name has a place."""

import re
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

import impo
from impo import load
from impo.cli import study
from runs import _claims, _gallery, _validity, claims
from runs._pages import table, written_into

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
PAGES = sorted(DOCS.rglob("*.md"))
TUTORIALS = sorted((DOCS / "tutorials").glob("*.py"))
NAVIGATION = re.findall(r"([\w/]+\.md)$", (ROOT / "mkdocs.yml").read_text(), re.MULTILINE)
DOCUMENTED = re.findall(
    r"^::: ([\w.]+)$", "\n".join(page.read_text() for page in PAGES), re.MULTILINE
)


def test_every_page_is_in_the_navigation_once():
    made = [f"tutorials/{path.stem}.md" for path in TUTORIALS]
    assert sorted(NAVIGATION) == sorted([*(str(page.relative_to(DOCS)) for page in PAGES), *made])


def test_every_public_name_has_a_place():
    assert {f"impo.{name}" for name in impo.__all__} <= set(DOCUMENTED)
    assert len(DOCUMENTED) == len(set(DOCUMENTED))


def test_a_part_of_a_page_is_replaced_between_its_marks(tmp_path):
    page = tmp_path / "page.md"
    page.write_text("before\n<!-- part -->\nold\n<!-- end of part -->\nafter\n")
    text = written_into(page, "part", table(["a|b", "c"], [["1", "2"]]))
    assert text == (
        "before\n<!-- part -->\n| a\\|b | c |\n|---|---|\n| 1 | 2 |\n<!-- end of part -->\nafter\n"
    )
    with pytest.raises(ValueError, match="one place for `other`"):
        written_into(page, "other", "text")


def test_the_page_on_validity_is_that_of_its_data():
    page = DOCS / "validity.md"
    made = written_into(page, "validity", _validity.tables(load(DOCS / "crossover.h5")))
    assert made == page.read_text()


def test_the_gallery_has_every_study_and_is_what_they_say():
    page = DOCS / "gallery.md"
    assert written_into(page, "gallery", _gallery.entries()) == page.read_text()
    text = page.read_text()
    for name, module in study.studies().items():
        entry = text.partition(f"\n## {name}\n")[2].partition("\n## ")[0]
        assert f"impo run {name} --quick" in entry
        picture = re.search(r"!\[.*\]\((.*)\)", entry)
        assert (DOCS / picture[1]).is_file()
        assert all(f"{form} {time}" in entry for form, time in module.COST.items())
        assert len(re.findall(r"[.:;)](?: |$)", entry, re.MULTILINE)) >= 3, name  # sentences


def test_the_claims_are_those_of_their_files():
    page = DOCS / "claims.md"
    data = claims.compute(quick=True)
    text = page.read_text()
    assert claims.lines_of(data) in text
    assert data.attributes["conclusion"].partition("claims ")[2] in text
    assert len(_claims.CLAIMS) >= 45
    assert claims.MISSED not in data["finding"]
    for claim in _claims.CLAIMS:
        path, _, name = claim.test.partition("::")
        assert f"def {name}(" in (ROOT / path).read_text(), claim.test


def test_a_number_that_does_not_bear_out_a_finding_is_not_reproduced(monkeypatch):
    wrong = [replace(claim, holds=lambda value: False) for claim in _claims.CLAIMS[:2]]
    monkeypatch.setattr(claims, "CLAIMS", (*wrong, *_claims.CLAIMS[2:4]))
    found = claims.compute(quick=True)["finding"]
    assert list(found) == [claims.MISSED] * 2 + ["confirmed"] * 2


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("mkdocs", path=Path(sys.executable).parent) is None,
                    reason="needs the extra [docs]; CI builds the site by `make docs`")  # fmt: skip
def test_the_site_is_built_and_fetches_nothing(tmp_path):
    command = [sys.executable, "-m", "mkdocs", "build", "--quiet", "--site-dir", str(tmp_path)]
    built = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert built.returncode == 0, built.stderr
    fetched = re.compile(r"<(?:script|link|img|iframe)[^>]*(?:src|href)=[\"']?(?:https?:)?//")
    for page in tmp_path.rglob("*.html"):
        assert not fetched.search(page.read_text()), page
