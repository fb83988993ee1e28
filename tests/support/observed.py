"""Both planes with all in use that metrics tell of: mutual TLS, a Redis, a cache, health checks, a circuit breaker, credentials, access rules."""
import jwt

from .gateway import request, wait_until
from .redis import Redis
from .site import Site

KEY = "k" * 40
ROUTES = """auth: {api_keys: true}
routes:
  - {path: "/plain/**", service: plain, rate_limit: 1000}
  - {path: "/watched/**", service: watched}
  - {path: "/guarded/**", service: plain, auth: [jwt, api_key], roles: [admin]}
  - {path: "/broken/**", service: broken, retries: off}
"""
SERVICES = """services:
  plain: {{instances: [{{url: "{url}"}}]}}
  watched: {{health_check: {{path: /status/200, interval: 1s}}, outlier_detection: true, circuit_breaker: true, instances: [{{url: "{url}"}}]}}
  broken: {{circuit_breaker: {{failures: 1000}}, instances: [{{url: "http://127.0.0.1:1"}}]}}
"""


class Observed(Site):
    def __init__(self, stage, **kw):
        self.backend, self.routes = stage.backend(), ROUTES
        self.redis = Redis(stage.folder / "redis")
        stage.started.append(self.redis)
        env = {"REDIS_HOST": "127.0.0.1", "REDIS_PORT": str(self.redis.port), "JWT_SECRET_KEY": KEY, **kw.pop("env", {})}
        super().__init__(stage, ROUTES, SERVICES.format(url=self.backend.url), env=env, **kw)

    def data_plane(self, **kw):
        return super().data_plane(args=["--cache-dir", self.stage.folder / f"cache-{self.count}", *kw.pop("args", ())], **kw)

    def traffic(self):
        """A request of each kind, answered as it should be."""
        bad_key = {"X-API-Key": "gwk_no_such"}
        wait_until(lambda: request(self.plain, "/guarded/a", headers=bad_key).status == 401, "the data plane to know the keys")
        token = jwt.encode({"sub": "ann", "roles": ["admin"]}, KEY, "HS256")
        for path, headers, status in [("/plain/a", {}, 200), ("/plain/status/500", {}, 500), ("/watched/a", {}, 200), ("/broken/a", {}, 503),
                                      ("/nowhere", {}, 404), ("/guarded/a", {}, 401), ("/guarded/a", {"Authorization": f"Bearer {token}"}, 200),
                                      ("/" + "x" * 9000, {}, 414)]:
            answer = request(self.plain, path, headers=headers)
            assert answer.status == status, f"{path}: {answer.status} {answer.text}"

    def wait_until_all_is_known(self):
        """Redis has answered main, the health check has a result, and the cache is written."""
        wait_until(lambda: 'gateway_dependency_up{dependency="redis"' in self.data.status("/metrics").text, "Redis to be asked")
        wait_until(lambda: "\ngateway_cache_age_seconds " in self.data.status("/metrics").text, "the cache to be written")
        wait_until(lambda: 'gateway_upstream_endpoints{service="watched",state="healthy"} 1' in self.data.status("/metrics").text, "a health check")
