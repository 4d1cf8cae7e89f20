"""Shows pages to people."""

from paging import count, find, page


def heading(items, number, size=10):
    """Return a line like `Page 2 of 3 (11-20 of 25)`."""
    shown = page(items, number, size)
    first = (number - 1) * size + 1 if shown else 0
    last = first + len(shown) - 1 if shown else 0
    return f"Page {number} of {count(items, size)} ({first}-{last} of {len(items)})"


def links(items, number, size=10):
    """Return the numbers of all pages, the one shown in brackets."""
    numbers = range(1, count(items, size) + 1)
    return [f"[{other}]" if other == number else str(other) for other in numbers]


def jump(items, item, size=10):
    """Return the heading of the page with an item, or that there is none."""
    number = find(items, item, size)
    return heading(items, number, size) if number else "Not found"


def newest(items, size=10):
    """Return the first page with the last item first; the list stays as it is."""
    return page(items[::-1], 1, size)
