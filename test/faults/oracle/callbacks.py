"""What a callback says, read a second time.

Written from the rules of the domain and from nothing of the product: where both agree, two people read the rules the same
way. A reading is compared with what was published field by field, so the names of the fields are those of
schemas/payment-event.avsc.
"""

import json
import re
from datetime import datetime, timedelta, timezone
from urllib.parse import unquote_to_bytes
from xml.parsers import expat

LIST_MAX = 16
EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)


class Undeliverable(Exception):
    """The whole callback, or one element of it, can only be a dead letter; the text is the reason."""


class Number(str):
    """A number of a JSON text, as it is written there: an amount or a rate must not pass through a float."""


class Reading:
    """Everything that one callback comes to: events, elements that are dead letters (None: the whole), parts set aside."""

    def __init__(self):
        self.events = []
        self.dead_elements = {}
        self.set_aside = 0


def read_callback(provider, namespace, currency, content_type, body):
    """Never raises for what a provider may send."""
    reading = Reading()
    try:
        READERS[provider](reading, namespace, currency, content_type, body)
    except Undeliverable as why:
        reading.dead_elements[None] = str(why)
    reading.events += [reported_to_original(event) for event in reading.events if event['relatesTo'] is not None]
    return reading


def reported_to_original(event):
    """A refund, return or chargeback is told to its original too, in the original's partition."""
    return {**event, 'paymentKey': event['relatesTo'], 'childKey': event['paymentKey'], 'relatesTo': None, 'weakKey': False}


def blank(payment_key):
    texts = dict.fromkeys(
        ['providerEventId', 'relatesTo', 'childKey', 'sourceSubStatus', 'sourceAction', 'unknownBecause', 'eventContext',
         'sourceType', 'holdReason', 'rejectedBy', 'endToEndId', 'rail', 'direction', 'clearingSystem',
         'requestedExecutionDate', 'valueDate', 'amount', 'requestAmount', 'fxAppliedRate', 'gpiStatus'])
    return {'paymentKey': payment_key, 'weakKey': False, 'kind': 'PAYMENT', **texts, 'references': [], 'reasons': [],
            'reasonsOmitted': 0}


# --- J.P. Morgan Global Payments, version 1 ---------------------------------------------------------------------------

V1_STATUS = {
    'PENDING': 'PROCESSING',
    'WAREHOUSED': 'SCHEDULED',
    'PENDINGPOSTING': 'PENDING_POSTING',
    'PENDPOSTING': 'PENDING_POSTING',
    'COMPLETED': 'COMPLETED',
    'COMPLETEDCREDITED': 'CREDITED',
    'REJECTED': 'REJECTED',
    'BLOCKED': 'BLOCKED',
    'RETURNED': 'RETURNED',
}


def read_v1(reading, namespace, _currency, _content_type, body):
    message = json_object(body)
    elements = message.get('callbacks')
    if not isinstance(elements, list):
        raise Undeliverable('unexpected-shape')
    if not elements:
        reading.set_aside += 1
    each_element(reading, elements, lambda element: v1_event(namespace, element))


def v1_event(namespace, element):
    own_id, end_to_end_id = text(element, 'firmRootId', 128), text(element, 'endToEndId', 128)
    if own_id is None and end_to_end_id is None:
        raise Undeliverable('missing-payment-id')
    event = blank(f'{namespace}:{own_id}' if own_id is not None else f'{namespace}:e2e:{end_to_end_id}')
    event['weakKey'] = own_id is None
    event['endToEndId'] = end_to_end_id
    event['sourceStatus'] = status = required_status(element, 'paymentStatus')
    with_status(event, V1_STATUS.get(squeezed(status)))
    if event['status'] == 'REJECTED':
        event['rejectedBy'] = 'UNKNOWN'
    with_time(event, text(element, 'createDateTime', 64))
    event['references'] = references(('clearingSystemReference', text(element, 'clearingSystemReference', 128)))
    event['fxAppliedRate'] = decimal(nested(element, 'fx').get('appliedRate'))
    reasons = Reasons()
    listed = element.get('exceptions') if element.get('exceptions') is not None else element.get('exception')
    for exception in items(listed):
        told = exception if isinstance(exception, dict) else {}
        rule = soft_text(told.get('ruleDefinition'), 128)
        own, of_clearing = (told.get(name) is not None for name in ('errorCode', 'externalCode'))
        if own or not of_clearing:
            reasons.add('JPM', code_of(exception, 'errorCode'), rule=rule)
        if of_clearing:
            # The rule is the bank's own: beside its code the clearing's stands for itself.
            reasons.add('ISO20022', code_of(exception, 'externalCode'), rule=None if own else rule)
    reasons.into(event)
    event['naturalKey'] = (squeezed(status),)
    return event


# --- J.P. Morgan Global Payments, version 2 ---------------------------------------------------------------------------

HOLDS = {
    'PENDINGCLIENTACTION': 'PENDING_CLIENT_ACTION',
    'PENDINGCLIENTREVIEW': 'PENDING_CLIENT_ACTION',
    'PENDINGCOMPLIANCEREVIEW': 'PENDING_COMPLIANCE_REVIEW',
    'PENDINGFRAUDREVIEW': 'PENDING_FRAUD_REVIEW',
    'PENDINGFUNDINGREVIEW': 'PENDING_FUNDING_REVIEW',
    'PENDINGJPMREVIEW': 'PENDING_JPM_REVIEW',
    'PENDINGJPMORGANREVIEW': 'PENDING_JPM_REVIEW',
}
V2_PLAIN = {
    'RECEIVED': 'RECEIVED',
    'ACCEPTED': 'ACCEPTED',
    'PENDING': 'PROCESSING',
    'SCHEDULED': 'SCHEDULED',
    'PROCESSING': 'PROCESSING',
    'COMPLETED': 'COMPLETED',
    'CANCELED': 'CANCELED',
    'REJECTED': 'REJECTED',
    'RETURNED': 'RETURNED',
}
V2_BY_SUB_STATUS = {
    ('PROCESSING', 'SCHEDULED'): 'SCHEDULED',
    ('PROCESSING', 'PENDINGPOSTING'): 'PENDING_POSTING',
    ('PROCESSING', 'SENTTOEXTERNAL'): 'SENT_TO_CLEARING',
    ('COMPLETED', 'SENTTOCLEARING'): 'SENT_TO_CLEARING',
    ('COMPLETED', 'DELIVEREDTORECIPIENT'): 'CREDITED',
    **{('PROCESSING', hold): 'ON_HOLD' for hold in HOLDS},
}
REASON_SCHEMES = {'ISO20022': 'ISO20022', 'CLEARING_NACHA': 'NACHA', 'EXTERNAL': 'EXTERNAL'}


def read_v2(reading, namespace, _currency, _content_type, body):
    message = json_object(body)
    if isinstance(message.get('events'), list) and 'data' not in message:
        elements, envelope = message['events'], None
    else:
        data = message.get('data')
        elements, envelope = data.get('payments') if isinstance(data, dict) else None, message
        if not isinstance(elements, list):
            raise Undeliverable('unexpected-shape')
    if not elements:
        reading.set_aside += 1
    each_element(reading, elements, lambda element: v2_event(namespace, element, envelope))


def v2_event(namespace, element, envelope):
    own_id = text(element, 'paymentId', 128)
    if own_id is None:
        raise Undeliverable('missing-payment-id')
    event = blank(f'{namespace}:{own_id}')
    event['sourceStatus'] = status = required_status(element, 'paymentStatus')
    event['sourceSubStatus'] = sub_status = text(element, 'paymentSubStatus', 64)
    if envelope is None:
        event['providerEventId'] = text(element, 'eventId', 128)
        event['eventContext'] = text(element, 'eventcontext', 128)
        time = text(element, 'statusUpdatedAt', 64) or text(element, 'eventTimestamp', 64)
    else:
        event['providerEventId'] = text(envelope, 'id', 128)
        event['eventContext'] = text(envelope, 'eventcontext', 128)
        kind = text(envelope, 'type', 128)
        event['sourceType'] = kind.split('.')[0] if kind is not None else None
        time = text(element, 'statusUpdatedAt', 64)
    key = (squeezed(status), squeezed(sub_status or ''))
    beside_the_payment = event['eventContext'] is not None or event['sourceType'] not in (
        None, 'Payment', 'PaymentInstruction')
    if beside_the_payment:
        event['status'], event['unknownBecause'] = 'UNKNOWN', 'CONTEXT'
    else:
        with_status(event, V2_BY_SUB_STATUS.get(key, V2_PLAIN.get(key[0])))
    if event['status'] == 'ON_HOLD':
        event['holdReason'] = HOLDS[key[1]]
    if event['status'] == 'REJECTED':
        event['rejectedBy'] = 'JPM' if key[1] == 'REJECTEDBYJPM' else 'UNKNOWN'
    with_time(event, time)
    ids = nested(element, 'paymentIdentifiers')
    others = nested(ids, 'otherPaymentReferences')
    clearing, rates, gpi = nested(element, 'clearingSystem'), nested(element, 'fxInformation'), nested(element, 'gpi')
    event['endToEndId'] = text(ids, 'endToEndId', 128)
    event['references'] = references(
        ('paymentBatchId', text(ids, 'paymentBatchId', 128)),
        ('achTraceNumber', text(ids, 'achTraceNumber', 128)),
        ('relatedReferenceId', text(others, 'relatedReferenceId', 128)),
        ('uetr', text(others, 'uetr', 128)),
        ('transactionIdentifier', text(ids, 'transactionIdentifier', 128)),
        ('clearingSystemReference', text(clearing, 'reference', 128)))
    event['rail'] = text(element, 'paymentType', 64)
    event['direction'] = text(element, 'transferType', 64)
    event['clearingSystem'] = text(clearing, 'name', 64)
    event['requestedExecutionDate'] = text(element, 'requestedExecutionDate', 64)
    event['valueDate'] = text(element, 'valueDate', 64)
    event['fxAppliedRate'] = decimal(rates.get('appliedRate'))
    event['gpiStatus'] = text(gpi, 'status', 64)
    reasons = Reasons()
    for exception in items(element.get('exceptions')):
        place = {}
        if isinstance(exception, dict):
            place = {'location': soft_word(exception.get('location')), 'field': soft_text(exception.get('field'), 256)}
        reasons.add('JPM', code_of(exception, 'code'), **place)
        for more in items(exception.get('additionalContext')) if isinstance(exception, dict) else []:
            scheme = REASON_SCHEMES.get(more.get('type')) if isinstance(more, dict) else None
            reasons.add(scheme, code_of(more, 'code') if scheme is not None else None, **place)
    reasons.into(event)
    event['naturalKey'] = (*key, time)
    return event


# --- InstaMed ---------------------------------------------------------------------------------------------------------

OWN_CODE = {
    'A': 'AUTHORIZED',
    'C': 'AUTHORIZED',
    'D': 'DECLINED',
    'S': 'SETTLED',
    'SE': 'SETTLEMENT_FAILED',
    'V': 'VOIDED',
}
UNDOING_CODE = {'C': 'COMPLETED', 'D': 'DECLINED', 'S': 'SETTLED', 'SE': 'SETTLEMENT_FAILED', 'V': 'VOIDED'}
UNDOING_ACTION = {'REFUND': 'REFUND', 'CREDIT': 'REFUND', 'RETURN': 'RETURN'}
UNDOING_STATUS = {'CB': 'CHARGEBACK', 'RI': 'RETURN'}


def read_instamed(reading, namespace, currency, content_type, body):
    fields = instamed_fields(content_type, body)
    if fields.get('paymentplantransactiontype') not in (None, ''):
        reading.set_aside += 1
        return
    each_element(reading, [fields], lambda element: instamed_event(namespace, currency, element))


def instamed_event(namespace, currency, fields):
    def field(length, *names):
        for name in names:
            value = text(fields, name.lower(), length)
            if value is not None:
                return value
        return None

    own_id = field(128, 'PaymentTransactionID', 'transactionID')
    if own_id is None:
        raise Undeliverable('missing-payment-id')
    own_id = own_id.lower()
    original = (field(128, 'OriginalTransactionID', 'primaryTransactionID') or own_id).lower()
    event = blank(f'{namespace}:{own_id}')
    event['relatesTo'] = f'{namespace}:{original}' if original != own_id else None
    code = field(64, 'CurrentTransactionStatusCode', 'transactionStatus')
    if code is None:
        raise Undeliverable('missing-status')
    event['sourceStatus'] = code
    event['sourceSubStatus'] = primary = field(64, 'primaryTransactionStatus')
    event['sourceAction'] = action = field(64, 'TransactionAction')
    word, deed = squeezed(code), squeezed(action or '')
    undone = UNDOING_ACTION.get(deed) or UNDOING_STATUS.get(word)
    alone = event['relatesTo'] is None
    if primary is not None and squeezed(primary) == 'V' and alone:
        with_status(event, 'VOIDED')
    elif deed in UNDOING_ACTION and word not in UNDOING_STATUS:
        status = UNDOING_CODE.get(word)
        # Money that came back on the payment itself is no second transaction.
        returned_itself = undone == 'RETURN' and alone
        event['kind'] = 'PAYMENT' if returned_itself else undone
        with_status(event, 'RETURNED' if returned_itself and status == 'COMPLETED' else status)
    elif deed in UNDOING_ACTION and undone == 'REFUND':
        # A refund that bounced came back itself; of whose return it tells otherwise, nobody documented.
        event['kind'] = undone
        with_status(event, 'RETURNED' if alone else None)
    elif undone is not None:
        event['kind'] = 'PAYMENT' if alone else undone
        with_status(event, 'RETURNED' if alone else 'COMPLETED')
    else:
        with_status(event, OWN_CODE.get(word))
    with_time(event, field(64, 'ResponseDateTime', 'transactionDate'))
    event['rail'] = field(64, 'TransactionType')
    event['references'] = references(('CLMREF', field(128, 'CLMREF')))
    event['amount'] = amount(field(64, 'Amount'), currency)
    event['requestAmount'] = amount(field(64, 'RequestAmount'), currency)
    reasons = Reasons()
    if field(64, 'ReasonCode') is not None:
        reasons.add('INSTAMED', field(64, 'ReasonCode'), field='ReasonCode')
    response = field(64, 'ResponseCode')
    if response not in (None, '000'):
        reasons.add('INSTAMED', response, field='ResponseCode')
    reasons.into(event)
    event['naturalKey'] = (deed, word)
    return event


def instamed_fields(content_type, body):
    """All fields by their name in lower case: the interfaces of the platform differ in nothing but case."""
    start = decoded(body).lstrip()[:1]
    if start == '<':
        return xml_fields(body)
    if start not in '{[' and 'x-www-form-urlencoded' in content_type.lower():
        return form_fields(body)
    return {name.lower(): value for name, value in json_object(body).items()}


def form_fields(body):
    fields = {}
    for pair in decoded(body).split('&'):
        name, equals, value = pair.partition('=')
        if not equals or re.search(r'%(?![0-9A-Fa-f]{2})', pair):
            raise Undeliverable('invalid-form')
        put(fields, form_text(name), form_text(value))
    return fields


def form_text(part):
    try:
        return unquote_to_bytes(part.replace('+', ' ')).decode()
    except UnicodeDecodeError:
        raise Undeliverable('invalid-form') from None


def xml_fields(body):
    """The children of the root that hold text. Whatever XML can do beyond that is refused."""
    fields, path, texts = {}, [], []

    def refuse(*_):
        raise Undeliverable('invalid-xml')

    def start(name, _attributes):
        if len(path) == 2:
            put(fields, path[1], [])
        path.append(name.split(':')[-1])
        texts.append('')

    def end(_name):
        name, content = path.pop(), texts.pop()
        if len(path) == 1 and not isinstance(fields.get(name.lower()), list):
            put(fields, name, content.strip() or None)

    def characters(data):
        texts[-1] += data

    # The bytes are UTF-8 whatever the declaration says.
    parser = expat.ParserCreate('utf-8')
    parser.StartElementHandler, parser.EndElementHandler, parser.CharacterDataHandler = start, end, characters
    parser.StartDoctypeDeclHandler = parser.EntityDeclHandler = refuse
    try:
        parser.Parse(decoded(body).lstrip().encode(), True)
    except expat.ExpatError:
        raise Undeliverable('invalid-xml') from None
    return fields


def put(fields, name, value):
    """A name that comes twice with two values is no text."""
    key = name.lower()
    fields[key] = value if fields.get(key, value) in (value, None) else [fields[key], value]


# --- what all of them share -------------------------------------------------------------------------------------------

READERS = {'jpm-global-payments-v1': read_v1, 'jpm-global-payments-v2': read_v2, 'instamed': read_instamed}


def each_element(reading, elements, to_event):
    for position, element in enumerate(elements):
        try:
            if not isinstance(element, dict):
                raise Undeliverable('element-not-an-object')
            reading.events.append({**to_event(element), 'element': position})
        except Undeliverable as why:
            reading.dead_elements[position] = str(why)


def decoded(body):
    if body == b'':
        raise Undeliverable('empty-body')
    try:
        return body.decode().removeprefix('\ufeff')
    except UnicodeDecodeError:
        raise Undeliverable('invalid-utf8') from None


def json_object(body):
    def refuse(_constant):
        raise ValueError('not JSON')

    try:
        message = json.loads(decoded(body), parse_float=Number, parse_int=Number, parse_constant=refuse)
    except (ValueError, RecursionError):
        raise Undeliverable('invalid-json') from None
    if not isinstance(message, dict):
        raise Undeliverable('unexpected-shape')
    return message


def text(holder, name, length):
    """A text that is there and not empty, else None. What is no text is a mistake of the sender."""
    value = holder.get(name)
    if value is None or value == '' and not isinstance(value, Number):
        return None
    if isinstance(value, Number) or not isinstance(value, str) or len(value.encode('utf-16-le')) // 2 > length:
        raise Undeliverable('invalid-field')
    return value


def soft_text(value, length):
    """Of a reason: what cannot be used is left out, and the element stays."""
    usable = isinstance(value, str) and not isinstance(value, Number) and 0 < len(value) <= length
    return value if usable else None


def soft_word(value):
    return value if isinstance(value, str) and re.fullmatch('[A-Za-z][A-Za-z_-]{0,63}', value) else None


def required_status(element, name):
    status = text(element, name, 64)
    if status is None:
        raise Undeliverable('missing-status')
    return status


def nested(holder, name):
    value = holder.get(name)
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise Undeliverable('invalid-field')
    return value


def items(value):
    if value is None:
        return []
    if not isinstance(value, list):
        raise Undeliverable('invalid-field')
    return value


def decimal(value):
    if value is None or value == '' and not isinstance(value, Number):
        return None
    if not isinstance(value, str) or not re.fullmatch(r'-?\d+(\.\d+)?', value):
        raise Undeliverable('invalid-field')
    return str(value)


def amount(value, currency):
    return None if value is None else {'value': decimal(value), 'currency': currency}


def code_of(holder, name):
    value = holder.get(name) if isinstance(holder, dict) else None
    return value if isinstance(value, str) and len(value) <= 64 else None


def references(*pairs):
    return [{'type': kind, 'value': value} for kind, value in pairs if value is not None]


CODE = re.compile(r'[A-Za-z0-9][A-Za-z0-9._/:-]*')


class Reasons:
    def __init__(self):
        self.kept, self.omitted = [], 0

    def add(self, scheme, code, rule=None, location=None, field=None):
        # A sentence in the place of a code is no code: it could say anything about anybody.
        if code is None or not CODE.fullmatch(code) or len(self.kept) == LIST_MAX:
            self.omitted += 1
        else:
            self.kept.append({'scheme': scheme, 'code': code, 'rule': rule, 'location': location, 'field': field})

    def into(self, event):
        event['reasons'], event['reasonsOmitted'] = self.kept, self.omitted


def with_status(event, status):
    event['status'] = status or 'UNKNOWN'
    event['unknownBecause'] = None if status is not None else 'STATUS'


def squeezed(word):
    return re.sub(r'[^A-Z0-9]', '', word.upper())


ISO_TIME = re.compile(r'(\d{4})-(\d\d)-(\d\d)(?:[T ](\d\d):(\d\d)(?::(\d\d)(?:\.(\d+))?)?(Z|[+-]\d\d:?\d\d)?)?')
US_TIME = re.compile(r'(\d\d?)/(\d\d?)/(\d{4}) (\d\d?):(\d\d):(\d\d) ([AP]M)')
DIGITS_TIME = re.compile(r'(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)')


def with_time(event, sent):
    """The time of the element and no other; what has no zone is read as UTC and marked."""
    event['occurredAtText'] = sent
    event['occurredAt'], event['occurredAtPrecision'], event['zoneAssumed'] = None, 'NONE', False
    if sent is None:
        return
    try:
        parsed = iso_time(sent) or us_time(sent) or digits_time(sent)
    except ValueError:
        return
    if parsed is not None:
        event['occurredAt'], event['occurredAtPrecision'], event['zoneAssumed'] = parsed


def iso_time(sent):
    match = ISO_TIME.fullmatch(sent)
    if match is None:
        return None
    year, month, day, hour, minute, second, fraction, zone = match.groups()
    whole = datetime(int(year), int(month), int(day), int(hour or 0), int(minute or 0), int(second or 0), 0, timezone.utc)
    if zone not in (None, 'Z'):
        away = timedelta(hours=int(zone[1:3]), minutes=int(zone[-2:]))
        whole -= away if zone[0] == '+' else -away
    precision = 'DAY' if hour is None else 'SECOND'
    if fraction is not None:
        precision = 'MILLISECOND' if len(fraction) <= 3 else 'SUBMILLISECOND'
    return to_ms(whole) + int((fraction or '0').ljust(3, '0')[:3]), precision, zone is None


def us_time(sent):
    match = US_TIME.fullmatch(sent)
    if match is None:
        return None
    month, day, year, hour, minute, second = map(int, match.groups()[:6])
    if not 1 <= hour <= 12:
        return None
    hour = hour % 12 + (12 if match[7] == 'PM' else 0)
    return to_ms(datetime(year, month, day, hour, minute, second, 0, timezone.utc)), 'SECOND', True


def digits_time(sent):
    match = DIGITS_TIME.fullmatch(sent)
    return None if match is None else (to_ms(datetime(*map(int, match.groups()), 0, timezone.utc)), 'SECOND', True)


def to_ms(time):
    return round((time - EPOCH) / timedelta(milliseconds=1))
