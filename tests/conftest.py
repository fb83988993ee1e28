"""Fixtures of all tests: things that are started by a test are ended with it, and sanitizers' findings fail it."""
import os
import pathlib
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from support import gateway  # noqa: E402
from support.backend import Backend  # noqa: E402
from support.gateway import ControlPlane, DataPlane, Program  # noqa: E402


def pytest_collection_modifyitems(config, items):
    """Tests marked `full` run only in `tests/run.sh full`."""
    if os.environ.get("GW_FULL"):
        return
    chosen = [item for item in items if not item.get_closest_marker("full")]
    config.hook.pytest_deselected(items=[item for item in items if item not in chosen])
    items[:] = chosen


def pytest_configure(config):
    config.addinivalue_line("markers", "full: long; only in tests/run.sh full")
    config.addinivalue_line("markers", "scale: measures memory or time at scale; not under the thread sanitizer")


@pytest.fixture
def release_build(monkeypatch):
    """Programs as they are shipped, where time or memory is the subject: sanitizers cost both."""
    monkeypatch.setattr(gateway, "BUILD", pathlib.Path(os.environ.get("GW_RELEASE", gateway.BUILD)))


def check_logs(program):
    for text in (program.log(), program.output()):
        for word in ("ERROR: AddressSanitizer", "ERROR: LeakSanitizer", "runtime error:", "WARNING: ThreadSanitizer", "broken invariant"):
            assert word not in text, f"{program.name}: {text[-6000:]}"


class Stage:
    """Starts programs and ends them in reverse order."""

    def __init__(self, folder):
        self.folder, self.started, self.count = folder, [], 0

    def backend(self, name="backend", port=0):
        made = Backend(name, port)
        self.started.append(made)
        return made

    def control_plane(self, routes, services, **kw):
        self.count += 1
        made = ControlPlane(self.folder / f"control-{self.count}", routes, services, **kw)
        self.started.append(made)
        return made

    def data_plane(self, xds, **kw):
        self.count += 1
        made = DataPlane(self.folder / f"data-{self.count}", xds, **kw)
        self.started.append(made)
        return made

    def both(self, routes, services, **kw):
        """A control plane and a ready data plane; returns (control, data, traffic port)."""
        control = self.control_plane(routes, services)
        data = self.data_plane(control.xds(), **kw)
        return control, data, data.wait_until_ready()

    def end(self):
        problems = []
        for made in reversed(self.started):
            try:
                code = made.stop()
                if isinstance(made, Program):
                    check_logs(made)
                    assert code in (0, -9) or getattr(made, "expected_code", None) == code, f"{made.name} ended with {code}:\n{made.log()[-4000:]}"
            except AssertionError as problem:
                problems.append(str(problem))
        assert not problems, "\n".join(problems)


@pytest.fixture
def stage(tmp_path):
    made = Stage(tmp_path)
    yield made
    made.end()
