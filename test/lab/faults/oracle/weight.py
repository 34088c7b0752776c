"""When the history of a payment is full, by docs/consumers.md: more than 256 events, or more than 96 KiB of what events say."""

PLACES = 256
PLACE_BYTES = 384
ENVELOPE_BYTES = 256
CHILD_BYTES = 48
EVENT_MAX = 8_050

TEXTS = ['paymentKey', 'provider', 'kind', 'relatesTo', 'childKey', 'sourceStatus', 'sourceSubStatus', 'sourceAction',
         'unknownBecause', 'eventContext', 'sourceType', 'holdReason', 'rejectedBy', 'occurredAtText', 'occurredAtPrecision',
         'endToEndId', 'rail', 'direction', 'clearingSystem', 'requestedExecutionDate', 'valueDate', 'fxAppliedRate', 'gpiStatus']


def fills_history(events):
    """Whether events of one payment can be more than it keeps whole. They must be distinct."""
    return sum(weight_of(event) for event in events) > PLACES * PLACE_BYTES


def weight_of(event):
    """Bytes that an event takes in the history. That of a withdrawn event depends on the stored reading, so this is the most."""
    amounts = sum(4 + size(amount['value']) + size(amount['currency'])
                  for amount in (event['amount'], event['requestAmount']) if amount is not None)
    weight = ENVELOPE_BYTES + sum(size(event[name]) for name in TEXTS) + amounts
    weight += sum(4 + size(reference['type']) + size(reference['value']) for reference in event['references'])
    weight += sum(12 + sum(size(reason[name]) for name in ('scheme', 'code', 'rule', 'location', 'field'))
                  for reason in event['reasons'])
    weight += sum(2 + size(name) for name in event['unreadable'])
    if event['childKey'] is not None:
        weight += CHILD_BYTES + size(event['childKey']) + amounts
    return min(EVENT_MAX, max(PLACE_BYTES, weight))


def size(text):
    return 0 if text is None else len(text.encode())
