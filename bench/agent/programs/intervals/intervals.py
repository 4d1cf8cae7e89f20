"""Spans of time as pairs of start and end, the end not included."""


def overlaps(one, other):
    """Tell whether two spans share a moment; spans that only touch do not."""
    return one[0] < other[1] and other[0] < one[1]


def merge(spans):
    """Return the spans in order, those that overlap or touch made one."""
    merged = []
    for start, end in sorted(spans):
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(merged[-1][1], end))
        else:
            merged.append((start, end))
    return merged


def gaps(spans, start, end):
    """Return what is free between start and end."""
    free = []
    at = start
    for first, last in merge(spans):
        if first > at:
            free.append((at, first))
        at = max(at, last)
    if at < end:
        free.append((at, end))
    return free


def total(spans):
    """Return how long the spans are together, what is in several counted once."""
    return sum(end - start for start, end in merge(spans))


def add(spans, span):
    """Return a new list of spans with one more; what is given stays as it is."""
    longer = list(spans)
    longer.append(span)
    return merge(longer)


def longest(spans):
    """Return the length of the longest span, 0 where there is none."""
    return max((end - start for start, end in spans), default=0)
