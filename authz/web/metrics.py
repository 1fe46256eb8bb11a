"""Metrics for Prometheus: what is decided, how long it takes, how fresh things are.

No label holds a name, a path or an address, so their number stays small. What has to
be looked up is looked up when somebody asks for the metrics, not for each request.

With PROMETHEUS_MULTIPROC_DIR counts are those of all processes, as prometheus-client
keeps them; how fresh things are is told by the process that answers.
"""

import os
import time
from collections.abc import Callable, Iterable
from typing import Any, Final, Protocol, runtime_checkable

import prometheus_client as prometheus
from flask import Blueprint, Flask
from prometheus_client import multiprocess
from prometheus_client.core import GaugeMetricFamily, InfoMetricFamily, Metric
from prometheus_client.registry import Collector
from werkzeug.wrappers import Response

from authz.audit import Tee
from authz.identity.jwks import Jwks
from authz.runtime import Runtime
from authz.web.hook import Hook
from authz.web.rendering import protect_page
from authz.web.signals import (
    policy_refused,
    policy_reloaded,
    sign_in_failed,
    signed_in,
)
from authz.web.state import current_request, state_of

#: Seconds. The hook takes tens of microseconds; a store or pycasbin may take more.
_BUCKETS: Final = (
    0.000_025,
    0.000_05,
    0.000_1,
    0.000_25,
    0.000_5,
    0.001,
    0.002_5,
    0.005,
    0.01,
    0.05,
    0.25,
    1.0,
)
_UNDECIDED: Final = ("none", "unavailable", "none")


def measure(app: Flask, runtime: Runtime, hook: Hook) -> Blueprint:
    """Measure what *hook* does from now on; return where the metrics are shown.

    To be called before the hook is registered.
    """
    metrics = Metrics(app, runtime)
    hook.before = metrics.around(hook.before)
    blueprint = Blueprint(
        "authz_metrics", "authz.web", url_prefix=runtime.settings.url_prefix
    )
    blueprint.add_url_rule("/metrics", "metrics", metrics.show, methods=["GET"])
    return blueprint


class Metrics:
    """The metrics of one app."""

    def __init__(self, app: Flask, runtime: Runtime) -> None:
        self._registry = prometheus.CollectorRegistry()
        self._now = _Now(runtime)
        self._registry.register(self._now)
        self._decisions = self._counter(
            "authz_decisions",
            "Requests by what was decided, why, and who vouched for the subject.",
            "effect",
            "reason",
            "source",
        )
        self._seconds = prometheus.Histogram(
            "authz_hook_seconds",
            "How long the hook took for one request.",
            buckets=_BUCKETS,
            registry=self._registry,
        )
        # `labels` takes a lock and builds a key; each child is asked for once.
        self._children: dict[tuple[str, str, str], prometheus.Counter] = {}
        self._listen(app)

    def around(
        self, enforce: Callable[[], Response | None]
    ) -> Callable[[], Response | None]:
        """Return *enforce*, measured."""

        def measured() -> Response | None:
            begun = time.perf_counter()
            try:
                return enforce()
            finally:
                self._note(time.perf_counter() - begun)

        return measured

    def show(self) -> Response:
        """Show the metrics as text, in the format that Prometheus reads."""
        if os.environ.get("PROMETHEUS_MULTIPROC_DIR"):
            registry = prometheus.CollectorRegistry()
            multiprocess.MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
            registry.register(self._now)
        else:
            registry = self._registry
        return protect_page(
            Response(
                prometheus.generate_latest(registry),
                content_type=prometheus.CONTENT_TYPE_LATEST,
            )
        )

    def _note(self, seconds: float) -> None:
        self._seconds.observe(seconds)
        state = state_of(current_request())
        if state is None:
            key = _UNDECIDED
        else:
            decision = state.decision
            key = (decision.effect, decision.reason, state.subject.source)
        child = self._children.get(key)
        if child is None:
            child = self._decisions.labels(*map(str, key))
            self._children[key] = child
        child.inc()

    def _listen(self, app: Flask) -> None:
        reloads = self._counter("authz_policy_reloads", "Policies put in force.")
        refusals = self._counter(
            "authz_policy_refusals", "Changed policies that could not be used."
        )
        sign_ins = self._counter("authz_sign_ins", "Sign-ins by outcome.", "outcome")
        for signal, counter in (
            (policy_reloaded, reloads),
            (policy_refused, refusals),
            (signed_in, sign_ins.labels("success")),
            (sign_in_failed, sign_ins.labels("failure")),
        ):
            signal.connect(_counting(counter), app, weak=False)

    def _counter(self, name: str, help_: str, *labels: str) -> prometheus.Counter:
        return prometheus.Counter(name, help_, labels, registry=self._registry)


class _Now(Collector):
    """How things are at this moment, in this process."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime

    def collect(self) -> Iterable[Metric]:
        """Return the metrics that are looked up when asked for."""
        runtime = self._runtime
        yield InfoMetricFamily(
            "authz_policy",
            "The policy in force.",
            value={"revision": runtime.policy.revision},
        )
        yield _gauge(
            "authz_policy_problem",
            "1 while what is stored is not in force because it cannot be used.",
            float(runtime.live.problem is not None),
        )
        yield _gauge(
            "authz_store_age_seconds",
            "Seconds since the part of the store was read that is the oldest.",
            runtime.following.age,
        )
        parts = GaugeMetricFamily(
            "authz_part_age_seconds",
            "Seconds since each part of what is served was read.",
            labels=["part"],
        )
        for part, age in runtime.following.ages.items():
            parts.add_metric([part], age)
        yield parts
        if runtime.stores.database is not None:
            yield _gauge(
                "authz_store_writable",
                "0 while the database takes no changes.",
                float(runtime.write_problem is None),
            )
            yield _gauge(
                "authz_store_restored",
                "1 from when a backup was restored until somebody has looked at it.",
                float(runtime.restored is not None),
            )
        keys = GaugeMetricFamily(
            "authz_keys_age_seconds",
            "Seconds since the keys of an issuer were fetched; -1: never.",
            labels=["issuer"],
        )
        for name, source in runtime.identity.keys.items():
            if isinstance(source, Jwks):
                keys.add_metric([name], -1.0 if source.age is None else source.age)
        yield keys
        logs = _logs(runtime)
        if logs:
            yield _gauge(
                "authz_audit_lost",
                "Events that this process could not write to the audit log.",
                float(sum(log.lost for log in logs)),
            )


@runtime_checkable
class _Log(Protocol):
    """An audit log, which may be too slow for what happens."""

    lost: int


def _logs(runtime: Runtime) -> list[_Log]:
    """Return the audit logs there are: a file, a database, both or none."""
    sinks = runtime.audit.sinks if isinstance(runtime.audit, Tee) else ()
    return [sink for sink in sinks if isinstance(sink, _Log)]


def _gauge(name: str, help_: str, value: float) -> Metric:
    return GaugeMetricFamily(name, help_, value=value)


def _counting(counter: prometheus.Counter) -> Callable[..., None]:
    def count(_: object, **__: Any) -> None:
        counter.inc()

    return count
