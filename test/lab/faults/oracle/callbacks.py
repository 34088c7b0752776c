"""An independent reading of callbacks.

Written from the rules of the domain, without the product's code: agreement means that two implementations read the rules the same
way. A reading is compared with the published event field by field, so the field names are those of schemas/payment-event.avsc.
"""

import re
import unicodedata

from bodies import STRIPPED, Number, Object, Undeliverable, form_pairs, json_value, text_of, xml_pairs
from fields import ID_MAX, LIST_MAX, WORD_MAX, Fields, Reasons, Unreadable, is_given, readable, real_id, soft


class Reading:
    """The results of one callback: events, elements that are dead letters (None: the whole callback), parts set aside."""

    def __init__(self):
        self.events = []
        self.dead_elements = {}
        self.dead_names = {}
        """The field that makes an element a dead letter, if it is a field."""
        self.set_aside = 0

    def bury(self, element, why):
        self.dead_elements[element] = str(why)
        self.dead_names[element] = why.name


def read_callback(provider, namespace, currency, content_type, body):
    """Never raises for anything a provider may send."""
    reading = Reading()
    try:
        READERS[provider](reading, namespace, currency, content_type, body)
    except Undeliverable as why:
        reading.bury(None, why)
    for event in reading.events:
        event['provider'] = provider
        leave_out_reasons(event)
    reading.events += [reported_to_original(event) for event in reading.events if event['relatesTo'] is not None]
    return reading


def reported_to_original(event):
    """A refund, return or chargeback is also reported to its original, in the original's partition."""
    return {**event, 'paymentKey': event['relatesTo'], 'childKey': event['paymentKey'], 'relatesTo': None, 'weakKey': False}


STATEMENT_MAX = 5_400
SAID = ['paymentKey', 'relatesTo', 'sourceStatus', 'sourceSubStatus', 'sourceAction', 'eventContext', 'sourceType', 'endToEndId',
        'rail', 'direction', 'clearingSystem', 'requestedExecutionDate', 'valueDate', 'fxAppliedRate', 'gpiStatus']


def leave_out_reasons(event):
    """An event says at most 5,400 bytes; the last reasons beyond them are counted instead."""
    amounts = [event[name]['value'] for name in ('amount', 'requestAmount') if event[name] is not None]
    references = [text for reference in event['references'] for text in (reference['type'], reference['value'])]
    rest = size([event[name] for name in SAID] + amounts + references + event['unreadable'])
    while event['reasons'] and rest + sum(10 + size(reason.values()) for reason in event['reasons']) > STATEMENT_MAX:
        event['reasons'] = event['reasons'][:-1]
        event['reasonsOmitted'] += 1


def size(texts):
    return sum(len(text.encode()) for text in texts if text is not None)


def blank(payment_key):
    texts = dict.fromkeys(
        ['providerEventId', 'relatesTo', 'childKey', 'sourceSubStatus', 'sourceAction', 'unknownBecause', 'eventContext',
         'sourceType', 'holdReason', 'rejectedBy', 'endToEndId', 'rail', 'direction', 'clearingSystem',
         'requestedExecutionDate', 'valueDate', 'amount', 'requestAmount', 'fxAppliedRate', 'gpiStatus'])
    return {'paymentKey': payment_key, 'weakKey': False, 'kind': 'PAYMENT', **texts, 'references': [], 'reasons': [],
            'reasonsOmitted': 0, 'partialApproval': False}


# --- J.P. Morgan Global Payments, version 1 ---------------------------------------------------------------------------

V1_STATUS = {
    'PENDING': 'PROCESSING',
    'WAREHOUSED': 'SCHEDULED',
    'PENDINGJPMREVIEW': 'ON_HOLD',
    'PENDINGJPMORGANREVIEW': 'ON_HOLD',
    'PENDINGPOSTING': 'PENDING_POSTING',
    'PENDPOSTING': 'PENDING_POSTING',
    'COMPLETED': 'COMPLETED',
    'COMPLETEDCREDITED': 'CREDITED',
    'REJECTED': 'REJECTED',
    'BLOCKED': 'BLOCKED',
    'RETURNED': 'RETURNED',
}
V1_FIELDS = ['firmRootId', 'endToEndId', 'paymentStatus', 'createDateTime', 'clearingSystemReference', 'fx', 'exceptions',
             'exception']


def read_v1(reading, namespace, _currency, content_type, body):
    message = json_object(body, content_type)
    refuse_contradictions(message, ['callbacks'])
    if 'callbacks' not in message:
        raise not_read(message, ['firmRootId'], ['endToEndId', 'paymentStatus'])
    elements = the_list(message.get('callbacks'))
    bury_if_one_is_beside(reading, name_sets(message, elements), ['firmRootId', 'endToEndId'], ['paymentStatus'])
    read_list(reading, elements, lambda values: v1_event(namespace, values))


def apart(firm_root_id):
    """A blank keeps a firmRootId apart from the key of an endToEndId, which never begins with one."""
    return re.sub('^e2e:', 'e2e: ', firm_root_id)


def v1_event(namespace, values):
    marks = set()
    element = Fields(values, marks)
    element.refuse_contradictions(V1_FIELDS)
    own_id = element.deciding_id('firmRootId')
    end_to_end_id = element.deciding_id('endToEndId') if own_id is None else element.id('endToEndId')
    status = required_status(element, 'paymentStatus', own_id or end_to_end_id)
    event = blank(f'{namespace}:{apart(own_id)}' if own_id is not None else f'{namespace}:e2e:{end_to_end_id}')
    event['weakKey'] = own_id is None
    event['endToEndId'] = end_to_end_id
    event['sourceStatus'] = status
    with_status(event, V1_STATUS.get(squeezed(status)))
    if event['status'] == 'REJECTED':
        event['rejectedBy'] = 'UNKNOWN'
    if event['status'] == 'ON_HOLD':
        event['holdReason'] = 'PENDING_JPM_REVIEW'
    element.time_into(event, 'createDateTime')
    event['references'] = references(element, 'clearingSystemReference')
    event['fxAppliedRate'] = element.nested('fx').decimal('appliedRate')
    reasons = Reasons()
    listed = [*reasons.listed(element.given('exceptions')), *reasons.listed(element.given('exception'))]
    for exception in listed:
        told = exception if isinstance(exception, dict) else {}
        rule = soft(told.get('ruleDefinition'), ID_MAX)
        own, of_clearing = (is_given(told.get(name)) for name in ('errorCode', 'externalCode'))
        if own or not of_clearing:
            reasons.add('JPM', told.get('errorCode'), rule=rule)
        if of_clearing:
            # The rule is the bank's own, so it belongs to the bank's code if both codes are given.
            reasons.add('ISO20022', told.get('externalCode'), rule=None if own else rule)
    reasons.into(event)
    with_marks(event, marks)
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
ABOUT_THE_PAYMENT = {'PAYMENT', 'PAYMENTINSTRUCTION', 'PAYMENTBATCH'}
REASON_SCHEMES = {'ISO20022': 'ISO20022', 'CLEARINGNACHA': 'NACHA', 'EXTERNAL': 'EXTERNAL'}
V2_FIELDS = ['paymentId', 'paymentStatus', 'paymentSubStatus', 'statusUpdatedAt', 'eventcontext', 'paymentIdentifiers',
             'clearingSystem', 'fxInformation', 'gpi', 'paymentType', 'transferType', 'requestedExecutionDate', 'valueDate',
             'exceptions']
BETA_FIELDS = [*V2_FIELDS, 'eventId', 'eventTimestamp']
RETURN_FIELDS = ['returnId', 'returnStatus', 'returnSubStatus', 'eventcontext', 'paymentIdentifiers',
                 'originalPaymentIdentifiers', 'paymentType', 'value', 'exceptions']
UUID = re.compile('[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}', re.IGNORECASE)


def read_v2(reading, namespace, currency, content_type, body):
    message = json_object(body, content_type)
    refuse_contradictions(message, ['data', 'events'])
    data = message.get('data')
    if isinstance(data, dict):
        refuse_contradictions(data, ['payments', 'returns', *context_names(data)], 'data.')
    else:
        data = {}
    lists = {'payments': data.get('payments'), 'returns': data.get('returns'), 'events': message.get('events')}
    there = [name for name in lists if isinstance(lists[name], list)]
    if not there:
        named = {*message, *data} & {'payments', 'returns', 'events'}
        # An envelope with nothing that can be looked into does not say that it is another product's.
        closed = 'data' in message and not (isinstance(message['data'], (dict, list)) and message['data'])
        closed = closed or 'data_base64' in message
        if named or closed:
            raise Undeliverable('unexpected-shape')
        raise not_read(message, ['paymentId'], ['returnId', 'returnStatus'])
    to_event = {
        'payments': lambda values: v2_event(namespace, values, message, is_beta=False),
        'returns': lambda values: v2_return(namespace, currency, values, message),
        'events': lambda values: v2_event(namespace, values, message, is_beta=True),
    }
    filled = [name for name in there if lists[name]]
    name = (filled or there)[0]
    # They decide what every element means; the time orders a return.
    refuse_contradictions(message, [*context_names(message), 'type', *(['time'] if name == 'returns' else [])])
    others = [lists[other] for other in lists if other != name]
    if not isinstance(message.get('data'), dict):
        others.append(message.get('data'))
    # One list is read; whatever else stands in the place of a list must not be ignored silently.
    if any(is_given(value) and value != [] for value in others):
        reading.bury(None, Undeliverable('unexpected-shape'))
    for own_id, status in (('paymentId', 'paymentStatus'), ('returnId', 'returnStatus')):
        bury_if_one_is_beside(reading, name_sets(message, lists[name]), [own_id], [status])
    read_list(reading, lists[name], to_event[name])


def v2_event(namespace, values, message, is_beta):
    marks = set()
    element, envelope = Fields(values, marks), Fields(message, marks)
    element.refuse_contradictions([*(BETA_FIELDS if is_beta else V2_FIELDS), *context_names(values)])
    own_id = element.deciding_id('paymentId')
    status = required_status(element, 'paymentStatus', own_id)
    event = blank(f'{namespace}:{without_case(own_id)}')
    event['providerEventId'] = element.id('eventId') if is_beta else envelope.id('id')
    with_v2_status(event, element, envelope, status, 'paymentSubStatus')
    element.time_into(event, 'statusUpdatedAt', *(['eventTimestamp'] if is_beta else []))
    ids = element.nested('paymentIdentifiers')
    others = ids.nested('otherPaymentReferences')
    clearing, gpi = element.nested('clearingSystem'), element.nested('gpi')
    event['endToEndId'] = ids.id('endToEndId')
    event['references'] = [
        *references(ids, 'paymentBatchId', 'achTraceNumber'),
        *references(others, 'relatedReferenceId', 'uetr'),
        *(references(others, 'transactionIdentifier') or references(ids, 'transactionIdentifier')),
        *renamed(references(clearing, 'reference'), 'clearingSystemReference')]
    event['rail'] = element.word('paymentType')
    event['direction'] = element.word('transferType')
    event['clearingSystem'] = clearing.word('name')
    event['requestedExecutionDate'] = element.day('requestedExecutionDate')
    event['valueDate'] = element.day('valueDate')
    event['fxAppliedRate'] = element.nested('fxInformation').decimal('appliedRate')
    event['gpiStatus'] = gpi.word('status')
    with_v2_reasons(event, element)
    with_marks(event, marks)
    event['naturalKey'] = (*event.pop('step'), event['occurredAtText'])
    return event


def v2_return(namespace, currency, values, message):
    """Money that the client sent back. Its only time is that of its envelope."""
    marks = set()
    element, envelope = Fields(values, marks), Fields(message, marks)
    element.refuse_contradictions([*RETURN_FIELDS, *context_names(values)])
    original, value = element.nested('originalPaymentIdentifiers'), element.nested('value')
    original.refuse_contradictions(['paymentId', 'bankReferenceNumber', 'clearingSystemReference'])
    own_id = element.deciding_id('returnId')
    status = required_status(element, 'returnStatus', own_id)
    event = blank(f'{namespace}:{without_case(own_id)}')
    event['kind'] = 'RETURN'
    event['providerEventId'] = envelope.id('id')
    with_v2_status(event, element, envelope, status, 'returnSubStatus', is_return=True)
    envelope.time_into(event, 'time')
    original_id = original.id('paymentId')
    if original_id is not None and without_case(original_id) != without_case(own_id):
        event['relatesTo'] = f'{namespace}:{without_case(original_id)}'
    event['references'] = references(original, 'bankReferenceNumber', 'clearingSystemReference')
    event['endToEndId'] = element.nested('paymentIdentifiers').id('endToEndId')
    event['rail'] = element.word('paymentType')
    value.leave_out_contradictions(['amount', 'currency'])
    # An unreadable currency differs from a missing one: it is not replaced by the default.
    own_currency = None if 'value.currency' in marks else value.currency('currency')
    own_currency = own_currency or (None if 'value.currency' in marks else currency)
    event['amount'] = amount(None if 'value.amount' in marks else value.decimal('amount'), own_currency)
    with_v2_reasons(event, element)
    with_marks(event, marks)
    event['naturalKey'] = event.pop('step')
    return event


def with_v2_status(event, element, envelope, status, sub_status_name, is_return=False):
    event['sourceStatus'] = status
    event['sourceSubStatus'] = sub_status = element.word(sub_status_name)
    kind = envelope.word('type', ID_MAX)
    event['sourceType'] = kind.split('.')[0] if kind is not None else None
    # An event about a request is not about the payment, whatever the case of the name that says so.
    contexts = [context_of(fields) for fields in (envelope, envelope.inside('data'), element)]
    event['eventContext'] = next((context for context in contexts if context), None)
    event['step'] = key = (squeezed(status), squeezed(sub_status or ''))
    beside_the_payment = (
        event['eventContext'] is not None or 'eventcontext' in element.marks
        # A list of returns decides, whatever the type says. An unreadable type could say anything.
        or not is_return and ('type' in envelope.marks or kind is not None and kind.split('.')[0].upper() not in ABOUT_THE_PAYMENT))
    if beside_the_payment:
        event['status'], event['unknownBecause'] = 'UNKNOWN', 'CONTEXT'
    else:
        with_status(event, V2_BY_SUB_STATUS.get(key, V2_PLAIN.get(key[0])))
    if event['status'] == 'ON_HOLD':
        event['holdReason'] = HOLDS[key[1]]
    if event['status'] == 'REJECTED':
        event['rejectedBy'] = 'JPM' if key[1] == 'REJECTEDBYJPM' else 'UNKNOWN'


def context_names(holder):
    return [name for name in holder if name.lower() == 'eventcontext']


def context_of(fields):
    given = [name for name in context_names(fields.values) if is_given(fields.given(name))]
    try:
        return readable(fields.given(max(given)), WORD_MAX) if given else None
    except Unreadable:
        fields.marks.add('eventcontext')
        return None


def with_v2_reasons(event, element):
    reasons = Reasons()
    for exception in reasons.listed(element.given('exceptions')):
        told = exception if isinstance(exception, dict) else {}
        place = {'location': word_of(told.get('location')), 'field': path_of(told.get('field'))}
        reasons.add('JPM', told.get('code'), **place)
        for more in reasons.listed(told.get('additionalContext')):
            further = more if isinstance(more, dict) else {}
            reasons.add(REASON_SCHEMES.get(squeezed(soft(further.get('type'), WORD_MAX) or '')), further.get('code'), **place)
    reasons.into(event)


def word_of(value):
    text = soft(value, WORD_MAX)
    return text if text is not None and re.fullmatch('[A-Za-z][A-Za-z_-]*', text) else None


def path_of(value):
    """A JSONPath; nothing that could be free text."""
    text = soft(value, ID_MAX)
    return text if text is not None and re.fullmatch(r"""[A-Za-z0-9_$./\[\]'"-]+""", text) else None


def without_case(own_id):
    return own_id.lower() if UUID.fullmatch(own_id) else own_id


# --- InstaMed ---------------------------------------------------------------------------------------------------------

OWN_CODE = {
    'A': 'AUTHORIZED',
    'C': 'AUTHORIZED',
    'D': 'DECLINED',
    'S': 'SETTLED',
    'SE': 'SETTLEMENT_FAILED',
    'V': 'VOIDED',
}
OF_SALES_ONLY = {'A', 'C'}
ENDS_WITHOUT_MONEY = {'D', 'SE', 'V'}
UNDOING_CODE = {'C': 'COMPLETED', 'D': 'DECLINED', 'S': 'SETTLED', 'SE': 'SETTLEMENT_FAILED', 'V': 'VOIDED'}
UNDOING_ACTION = {'REFUND': 'REFUND', 'CREDIT': 'REFUND', 'SIMPLEREFUND': 'REFUND', 'RETURN': 'RETURN'}
UNDOING_STATUS = {'CB': 'CHARGEBACK', 'RI': 'RETURN'}
SALES = {'SALE', 'AUTHCAPT'}
PARTIALLY = {'TRUE', '1', 'Y', 'YES'}
PARTIAL_RESPONSE = '010'
NO_REASON = re.compile('0+')
INSTAMED_READ = [
    'PaymentTransactionID', 'OriginalTransactionID', 'CurrentTransactionStatusCode', 'primaryTransactionStatus',
    'TransactionAction', 'TransactionType', 'ResponseDateTime', 'CLMREF', 'Amount', 'RequestAmount', 'IsPartiallyApproved',
    'PartialApprovalAmount', 'ReasonCode', 'ResponseCode']
PLAN = 'PaymentPlanTransactionType'
NAME_VALUE_NAMES = {
    'transactionid': 'PaymentTransactionID',
    'primarytransactionid': 'OriginalTransactionID',
    'transactionstatus': 'CurrentTransactionStatusCode',
    'transactiondate': 'ResponseDateTime',
}
"""Alternative names of the fields in the platform's name-value interface."""
READ_BY_NAME = {**{name.lower(): name for name in [*INSTAMED_READ, PLAN]}, **NAME_VALUE_NAMES}
INSTAMED_NAMES = READ_BY_NAME.keys() | {
    'saveonfiletransactionid', 'paymentplanid', 'statementid', 'estimateid', 'singlesignontoken', 'invoicenumber',
    'currenttransactionstatusdescription', 'originaltransactionstatuscode', 'originaltransactionstatusdescription',
    'responsemessage', 'reasoncodedescription', 'workflowstatus', 'freeformtextresponse', 'transactionservicefee',
    'returncheckfee', 'estimatedamount', 'merchantid', 'storeid', 'terminalid', 'outlet', 'outletdescription', 'alias',
    'userid', 'marketsegment', 'cardtype', 'cardlastfourdigits', 'expdate', 'authorizationcode', 'authorizationtext',
    'cardholdername', 'firstname', 'lastname', 'cardinputmode', 'cardpresentstatus', 'savecardonfile', 'routingnumber',
    'accountnumberlastfourdigits', 'checknumber', 'checkstate', 'driverslicense', 'savebankaccountonfile', 'hascheckimage',
    'patientid', 'patientmedicalrecordnumber', 'patientfirstname', 'patientlastname', 'patientmiddlename',
    'patientbirthdate', 'patientcountry', 'guarantorid', 'accountholderemail', 'ismultiar', 'lineitemnumber',
    'installmentsequencenumber', 'installmentcount', 'transactioncode', 'transactiondescription',
    *(f'additionalcode{number}' for number in range(1, 7)), *(f'additionalcode{number}description' for number in range(1, 7)),
    *(f'additionalinfo{number}' for number in range(1, 7))}


def read_instamed(reading, namespace, currency, content_type, body):
    values, inside = instamed_values(content_type, body)
    bury_if_one_is_beside(reading, inside, ['PaymentTransactionID', 'transactionID'],
                          ['CurrentTransactionStatusCode', 'transactionStatus'])
    plan = values.get(PLAN)
    is_plan = is_text(plan) and real_id(plan.strip(STRIPPED)) and not values.contradicted & {PLAN, *INSTAMED_READ}
    if is_plan:
        read_list(reading, [], None)
    else:
        read_list(reading, [values], lambda fields: instamed_event(namespace, currency, fields))


def is_text(value):
    return isinstance(value, str) and not isinstance(value, Number) and is_given(value)


def instamed_event(namespace, currency, values):
    marks = set()
    fields = Fields(values, marks)
    fields.refuse_contradictions([PLAN, *INSTAMED_READ])
    fields.word(PLAN)
    own_id = fields.deciding_id('PaymentTransactionID')
    code = required_status(fields, 'CurrentTransactionStatusCode', own_id)
    own_id = own_id.lower()
    event = blank(f'{namespace}:{own_id}')
    event['sourceStatus'] = code
    original = fields.id('OriginalTransactionID')
    if original is not None and original.lower() != own_id:
        event['relatesTo'] = f'{namespace}:{original.lower()}'
    # An unreadable original is still another transaction; it is only unknown which.
    alone = event['relatesTo'] is None and 'OriginalTransactionID' not in marks
    event['sourceSubStatus'] = primary = fields.word('primaryTransactionStatus')
    event['sourceAction'] = action = fields.word('TransactionAction')
    word, deed = squeezed(code), squeezed(action or '')
    undone = UNDOING_STATUS.get(word)
    if squeezed(primary or '') == 'V' and alone:
        event['kind'] = 'REFUND' if UNDOING_ACTION.get(deed) == 'REFUND' else 'PAYMENT'
        with_status(event, 'VOIDED')
    elif deed in UNDOING_ACTION and undone is None:
        # A return of the payment itself is not a second transaction; the only status it can have is RETURNED.
        if UNDOING_ACTION[deed] == 'RETURN' and alone:
            with_status(event, 'RETURNED' if word == 'C' else None)
        else:
            event['kind'] = UNDOING_ACTION[deed]
            with_status(event, UNDOING_CODE.get(word))
    elif UNDOING_ACTION.get(deed) == 'REFUND':
        # Without an original, the refund itself bounced; with one, it is undocumented what was returned.
        event['kind'] = 'REFUND'
        with_status(event, 'RETURNED' if alone else None)
    elif undone is not None:
        event['kind'] = 'PAYMENT' if alone else undone
        with_status(event, 'RETURNED' if alone else 'COMPLETED')
    elif deed in SALES:
        with_status(event, OWN_CODE.get(word))
    elif not alone or 'TransactionAction' in marks and word not in ENDS_WITHOUT_MONEY:
        # It could be outgoing money, which must not count as incoming.
        event['kind'] = 'UNKNOWN'
        with_status(event, None)
    else:
        with_status(event, OWN_CODE.get(word) if word not in OF_SALES_ONLY else None)
    fields.time_into(event, 'ResponseDateTime')
    event['rail'] = fields.word('TransactionType')
    event['references'] = references(fields, 'CLMREF')
    response = soft(fields.given('ResponseCode'), WORD_MAX)
    said = fields.given('IsPartiallyApproved')
    if isinstance(said, Number) and said in ('0', '1'):
        said = said == '1'
    elif not isinstance(said, bool):
        said = (fields.word('IsPartiallyApproved') or '').upper() in PARTIALLY
    partly = said or response == PARTIAL_RESPONSE
    whole, part = fields.decimal('Amount'), fields.decimal('PartialApprovalAmount') if partly else None
    event['partialApproval'] = partly
    # The whole amount was not approved.
    event['amount'] = None if 'PartialApprovalAmount' in marks else amount(whole if part is None else part, currency)
    event['requestAmount'] = amount(fields.decimal('RequestAmount'), currency)
    reasons = Reasons()
    for name in ('ReasonCode', 'ResponseCode'):
        value = fields.given(name)
        if is_given(value) and not (isinstance(value, str) and NO_REASON.fullmatch(value.strip())):
            reasons.add('INSTAMED', value, field=name)
    reasons.into(event)
    with_marks(event, marks)
    event['naturalKey'] = (deed, word)
    return event


def instamed_values(content_type, body):
    """
    All fields under their names in the webhook; the other interfaces have names of their own, and the case may be any. And the sets
    of names of what is not a text of an InstaMed field.
    """
    text = text_of(body, content_type)
    start = text.lstrip()[:1]
    if start == '<':
        pairs, families = xml_pairs(text)
        values = by_field(pairs)
        # Lists of names, as objects without values; the first one is that of the message itself.
        sent = [dict.fromkeys(names) for names in families]
        nested = sent[1:]
    elif start not in ('{', '[') and 'x-www-form-urlencoded' in content_type.lower():
        values = sent = by_field(form_pairs(body, content_type))
        nested = []
    else:
        sent = json_object(body, content_type)
        # Beside the webhook's own name, that of the name-value interface is another field.
        own = {field_of(name) for name, value in sent.items() if is_given(value) and not is_pair_name(name)}
        pairs = [(name, value) for name, value in sent.items() if not (is_pair_name(name) and field_of(name) in own)]
        values = by_field(pairs, {field_of(name) for name in sent.contradicted})
        nested = [value for value in values.values() if isinstance(value, (dict, list))]
    if not any(name.strip(STRIPPED).lower() in INSTAMED_NAMES for name in values):
        # The names could be values, or in attributes.
        raise not_read([sent, text], ['PaymentTransactionID'], ['CurrentTransactionStatusCode'], ['transactionID', 'transactionStatus'])
    texts = [value for name, value in values.items() if isinstance(value, str) and name.strip(STRIPPED).lower() not in INSTAMED_NAMES]
    return values, [*name_sets([nested, texts])]


def field_of(name):
    return READ_BY_NAME.get(name.strip(STRIPPED).lower(), name)


def is_pair_name(name):
    return name.strip(STRIPPED).lower() in NAME_VALUE_NAMES


def is_given(value):
    return value is not None and not (isinstance(value, str) and value.strip(STRIPPED) == '')


def by_field(pairs, contradicted=frozenset()):
    """What is not given contradicts nothing."""
    pairs = [(field_of(name), value) for name, value in pairs]
    given = {name for name, value in pairs if is_given(value)}
    values = Object([(name, value) for name, value in pairs if is_given(value) or name not in given])
    values.contradicted |= contradicted
    return values


# --- what all of them share -------------------------------------------------------------------------------------------

READERS = {'jpm-global-payments-v1': read_v1, 'jpm-global-payments-v2': read_v2, 'instamed': read_instamed}


def json_object(body, content_type):
    message = json_value(text_of(body, content_type))
    if not isinstance(message, dict) or not message:
        raise Undeliverable('unexpected-shape')
    return message


def refuse_contradictions(holder, names, path=''):
    Fields(holder, set(), path).refuse_contradictions(names)


def the_list(value):
    if not isinstance(value, list):
        raise Undeliverable('unexpected-shape')
    return value


def not_read(message, *groups):
    """A body with the product's own names somewhere is not another product's, only in a wrapper."""
    is_ours = any(all(name.lower() in names for name in group) for group in groups for names in name_sets(message))
    return Undeliverable('unexpected-shape' if is_ours else 'foreign-product')


def bury_if_one_is_beside(reading, sets, ids, statuses):
    """A payment that stands outside of what is read must not be lost silently."""
    def has_one(names, found):
        return any(name.lower() in found for name in names)

    if any(has_one(ids, found) and has_one(statuses, found) for found in sets):
        reading.bury(None, Undeliverable('unexpected-shape'))


def name_sets(value, ignored=None):
    """The names of every object outside of `ignored`, in lower case; of a text, what looks like names."""
    if value is ignored and value is not None:
        return
    if isinstance(value, dict):
        yield {name.lower() for name in value}
    if isinstance(value, str):
        yield {name.lower() for name in re.findall('["\'<>:\\s](\\w+)', value)}
    elif isinstance(value, (dict, list)):
        for inner in value.values() if isinstance(value, dict) else value:
            yield from name_sets(inner, ignored)


def read_list(reading, elements, to_event):
    if not elements and not reading.dead_elements:
        reading.set_aside += 1
    for position, element in enumerate(elements):
        try:
            if not isinstance(element, dict):
                raise Undeliverable('element-not-an-object')
            reading.events.append({**to_event(element), 'element': position})
        except Undeliverable as why:
            reading.bury(position, why)


def required_status(element, name, own_id):
    """An unreadable field is reported before a missing one."""
    status = element.deciding(name, WORD_MAX)
    if own_id is None:
        raise Undeliverable('missing-payment-id')
    if status is None:
        raise Undeliverable('missing-status')
    return status


def amount(value, currency):
    return None if value is None else {'value': value, 'currency': currency}


def references(holder, *names):
    return [{'type': name, 'value': value} for name in names if (value := holder.id(name)) is not None]


def renamed(found, kind):
    return [{**reference, 'type': kind} for reference in found]


def with_marks(event, marks):
    # Only names without a path can affect the status.
    event['unreadable'] = sorted(sorted(marks, key=lambda name: ('.' in name, name))[:LIST_MAX])


def with_status(event, status):
    event['status'] = status or 'UNKNOWN'
    event['unknownBecause'] = None if status is not None else 'STATUS'


def squeezed(word):
    """Ignores case, blanks and punctuation. A word with any other character is unknown and stays unchanged."""
    plain = ''.join('-' if unicodedata.category(character) in ('Zs', 'Pd') else character for character in word)
    return re.sub(r'[^A-Z0-9]', '', plain.upper()) if re.fullmatch('[ -~]*', plain) else word
