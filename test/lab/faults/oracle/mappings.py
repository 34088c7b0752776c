"""The mappings that read the callbacks. The newest ones decide; what older ones read differently must be replaced in the end."""

from fold import is_withdrawn


class Mappings:
    def __init__(self, newest, had_older):
        self.newest = newest
        """Mapping version by provider."""
        self.had_older = had_older
        """Whether a release with older mappings ever ran."""

    def is_older(self, event):
        return self.had_older and event['mappingVersion'] < self.newest[event['provider']]

    def has_run(self, event):
        """Whether a release with this mapping version ever ran. Only the newest one withdraws events."""
        is_newest = event['mappingVersion'] == self.newest[event['provider']]
        return is_newest or self.is_older(event) and not is_withdrawn(event)
