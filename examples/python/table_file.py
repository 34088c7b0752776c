"""Writes the table as JSON lines, for `paystatus conformance` and for `tail -f`: of several lines of a payment the last one counts."""

import json
import os
from collections import defaultdict

ROW = "SELECT key, incarnation, version, status, finality, kind, amount FROM payment"


class TableFile:
    """Does nothing without the variable TABLE_FILE."""

    def __init__(self, db):
        self.db = db
        self.steps = defaultdict(list)  # What was acted on since the start: the kit compares it with `changes`.
        self.touched = set()
        path = os.environ.get("TABLE_FILE")
        self.file = open(path, "w") if path else None
        self.touched.update(key for (key,) in db.execute("SELECT key FROM payment"))
        self.write()

    def changed(self, key):
        self.touched.add(key)

    def stepped(self, key, pair):
        self.steps[key].append(pair)
        self.touched.add(key)

    def write(self):
        """Call it after a commit, so that the file never says more than the store."""
        if self.file:
            for key in self.touched:
                self.file.write(json.dumps(self.line(key)) + "\n")
            self.file.flush()
        self.touched.clear()

    def line(self, key):
        row = self.db.execute(f"{ROW} WHERE key = ?", (key,)).fetchone()
        if row is None:
            return {"paymentKey": key, "forgotten": True}
        line = dict(zip(("paymentKey", "incarnation", "statusVersion", "status", "finality", "kind"), row))
        return line | {"amount": row[6] and json.loads(row[6]), "steps": self.steps[key]}
