"""RemoteBuddy is the foreman: it plans, and says how risky the plan is."""

from pushpals.remotebuddy.plan import RepoFacts, make_plan

__all__ = ["RepoFacts", "make_plan"]
