"""Ways through a graph: a dict from each place to the places next to it."""

from collections import deque


def path(graph, start, goal):
    """Return the places on a shortest way, both ends included; None if there is no way."""
    before = {start: None}
    queue = deque([start])
    while queue:
        place = queue.popleft()
        if place == goal:
            return trace(before, goal)
        for other in graph.get(place, []):
            if other not in before:
                before[other] = place
                queue.append(other)
    return None


def trace(before, goal):
    """Return the way that led to the goal."""
    way = []
    place = goal
    while place is not None:
        way.append(place)
        place = before[place]
    return way[::-1]


def reachable(graph, start):
    """Return all places one can get to, in the order they are found."""
    seen = []
    waiting = [start]
    while waiting:
        place = waiting.pop()
        if place in seen:
            continue
        seen.append(place)
        waiting.extend(reversed(graph.get(place, [])))
    return seen


def connect(graph, one, other):
    """Return a graph with a road both ways; the given one stays as it is."""
    wider = {place: list(others) for place, others in graph.items()}
    wider.setdefault(one, []).append(other)
    wider.setdefault(other, []).append(one)
    return wider


def order(needs):
    """Return things so that each follows what it needs; raises ValueError for a circle."""
    done = []
    while len(done) < len(needs):
        ready = [name for name in needs if name not in done and set(needs[name]) <= set(done)]
        if not ready:
            raise ValueError(sorted(set(needs) - set(done)))
        done.extend(ready)
    return done
