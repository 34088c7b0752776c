"""The state that follows from all events of a payment, and the verdict on an arrival: an independent implementation.

An event is a dict with the fields of schemas/payment-event.avsc. Ids are taken as published: they only break ties.
"""

from times import certainly_later, comparable, exact, possibly_later

RANK = {
    'RECEIVED': 10, 'ACCEPTED': 20, 'SCHEDULED': 25, 'PROCESSING': 30, 'ON_HOLD': 35,
    'AUTHORIZED': 40, 'PENDING_POSTING': 45, 'SENT_TO_CLEARING': 50, 'COMPLETED': 60, 'SETTLED': 65, 'CREDITED': 70,
    'BLOCKED': 90, 'SETTLEMENT_FAILED': 90,
    'DECLINED': 90, 'REJECTED': 90, 'CANCELED': 90, 'VOIDED': 90,
    'RETURNED': 100,
}
PROGRESS, OUTCOME, SOFT_NEGATIVE, FINAL, RETURNED = range(5)
TIER = {
    **dict.fromkeys(['RECEIVED', 'ACCEPTED', 'SCHEDULED', 'PROCESSING', 'ON_HOLD'], PROGRESS),
    **dict.fromkeys(['AUTHORIZED', 'PENDING_POSTING', 'SENT_TO_CLEARING', 'COMPLETED', 'SETTLED', 'CREDITED'], OUTCOME),
    **dict.fromkeys(['BLOCKED', 'SETTLEMENT_FAILED'], SOFT_NEGATIVE),
    **dict.fromkeys(['DECLINED', 'REJECTED', 'CANCELED', 'VOIDED'], FINAL),
    'RETURNED': RETURNED,
}
FINALITY = {
    **dict.fromkeys(['AUTHORIZED', 'SENT_TO_CLEARING', 'COMPLETED', 'SETTLED', 'CREDITED', 'BLOCKED', 'SETTLEMENT_FAILED'],
                    'SOFT'),
    **dict.fromkeys(['DECLINED', 'REJECTED', 'CANCELED', 'VOIDED', 'RETURNED'], 'FINAL'),
}
ALTERNATING = {'SCHEDULED', 'PROCESSING', 'ON_HOLD'}
PAID_RANK = 60
RELEASING_RANK = 45
UNTIMED = float('-inf')


def is_withdrawn(event):
    """Whether a mapping no longer reads this event, so that it has no effect. Readings of callbacks do not have the field."""
    return event.get('withdrawn', False)


def fold(events):
    """Status, finality, attention, details and children of the distinct events of one payment, in any order."""
    events = [event for event in events if not is_withdrawn(event)]
    own = [event for event in events if event['childKey'] is None]
    state = fold_own(own)
    reports = {}
    for event in events:
        if event['childKey'] is not None:
            reports.setdefault(event['childKey'], []).append(event)
    state['children'] = [child_of(key, reports[key]) for key in sorted(reports)]
    return state


def child_of(key, reports):
    state = fold_own(reports)
    return {'paymentKey': key, **{name: state[name] for name in ('kind', 'status', 'amount', 'requestAmount')}}


def fold_own(events):
    tiers = [[event for event in events if TIER.get(event['status']) == tier] for tier in range(5)]
    attention, status = set(), 'UNKNOWN'
    highest = max((tier for tier in range(5) if tiers[tier]), default=None)
    if highest is not None:
        status = status_of(highest, tiers, certainly_later)
        if status_of(highest, tiers, possibly_later) != status or could_be_another(highest, tiers, status):
            attention.add('time-uncertain')
    positives = [event for event in tiers[OUTCOME] if RANK[event['status']] >= PAID_RANK]
    if highest == SOFT_NEGATIVE:
        if TIER[status] == OUTCOME:
            attention.add('released')
        elif positives:
            attention.add('negative-after-positive')
    if len({event['status'] for event in tiers[FINAL]}) > 1:
        attention.add('contradictory-finals')
    if highest in (FINAL, RETURNED):
        decider = earliest(tiers[highest])
        came_after = [None in (event['occurredAt'], decider['occurredAt']) or possibly_later(event, decider)
                      for event in positives]
        if any(came_after):
            attention.add('positive-after-final')
        if highest == FINAL and not all(came_after):
            attention.add('negative-after-positive')
    leading = detail_order([event for event in events if event['status'] == status])
    if status == 'ON_HOLD' and leading[0]['holdReason'] == 'PENDING_CLIENT_ACTION':
        attention.add('client-action')
    attention |= {code for code, has_it in MARKERS.items() if any(map(has_it, events))}
    about_it = [event for event in events if event['unknownBecause'] != 'CONTEXT'] or events
    claims = {event['kind'] for event in about_it if event['kind'] in ('REFUND', 'RETURN', 'CHARGEBACK')
              or event['kind'] == 'PAYMENT' and event in tiers[OUTCOME]}
    if len(claims) > 1:
        attention.add('contradictory-kinds')
    if any(event['partialApproval'] for event in counting(events)):
        attention.add('partial-approval')
    return {
        'status': status,
        'finality': FINALITY.get(status, 'OPEN'),
        'attention': sorted(attention),
        'decidedBy': leading[0]['eventId'] if status != 'UNKNOWN' else None,
        **details(events, leading),
    }


MARKERS = {
    'unknown-status': lambda event: event['unknownBecause'] == 'STATUS',
    'event-context': lambda event: event['unknownBecause'] == 'CONTEXT',
    'weak-key': lambda event: event['weakKey'],
    'unreadable-time': lambda event: event['timeUnreadable'],
    'unreadable-detail': lambda event: bool(event['unreadable']),
}
"""Codes that apply as soon as one event has the marker."""


def status_of(highest, tiers, later):
    """The status by the highest tier present. `later` compares times: later for certain, or in some zone."""
    deciding = tiers[highest]
    if highest == PROGRESS:
        return progress_of(deciding, later)
    if highest == OUTCOME:
        return furthest(deciding)
    if highest == SOFT_NEGATIVE:
        releasing = [event for event in tiers[OUTCOME] if RANK[event['status']] >= RELEASING_RANK
                     and all(later(event, negative) for negative in deciding)]
        return furthest(releasing) if releasing else latest(deciding)['status']
    return earliest(deciding)['status']


def progress_of(events, later):
    alternating = [event for event in events if event['status'] in ALTERNATING]
    if not alternating:
        return furthest(events)
    moving = [event for event in alternating if event['status'] != 'ON_HOLD']
    holds = [event for event in alternating if event['status'] == 'ON_HOLD']
    if all(any(later(event, hold) or comes_in_time(event, hold) for event in moving) for hold in holds) and moving:
        return latest(moving)['status']
    return 'ON_HOLD'


def comes_in_time(event, hold):
    """Among the alternating statuses, an event with a time is later than one without."""
    return event['occurredAt'] is not None and hold['occurredAt'] is None


def could_be_another(highest, tiers, status):
    """Whether, with another zone, another event of the same tier would have been last (or first) and decided the status."""
    place = {
        PROGRESS: [event for event in tiers[PROGRESS] if event['status'] in ('SCHEDULED', 'PROCESSING')],
        SOFT_NEGATIVE: tiers[SOFT_NEGATIVE],
        FINAL: tiers[FINAL],
    }.get(highest, [])
    timed = [event for event in place if event['occurredAt'] is not None]
    if status not in {event['status'] for event in place} or not timed:
        return False
    winner = earliest(timed) if highest == FINAL else latest(timed)

    def beaten(event):
        """Whether another event precedes it in every zone, even if only by rank."""
        choose = earliest if highest == FINAL else latest
        return any(comparable(event, other) and choose([event, other]) is other for other in timed if other is not event)

    return any(event['status'] != winner['status'] and not comparable(event, winner) and not beaten(event)
               for event in timed)


def furthest(events):
    return max((event['status'] for event in events), key=RANK.get)


def latest(events):
    return max(events, key=nominal_order)


def earliest(events):
    """The earliest event with a time; ties are broken by the name of the status."""
    return min(events, key=lambda event: (event['occurredAt'] is None, exact(event) or 0, event['status'], event['eventId']))


def nominal_order(event):
    """Orders by the time as read; events without a time are oldest."""
    at = exact(event)
    return (UNTIMED if at is None else at, RANK.get(event['status'], 0), event['eventId'])


def detail_order(events):
    return sorted(events, key=nominal_order, reverse=True)


FILLED = ['endToEndId', 'rail', 'direction', 'clearingSystem', 'requestedExecutionDate', 'valueDate', 'fxAppliedRate', 'gpiStatus']
EXPLAINING = ['holdReason', 'rejectedBy']


def counting(events):
    """The events that kind, original and amounts come from: those that were understood; if there are none, what there is."""
    for is_wanted in (lambda event: event['status'] != 'UNKNOWN', lambda event: event['unknownBecause'] != 'CONTEXT'):
        wanted = [event for event in events if is_wanted(event)]
        if wanted:
            return wanted
    return events


def first_of(name, events):
    return next((event[name] for event in events if event[name] is not None), None)


def details(events, leading):
    """From the latest event of the winning status; missing fields from the latest event that has them and is not mere context."""
    moving = [event for event in events if event['unknownBecause'] != 'CONTEXT']
    if moving:
        events, leading = moving, [event for event in leading if event['unknownBecause'] != 'CONTEXT']
    order = leading[:1] + [event for event in detail_order(events) if event not in leading[:1]]
    found = {name: first_of(name, order) for name in FILLED}
    # Explanations of the present status can only come from events with this status.
    found |= {name: first_of(name, leading) for name in EXPLAINING}
    found['reasons'] = next((event['reasons'] for event in leading if event['reasons']), [])
    money = counting(order)
    found['requestAmount'] = first_of('requestAmount', money)
    found['amount'] = first_of('amount', [event for event in money if event['partialApproval']] or money)
    found['relatesTo'] = first_of('relatesTo', detail_order(money))
    kinds = [event['kind'] for event in detail_order(money)]
    found['kind'] = next((kind for kind in kinds if kind not in ('PAYMENT', 'UNKNOWN')),
                         'UNKNOWN' if 'UNKNOWN' in kinds else 'PAYMENT')
    known = {}
    for event in order:
        for reference in event['references']:
            known.setdefault(reference['type'], reference)
    found['references'] = [known[kind] for kind in sorted(known)]
    return found


def verdict_of(before, event, known_events):
    """The verdict on an event that was not known, with its rule: the first that applies."""
    if is_withdrawn(event):
        return 'WITHDRAWN', 'no-longer-read'
    if event['childKey'] is not None:
        return 'REVISION', 'child-reported'
    if event['status'] == 'UNKNOWN':
        return 'UNKNOWN', 'unknown-event'
    known_own = [known for known in known_events if known['childKey'] is None and not is_withdrawn(known)]
    after = fold([*known_events, event])
    for code in ('contradictory-finals', 'positive-after-final'):
        if code in after['attention'] and (before is None or code not in before['attention']):
            return 'CONFLICT', f'brings-{code}'
    own_id = event['providerEventId']
    # One callback may report two steps of a payment under one id; that does not reuse the id.
    if own_id is not None and any(known['providerEventId'] == own_id and known['callbackId'] != event['callbackId']
                                  for known in known_own):
        return 'CONFLICT', 'provider-event-id-reused'
    if not known_own:
        return 'APPLIED', 'first-event'
    if before['status'] != after['status']:
        return 'APPLIED', 'status-changed'
    if any(known['naturalKey'] == event['naturalKey'] for known in known_own):
        return 'REVISION', 'same-natural-key'
    if after['decidedBy'] == event['eventId']:
        return 'REVISION', 'new-deciding-event'
    return 'LATE', 'status-unchanged'
