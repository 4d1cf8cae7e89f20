"""A cache that forgets what was not used for longest."""


class Cache:
    """Keeps as many values as its size; what was used last is last in `keys()`."""

    def __init__(self, size=3, values=()):
        self.size = size
        self.hits = 0
        self.misses = 0
        self._values = {}
        for key, value in values:
            self.put(key, value)

    def put(self, key, value):
        """Keep a value, as the one used last."""
        self._values.pop(key, None)
        self._values[key] = value
        while len(self._values) > self.size:
            self._values.pop(next(iter(self._values)))

    def get(self, key, default=None):
        """Return a value and count whether it was there."""
        if key not in self._values:
            self.misses += 1
            return default
        self.hits += 1
        value = self._values.pop(key)
        self._values[key] = value
        return value

    def keys(self):
        """Return the keys, the one used last at the end."""
        return list(self._values)

    def rate(self):
        """Return how many of a hundred questions were answered; 0 before the first."""
        asked = self.hits + self.misses
        return 100 * self.hits // asked if asked else 0

    def resize(self, size):
        """Change the size, and forget what is too much."""
        self.size = size
        while len(self._values) > size:
            self._values.pop(next(iter(self._values)))


def cached(function, size=3):
    """Return a function of one argument that remembers its last answers."""
    cache = Cache(size)
    missing = object()

    def ask(argument):
        value = cache.get(argument, missing)
        if value is missing:
            value = function(argument)
            cache.put(argument, value)
        return value

    return ask
