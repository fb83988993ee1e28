"""Looks for secrets in what programs print, serve and write, in every form in which one could stand there."""
import base64
import json
import pathlib


def forms(secret):
    """`secret`, bytes or text, as it may be spelled: itself, in hex, in base64 and base64url (wherever it begins), in JSON."""
    raw = secret if isinstance(secret, bytes) else secret.encode()
    found = {raw, raw.hex().encode(), raw.hex().upper().encode(), json.dumps(raw.decode("latin-1"))[1:-1].encode()}
    for shift in range(3):
        # Behind `shift` other bytes; what depends on its neighbours is cut off on both sides.
        text = base64.b64encode(b"\0" * shift + raw)[(0, 2, 3)[shift]:]
        text = text[:len(text) - (0, 4, 4)[(len(raw) + shift) % 3]]
        found |= {text, text.translate(bytes.maketrans(b"+/", b"-_"))}
    return {form for form in found if len(form) >= 8}


class Secrets:
    """By name, as the report of a leak says them."""

    def __init__(self):
        self.forms = {}

    def add(self, name, *values):
        for value in values:
            assert len(value) >= 8, f"{name} is too short to be looked for"
            self.forms.setdefault(name, set()).update(forms(value))

    def add_private_key(self, name, path):
        """Each full line of a PEM file."""
        lines = [line for line in pathlib.Path(path).read_text().splitlines() if len(line) >= 40 and not line.startswith("-----")]
        self.add(name, *lines)

    def found_in(self, piece):
        piece = piece if isinstance(piece, bytes) else piece.encode()
        return {name for name, spelled in self.forms.items() if any(form in piece for form in spelled)}

    def check(self, **pieces):
        """None is in any of them; and each of them is there at all."""
        for place, piece in pieces.items():
            assert piece, f"{place} is empty"
            assert self.found_in(piece) == set(), f"in {place}"
