"""Speed and memory, measured as ratios in one run, never as bare numbers of one machine.

``python -m bench [NAME…] [--small] [--size N] [--out FILE]``; ``make bench ARGS=…`` calls it.

A bench is one module of this package with

- ``TITLE``: what it shows, in one line;
- ``SIZE`` and ``SMALL``: how much of its own unit it works on by default and with ``--small``;
- ``REGISTER = True`` if it starts on a register of so many parcels of ``make_parcels``, which is
  made once a cluster and copied;
- ``def run(bench: Bench) -> None``: fills the database and measures.

It gets a migrated database of its own, dropped afterwards. Django's connections are the
application's role on it; ``bench.owner_connection()`` is the owner's. It tells what it finds by

- ``bench.compare(case, {"way": act, "other way": act}, rounds=7)``: runs the ways in turn, checks
  that their results are equal, notes medians and each way's ratio to the first;
- ``bench.measure(case, act, rounds=7, at_most_s=…)``: one way alone, with a limit if there is one;
- ``bench.fact(name, value, unit, at_most=…, at_least=…)``: a size, a count, a rate, a ratio;
- ``with bench.server() as address``: the real server with two workers on the same database.

Progress and a table go to standard error, JSON alone to standard output and to ``--out``. Exit 0:
every limit kept; 1: a limit broken or results unequal; 2: not run.
"""
