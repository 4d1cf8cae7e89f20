"""Roman numerals, and lists of chapters numbered with them."""

SIGNS = [
    (1000, "M"),
    (900, "CM"),
    (500, "D"),
    (400, "CD"),
    (100, "C"),
    (90, "XC"),
    (50, "L"),
    (40, "XL"),
    (10, "X"),
    (9, "IX"),
    (5, "V"),
    (4, "IV"),
    (1, "I"),
]


def to_roman(number):
    """Return a number from 1 to 3999 as a numeral."""
    if number < 1 or number > 3999:
        raise ValueError(number)
    signs = []
    for value, sign in SIGNS:
        while number >= value:
            signs.append(sign)
            number -= value
    return "".join(signs)


def from_roman(text):
    """Return the number that a numeral stands for, in capitals or not."""
    values = dict((sign, value) for value, sign in SIGNS)
    total = 0
    last = 0
    for sign in reversed(text.upper()):
        value = values[sign]
        if value < last:
            total -= value
        else:
            total += value
            last = value
    return total


def chapters(titles, first=1):
    """Return lines like `II. The storm`, counted from `first`."""
    return [f"{to_roman(number)}. {title}" for number, title in enumerate(titles, first)]


def is_roman(text):
    """Tell whether a text is a numeral in its usual form."""
    if not text or any(sign not in "IVXLCDM" for sign in text.upper()):
        return False
    number = from_roman(text)
    return 0 < number < 4000 and to_roman(number) == text.upper()
