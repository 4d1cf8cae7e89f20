"""Observe, decide, act: the only room that knows all members of the team.

A hint says that something about issue or pull request *n* may have changed. `observe` reads GitHub and
the ledger into one frozen `Snapshot`; `decide` is a pure function from that to the steps that are owed;
`act` performs one step so that doing it twice does no harm. Then it starts over, until nothing is owed.
"""
