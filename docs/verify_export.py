#!/usr/bin/env python3
"""Check an open export of the register against published daily roots, and replay it.

    python3 verify_export.py EXPORT.jsonl [--root 2026-11-25=<64 hex digits>]...

Standard library only. Prints JSON; exit 0 whole, 1 faults found, 2 not run. docs/verify.md explains
what is checked. A root given with --root is one that was noted from the public page that day; without
one the export's own seals are believed, which proves less.
"""

import argparse
import bisect
import datetime
import hashlib
import json
import sys

ZERO = bytes(32)
SHANGHAI = datetime.timezone(datetime.timedelta(hours=8))
LIVE_STATES = ("held", "listed", "pledged")
# What an act may do to kilograms: act, state before and after, on which ticket afterwards, what the
# block stands for afterwards, and what becomes of the orders that lie on it.
MOVES = {
    tuple(line.split())
    for line in """
    transfer held held new none free
    divide held held new none free
    court held held new none kept
    court listed held new none kept
    court pledged held new none kept
    list held listed same made free
    unlist listed held same answered free
    trade listed held new answered free
    trade listed offset same replaced free
    pledge held pledged same made free
    release pledged held same answered free
    release pledged pledged same replaced free
    enforce pledged held new answered free
    offset held offset same made free
    cancel held cancelled same made dropped
    cancel listed cancelled same made dropped
    cancel pledged cancelled same made dropped
    freeze held held same kept added
    freeze listed listed same kept added
    freeze pledged pledged same kept added
    lift held held same kept lifted
    lift listed listed same kept lifted
    lift pledged pledged same kept lifted
    reissue held held new kept last_lifted
    reissue listed listed new kept last_lifted
    reissue pledged pledged new kept last_lifted
    correct held held new kept free
    correct listed listed new kept free
    correct pledged pledged new kept free
    """.strip().splitlines()
}


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


def place_of(path):
    """Which leaf of the tree a path climbs from; of the first two, which never go up alone."""
    return sum(1 << level for level, (side, _sibling) in enumerate(path) if side == "left")


def shares_fit(shares, denominator):
    """Whether the numerators are positive and sum to the whole."""
    numerators = [share[1] for share in shares]
    return min(numerators, default=0) > 0 and sum(numerators) == denominator


def day_of(microseconds):
    """The day in the city."""
    return (
        datetime.datetime.fromtimestamp(int(microseconds) // 1_000_000, SHANGHAI).date().isoformat()
    )


def because_after(was, became, cause):
    """Which words of the table say what the block stands for."""
    before, after = was.get("because"), became.get("because")
    return {
        "none": after is None,
        "kept": after == before,
        "made": after == cause,
        "answered": before == cause and after is None,
        "replaced": before == cause and after not in (None, cause),
    }


def freezes_after(was, became, order):
    """Which words of the table say what became of the orders."""
    before, after = was.get("freezes", []), became.get("freezes", [])
    return {
        "free": not before and not after,
        "kept": after == before,
        "dropped": not after,
        "added": after == [*before, order] and order not in before,
        "lifted": order in before and after == [one for one in before if one != order],
        "last_lifted": before == [order] and not after,
    }


class Register:
    """What has been read so far, and the faults."""

    def __init__(self, published):
        self.published = published
        self.seals = {}
        self.sealed_issuances = {}  # day -> how many the root is over; None: it does not say
        self.heads = {}  # issuance -> (seq, hash) of its entries
        self.entries = {}  # issuance -> hashes by seq
        self.chains = {}  # issuance -> (seq, hash) of its events
        self.reached = {}  # issuance -> each hash of its event chain -> its place
        self.days = {}  # issuance -> the day of each of its events
        self.proved = {}  # issuance -> (day of a root, how many events are under it)
        self.blocks = {}  # issuance -> {(low, high): block}
        self.tickets = {}
        self.live = {}  # ticket -> its live kilograms
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
        root = self.published.get(day, line["root"])
        if root != line["root"]:
            self.fault(f"seal {day}: not the published root")
        before = list(self.seals.values())[-1] if self.seals else ZERO.hex()
        if line["previous_root"] != before:
            self.fault(f"seal {day}: does not follow the seal before it")
        # The tree's first leaves. Unproved, the days before a noted root could be made up.
        leaves = [
            ("that day", day.encode(), line["day_path"]),
            ("the root before it", bytes.fromhex(line["previous_root"]), line["previous_path"]),
        ]
        for place, (what, leaf, path) in enumerate(leaves):
            if climbed(leaf, path).hex() != root or place_of(path) != place:
                self.fault(f"seal {day}: is not over {what}")
        chains = line["chains"]
        if chains is None and any(said is not None for said in self.sealed_issuances.values()):
            self.fault(f"seal {day}: does not say how many chains it is over")
        if chains is not None:
            said = json.dumps(chains, sort_keys=True, separators=(",", ":")).encode()
            if climbed(said, line["chains_path"]).hex() != root:
                self.fault(f"seal {day}: is not over so many chains")
        self.sealed_issuances[day] = None if chains is None else chains.get("issuance", 0)
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
        self.reached.setdefault(issuance, {})[stored] = seq
        days, day = self.days.setdefault(issuance, []), day_of(fields[5])
        if days and day < days[-1]:
            self.fault(f"event {number}: before the one before it")
        days.append(day)

    def proof(self, line):
        self.counts["proofs"] += 1
        day, issuance, leaf = line["day"], line["issuance"], line["leaf"]
        root = self.published.get(day, self.seals.get(day))
        if climbed(bytes.fromhex(leaf), line["path"]).hex() != root:
            self.fault(f"issuance {issuance}: proof does not lead to the root")
        place = self.reached.get(issuance, {}).get(leaf)
        if place is None:
            self.fault(f"issuance {issuance}: the sealed chain is not this one")
        self.proved.setdefault(issuance, []).append((day, place or 0))

    def require_proofs(self):
        """What is older than a root is under it, and as many issuances as the root is over."""
        for issuance, (seq, _hash) in self.heads.items():
            if self.chains.get(issuance, (0,))[0] != seq:
                self.fault(f"issuance {issuance}: an entry without its event")
        seals = sorted(self.seals)
        if not seals:  # Of a register's first day: main() tells whether a root was published.
            return
        # Whoever leaves an issuance out would give such a root too.
        if self.sealed_issuances[seals[-1]] is None:
            self.fault(
                f"seal {seals[-1]}: does not say how many chains it is over; a root of the old form "
                "proves nothing about what is left out, the next day's will"
            )
        for issuance, days in self.days.items():
            proofs = sorted(self.proved.get(issuance, ()))
            for place in range(1, len(days) + 1):
                if place < len(days) and days[place] == days[place - 1]:
                    continue  # The last event of a day stands for the day.
                at = bisect.bisect_right(seals, days[place - 1])
                if at < len(seals) and not covers(proofs, seals[at], place):
                    self.fault(f"issuance {issuance}: not under the root of {seals[at]}")
        begun = sorted(min(proofs)[0] for proofs in self.proved.values())
        for day, wanted in self.sealed_issuances.items():
            found = bisect.bisect_right(begun, day)
            if wanted is not None and found != wanted:
                self.fault(f"seal {day}: is over {wanted} issuances, proved are {found}")
        for issuance, proofs in self.proved.items():
            if max(proofs)[0] != seals[-1]:
                self.fault(f"issuance {issuance}: not under the root of {seals[-1]}")

    # --- replay ---------------------------------------------------------------------------------
    def replay(self, fields):
        issuance, seq, number, kind = fields[:4]
        content = json.loads(fields[13])
        standing = self.blocks.setdefault(issuance, {})
        for ticket in content.get("tickets", ()):
            if ticket["key"] in self.tickets:
                self.fault("entry {}: ticket {} is opened twice".format(number, ticket["number"]))
            if not shares_fit(ticket["shares"], ticket["denominator"]):
                self.fault("entry {}: shares of {} do not sum".format(number, ticket["number"]))
            self.tickets[ticket["key"]] = {
                "number": ticket["number"],
                "parent": ticket.get("parent"),
                "denominator": ticket["denominator"],
                "opened": number,
                "closed": "",
            }
        for written in content.get("shares", ()):
            ticket = self.tickets.get(written["ticket"])
            if ticket is None or not shares_fit(written["shares"], ticket["denominator"]):
                self.fault(f"entry {number}: shares that are written anew do not sum")
        closed, opened = [], []
        for low, high in content.get("closes", ()):
            block = standing.pop((low, high), None)
            if block is None:
                self.fault(f"entry {number}: closes [{low},{high}), which does not stand")
                continue
            closed.append(block)
            self.count(block, low - high)
        for block in content.get("opens", ()):
            low, high = block["kg"]
            if block["ticket"] not in self.tickets:
                self.fault(f"entry {number}: a ticket that was never opened")
                continue
            standing[low, high] = block
            self.count(block, high - low)
            if block["state"] in LIVE_STATES and self.tickets[block["ticket"]]["closed"]:
                self.fault(f"entry {number}: opens kilograms on a closed ticket")
            opened.append(block)
        if seq != "1":
            for was, became in meeting(closed, opened):
                self.move(fields, was, became)
        wanted = [[0, content["kg"]]] if seq == "1" else [block["kg"] for block in closed]
        if merged(block["kg"] for block in content.get("opens", ())) != merged(wanted):
            self.fault(f"entry {number} ({kind}): kilograms lost or made")
        for shut in content.get("closed", ()):
            self.tickets[shut["ticket"]]["closed"] = shut["because"]
            if self.live.get(shut["ticket"]):
                self.fault(f"entry {number}: closes a ticket on which kilograms are left")

    def count(self, block, kilograms):
        if block["state"] in LIVE_STATES:
            self.live[block["ticket"]] = self.live.get(block["ticket"], 0) + kilograms

    def move(self, fields, was, became):
        """One piece of what an entry closed against one that it opened."""
        number, kind, cause, order = fields[2], fields[3], fields[9], fields[10]
        if was["state"] in LIVE_STATES and {**was, "kg": None} == {**became, "kg": None}:
            return
        ticket = self.tickets[became["ticket"]]
        new = ticket["opened"] == number and ticket["parent"] == was["ticket"]
        where = {"same": became["ticket"] == was["ticket"], "new": new}
        why, frozen = because_after(was, became, cause), freezes_after(was, became, order)
        if not any(
            (move, before, after) == (kind, was["state"], became["state"])
            and where[on] and why[because] and frozen[freezes]
            for move, before, after, on, because, freezes in MOVES
        ):  # fmt: skip
            self.fault(
                "entry {}: {} -> {} by {}".format(number, was["state"], became["state"], kind)
            )

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
        self.require_proofs()
        unsealed = [
            issuance
            for issuance, (newest, _hash) in self.chains.items()
            if not any(reach == newest for _day, reach in self.proved.get(issuance, ()))
        ]
        return {
            "counts": dict(self.counts, issuances=len(self.heads), tickets=len(self.tickets)),
            "kg": totals,
            "not_wholly_sealed_yet": len(unsealed),
            "sealed": bool(self.seals),
            "faults": self.faults,
        }


def covers(proofs, day, place):
    """Whether a proof of this root or an older one reaches so far."""
    return any(reach >= place for sealed, reach in proofs if sealed <= day)


def meeting(closed, opened):
    """Pairs of a closed and an opened block that share kilograms. Those that an entry closes are apart
    from each other and so must be those that it opens: each list is gone through once."""
    by_range = sorted(closed, key=lambda block: block["kg"])
    at = 0
    for became in sorted(opened, key=lambda block: block["kg"]):
        low, high = became["kg"]
        while at < len(by_range) and by_range[at]["kg"][1] <= low:
            at += 1
        here = at
        while here < len(by_range) and by_range[here]["kg"][0] < high:
            yield by_range[here], became
            here += 1


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
                elif kind == "register" and line["form"] != "yining-register/3":
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
