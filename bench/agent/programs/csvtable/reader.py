"""Reads lines of comma-separated cells."""


def cells(line):
    """Return the cells of a line; one in double quotes may hold commas, `""` stands for a quote."""
    found = []
    cell = ""
    quoted = False
    at = 0
    while at < len(line):
        char = line[at]
        if quoted and line[at : at + 2] == '""':
            cell += '"'
            at += 1
        elif char == '"':
            quoted = not quoted
        elif char == "," and not quoted:
            found.append(cell)
            cell = ""
        else:
            cell += char
        at += 1
    found.append(cell)
    return found


def rows(text, skip=0):
    """Return pairs of line number, from 1, and cells; empty lines and the first `skip` are left out."""
    found = []
    for number, line in enumerate(text.splitlines(), 1):
        if number > skip and line.strip():
            found.append((number, cells(line)))
    return found
