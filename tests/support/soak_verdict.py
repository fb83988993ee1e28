"""What a soak is judged by: what each answer, each line of the access logs and each metric says, and what processes hold over time."""
import collections
import json

GROWS_BY, GROWS_BY_KIB, GROWS_BY_DESCRIPTORS, GROWS_BY_THREADS = 1.10, 1024, 16, 4
LAG_MAX_S = "1"


class Verdict:
    """All that is wrong, in words, and the figures. `ground`: what took part, with `faults`, `edits` and `programs()`; `seconds`: of load."""

    def __init__(self, ground, seconds):
        self.ground, self.seconds, self.problems, self.shown = ground, seconds, [], []

    def check(self, is_good, words):
        if not is_good:
            self.problems.append(words)

    def show(self, *words):
        self.shown.append("  ".join(map(str, words)))

    def failures(self, number, log, failures):
        """Each has a line in the access log, and a fault explains that; so it does each line of a failure that no client saw."""
        lines = {line["path"]: line for line in log.odd}
        for failure in failures:
            self.check(failure["path"] in lines, f"failed, and the access log says nothing of it: {json.dumps(failure)}")
        by_path = {failure["path"]: failure for failure in failures}
        for line in log.odd:
            self.check(self.ground.faults.explain(line), f"node-{number} failed: {json.dumps(line)}\n    the client: {json.dumps(by_path.get(line['path']))}")

    def requests(self, number, log, totals, scrape):
        """Every request has its line, through all rotations, and is counted."""
        answers = {kind: sum(statuses.values()) for kind, statuses in totals["counts"].items()}
        for route in [*answers, "volume"]:
            lines, counted = log.of_route(route), scrape.sum("gateway_requests_total", route=route)
            self.show(f"node-{number} {route:8} {counted:9.0f} requests {lines}", f"slowest {totals['slowest_ms'].get(route, 0)} ms")
            self.check(sum(lines.values()) == counted == answers.get(route, counted), f"node-{number}, {route}: {answers.get(route)}, {lines}, {counted}")
        messages = totals["messages"]
        self.show(f"node-{number}: {messages} messages of WebSockets, {log.rotations} rotations of the log, {log.retried} requests retried")
        self.check(messages > self.seconds, f"only {messages} messages of WebSockets")

    def edits(self, number, totals):
        """What is live stays live: nobody is answered by an earlier configuration again."""
        seen = {int(edit): when for edit, when in totals["edits"].items()}
        for edit, (written, live) in self.ground.edits.items():
            early = seen.get(edit, (written,))[0]
            self.check(early >= written, f"node-{number}: edit {edit} was seen before it was written")
            late = [other for other, (_, last) in seen.items() if live[number - 1] and other < edit and last > live[number - 1] + 2]
            self.check(not late, f"node-{number}: edits {late} were seen when {edit} had been live for 2 s")

    def limit(self, clients, per_s):
        """Of the route called limited, by all data planes together; each of which may count for itself while Redis is away."""
        got = collections.Counter()
        for made in clients:
            got.update(made.totals["counts"]["limited"])
        outages, away_s = self.ground.faults.count("Redis killed"), self.ground.faults.seconds("Redis killed")
        least, most = 0.85 * per_s * self.seconds, 1.05 * per_s * (self.seconds + away_s) + per_s * (2 + 2 * outages)
        self.show(f"the limit of {per_s} a second let {got['200']} through of {sum(got.values())} in {self.seconds:.0f} s: {least:.0f} to {most:.0f} are right")
        self.check(least <= got["200"] <= most and got["429"] > 0, f"the limit: {got}, {least:.0f} to {most:.0f} were to be let through")

    def flatness(self, watch):
        self.show("medians of each quarter:")
        for name in self.ground.programs():
            for what, factor, slack in (("rss_kib", GROWS_BY, GROWS_BY_KIB), ("descriptors", 1, GROWS_BY_DESCRIPTORS), ("threads", 1, GROWS_BY_THREADS)):
                quarters = watch.quarters(name, what)
                self.show(f"{name} {what:12}", *(f"{value:9.0f}" for value in quarters))
                self.check(quarters[3] <= factor * quarters[1] + slack, f"{name}: {what} grew: {quarters}")

    def volume(self, volume):
        self.show(f"volume: {volume.count} requests, slowest {volume.slowest_us / 1000:.0f} ms")
        self.check(volume.errors == 0, f"volume: {volume.errors} errors")

    def control_plane(self, scrape):
        for name in ("store_failures_total", "config_degraded", "log_lost_total", "nacks_total", "source_failing"):
            self.check(scrape.sum(f"gateway_controlplane_{name}") == 0, f"gateway_controlplane_{name} is {scrape.sum(f'gateway_controlplane_{name}')}")
        for name in ("snapshots_total", "reload_errors_total", "secret_rotations_total"):
            self.show(f"first control plane: {name} {scrape.sum(f'gateway_controlplane_{name}'):.0f}")
            self.check(scrape.sum(f"gateway_controlplane_{name}") > 0, f"first control plane: no {name}")
        self.lag("first control plane", scrape, "gateway_controlplane_loop_lag_seconds")

    def traces(self, collector, logs):
        requests = sum(sum(log.counts.values()) for log in logs)
        spans = len(collector.find(kind="server"))
        self.show(f"{requests} requests in access logs, {spans} of them traced")
        self.check(0.008 * requests <= spans <= 0.012 * requests, f"{spans} traces of {requests} requests")

    def node_metrics(self, number, scrape):
        for name in ("access_log_lost", "log_lost", "config_failures", "xds_nacks", "scrape_missed_workers", "listener_bind_failures",
                     "upstream_retries_refused"):
            self.check(scrape.sum(f"gateway_{name}_total") == 0, f"node-{number}: gateway_{name}_total is {scrape.sum(f'gateway_{name}_total')}")
        self.check(scrape.sum("gateway_trace_spans_total", result="dropped") == 0, f"node-{number}: spans were dropped")
        for name in ("xds_disconnects", "upstream_retries", "upstream_connect_failures", "config_activations"):
            self.show(f"node-{number} {name}: {scrape.sum(f'gateway_{name}_total'):.0f}")
            self.check(scrape.sum(f"gateway_{name}_total") > 0, f"node-{number}: no {name}: the faults were not felt")
        by = {who: scrape.sum("gateway_rate_limit_shared_requests_total", by=who) for who in ("redis", "local")}
        self.show(f"node-{number} limits decided by {by}")
        self.check(all(by.values()), f"node-{number}: limits decided by {by}")
        self.lag(f"node-{number}", scrape, "gateway_worker_loop_lag_seconds")
        self.lag(f"node-{number}", scrape, "gateway_main_loop_lag_seconds")

    def lag(self, who, scrape, name):
        turns = scrape.sum(f"{name}_count")
        slow = {bound: turns - scrape.sum(f"{name}_bucket", le=bound) for bound in ("0.025", "0.1", LAG_MAX_S)}
        self.show(f"{who} {name}: {turns:.0f} turns, longer than {slow}")
        self.check(slow[LAG_MAX_S] == 0, f"{who}: {name} beyond {LAG_MAX_S} s: {slow}")

    def end(self, seed):
        faults = self.ground.faults
        for name in sorted({name for name, _, _ in faults.happened}):
            self.show(f"{name}: {faults.count(name)} times, {faults.seconds(name):.0f} s in all, explains {faults.explained[name]} failures")
        print("\n".join(["", f"seed {seed}, {len(self.ground.edits)} edits", *self.shown]))
        assert not self.problems, f"seed {seed}, {len(self.problems)} problems:\n" + "\n".join(self.problems[:40])
