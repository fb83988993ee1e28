#!/usr/bin/env python3
"""A fleet of light data planes on our control plane, and on one made with go-control-plane that serves the same resources.

    python3 fleet.py                                  # 1,000 data planes, 10,000 routes, 1,000 services; both planes in turn, 3 rounds
    python3 fleet.py --nodes 100 --routes 1000 --services 100 --rounds 1

Needs the release build, and the Go peers (tests/support/setup.sh) in the folder that GW_PEERS names.
"""
import argparse
import json
import pathlib
import statistics
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from support import gateway  # noqa: E402
from support.fleet import GoControlPlane, Ours, changes_of, measure  # noqa: E402
from support.scale import routes_yaml, services_yaml  # noqa: E402


def one_round(folder, args, number):
    folder = folder / str(number)
    folder.mkdir()
    routes, services = routes_yaml(args.routes, args.services), services_yaml(args.services, 1)
    dumped, results = folder / "dump.json", {}
    plane = Ours(folder / "ours", routes, services)
    results[plane.name] = measure(plane, folder, args.nodes, changes_of(routes, services), dumped)
    plane.stop()
    plane = GoControlPlane(folder, dumped)
    results[plane.name] = measure(plane, folder, args.nodes, changes_of(routes, services))
    plane.stop()
    return results


def median(rounds, *keys):
    values = []
    for value in rounds:
        for key in keys:
            value = value[key]
        values.append(value)
    return statistics.median(values)


def table(rounds):
    names = list(rounds[0])
    print("| step | " + " | ".join(f"{name}: ms | CPU ms | bytes each" for name in names) + " |")
    print("|---|" + "---:|" * 3 * len(names))
    for step in rounds[0][names[0]][0]:
        cells = []
        for name in names:
            cells += [f"{median(rounds, name, 0, step, key):,.0f}" for key in ("ms", "cpu_ms", "wire_bytes_each")]
        print(f"| {step} | " + " | ".join(cells) + " |")
    print("| most memory, MiB | " + " | ".join(f"{median(rounds, name, 1, 'most_mib'):.0f} | |" for name in names) + " |")


def main():
    parser = argparse.ArgumentParser()
    for name, default in (("nodes", 1000), ("routes", 10_000), ("services", 1000), ("rounds", 3)):
        parser.add_argument(f"--{name}", type=int, default=default)
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    gateway.BUILD = gateway.ROOT / "build"
    with tempfile.TemporaryDirectory() as folder:
        rounds = [one_round(pathlib.Path(folder), args, number) for number in range(args.rounds)]
    if args.json:
        print(json.dumps(rounds, indent=1))
    table(rounds)


if __name__ == "__main__":
    main()
