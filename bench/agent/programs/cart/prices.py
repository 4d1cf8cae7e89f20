"""Prices in cents, and the discount for many of one thing."""

PRICES = {"apple": 30, "bread": 250, "cheese": 900, "milk": 120}
STEPS = [(1, 0), (10, 5), (50, 10)]
"""From how many on there is how many percent off."""


def percent_off(count):
    """Return the percentage for so many of one thing."""
    best = 0
    for least, percent in STEPS:
        if count >= least:
            best = percent
    return best


def price(name, count=1):
    """Return the price of so many, rounded down; raises KeyError for what is not sold."""
    return PRICES[name] * count * (100 - percent_off(count)) // 100
