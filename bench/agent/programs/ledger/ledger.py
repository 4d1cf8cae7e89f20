"""Accounts, and what is moved between them."""

from money import show


class Ledger:
    """The accounts of a bank by name; each starts empty and may not go below its limit."""

    def __init__(self, limit=0):
        self.limit = limit
        self.balances = {}
        self.history = []

    def deposit(self, name, cents):
        """Put money on an account."""
        if cents <= 0:
            raise ValueError(cents)
        self.balances[name] = self.balances.get(name, 0) + cents
        self.history.append((name, cents))

    def transfer(self, giver, taker, cents):
        """Move money; tells whether there was enough."""
        if self.balances.get(giver, 0) - cents < self.limit:
            return False
        self.balances[giver] = self.balances.get(giver, 0) - cents
        self.balances[taker] = self.balances.get(taker, 0) + cents
        self.history.append((giver, -cents))
        self.history.append((taker, cents))
        return True

    def statement(self, name, last=10):
        """Return the last changes of an account as lines, then its balance."""
        lines = [show(cents) for owner, cents in self.history if owner == name]
        return [*lines[-last:], "= " + show(self.balances.get(name, 0))]
