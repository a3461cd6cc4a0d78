#!/usr/bin/env python3
"""Check an open export of the register against published daily roots, and replay it.

    python3 verify_export.py EXPORT.jsonl [--root 2026-11-25=<64 hex digits>]...

Standard library only. Prints JSON; exit 0 whole, 1 faults found, 2 not run. docs/verify.md explains
what is checked. A root given with --root is one that was noted from the public page that day; without
one the export's own seals are believed, which proves less.
"""

import argparse
import hashlib
import json
import sys

ZERO = bytes(32)
KEPT_STATES = ("held", "listed", "pledged")


def joined(parts):
    """Fields as they are hashed: each preceded by its length in bytes."""
    return b"".join(b"%d:%s" % (len(part.encode()), part.encode()) for part in parts)


def climbed(leaf, path):
    """The root that a proof leads to from its leaf."""
    node = hashlib.sha256(b"\x00" + leaf).digest()
    for side, sibling in path:
        other = bytes.fromhex(sibling)
        node = hashlib.sha256(b"\x01" + (other + node if side == "left" else node + other)).digest()
    return node


class Register:
    """What has been read so far, and the faults."""

    def __init__(self, published):
        self.published = published
        self.seals = {}
        self.heads = {}  # issuance -> (seq, hash) of its entries
        self.entries = {}  # issuance -> hashes by seq
        self.chains = {}  # issuance -> (seq, hash) of its events
        self.reached = {}  # issuance -> every hash of its event chain
        self.proved = {}  # issuance -> the newest sealed event
        self.blocks = {}  # issuance -> {(low, high): block}
        self.tickets = {}
        self.said = None
        self.faults = []
        self.counts = {"entries": 0, "events": 0, "seals": 0, "proofs": 0}

    def fault(self, text):
        if len(self.faults) < 20:
            self.faults.append(text)

    # --- chains ---------------------------------------------------------------------------------
    def seal(self, line):
        self.counts["seals"] += 1
        day = line["day"]
        wanted = self.published.get(day)
        if wanted is not None and wanted != line["root"]:
            self.fault(f"seal {day}: not the published root")
        if self.seals and line["previous_root"] != list(self.seals.values())[-1]:
            self.fault(f"seal {day}: does not follow the seal before it")
        self.seals[day] = line["root"]

    def entry(self, fields):
        self.counts["entries"] += 1
        *hashed, stored = fields
        issuance, seq = fields[0], int(fields[1])
        before_seq, before = self.heads.get(issuance, (0, ZERO))
        found = hashlib.sha256(before + joined(hashed)).hexdigest()
        if seq != before_seq + 1 or found != stored:
            self.fault(f"entry {fields[2]}: chain broken")
        self.heads[issuance] = (seq, bytes.fromhex(stored))
        self.entries.setdefault(issuance, {})[seq] = stored
        self.replay(fields)

    def event(self, fields):
        self.counts["events"] += 1
        *hashed, stored, number = fields
        issuance, seq = fields[1], int(fields[2])
        before_seq, before = self.chains.get(issuance, (0, ZERO))
        found = hashlib.sha256(before + joined(hashed)).hexdigest()
        if seq != before_seq + 1 or found != stored:
            self.fault(f"event {number}: chain broken")
        if json.loads(fields[6]).get("hash") != self.entries.get(issuance, {}).get(seq):
            self.fault(f"event {number}: not the hash of entry {seq}")
        self.chains[issuance] = (seq, bytes.fromhex(stored))
        self.reached.setdefault(issuance, set()).add(stored)

    def proof(self, line):
        self.counts["proofs"] += 1
        root = self.published.get(line["day"], self.seals.get(line["day"]))
        if climbed(bytes.fromhex(line["leaf"]), line["path"]).hex() != root:
            self.fault("issuance {}: proof does not lead to the root".format(line["issuance"]))
        if line["leaf"] not in self.reached.get(line["issuance"], ()):
            self.fault("issuance {}: the sealed chain is not this one".format(line["issuance"]))
        self.proved[line["issuance"]] = line["leaf"]

    # --- replay ---------------------------------------------------------------------------------
    def replay(self, fields):
        issuance, seq, number, kind = fields[:4]
        content = json.loads(fields[13])
        standing = self.blocks.setdefault(issuance, {})
        for ticket in content.get("tickets", ()):
            if ticket["key"] in self.tickets:
                self.fault("entry {}: ticket {} is opened twice".format(number, ticket["number"]))
            if sum(share[1] for share in ticket["shares"]) != ticket["denominator"]:
                self.fault("entry {}: shares of {} do not sum".format(number, ticket["number"]))
            self.tickets[ticket["key"]] = {"number": ticket["number"], "closed": ""}
        closed = []
        for low, high in content.get("closes", ()):
            block = standing.pop((low, high), None)
            if block is None:
                self.fault(f"entry {number}: closes [{low},{high}), which does not stand")
            elif block["state"] not in KEPT_STATES:
                self.fault("entry {}: moves {} kilograms".format(number, block["state"]))
            closed.append((low, high))
        if seq == "1":
            closed = [(0, content["kg"])]
        opened = []
        for block in content.get("opens", ()):
            low, high = block["kg"]
            if block["ticket"] not in self.tickets:
                self.fault(f"entry {number}: a ticket that was never opened")
            standing[low, high] = block
            opened.append((low, high))
        if merged(opened) != merged(closed):
            self.fault(f"entry {number} ({kind}): kilograms lost or made")
        for shut in content.get("closed", ()):
            self.tickets[shut["ticket"]]["closed"] = shut["because"]

    def end(self):
        totals = {}
        for issuance, standing in self.blocks.items():
            at = 0
            for low, high in sorted(standing):
                if low != at:
                    self.fault(f"issuance {issuance}: kilogram {low} has no home or two")
                at = high
                state = standing[low, high]["state"]
                totals[state] = totals.get(state, 0) + high - low
        if self.said is not None and self.said != totals:
            self.fault(f"totals: the export says {self.said}, replay finds {totals}")
        numbers = {}
        for ticket in self.tickets.values():
            year, serial = ticket["number"].split("-")[1:3]
            numbers.setdefault(year, set()).add(int(serial))
        for year, serials in numbers.items():
            if serials != set(range(1, len(serials) + 1)):
                self.fault(f"ticket numbers of {year} have a gap")
        unsealed = [
            issuance
            for issuance, (_seq, newest) in self.chains.items()
            if self.proved.get(issuance) != newest.hex()
        ]
        return {
            "counts": dict(self.counts, issuances=len(self.heads), tickets=len(self.tickets)),
            "kg": totals,
            "not_wholly_sealed_yet": len(unsealed),
            "faults": self.faults,
        }


def merged(ranges):
    """Sorted ranges with touching ones joined; overlapping ones stay apart and so differ."""
    found = []
    for low, high in sorted(ranges):
        if found and found[-1][1] == low:
            found[-1] = (found[-1][0], high)
        else:
            found.append((low, high))
    return found


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("export")
    parser.add_argument("--root", action="append", default=[], metavar="DAY=HEX")
    words = parser.parse_args()
    try:
        published = dict(word.lower().split("=", 1) for word in words.root)
        register = Register(published)
        with open(words.export, encoding="utf-8") as lines:
            for text in lines:
                line = json.loads(text)
                kind = line["kind"]
                if kind in ("entry", "event"):
                    getattr(register, kind)(line["fields"])
                elif kind in ("seal", "proof"):
                    getattr(register, kind)(line)
                elif kind == "totals":
                    register.said = line["kg"]
                elif kind == "register" and line["form"] != "yining-register/1":
                    raise ValueError("unknown form " + line["form"])
        for day in published:
            if day not in register.seals:
                register.fault(f"seal {day}: published, but not in the export")
        report = register.end()
    except (OSError, ValueError, KeyError, TypeError) as error:
        sys.stderr.write(f"not an export of the register: {error!r}\n")
        return 2
    sys.stdout.write(json.dumps(report, ensure_ascii=False) + "\n")
    return 1 if report["faults"] else 0


if __name__ == "__main__":
    sys.exit(main())
