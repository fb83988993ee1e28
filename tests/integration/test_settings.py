"""The origin's settings: by environment, by .env file of the ENVIRONMENT, by default, in that order; secrets are not shown."""
import subprocess

import pytest

from support import gateway


@pytest.fixture
def settings(tmp_path):
    def show(*args, env=None, **files):
        for name, text in files.items():
            (tmp_path / name.replace("dot_", ".").replace("_", ".")).write_text(text)
        done = subprocess.run([gateway.BUILD / "bin/gateway-controlplane", "--print-settings", *args], cwd=tmp_path, capture_output=True, text=True,
                              timeout=60, env={"PATH": "/usr/bin", **(env or {})})
        assert done.returncode == 0, done.stderr
        return dict(line.split("  (", 1)[0].split("=", 1) for line in done.stdout.splitlines())
    return show


def test_defaults_are_the_origins(settings):
    shown = settings()
    assert {name: shown[name] for name in ("ENVIRONMENT", "HOST", "PORT", "JWT_ALGORITHM", "REDIS_PORT", "SERVICE_DISCOVERY_TYPE", "RATE_LIMIT_ENABLED",
                                           "MYSQL_PORT")} == \
        {"ENVIRONMENT": "default", "HOST": "0.0.0.0", "PORT": "8000", "JWT_ALGORITHM": "HS256", "REDIS_PORT": "6379", "SERVICE_DISCOVERY_TYPE": "static",
         "RATE_LIMIT_ENABLED": "true", "MYSQL_PORT": "3306"}


@pytest.mark.parametrize("environment, port", [("default", "8001"), ("dev", "8002"), ("prod", "8003")])
def test_environment_chooses_the_file(settings, environment, port):
    shown = settings(env={"ENVIRONMENT": environment}, dot_env="PORT=8001\n", dot_env_dev="PORT=8002\n", dot_env_prod="PORT=8003\n")
    assert (shown["ENVIRONMENT"], shown["PORT"]) == (environment, port)


def test_environment_is_over_the_file_and_a_flag_over_both(settings):
    assert settings(env={"PORT": "8008"}, dot_env="PORT=8001\nHOST=127.0.0.2\n")["PORT"] == "8008"
    shown = settings("--set", "PORT=8009", env={"PORT": "8008"})
    assert (shown["PORT"], shown["HOST"]) == ("8009", "127.0.0.2")


def test_secrets_are_masked(settings):
    secret = "a-secret-of-more-than-32-bytes-of-text"
    shown = settings(env={"JWT_SECRET_KEY": secret, "REDIS_PASSWORD": secret, "MYSQL_PASSWORD": secret})
    assert secret not in str(shown) and all(shown[name] for name in ("JWT_SECRET_KEY", "REDIS_PASSWORD", "MYSQL_PASSWORD"))


@pytest.mark.parametrize("name, value", [("PORT", "many"), ("RATE_LIMIT_ENABLED", "perhaps"), ("JWT_ALGORITHM", "none"), ("SERVICE_DISCOVERY_TYPE", "zookeeper"),
                                         ("GATEWAY_METRICS_MAX_SERIES", "12")])
def test_bad_value_is_told_with_its_name(tmp_path, name, value):
    done = subprocess.run([gateway.BUILD / "bin/gateway-controlplane", "--print-settings"], cwd=tmp_path, capture_output=True, text=True, timeout=60,
                          env={name: value})
    assert done.returncode == 65 and name in done.stderr
