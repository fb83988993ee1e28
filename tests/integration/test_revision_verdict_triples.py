"""One verdict three ways: 200 mutated configurations by `validate`, by `apply --dry-run` and by the real apply."""
import json
import random

from support.gateway import BUILD, ROOT, ctl
from support.revisions import API, Author

COUNT, SEED = 200, 11
EXAMPLES = ("access", "rate-limit", "traffic-rules", "retries", "circuit-breaker", "methods")
WORDS = ["auth_required", "roles", "service", "routes:", "services:", "[", "]", "{", "}", ":", "- ", "\t", "&x", "*x", "null", "7", "-1", "true", "\"",
         "'", "#", "path: /new", "colour: red", "timeout: 9999h", "rate_limit: 0", "\x00", "\xff", "é", "methods: [GOT]", "  "]


def mutate(chance, text):
    """A few small wounds: a line lost, doubled or moved, a word in or out, a byte changed."""
    data = bytearray(text)
    for _ in range(chance.randint(1, 2)):
        lines = bytes(data).split(b"\n")
        at = chance.randrange(len(lines))
        match chance.randrange(6):
            case 0:
                del lines[at]
            case 1:
                lines.insert(at, lines[at])
            case 2:
                lines.insert(chance.randrange(len(lines) + 1), lines.pop(at))
            case 3:
                place = chance.randrange(len(lines[at]) + 1)
                lines[at] = lines[at][:place] + chance.choice(WORDS).encode("latin-1") + lines[at][place:]
            case 4:
                words = lines[at].split(b" ")
                del words[chance.randrange(len(words))]
                lines[at] = b" ".join(words)
            case 5:
                if lines[at]:
                    place = chance.randrange(len(lines[at]))
                    lines[at] = lines[at][:place] + bytes([chance.randrange(256)]) + lines[at][place + 1:]
        data = bytearray(b"\n".join(lines))
    return bytes(data)


def test_200_mutated_configurations_have_one_verdict(stage, tmp_path):
    assert (BUILD / "bin/gatewayctl").exists()
    chance = random.Random(SEED)
    first = ROOT / "config/examples" / EXAMPLES[0]
    env = {**API, "JWT_SECRET_KEY": "0123456789abcdef0123456789abcdef"}
    control = stage.control_plane((first / "routes.yaml").read_text(), (first / "services.yaml").read_text(), env=env)
    author = Author(control, tmp_path / "author")
    verdicts = {0: 0, 65: 0}
    for i in range(COUNT):
        example = ROOT / "config/examples" / chance.choice(EXAMPLES)
        texts = {name: (example / f"{name}.yaml").read_bytes() for name in ("routes", "services")}
        wounded = chance.choice(sorted(texts))
        texts[wounded] = mutate(chance, texts[wounded])
        names = {}
        for name, text in texts.items():
            names[name] = tmp_path / f"{name}-{i}.yaml"
            names[name].write_bytes(text)
        files = ["-f", names["routes"], "-f", names["services"]]
        said = [ctl("validate", "--routes", names["routes"], "--services", names["services"], "-o", "json",
                    env={**env, "HOST": "127.0.0.1", "PORT": "0"}),
                control.ctl("apply", *files, "--dry-run", "--allow-loosening", "-o", "json"),
                control.ctl("apply", *files, "--no-wait", "--allow-loosening", "-o", "json")]
        codes = [done.returncode for done in said]
        assert len(set(codes)) == 1 and codes[0] in verdicts, (i, wounded, codes, [done.stdout[-500:] + done.stderr[-500:] for done in said])
        verdicts[codes[0]] += 1
        if codes[0] == 65:
            mistakes = [f"{mistake['place']}: {mistake['message']}" for mistake in json.loads(said[0].stdout)["errors"]]
            for done in said[1:]:
                assert json.loads(done.stdout)["change"]["errors"] == mistakes, (i, wounded)
    print(verdicts)
    assert min(verdicts.values()) >= 30, verdicts
