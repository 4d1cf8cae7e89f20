"""A shopping cart."""

from prices import price

FREE_FROM = 5000
SHIPPING = 490


class Cart:
    """What somebody wants to buy: names and counts."""

    def __init__(self, items=None):
        self.items = dict(items or {})

    def add(self, name, count=1):
        """Put so many more into it."""
        self.items[name] = self.items.get(name, 0) + count

    def remove(self, name, count=1):
        """Take so many out; what is not there any more has no entry."""
        left = self.items.get(name, 0) - count
        if left > 0:
            self.items[name] = left
        else:
            self.items.pop(name, None)

    def total(self):
        """Return what the things cost."""
        return sum(price(name, count) for name, count in self.items.items())

    def shipping(self):
        """Return what sending costs: nothing from a certain total on, nor for nothing."""
        if not self.items or self.total() >= FREE_FROM:
            return 0
        return SHIPPING

    def receipt(self):
        """Return a line for each thing, by name: `2 x milk        2.40`."""
        lines = []
        for name, count in sorted(self.items.items()):
            lines.append(f"{count} x {name:<10}{price(name, count) / 100:>6.2f}")
        return lines
