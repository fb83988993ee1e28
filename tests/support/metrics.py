"""What a scrape says, and what a README's table of metrics does."""
import re
import urllib.parse

SAMPLE = re.compile(r'^([a-z_:][a-z0-9_:]*)(?:\{(.*)\})? (\S+)$')
LABEL = re.compile(r'([a-z_]+)="((?:[^"\\]|\\.)*)"')


class Scrape:
    """`families`: name → (type, help); `samples`: (name, {label: value}) → number."""

    def __init__(self, text):
        self.text, self.families, self.samples = text, {}, []
        helps = {}
        for line in text.splitlines():
            if line.startswith("# HELP "):
                name, _, helps[name] = line[7:].partition(" ")
            elif line.startswith("# TYPE "):
                name, kind = line[7:].split()
                self.families[name] = (kind, helps[name])
            else:
                name, labels, value = SAMPLE.match(line).groups()
                self.samples.append((name, dict(LABEL.findall(labels or "")), float(value)))

    def family_of(self, sample):
        """A histogram's samples have endings."""
        base = re.sub(r"_(bucket|sum|count)$", "", sample)
        return base if self.families.get(base, ("",))[0] == "histogram" else sample

    def labels(self):
        """Family → the labels that its samples have, a histogram's `le` apart; families without a sample are left out."""
        found = {}
        for name, labels, _ in self.samples:
            found.setdefault(self.family_of(name), set()).update(set(labels) - {"le"})
        return found

    def find(self, name, **wanted):
        return [value for sample, labels, value in self.samples if sample == name and wanted.items() <= labels.items()]

    def sum(self, name, **wanted):
        return sum(self.find(name, **wanted))


def documented(readme):
    """Rows `| name | type | labels | meaning |` of the table of metrics: name → (type, labels, meaning)."""
    rows = re.findall(r"^\| `((?:gateway|process)_[a-z_]+)` \| (counter|gauge|histogram) \| (.*?) \| (.*?) \|$", readme.read_text(), re.M)
    assert len({row[0] for row in rows}) == len(rows), "a metric stands there twice"
    return {name: (kind, set(re.findall(r"`([a-z_]+)`", labels)), meaning) for name, kind, labels, meaning in rows}


def query(expression):
    return urllib.parse.urlencode({"query": expression})
