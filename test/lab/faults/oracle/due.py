"""When a payment is due without an event, by `payments.nextStatusWithin` and `payments.retention` (docs/configuration.md)."""

from datetime import date

from fold import FINALITY, is_withdrawn
from times import DAY_MS, NoTime, is_iso_date


def due_at(state, policy):
    """Milliseconds since the epoch: reported overdue or forgotten, whichever comes first."""
    forgotten_at = state['touchedAt'] + policy['retentionMs']
    if state['overdueSince'] is not None:
        return forgotten_at
    overdue = overdue_at(state, policy['nextStatusWithin'])
    return forgotten_at if overdue is None else min(overdue, forgotten_at)


def overdue_at(state, within):
    """When it becomes overdue in its status; None if it may keep the status."""
    events = [recorded['event'] for recorded in state['events']]
    own = [event for event in events if event['childKey'] is None and not is_withdrawn(event)]
    if not own:
        # Known only from its refund, or from events that were withdrawn: no further status is announced.
        return None
    decider = next((event for event in own if event['eventId'] == state['decidedBy']), own[0])
    allowed = allowed_ms(state['status'], decider['provider'], within)
    if allowed is None:
        return None
    return max(state['statusChangedAt'], end_of_day(state['requestedExecutionDate'])) + allowed


def allowed_ms(status, provider, within):
    """The most specific setting applies; `default` covers open statuses, others must be named."""
    of_provider = within['providers'].get(provider) or {}
    if status in of_provider:
        return of_provider[status]
    if status in FINALITY:
        return None
    return of_provider.get('default', within['default'])


def end_of_day(text):
    """After the execution date, UTC."""
    try:
        if text is None or not is_iso_date(text):
            return 0
    except NoTime:
        return 0
    digits = text.replace('-', '')[:8]
    day = date(int(digits[:4]), int(digits[4:6]), int(digits[6:8]))
    return (day.toordinal() - date(1970, 1, 1).toordinal() + 1) * DAY_MS
