"""What PushPals asks of GitHub: one job and one reply at the local forge, and a simulated day of jobs."""

from __future__ import annotations

import asyncio
import statistics
from collections.abc import Sequence

from bench.product.counting import CREATIONS, CREATIONS_A_MINUTE, HOUR, MINUTE, REQUESTS, fullest
from bench.product.day import JOB, REPLY, Day, simulate
from bench.product.memory import measured
from bench.product.size import Size
from bench.product.story import Story, tell
from bench.report import Figure, Row

JOBS, REPOSITORIES = 10_000, 1_000


def measure(size: Size) -> Figure:
    """Return the figure."""
    whole = size.peers
    jobs, repositories = (JOBS, REPOSITORIES) if whole else (8, 2)
    story = asyncio.run(tell())
    if (story.job.requests, story.reply.requests) != (JOB, REPLY):
        raise RuntimeError(
            f"The simulation asks {JOB} times for a job and {REPLY} for a reply; not so {story}."
        )
    day = simulate(repositories, jobs)
    _, most = measured(repositories, jobs)
    created = day.github_side.created
    naive = 2 * fullest(sorted(subject.start for subject in day.subjects), HOUR)
    rows = (
        *_asked(story),
        *_limits(day),
        *_waits(day),
        Row("server memory with that day in it", most / 1e6, "MB", "at most", 300.0),
    )
    bars = (
        ("PushPals, creations", float(fullest(created, HOUR))),
        ("with a comment for each job", float(naive)),
        ("GitHub allows", float(CREATIONS)),
    )
    return Figure("requests", "Requests to GitHub", _how(day), rows, bars, "in the fullest hour", size.taken)


def _asked(story: Story) -> tuple[Row, ...]:
    unchanged = story.job.unchanged + story.reply.unchanged
    return (
        Row("requests from label to pull request", story.job.requests + story.tokens, "", "at most", 10.0),
        Row("requests for a reply to a comment", story.reply.requests, "", "at most", 4.0),
        Row("of all these, answered with 304 and so not counted by GitHub", unchanged, "", "at least", 1.0),
    )


def _limits(day: Day) -> tuple[Row, ...]:
    github = day.github_side
    hours = {kind: float(fullest(times, HOUR)) for kind, times in github.asked.items()}
    created = github.created
    return (
        Row("REST requests in the fullest hour", hours["rest"], "", "at most", REQUESTS),
        Row("GraphQL requests in the fullest hour", hours["graphql"], "", "at most", REQUESTS),
        Row("creations in the fullest hour", fullest(created, HOUR), "", "at most", CREATIONS),
        Row("creations in the fullest minute", fullest(created, MINUTE), "", "at most", CREATIONS_A_MINUTE),
        Row("requests that GitHub would have refused", github.refused, "", "at most", 0.0),
        Row("jobs whose end people were not told", day.unfinished, "", "at most", 0.0),
    )


def _waits(day: Day) -> tuple[Row, ...]:
    waits = day.waits
    return (
        Row("median time a job's result was held back", _median(waits.results), "s", "at most", 1.0),
        Row("longest time a job's result was held back", max(waits.results), "s", "at most", 600.0),
        Row("longest time an answer was held back", max(waits.answers, default=0.0), "s", "at most", 60.0),
    )


def _median(times: Sequence[float]) -> float:
    return statistics.median(times) if times else 0.0


def _how(day: Day) -> str:
    jobs, without = len(day.subjects), day.without_comment
    return (
        "The first three rows are counted by the local forge, while the server works with recorded "
        "answers of a model; git, which GitHub does not count, is left out. The next are a simulation: "
        f"{jobs:,} jobs come at random over a day in {day.repositories:,} repositories of one "
        "installation, and pass through the product's own queue, client, tokens and pacing, on a clock "
        "that jumps. One in twenty fails, on one in ten issues somebody asks how it goes, each pull "
        "request is looked at once more when its CI has spoken, seven in ten are merged, and the look "
        "around goes on beside. Of workers there are enough. GitHub's side refuses what is over any "
        "limit; REST and GraphQL have one each, and a GraphQL request is taken for one point. Two "
        f"creations for each job would not fit: {without:,} jobs opened their pull request without a "
        "comment before it, and those that failed were told all the same. Memory is the most that a "
        "server process held (VmHWM) with a signed delivery of each job taken by its door and waiting in "
        "its queue, each repository opened with its tokens, 200 long conversations, the newest records, "
        "all claims, and each job told to come back later; git's own processes are not in it."
    )
