"""The findings and their kinds."""

KINDS = ('lost', 'duplicated', 'wrong', 'late')


class Findings:
    def __init__(self):
        self.found = []
        self.gone_for_good = 0
        """Number of elements without a result that are not findings: a fault removed their records before they were processed."""

    def lost(self, text):
        self.found.append({'kind': 'lost', 'text': text})

    def duplicated(self, text):
        self.found.append({'kind': 'duplicated', 'text': text})

    def wrong(self, text):
        self.found.append({'kind': 'wrong', 'text': text})

    def late(self, text):
        self.found.append({'kind': 'late', 'text': text})

    def gone(self, _text):
        self.gone_for_good += 1

    def counts(self):
        return {kind: sum(finding['kind'] == kind for finding in self.found) for kind in KINDS}
