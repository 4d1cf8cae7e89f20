"""Cuts a sum like `2 * (3 + x)` into tokens."""

SIGNS = "+-*/()"


def scan(text):
    """Return tokens as pairs of kind and text; raises ValueError for what is none."""
    tokens = []
    at = 0
    while at < len(text):
        char = text[at]
        end = at + 1
        if char.isspace():
            at = end
            continue
        if char in SIGNS:
            tokens.append(("sign", char))
        elif char.isdigit():
            while end < len(text) and (text[end].isdigit() or text[end] == "."):
                end += 1
            tokens.append(("number", text[at:end]))
        elif char.isalpha():
            while end < len(text) and text[end].isalnum():
                end += 1
            tokens.append(("name", text[at:end]))
        else:
            raise ValueError(char)
        at = end
    return tokens
