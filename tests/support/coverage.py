"""Lines covered, by folder: a table, an HTML report of each folder, and the floors below which the run fails.

    coverage.py OBJECTS REPORT     OBJECTS: the build folder with gcov's counters; REPORT: where the HTML goes
"""
import html
import json
import pathlib
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
FILTERS = ["--filter", "common/", "--filter", "dataplane/", "--filter", "controlplane/"]
HIGH = ("common/", "controlplane/policy")  # what everything else stands on
FLOOR_HIGH, FLOOR = 90.0, 80.0
PAGE = """<!doctype html><meta charset="utf-8"><title>Coverage</title>
<style>body{{font:14px sans-serif;margin:2em}}td,th{{padding:2px 12px;text-align:right}}td:first-child,th:first-child{{text-align:left}}
.low{{color:#b00}}</style><h1>Lines covered, by folder</h1><table><tr><th>folder</th><th>lines</th><th>covered</th><th>%</th><th>floor</th></tr>
{rows}</table>"""


def floor_of(folder):
    return FLOOR_HIGH if folder.startswith(HIGH) else FLOOR


def by_folder(summary):
    """Folder → (covered, lines); a folder below a folder counts with it, as in the table of who includes whom."""
    folders = {}
    for file in summary["files"]:
        folder = "/".join(file["filename"].split("/")[:2]) if file["filename"].count("/") > 1 else file["filename"].split("/")[0]
        covered, lines = folders.get(folder, (0, 0))
        folders[folder] = (covered + file["line_covered"], lines + file["line_total"])
    return dict(sorted(folders.items()))


def gcovr(*args):
    subprocess.run(["gcovr", "--root", str(ROOT), *map(str, args)], check=True, cwd=ROOT, stdout=subprocess.DEVNULL)


def write_report(folders, trace, report):
    rows = []
    for folder, (covered, lines) in folders.items():
        page = report / folder / "index.html"
        page.parent.mkdir(parents=True, exist_ok=True)
        gcovr("--add-tracefile", trace, "--filter", f"{folder}/", "--html-title", folder, "--html-details", page)
        share, floor = 100 * covered / lines, floor_of(folder)
        low = ' class="low"' if share < floor else ""
        rows.append(f'<tr{low}><td><a href="{html.escape(folder)}/index.html">{html.escape(folder)}</a></td><td>{lines}</td><td>{covered}</td>'
                    f"<td>{share:.1f}</td><td>{floor:.0f}</td></tr>")
    (report / "index.html").write_text(PAGE.format(rows="\n".join(rows)))


def main(objects, report):
    report = pathlib.Path(report)
    report.mkdir(parents=True, exist_ok=True)
    trace, summary = report / "coverage.json", report / "summary.json"
    # gcov counts a branch less than never where threads race; that is no reason to say nothing of the lines.
    gcovr("--object-directory", objects, *FILTERS, "--gcov-ignore-parse-errors", "--json", trace, objects)
    gcovr("--add-tracefile", trace, "--json-summary", summary)
    folders = by_folder(json.loads(summary.read_text()))
    write_report(folders, trace, report)
    for folder, (covered, lines) in folders.items():
        print(f"{folder:<28} {100 * covered / lines:5.1f} %  of {lines:5}  (floor {floor_of(folder):.0f})")
    low = [folder for folder, (covered, lines) in folders.items() if 100 * covered / lines < floor_of(folder)]
    print(f"{report / 'index.html'}" + (f"; below their floor: {', '.join(low)}" if low else ""))
    return 1 if low else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
