"""Text in columns."""


def pieces(word, width):
    """Return a word in pieces no longer than width."""
    found = []
    while word:
        found.append(word[:width])
        word = word[width:]
    return found


def wrap(text, width=40):
    """Return the lines of a text, none longer than width; longer words are broken."""
    lines = []
    line = ""
    for word in text.split():
        for piece in pieces(word, width):
            if not line:
                line = piece
            elif len(line) + 1 + len(piece) <= width:
                line += " " + piece
            else:
                lines.append(line)
                line = piece
    if line:
        lines.append(line)
    return lines


def indent(lines, mark="  ", first=None):
    """Return lines with a mark before each, the first one with its own if given."""
    marks = [mark if first is None else first, *[mark] * len(lines)]
    return [(sign + line).rstrip() for sign, line in zip(marks, lines)]


def shorten(text, width):
    """Return a text that fits the width, `...` at the end of one that was cut."""
    if len(text) <= width:
        return text
    return text[: width - 3] + "..."


def columns(rows, gap=2):
    """Return rows of cells as lines, the cells of each column below each other."""
    widths = [max(len(cell) for cell in column) for column in zip(*rows)]
    space = " " * gap
    return [space.join(cell.ljust(size) for cell, size in zip(row, widths)).rstrip() for row in rows]
