"""Amounts of money in cents."""


def show(cents):
    """Return an amount as people write it: `-1,234.05`."""
    sign = "-" if cents < 0 else ""
    whole, rest = divmod(abs(cents), 100)
    return f"{sign}{whole:,}.{rest:02d}"


def parse(text):
    """Return the cents of an amount like `1,234.05` or `12`."""
    whole, _, rest = text.replace(",", "").partition(".")
    sign = -1 if whole.startswith("-") else 1
    return sign * (abs(int(whole)) * 100 + int(rest.ljust(2, "0") or 0))


def split(cents, people):
    """Return equal shares; the first ones bear the cents that are left over."""
    share, left = divmod(cents, people)
    return [share + 1 if i < left else share for i in range(people)]
