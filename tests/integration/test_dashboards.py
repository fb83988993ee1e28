"""deploy/dashboards: every query of dashboard and alerts is run by a real Prometheus that scrapes both planes, and returns a series."""
import itertools
import json
import re
import subprocess

import pytest
import yaml
from conftest import Stage

from support.gateway import ROOT, wait_until
from support.observed import Observed
from support.prometheus import Prometheus

FOLDER = ROOT / "deploy/dashboards"
DASHBOARD = json.loads((FOLDER / "gateway.json").read_text())
PANELS = [panel for panel in DASHBOARD["panels"] if panel["type"] != "row"]
RULES = [rule for group in yaml.safe_load((FOLDER / "alerts.yaml").read_text())["groups"] for rule in group["rules"]]
VARIABLES = {"node": ".*", "service": ".*", "__rate_interval": "1m"}
# `> 0` of a panel only hides lines that are flat.
THRESHOLD = re.compile(r"\s*(?:==|!=|>=|<=|>|<)\s*\d+(?:\.\d+)?(?![\w.\"])")


def filled_in(expression):
    """As Grafana does before it asks."""
    return re.sub(r"\$(node|service|__rate_interval)\b", lambda found: VARIABLES[found[1]], expression)


@pytest.fixture(scope="module")
def watched(tmp_path_factory):
    stage = Stage(tmp_path_factory.mktemp("watched"))
    site = Observed(stage)
    prometheus = Prometheus(stage.folder / "prometheus", rules=[FOLDER / "alerts.yaml"],
                            jobs={"gateway-dataplane": [f"127.0.0.1:{site.data.ports()['status_http']}"],
                                  "gateway-controlplane": [f"127.0.0.1:{site.control.ports()['http']}"]})
    stage.started.append(prometheus)
    site.wait_until_all_is_known()
    wait_until(lambda: len(prometheus.query("up == 1")) == 2, "a scrape of both planes")

    rounds = itertools.count()

    def is_known():
        """A counter's rate needs two scrapes, between which it has grown."""
        site.traffic()
        site.control.write(routes=site.with_listeners(site.routes + f"  - {{path: /round/{next(rounds)}, service: plain}}\n"))
        return prometheus.query("sum(rate(gateway_requests_total[1m])) > 0 and sum(rate(gateway_redis_seconds_count[1m])) > 0 "
                                "and sum(rate(gateway_controlplane_ack_seconds_count[1m])) > 0 and sum(rate(gateway_config_build_seconds_count[1m])) > 0")

    wait_until(is_known, "rates", interval=0.5)
    yield prometheus
    stage.end()


@pytest.mark.parametrize("panel", PANELS, ids=lambda panel: panel["title"])
def test_panel_shows_something(watched, panel):
    assert panel["targets"]
    for target in panel["targets"]:
        expression = filled_in(target["expr"])
        assert "$__" not in expression and "$node" not in expression
        assert watched.query(expression), expression


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule["alert"])
def test_rule_looks_at_something(watched, rule):
    """Without its threshold, since most are not to fire here."""
    whole = THRESHOLD.sub("", rule["expr"])
    assert whole != rule["expr"]
    assert watched.query(whole), whole
    watched.query(rule["expr"])


def test_prometheus_takes_the_rules_and_nothing_is_critical_but_what_is_broken_here(watched):
    rules = wait_until(lambda: all(rule["health"] == "ok" for rule in watched.rules()) and watched.rules(), "all rules to be evaluated")
    assert {rule["name"] for rule in rules} == {rule["alert"] for rule in RULES}
    active = {rule["name"] for rule in rules if rule["alerts"]}
    assert active <= {"GatewayErrorsHigh", "GatewayServiceErrorsHigh", "GatewayConnectFailures"}


def test_variables_of_the_dashboard_are_labels_that_there_are(watched):
    for variable in DASHBOARD["templating"]["list"][1:]:
        metric, label = re.fullmatch(r"label_values\((\w+), (\w+)\)", variable["definition"]).groups()
        assert any(label in series["metric"] for series in watched.query(metric)), variable["name"]


def test_panels_do_not_overlap_and_have_names_of_their_own():
    cells = set()
    for panel in DASHBOARD["panels"]:
        at = panel["gridPos"]
        mine = {(x, y) for x in range(at["x"], at["x"] + at["w"]) for y in range(at["y"], at["y"] + at["h"])}
        assert not mine & cells and at["x"] + at["w"] <= 24, panel["title"]
        cells |= mine
    assert len({panel["id"] for panel in DASHBOARD["panels"]}) == len(DASHBOARD["panels"])
    assert len({panel["title"] for panel in PANELS}) == len(PANELS)


@pytest.mark.parametrize("words", [["check", "rules", "alerts.yaml"], ["test", "rules", "alerts_test.yaml"]], ids=" ".join)
def test_promtool(words):
    done = subprocess.run(["promtool", *words], cwd=FOLDER, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_rule_has_words_and_is_tried_firing_and_silent():
    tried = yaml.safe_load((FOLDER / "alerts_test.yaml").read_text())["tests"]
    for rule in RULES:
        assert rule["annotations"].keys() == {"summary", "description"} and rule["labels"]["severity"] in ("info", "warning", "critical")
        outcomes = [bool(case.get("exp_alerts")) for test in tried for case in test["alert_rule_test"] if case["alertname"] == rule["alert"]]
        assert sorted(outcomes) == [False, True], rule["alert"]
