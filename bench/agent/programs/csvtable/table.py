"""Tables with named columns."""

from reader import cells, rows


def table(text):
    """Return a dict for each line below the first, which holds the names."""
    names = cells(text.splitlines()[0])
    return [dict(zip(names, row)) for _, row in rows(text, skip=1)]


def short(text):
    """Return the numbers of the lines with fewer cells than there are names."""
    names = cells(text.splitlines()[0])
    return [number for number, row in rows(text, skip=1) if len(row) < len(names)]


def total(text, name):
    """Return the sum of a column; empty cells count as nothing."""
    return sum(float(row[name]) for row in table(text) if row.get(name, "").strip())


def grouped(text, name):
    """Return the rows by their value in a column."""
    groups = {}
    for row in table(text):
        groups.setdefault(row.get(name, ""), []).append(row)
    return groups
