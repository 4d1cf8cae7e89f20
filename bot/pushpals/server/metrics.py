"""Numbers of this process for Prometheus. No label has more values than the code names.

Docs: prometheus.io, "Metric and label naming", and "Instrumentation" on the cardinality of labels.
"""

from __future__ import annotations

import platform
from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily

from pushpals import __version__
from pushpals.model import ENDED, HELD, JobState

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from prometheus_client.core import Metric

    from pushpals.llm import Completion
    from pushpals.model import JobRecord

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_JOB_SECONDS = (5, 15, 30, 60, 120, 300, 600, 1200, 2400, 3600)
_WAIT_SECONDS = (0.5, 1, 5, 15, 60, 300, 1800, 7200)
_CALL_SECONDS = (0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120)

Values = dict[tuple[str, ...], float]
Reading = tuple[str, str, tuple[str, ...], Values]
"""A number that is looked up when it is asked for: name, help, labels, values. `_total` makes a counter."""


class Metrics:
    """The numbers, in a registry of their own."""

    def __init__(self) -> None:
        """Begin at zero."""
        self.registry = CollectorRegistry()
        self.readings: list[Callable[[], Iterator[Reading]]] = []
        """What is looked up at each scrape."""
        own = self.registry
        info = Gauge("pushpals_build_info", "Always 1.", ["version", "python"], registry=own)
        info.labels(__version__, platform.python_version()).set(1)
        self._moves = Counter(
            "pushpals_job_moves", "Jobs brought into a state, by this process.", ["state"], registry=own
        )
        self._failures = Counter(
            "pushpals_job_failures", "Jobs that failed, by kind.", ["kind"], registry=own
        )
        self._retries = Counter(
            "pushpals_job_retries",
            "Attempts that failed and are made again, by kind.",
            ["kind"],
            registry=own,
        )
        self._seconds = Histogram(
            "pushpals_job_seconds",
            "Seconds of work on a job until it was published or failed.",
            ["state"],
            buckets=_JOB_SECONDS,
            registry=own,
        )
        self._wait = Histogram(
            "pushpals_job_wait_seconds",
            "Seconds that a job that could start waited for a worker.",
            buckets=_WAIT_SECONDS,
            registry=own,
        )
        self._requests = Counter(
            "pushpals_github_requests",
            "Requests to GitHub, repeated ones included.",
            ["kind", "name"],
            registry=own,
        )
        self._calls = Histogram(
            "pushpals_model_call_seconds",
            "Seconds that the model took to answer.",
            buckets=_CALL_SECONDS,
            registry=own,
        )
        self._call_errors = Counter(
            "pushpals_model_call_errors", "Calls that the model failed to answer.", registry=own
        )
        self._tokens = Counter(
            "pushpals_model_tokens", "Tokens read and written.", ["direction"], registry=own
        )
        self._usd = Counter(
            "pushpals_model_usd", "US dollars spent on the model, where its price is known.", registry=own
        )
        self.registry.register(self)

    def job_moved(self, before: JobRecord | None, after: JobRecord) -> None:
        """Count what this process did to a job."""
        if before is not None and before.state is after.state:
            return
        self._moves.labels(after.state.value).inc()
        if after.state is JobState.FAILED and after.failure:
            self._failures.labels(after.failure.kind.value).inc()
        if before is None:
            return
        for kind in after.failures[len(before.failures) :]:
            self._retries.labels(kind.value).inc()
        if after.state is JobState.CLAIMED and before.state is JobState.QUEUED:
            could_start = max(before.updated_at, before.not_before or before.updated_at)
            self._wait.observe(max(0.0, (after.updated_at - could_start).total_seconds()))
        if after.state in {JobState.PUBLISHED, JobState.FAILED} and before.state not in ENDED - HELD:
            spent = after.usage.seconds - after.spent_before.seconds
            self._seconds.labels(after.state.value).observe(max(0.0, spent))

    def github_request(self, kind: str, name: str) -> None:
        """Count a request to GitHub."""
        self._requests.labels(kind, name).inc()

    def model_called(self, answer: Completion | None) -> None:
        """Count a call of the model; None: it failed."""
        if answer is None:
            self._call_errors.inc()
            return
        self._calls.observe(answer.seconds)
        self._tokens.labels("in").inc(answer.tokens_in)
        self._tokens.labels("out").inc(answer.tokens_out)
        self._usd.inc(answer.usd or 0.0)

    def collect(self) -> Iterator[Metric]:
        """Yield what is looked up now; the registry calls this."""
        for read in self.readings:
            for name, words, labels, values in read():
                counts = name.endswith("_total")
                family = (CounterMetricFamily if counts else GaugeMetricFamily)(
                    name.removesuffix("_total"), words, labels=labels
                )
                for key, value in values.items():
                    family.add_metric(key, value)
                yield family

    def text(self) -> bytes:
        """Return everything in Prometheus' text format, of type `CONTENT_TYPE`."""
        return generate_latest(self.registry)
