"""What all events of a payment mean together, and what the arrival of one meant: the rules of the domain, a second time.

An event is a dict with the fields of schemas/payment-event.avsc. The ids are taken as they were published: they only break ties.
"""

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


def fold(events):
    """Of the distinct events of one payment, in any order: status, finality, attention, details, children."""
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
    attention, status, decider = set(), 'UNKNOWN', None
    highest = max((tier for tier in range(5) if tiers[tier]), default=None)
    if highest == PROGRESS:
        alternating = [event for event in tiers[PROGRESS] if event['status'] in ALTERNATING]
        if alternating:
            decider = max(alternating, key=lambda event: (time_of(event), RANK[event['status']], event['eventId']))
            status = decider['status']
        else:
            status = max((event['status'] for event in tiers[PROGRESS]), key=RANK.get)
    elif highest == OUTCOME:
        status = furthest(tiers[OUTCOME])
    elif highest == SOFT_NEGATIVE:
        negatives = tiers[SOFT_NEGATIVE]
        later = [event for event in tiers[OUTCOME] if RANK[event['status']] >= RELEASING_RANK
                 and all(is_later(event, negative) for negative in negatives)]
        if later:
            status = furthest(later)
            attention.add('released')
        else:
            status = max(negatives, key=lambda event: (time_of(event), RANK[event['status']], event['eventId']))['status']
            if paid(tiers):
                attention.add('negative-after-positive')
    elif highest == FINAL:
        decider = min(tiers[FINAL], key=lambda event: (-time_of(event) if time_of(event) == UNTIMED else time_of(event),
                                                       event['status'], event['eventId']))
        status = decider['status']
        if any(is_later(decider, event) for event in paid(tiers)):
            attention.add('negative-after-positive')
    elif highest == RETURNED:
        status = 'RETURNED'
    if len({event['status'] for event in tiers[FINAL]}) > 1:
        attention.add('contradictory-finals')
    if highest in (FINAL, RETURNED):
        deciding = [decider] if decider is not None else tiers[RETURNED]
        if any(after_all(event, deciding) for event in paid(tiers)):
            attention.add('positive-after-final')
    leading = detail_order([event for event in events if event['status'] == status])
    if status == 'ON_HOLD' and leading[0]['holdReason'] == 'PENDING_CLIENT_ACTION':
        attention.add('client-action')
    if any(event['unknownBecause'] == 'STATUS' for event in events):
        attention.add('unknown-status')
    if any(event['unknownBecause'] == 'CONTEXT' for event in events):
        attention.add('event-context')
    if any(event['weakKey'] for event in events):
        attention.add('weak-key')
    return {
        'status': status,
        'finality': FINALITY.get(status, 'OPEN'),
        'attention': sorted(attention),
        'decidedBy': leading[0]['eventId'] if status != 'UNKNOWN' else None,
        **details(events, leading),
    }


def paid(tiers):
    return [event for event in tiers[OUTCOME] if RANK[event['status']] >= PAID_RANK]


def furthest(events):
    return max((event['status'] for event in events), key=RANK.get)


def time_of(event):
    return UNTIMED if event['occurredAt'] is None else event['occurredAt']


def is_later(event, other):
    """What is untimed is never later, and nothing is later than it."""
    return None not in (event['occurredAt'], other['occurredAt']) and event['occurredAt'] > other['occurredAt']


def after_all(event, deciding):
    """Later than the first event that decides, or not comparable with any of them."""
    times = [one['occurredAt'] for one in deciding if one['occurredAt'] is not None]
    return event['occurredAt'] is None or not times or event['occurredAt'] > min(times)


def detail_order(events):
    return sorted(events, key=lambda event: (time_of(event), RANK.get(event['status'], 0), event['eventId']), reverse=True)


FILLED = ['relatesTo', 'endToEndId', 'rail', 'direction', 'clearingSystem', 'requestedExecutionDate', 'valueDate', 'amount',
          'requestAmount', 'fxAppliedRate', 'gpiStatus']
EXPLAINING = ['holdReason', 'rejectedBy']


def details(events, leading):
    """From the latest event of the winning status; what it lacks, from the latest event that has it and moves something."""
    moving = [event for event in events if event['unknownBecause'] != 'CONTEXT']
    if moving:
        events, leading = moving, [event for event in leading if event['unknownBecause'] != 'CONTEXT']
    order = leading[:1] + [event for event in detail_order(events) if event not in leading[:1]]
    found = {name: next((event[name] for event in order if event[name] is not None), None) for name in FILLED}
    # What explains the present status can only come from events of it.
    found |= {name: next((event[name] for event in leading if event[name] is not None), None) for name in EXPLAINING}
    found['reasons'] = next((event['reasons'] for event in leading if event['reasons']), [])
    found['kind'] = next((event['kind'] for event in order if event['kind'] != 'PAYMENT'), 'PAYMENT')
    known = {}
    for event in order:
        for reference in event['references']:
            known.setdefault(reference['type'], reference)
    found['references'] = [known[kind] for kind in sorted(known)]
    return found


def verdict_of(before, event, known_events):
    """Of an event that is no repeat, with the rule that says so: the first that holds."""
    if event['childKey'] is not None:
        return 'REVISION', 'child-reported'
    if event['status'] == 'UNKNOWN':
        return 'UNKNOWN', 'unknown-event'
    known_own = [known for known in known_events if known['childKey'] is None]
    after = fold([*known_events, event])
    for code in ('contradictory-finals', 'positive-after-final'):
        if code in after['attention'] and (before is None or code not in before['attention']):
            return 'CONFLICT', f'brings-{code}'
    own_id = event['providerEventId']
    # One callback may tell two steps of a payment under its one id; that is no second meaning of the id.
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
