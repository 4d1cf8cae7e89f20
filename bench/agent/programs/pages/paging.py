"""Cuts a list into pages, counted from 1."""


def count(items, size=10):
    """Return how many pages there are; an empty list has one."""
    return max(1, (len(items) + size - 1) // size)


def page(items, number, size=10):
    """Return what is on a page."""
    start = (number - 1) * size
    return items[start : start + size]


def find(items, item, size=10):
    """Return the page that an item is on, 0 if on none."""
    return items.index(item) // size + 1 if item in items else 0
