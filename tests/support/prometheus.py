"""A real Prometheus, which scrapes both planes each second."""
import json
import re

from .gateway import Program, get, wait_until
from .metrics import query

CONFIG = """global: {{scrape_interval: 1s, evaluation_interval: 1s}}
rule_files: {rules}
scrape_configs:
{jobs}"""
JOB = "  - {{job_name: {name}, static_configs: [{{targets: {targets}}}]}}\n"


class Prometheus(Program):
    """`jobs`: name → "HOST:PORT", several."""

    def __init__(self, folder, jobs, rules=()):
        folder.mkdir(parents=True, exist_ok=True)
        lines = "".join(JOB.format(name=name, targets=json.dumps(targets)) for name, targets in jobs.items())
        (folder / "prometheus.yaml").write_text(CONFIG.format(rules=json.dumps([str(path) for path in rules]), jobs=lines))
        super().__init__(folder, "prometheus", ["prometheus", f"--config.file={folder / 'prometheus.yaml'}", f"--storage.tsdb.path={folder / 'data'}",
                                                "--web.listen-address=127.0.0.1:0"])
        self.port = wait_until(self._listens, "prometheus")

    def _listens(self):
        assert self.is_running(), self.log()[-4000:]
        found = re.search(r'msg="Listening on" address=127\.0\.0\.1:(\d+)', self.log())
        return int(found[1]) if found and "Server is ready" in self.log() else None

    def query(self, expression):
        """The series that it returns; AssertionError: it is no query."""
        answer = get(self.port, "/api/v1/query?" + query(expression)).json()
        assert answer["status"] == "success", f"{expression}\n{answer}"
        return answer["data"]["result"]

    def rules(self):
        return [rule for group in get(self.port, "/api/v1/rules").json()["data"]["groups"] for rule in group["rules"]]

    def targets(self):
        return get(self.port, "/api/v1/targets").json()["data"]["activeTargets"]
