"""The threat model counts the attacks that there are."""

import importlib
from collections import Counter

from tests.adversary.cases import AREAS, CASES
from tests.docs.pages import DOCS, table


def test_the_page_counts_the_attacks_of_each_area() -> None:
    for area in AREAS:
        importlib.import_module(f"tests.adversary.{area}")
    there = Counter(case.area for case in CASES)
    told = {row[0]: int(row[1]) for row in table(DOCS / "security.md", "area")}
    assert told == {area: there[area] for area in AREAS}
