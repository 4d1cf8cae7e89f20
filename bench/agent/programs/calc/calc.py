"""Works out sums."""

from scanner import scan


def evaluate(text, names=None):
    """Return the value of a sum; `names` holds the values of names in it."""
    value, _ = _terms(scan(text), 0, names or {})
    return value


def _terms(tokens, at, names):
    value, at = _factors(tokens, at, names)
    while at < len(tokens) and tokens[at][1] in "+-":
        sign = tokens[at][1]
        other, at = _factors(tokens, at + 1, names)
        value = value + other if sign == "+" else value - other
    return value, at


def _factors(tokens, at, names):
    value, at = _atom(tokens, at, names)
    while at < len(tokens) and tokens[at][1] in "*/":
        sign = tokens[at][1]
        other, at = _atom(tokens, at + 1, names)
        value = value * other if sign == "*" else value / other
    return value, at


def _atom(tokens, at, names):
    kind, text = tokens[at]
    if kind == "number":
        return float(text), at + 1
    if kind == "name":
        return names[text], at + 1
    if text == "-":
        value, at = _atom(tokens, at + 1, names)
        return -value, at
    value, at = _terms(tokens, at + 1, names)
    return value, at + 1
