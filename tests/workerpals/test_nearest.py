"""Of the lines that pass, the one nearest to the old line is kept."""

import re

import pytest

from pushpals.workerpals.nearest import MOST_TRIES, distance, keeps_all, nearest

OLD = r'    return re.sub(r"[^\w-]", "", text)'


def keeps_dots(line: str) -> bool:
    """What the tests of the sample notice."""
    found = re.fullmatch(r"""    return re\.sub\(r?["'](.*?)["'], ["'](.*?)["'], text\)""", line)
    if not found:
        return False
    try:
        return [re.sub(found[1], found[2], text) for text in ("a.b-c_2", "b!?")] == ["a.b-c_2", "b"]
    except re.error:
        return False


@pytest.mark.parametrize(
    "new",
    [
        r'    return re.sub(r"[^a-z0-9._-]+", "", text)',
        r"    return re.sub(r'[^a-z0-9._-]', '', text)",
        r'    return re.sub("[^a-zA-Z0-9_.-]", "", text)',
        r'    return re.sub(r"[^\w.-]", "", text)',
    ],
)
async def test_a_pattern_gets_back_what_it_lost(new):
    tried = []

    async def passes(line):
        tried.append(line)
        return keeps_dots(line)

    assert keeps_dots(new)
    assert await nearest(OLD, new, passes) == r'    return re.sub(r"[^\w.-]", "", text)'
    assert len(tried) <= MOST_TRIES
    assert OLD not in tried


async def test_sentences_are_not_taken_apart():
    async def passes(line):
        return "positive" in line

    new = '    raise ValueError("The amount must be positive.")'
    assert await nearest('    raise ValueError("Bad.")', new, passes) == new


async def test_another_way_of_quoting_is_put_back():
    async def passes(line):
        return "upper" in line

    assert (
        await nearest('    return "x" + a', "    return 'x' + a.upper()", passes)
        == '    return "x" + a.upper()'
    )


async def test_what_is_needed_stays():
    async def passes(line):
        return line == new

    new = '    return day.strftime("%Y-%m-%d")'
    assert await nearest('    return day.strftime("%d.%m.%Y")', new, passes) == new


async def test_it_is_not_tried_for_ever():
    count = 0

    async def passes(line):
        nonlocal count
        count += 1
        return False

    await nearest('f("' + "a-" * 30 + '")', 'f("' + "b+" * 60 + '")', passes)
    assert count <= MOST_TRIES


def test_lost_tokens_weigh_more_than_new_ones():
    old = "return a + b"
    assert distance(old, old) == 0
    assert distance(old, "return a + b + 1") < distance(old, "return a")
    assert distance('x = "a"', "x = 'a'") == 0
    assert keeps_all(old, "return a + b - 1")
    assert not keeps_all(old, "return b")
