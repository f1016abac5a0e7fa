"""Metrics for operators: counts and times by route, never by person, family or record."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

BUCKETS = (0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10)


class Metrics:
    """One registry for each service, so that two in one process do not mix."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.requests = Counter(
            "kinlink_requests", "Requests answered.", ["method", "route", "status"], registry=self.registry
        )
        self.seconds = Histogram(
            "kinlink_request_seconds", "Time to answer.", ["route"], buckets=BUCKETS, registry=self.registry
        )
        self.questions = Counter(
            "kinlink_questions", "Questions of the Workbook by outcome.", ["outcome"], registry=self.registry
        )
        self.submissions = Counter(
            "kinlink_submissions", "Submissions by outcome.", ["outcome"], registry=self.registry
        )
        self.log_size = Gauge("kinlink_audit_entries", "Entries in the audit log.", registry=self.registry)
        self.jobs = Gauge("kinlink_jobs_waiting", "Jobs that wait or are under way.", registry=self.registry)

    def text(self) -> bytes:
        """The metrics in Prometheus' text form."""
        return generate_latest(self.registry)
