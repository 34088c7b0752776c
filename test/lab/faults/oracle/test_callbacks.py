"""What the oracle reads in single callbacks: one small body for each rule of the domain."""

import json
import unittest

from callbacks import read_callback

FORM, XML, JSON = 'application/x-www-form-urlencoded', 'application/xml', 'application/json'
V1, V2, INSTAMED = 'jpm-global-payments-v1', 'jpm-global-payments-v2', 'instamed'
UUID = 'A0B1C2D3-0000-4000-8000-00000000000F'


def read(provider, body, content_type=JSON):
    octets = body if isinstance(body, bytes) else (body if isinstance(body, str) else json.dumps(body)).encode()
    return read_callback(provider, 'x', 'USD', content_type, octets)


def v1(**fields):
    return {'callbacks': [{'firmRootId': 'A', 'paymentStatus': 'COMPLETED', **fields}]}


def v2(message=None, **fields):
    element = {'paymentId': 'P', 'paymentStatus': 'COMPLETED', 'statusUpdatedAt': '2026-03-01T10:00:00Z', **fields}
    return {'id': 'i', 'type': 'Payment.Completed', 'data': {'payments': [element]}, **(message or {})}


def returned(message=None, **fields):
    element = {'returnId': 'R', 'returnStatus': 'COMPLETED', **fields}
    return {'id': 'i', 'type': 'Payment.Completed', 'time': '2026-03-05T10:00:00Z', 'data': {'returns': [element]},
            **(message or {})}


def sale(**fields):
    return {'PaymentTransactionID': 'AB', 'TransactionAction': 'Sale', 'CurrentTransactionStatusCode': 'C', **fields}


class Callbacks(unittest.TestCase):
    def event(self, provider, body, content_type=JSON):
        reading = read(provider, body, content_type)
        self.assertEqual({}, reading.dead_elements)
        return reading.events[0]

    def says(self, expected, provider, body, content_type=JSON):
        event = self.event(provider, body, content_type)
        self.assertEqual(expected, {name: event[name] for name in expected})

    def dead(self, reason, name, provider, body, content_type=JSON):
        reading = read(provider, body, content_type)
        self.assertEqual(([reason], [name]), ([*reading.dead_elements.values()], [*reading.dead_names.values()]))

    def test_json_is_read_64_deep(self):
        for body in ('[' * 65 + ']' * 65, '[' * 20_000, '{"a":' * 65):
            self.dead('too-deep', None, V1, body)
        self.dead('invalid-json', None, V1, '["' + '[' * 65)

    # Shapes.

    def test_a_batch_event_is_an_ordinary_event(self):
        for kind in ('PaymentBatch.Completed', 'paymentbatch.x', 'PaymentInstruction.Completed', ' Payment.Completed '):
            self.says({'status': 'COMPLETED'}, V2, v2({'type': kind}))
        for kind in ('Account.Opened', '.Opened', ['Payment.Completed'], 'P' * 129):
            self.says({'status': 'UNKNOWN', 'unknownBecause': 'CONTEXT'}, V2, v2({'type': kind}))

    def test_a_payment_return_is_a_payment_of_kind_return(self):
        self.says({
            'paymentKey': 'x:R', 'kind': 'RETURN', 'status': 'COMPLETED', 'relatesTo': None, 'rail': 'RTP',
            'occurredAt': 1772704800000, 'amount': {'value': '50.00', 'currency': 'BRL'}, 'endToEndId': 'E',
            'references': [{'type': 'bankReferenceNumber', 'value': 'BR-77'}]}, V2, returned(
                value={'amount': '50.00', 'currency': 'BRL'}, paymentType='RTP', paymentIdentifiers={'endToEndId': 'E'},
                originalPaymentIdentifiers={'bankReferenceNumber': 'BR-77'}))
        self.says({'amount': {'value': '5', 'currency': 'USD'}}, V2, returned(value={'amount': '5'}))
        reading = read(V2, returned(originalPaymentIdentifiers={'paymentId': UUID}))
        self.assertEqual(['x:R', 'x:' + UUID.lower()], [event['paymentKey'] for event in reading.events])
        self.assertEqual([None, 'x:R'], [event['childKey'] for event in reading.events])

    def test_only_one_list_is_read_and_the_other_is_not_ignored_silently(self):
        both = v2()
        both['data']['returns'] = returned()['data']['returns']
        reading = read(V2, both)
        self.assertEqual((['x:P'], {None: 'unexpected-shape'}),
                         ([event['paymentKey'] for event in reading.events], reading.dead_elements))
        self.assertEqual(1, read(V2, {'data': {'returns': []}}).set_aside)
        self.assertEqual(1, read(V2, {'data': {'returns': []}, 'events': None}).set_aside)
        for body in ({'data': {'payments': [], 'returns': {'returnId': 'R'}}}, {'data': 'x', 'events': []}):
            self.dead('unexpected-shape', None, V2, body)
            self.assertEqual(0, read(V2, body).set_aside)

    def test_a_payment_beside_what_is_read_is_not_ignored_silently(self):
        other = {'paymentId': 'Q', 'paymentStatus': 'REJECTED'}
        for more in ({'payment': other}, {'x': [[other]]}, {'resource': json.dumps(other)}):
            self.assertEqual((['x:P'], {None: 'unexpected-shape'}), self.outcome(V2, v2(more)))
            self.assertEqual(([], {None: 'unexpected-shape'}), self.outcome(V2, {'data': {'payments': []}, **more}))
        first = {'firmRootId': 'F', 'paymentStatus': 'PENDING'}
        self.assertEqual((['x:A'], {None: 'unexpected-shape'}), self.outcome(V1, {**v1(), 'Callbacks': [first]}))
        self.assertEqual(([], {None: 'unexpected-shape'}), self.outcome(V1, {'callbacks': [], **first}))
        void = {'PaymentTransactionID': 'B', 'CurrentTransactionStatusCode': 'V'}
        tags = ''.join(f'<{name}>{value}</{name}>' for name, value in void.items())
        for body, content_type in (
                (sale(Transactions=[void]), JSON), (sale(Transactions=json.dumps(void)), JSON),
                (f'<m><transactionID>AB</transactionID><transactionStatus>C</transactionStatus><T>{tags}</T></m>', XML)):
            self.assertEqual((['x:ab'], {None: 'unexpected-shape'}), self.outcome(INSTAMED, body, content_type))
        for provider, body in ((V2, v2({'x': {'paymentId': 'Q'}})), (V2, v2(x=other)), (V1, v1(x=first)),
                               (INSTAMED, sale(AdditionalInfo1=json.dumps(void)))):
            self.assertEqual({}, read(provider, body).dead_elements)

    def outcome(self, provider, body, content_type=JSON):
        reading = read(provider, body, content_type)
        self.assertEqual(0, reading.set_aside)
        return [event['paymentKey'] for event in reading.events], reading.dead_elements

    def test_a_body_of_another_product_is_distinguished_from_a_broken_one_of_ours(self):
        for provider, body in ((V1, {'notifications': []}), (V2, {'data': {'accounts': []}}), (V2, {'callbacks': [v1()]}),
                               (V1, v2()), (INSTAMED, {'a': '1'})):
            self.dead('foreign-product', None, provider, body)
        self.dead('foreign-product', None, INSTAMED, 'a=1', FORM)
        for provider, body in ((V1, {'callbacks': {}}), (V1, {}), (V1, '[]'), (V1, '5'), (V2, {'data': {'payments': None}}),
                               (V2, {'events': 'x'}), (V2, '{}'), (INSTAMED, '[]'), (INSTAMED, '{}'),
                               (V1, {'Callbacks': [{'firmRootId': 'F'}]}), (V1, {'endToEndId': 'E', 'paymentStatus': 'PENDING'}),
                               (V2, {'data': None}), (V2, {'data': {}}), (V2, {'data': [{'paymentId': 'P'}]}), (V2, {'payments': []}),
                               (V2, {'data': '{"payments":[]}'}), (V2, {'x': '{\\"paymentId\\":1}'}),
                               (INSTAMED, {'Payment': {'PaymentTransactionID': 'A'}}), (V2, {'data_base64': 'e30='}),
                               (INSTAMED, {'Fields': [{'Name': 'PaymentTransactionID', 'Value': 'A'}]}),
                               (INSTAMED, '<m><Field><Name>PaymentTransactionID</Name></Field></m>'),
                               (INSTAMED, '<m><Field Name="PaymentTransactionID"/></m>')):
            self.dead('unexpected-shape', None, provider, body)

    def test_a_part_of_a_form_without_a_name_or_value_is_skipped(self):
        for before, after in (('=y&', ''), ('x&', '&Amount'), ('PatientLastName=A & B&', ''), ('&&', '&%')):
            reading = read(INSTAMED, before + 'transactionID=A1&transactionStatus=C' + after, FORM)
            self.assertEqual((['x:a1'], {}), ([event['paymentKey'] for event in reading.events], reading.dead_elements))
        for body in ('transactionID', '=x', '&'):
            self.dead('invalid-form', None, INSTAMED, body, FORM)

    def test_a_transaction_identifier_is_read_in_both_its_places(self):
        others, outer = {'otherPaymentReferences': {'transactionIdentifier': 'T'}}, {'transactionIdentifier': 'T'}
        for ids in (others, outer, {**others, 'transactionIdentifier': 'old'}):
            self.says({'references': [{'type': 'transactionIdentifier', 'value': 'T'}]}, V2, v2(paymentIdentifiers=ids))

    def test_a_review_of_version_1_is_a_hold(self):
        self.says({'status': 'ON_HOLD', 'holdReason': 'PENDING_JPM_REVIEW'}, V1, v1(paymentStatus='PENDING_JPM_REVIEW'))

    def test_a_list_of_returns_decides_whatever_the_type_says(self):
        self.says({'kind': 'RETURN', 'status': 'COMPLETED', 'sourceType': 'PaymentReturn'}, V2,
                  returned({'type': 'PaymentReturn.Completed'}))
        self.says({'status': 'UNKNOWN', 'unknownBecause': 'CONTEXT'}, V2,
                  returned({'type': 'PaymentReturn.Completed', 'eventcontext': 'x'}))

    def test_a_context_counts_in_any_case_and_place(self):
        about_another = {'status': 'UNKNOWN', 'unknownBecause': 'CONTEXT', 'eventContext': 'X'}
        for name in ('eventcontext', 'EventContext', 'EVENTCONTEXT'):
            self.says(about_another, V2, v2({name: 'X'}))
            self.says(about_another, V2, v2(**{name: 'X'}))
            within = v2()
            within['data'][name] = 'X'
            self.says(about_another, V2, within)
        self.says({**about_another, 'eventContext': None, 'unreadable': ['eventcontext']}, V2, v2({'EventContext': 7}))

    def test_what_was_returned_and_how_much_must_not_be_a_choice(self):
        start = '{"data":{"returns":[{"returnId":"R","returnStatus":"COMPLETED",'
        self.dead('ambiguous', 'originalPaymentIdentifiers.paymentId', V2,
                  start + '"originalPaymentIdentifiers":{"paymentId":"o1","paymentId":"o2"}}]}}')
        self.says({'amount': None, 'unreadable': ['value.amount']}, V2, start + '"value":{"amount":"5","amount":"6"}}]}}')
        self.says({'amount': {'value': '5', 'currency': None}, 'unreadable': ['value.currency']}, V2,
                  start + '"value":{"amount":"5","currency":"USD","currency":null}}]}}')

    def test_a_mark_that_can_affect_the_status_is_never_left_out(self):
        ids = dict.fromkeys(('endToEndId', 'paymentBatchId', 'achTraceNumber', 'transactionIdentifier'), 7)
        ids['otherPaymentReferences'] = dict.fromkeys(('uetr', 'relatedReferenceId', 'transactionIdentifier'), 7)
        event = self.event(V2, v2({'id': 7, 'type': 7}, paymentIdentifiers=ids, clearingSystem={'name': 7, 'reference': 7},
                                  gpi={'status': 7}, fxInformation={'appliedRate': 'x'}, paymentType=7, transferType=7,
                                  paymentSubStatus=7, valueDate=7))
        self.assertEqual((16, True), (len(event['unreadable']), 'type' in event['unreadable']))
        self.assertNotIn('paymentIdentifiers.transactionIdentifier', event['unreadable'])

    def test_a_currency_is_three_letters(self):
        for text, currency, marks in (('brl', 'BRL', []), ('EURO', None, ['value.currency']), ('\u20ac', None, ['value.currency'])):
            self.says({'amount': {'value': '5', 'currency': currency}, 'unreadable': marks}, V2,
                      returned(value={'amount': '5', 'currency': text}))

    def test_every_blank_and_dash_counts_like_its_ascii_equivalent(self):
        for text, status in (('PENDING\u00a0JPM REVIEW', 'ON_HOLD'), ('PENDING\u202fJPM_REVIEW', 'ON_HOLD'),
                             ('COMPLETED\u2013CREDITED', 'CREDITED'), ('COMPLETED\u00c9', 'UNKNOWN')):
            self.says({'status': status}, V1, v1(paymentStatus=text))
        self.says({'kind': 'REFUND', 'status': 'COMPLETED'}, INSTAMED,
                  sale(TransactionAction='Simple\u00a0Refund', OriginalTransactionID='Q'))

    # InstaMed.

    def test_blanks_around_a_name_are_ignored(self):
        self.says({'paymentKey': 'x:a'}, INSTAMED, 'transactionID = A & transactionStatus = C', FORM)

    def test_names_are_read_in_any_case_in_every_format(self):
        refund = {'transactionID': 'R', 'originalTransactionId': 'Q', 'transactionAction': 'SimpleRefund',
                  'currentTransactionStatusCode': 'S', 'amount': '2.00'}
        tags = ''.join(f'<{name}>{value}</{name}>' for name, value in refund.items())
        for body, content_type in ((refund, JSON), ('&'.join(map('='.join, refund.items())), FORM), (f'<m>{tags}</m>', XML)):
            self.says({'kind': 'REFUND', 'status': 'SETTLED', 'relatesTo': 'x:q', 'amount': {'value': '2.00', 'currency': 'USD'}},
                      INSTAMED, body, content_type)
        self.dead('ambiguous', 'Amount', INSTAMED, sale(Amount='1', amount='2'))
        self.dead('ambiguous', 'Amount', INSTAMED, json.dumps(sale())[:-1] + ',"amount":1,"amount":2}')

    def test_money_out_is_never_counted_as_money_in(self):
        for action in ('Refund', 'Credit', 'SimpleRefund', 'Simple Refund', 'SIMPLE_REFUND'):
            self.says({'kind': 'REFUND', 'status': 'SETTLED', 'relatesTo': 'x:q'}, INSTAMED,
                      sale(TransactionAction=action, CurrentTransactionStatusCode='S', OriginalTransactionID='Q'))
        for action in ('Adjust', None, 7):
            self.says({'kind': 'UNKNOWN', 'status': 'UNKNOWN', 'unknownBecause': 'STATUS', 'relatesTo': 'x:q'}, INSTAMED,
                      sale(TransactionAction=action, CurrentTransactionStatusCode='S', OriginalTransactionID='Q'))
        for code, kind in (('CB', 'CHARGEBACK'), ('RI', 'RETURN')):
            self.says({'kind': kind, 'status': 'COMPLETED'}, INSTAMED,
                      sale(TransactionAction='Adjust', CurrentTransactionStatusCode=code, OriginalTransactionID='Q'))
        self.says({'kind': 'PAYMENT', 'status': 'AUTHORIZED', 'relatesTo': 'x:q'}, INSTAMED, sale(OriginalTransactionID='Q'))
        self.says({'kind': 'PAYMENT', 'status': 'SETTLED', 'relatesTo': None}, INSTAMED,
                  sale(TransactionAction='Adjust', CurrentTransactionStatusCode='S'))
        for code in ('S', 'C', 'Z'):
            self.says({'kind': 'UNKNOWN', 'status': 'UNKNOWN', 'unreadable': ['TransactionAction']}, INSTAMED,
                      sale(TransactionAction=['Refund'], CurrentTransactionStatusCode=code))
        self.says({'kind': 'PAYMENT', 'status': 'VOIDED', 'unreadable': ['TransactionAction']}, INSTAMED,
                  sale(TransactionAction=['Refund'], CurrentTransactionStatusCode='V'))

    def test_a_voided_refund_is_a_refund(self):
        for action, kind in (('Refund', 'REFUND'), ('SimpleRefund', 'REFUND'), ('Sale', 'PAYMENT'), (None, 'PAYMENT')):
            self.says({'kind': kind, 'status': 'VOIDED', 'relatesTo': None}, INSTAMED,
                      sale(TransactionAction=action, primaryTransactionStatus='V'))

    def test_numbers_with_an_exponent_are_exact(self):
        for text, value in (('1E2', '100'), ('1.50e1', '15.0'), ('1e-3', '0.001'), ('-0.0', '-0.0'), ('1e99', None)):
            amount = {'value': value, 'currency': 'USD'} if value is not None else None
            self.says({'amount': amount}, INSTAMED,
                      f'{{"PaymentTransactionID":"A","CurrentTransactionStatusCode":"S","Amount":{text}}}')

    def test_a_character_that_the_format_does_not_allow_makes_only_its_field_unreadable(self):
        self.says({'status': 'SETTLED', 'unreadable': ['CLMREF']}, INSTAMED,
                  'transactionID=A&transactionStatus=S&CLMREF=5%25%&x=%zz', FORM)
        self.says({'status': 'SETTLED', 'unreadable': ['CLMREF']}, INSTAMED,
                  '<r><transactionID>A</transactionID><transactionStatus>S</transactionStatus><CLMREF>a&#1;</CLMREF><x>\x01</x></r>',
                  XML)

    def test_an_unreadable_original_is_another_transaction(self):
        self.says({'kind': 'UNKNOWN', 'status': 'UNKNOWN', 'relatesTo': None, 'unreadable': ['OriginalTransactionID']},
                  INSTAMED, sale(TransactionAction='Adjust', OriginalTransactionID='Q' * 129))
        self.says({'kind': 'REFUND', 'relatesTo': None}, INSTAMED, sale(TransactionAction='Refund', OriginalTransactionID=[]))
        self.says({'kind': 'RETURN', 'status': 'COMPLETED'}, INSTAMED,
                  sale(CurrentTransactionStatusCode='RI', OriginalTransactionID=[]))

    def test_the_approved_amount_is_the_amount(self):
        part = {'value': '3.00', 'currency': 'USD'}
        whole = {'value': '5.00', 'currency': 'USD'}
        for said in ({'IsPartiallyApproved': 'true'}, {'IsPartiallyApproved': 'Y'}, {'IsPartiallyApproved': '1'},
                     {'IsPartiallyApproved': ' YES '}, {'ResponseCode': '010'}):
            self.says({'partialApproval': True, 'amount': part, 'requestAmount': whole}, INSTAMED,
                      sale(Amount='5.00', RequestAmount='5.00', PartialApprovalAmount='3.00', **said))
            self.says({'partialApproval': True, 'amount': whole}, INSTAMED, sale(Amount='5.00', **said))
            self.says({'partialApproval': True, 'amount': None, 'unreadable': ['PartialApprovalAmount']}, INSTAMED,
                      sale(Amount='5.00', PartialApprovalAmount='three', **said))
        self.says({'partialApproval': False, 'amount': whole}, INSTAMED,
                  sale(Amount='5.00', PartialApprovalAmount='3.00', IsPartiallyApproved='false'))

    # Fields.

    def test_a_detail_never_costs_the_status(self):
        for fields, name in (({'endToEndId': 'E' * 129}, 'endToEndId'), ({'endToEndId': 'a\u0001b'}, 'endToEndId'),
                             ({'fx': []}, 'fx'), ({'fx': {'appliedRate': '1,5'}}, 'fx.appliedRate'),
                             ({'clearingSystemReference': 5}, 'clearingSystemReference'),
                             ({'clearingSystemReference': {'a': 'b'}}, 'clearingSystemReference')):
            self.says({'status': 'COMPLETED', 'unreadable': [name]}, V1, v1(**fields))
        self.says({'status': 'COMPLETED', 'valueDate': None, 'gpiStatus': None, 'rail': 'ACH', 'unreadable': [
            'clearingSystem', 'gpi.status', 'paymentIdentifiers.otherPaymentReferences.uetr', 'valueDate']}, V2, v2(
                valueDate='2026-02-30', gpi={'status': 'G' * 65}, clearingSystem=7, paymentType='ACH',
                paymentIdentifiers={'otherPaymentReferences': {'uetr': ['u']}}))
        self.says({'status': 'AUTHORIZED', 'amount': None, 'unreadable': ['Amount']}, INSTAMED, sale(Amount='1,000.00'))

    def test_only_deciding_fields_make_a_dead_letter(self):
        self.dead('invalid-field', 'firmRootId', V1, v1(firmRootId='A' * 129, endToEndId='E'))
        self.dead('invalid-field', 'endToEndId', V1, v1(firmRootId=None, endToEndId=5))
        self.dead('invalid-field', 'paymentStatus', V1, v1(paymentStatus='a\u0007b'))
        self.dead('invalid-field', 'paymentId', V2, v2(paymentId='\ud800'))
        self.dead('invalid-field', 'returnStatus', V2, returned(returnStatus=1))
        self.dead('invalid-field', 'PaymentTransactionID', INSTAMED, sale(PaymentTransactionID=5))
        self.dead('missing-status', None, INSTAMED, sale(CurrentTransactionStatusCode=' '))

    def test_an_unreadable_context_or_type_still_counts_and_an_unreadable_sub_status_does_not(self):
        self.says({'status': 'UNKNOWN', 'unknownBecause': 'CONTEXT', 'eventContext': None, 'unreadable': ['eventcontext']},
                  V2, v2({'eventcontext': 5}))
        self.says({'status': 'UNKNOWN', 'sourceType': None, 'unreadable': ['type']}, V2, v2({'type': {}}))
        self.says({'status': 'COMPLETED', 'sourceSubStatus': None, 'unreadable': ['paymentSubStatus']},
                  V2, v2(paymentSubStatus='S' * 65))

    def test_reasons_have_their_own_limit(self):
        self.says({'reasons': [], 'reasonsOmitted': 1, 'unreadable': []}, V1, v1(exceptions='x'))
        self.says({'reasonsOmitted': 2, 'unreadable': []}, V2,
                  v2(exceptions=[{'code': 'free text'}, {'code': '1', 'additionalContext': 'x'}]))

    def test_texts_are_stripped_alike_in_every_format(self):
        around = '\u200b\ufeff \u00a0AB\u2060\t\u200d '
        expected = {'paymentKey': 'x:ab', 'status': 'VOIDED'}
        self.says(expected, INSTAMED, sale(PaymentTransactionID=around, CurrentTransactionStatusCode=' V '))
        self.says(expected, INSTAMED, f'transactionID={around}&transactionStatus=+V+', FORM)
        self.says(expected, INSTAMED, f'<r><transactionID>{around}</transactionID><transactionStatus> V\n</transactionStatus></r>',
                  XML)
        self.says({'paymentKey': 'x:A', 'references': []}, V1, v1(firmRootId=' A ', clearingSystemReference='\u200b'))

    def test_a_placeholder_is_not_an_id(self):
        for text in ('NOTPROVIDED', 'not provided', 'Not_Provided', 'NOT-PROVIDED', 'n/a', 'null', 'None', 'nil', 'undefined',
                     '0', '0000', '{00000000-0000-0000-0000-000000000000}', '(null)', 'NA', 'NOTPROVIDED.', "'NULL'", '-'):
            self.dead('missing-payment-id', None, V1, v1(firmRootId=text, endToEndId=text))
            self.dead('missing-payment-id', None, INSTAMED, sale(PaymentTransactionID=text))
            self.says({'relatesTo': None, 'kind': 'REFUND'}, INSTAMED,
                      sale(TransactionAction='Refund', OriginalTransactionID=text))
            self.says({'references': [], 'endToEndId': None, 'providerEventId': None}, V2, v2(
                {'id': text}, paymentIdentifiers={'endToEndId': text, 'otherPaymentReferences': {'uetr': text}}))
        self.says({'paymentKey': 'x:NULLA'}, V1, v1(firmRootId='NULLA'))

    def test_only_ids_known_to_be_case_insensitive_are_lower_cased(self):
        self.says({'paymentKey': 'x:' + UUID.lower()}, V2, v2(paymentId=UUID))
        self.says({'paymentKey': 'x:aB'}, V2, v2(paymentId='aB'))
        self.says({'paymentKey': 'x:' + UUID}, V1, v1(firmRootId=UUID))
        self.says({'paymentKey': 'x:ab'}, INSTAMED, sale())

    # The same name twice.

    def test_two_values_of_a_field_that_is_read_are_ambiguous(self):
        one, other = json.dumps(v1())[1:-1], json.dumps(v1(firmRootId='B'))[1:-1]
        self.dead('ambiguous', 'callbacks', V1, f'{{{one},{other}}}')
        self.dead('ambiguous', 'data', V2, '{"data":{"payments":[]},"data":{"payments":[{}]}}')
        self.dead('ambiguous', 'data.returns', V2, '{"data":{"returns":[],"returns":[{}]}}')
        self.dead('ambiguous', 'type', V2, '{"type":"A.B","type":"Payment.C","data":{"payments":[{}]}}')
        self.dead('ambiguous', 'time', V2, '{"time":"a","time":"b","data":{"returns":[{}]}}')
        self.dead('ambiguous', 'paymentStatus', V1,
                  '{"callbacks":[{"firmRootId":"A","paymentStatus":"PENDING","paymentStatus":"COMPLETED"}]}')
        self.dead('ambiguous', 'Amount', INSTAMED, '{"PaymentTransactionID":"A","Amount":"1","Amount":"2"}')
        self.dead('ambiguous', 'Amount', INSTAMED, 'transactionID=A&transactionStatus=S&amount=1&AMOUNT=2', FORM)
        self.dead('ambiguous', 'PaymentTransactionID', INSTAMED,
                  '<r><PaymentTransactionID>A</PaymentTransactionID><transactionID>B</transactionID></r>', XML)

    def test_equal_values_and_fields_that_are_not_read_are_not_ambiguous(self):
        one = json.dumps(v1())[1:-1]
        self.says({'status': 'COMPLETED'}, V1, f'{{{one},{one},"n":1,"n":2}}')
        self.says({'endToEndId': 'F'}, V2, '{"data":{"payments":[{"paymentId":"P","paymentStatus":"COMPLETED","a":1,"a":2,'
                  '"paymentIdentifiers":{"endToEndId":"E","endToEndId":"F"}}]}}')
        self.says({'providerEventId': 'other'}, V2, json.dumps(v2())[:-1] + ',"id":"other"}')
        self.says({'status': 'SETTLED'}, INSTAMED, 'transactionID=A&transactionStatus=S&transactionStatus=S&a=1&a=2', FORM)

    def test_invisible_characters_make_no_difference(self):
        self.says({'status': 'SETTLED'}, INSTAMED, '{"PaymentTransactionID":"A","CurrentTransactionStatusCode":"S",'
                  '"CurrentTransactionStatusCode":" S\\u200b"}')
        self.says({'status': 'SETTLED'}, INSTAMED, 'transactionID=A&transactionStatus=S&transactionStatus=%20S', FORM)
        self.dead('ambiguous', 'CurrentTransactionStatusCode', INSTAMED, 'transactionID=A&transactionStatus=%&transactionStatus=%',
                  FORM)

    # Character sets.

    def test_another_character_set_in_a_field_that_is_not_read_has_no_effect(self):
        self.says({'status': 'SETTLED', 'unreadable': []}, INSTAMED,
                  b'transactionID=A&transactionStatus=S&PatientLastName=Nu%F1ez&FirstName=Jos\xe9', FORM)
        self.says({'status': 'COMPLETED', 'unreadable': []}, V1,
                  json.dumps(v1(note='@')).encode().replace(b'@', b'\xf1'))

    def test_a_guessed_text_is_unreadable_where_it_is_read(self):
        odd = json.dumps(v1(endToEndId='@')).encode().replace(b'@', b'\xf1')
        self.says({'endToEndId': None, 'unreadable': ['endToEndId']}, V1, odd)
        self.dead('invalid-utf8', 'firmRootId', V1, json.dumps(v1(firmRootId='@')).encode().replace(b'@', b'\xf1'))
        for charset in ('utf-8', 'us-ascii', 'koi8-r'):
            self.says({'endToEndId': None}, V1, odd, f'{JSON}; charset={charset}')
        for charset in ('iso-8859-1', '"Windows-1252"'):
            self.says({'endToEndId': '\u00f1', 'unreadable': []}, V1, odd, f'{JSON}; charset={charset}')
        self.dead('invalid-utf8', 'CurrentTransactionStatusCode', INSTAMED, b'transactionID=A&transactionStatus=%F1', FORM)
        self.says({'references': [{'type': 'CLMREF', 'value': '\u00f1'}]}, INSTAMED,
                  b'transactionID=A&transactionStatus=S&CLMREF=%C3%B1&x=%F1', FORM)

    def test_a_declared_character_set_is_used(self):
        self.says({'references': [{'type': 'CLMREF', 'value': '\u00f1'}]}, INSTAMED,
                  b'<?xml version="1.0" encoding="ISO-8859-1"?><r><transactionID>A</transactionID>'
                  b'<transactionStatus>S</transactionStatus><CLMREF>\xf1</CLMREF></r>', XML)
        for charset in ('utf-16-le', 'utf-16-be'):
            self.says({'endToEndId': '\u00f1'}, V1, ('\ufeff' + json.dumps(v1(endToEndId='\u00f1'))).encode(charset))
            self.says({'endToEndId': '\u00f1'}, V1, json.dumps(v1(endToEndId='\u00f1'), ensure_ascii=False).encode(charset))
            lone = json.dumps(v1(note='@')).replace('@', '\ud83d').encode(charset, 'surrogatepass')
            self.says({'endToEndId': None, 'unreadable': []}, V1, lone)

    def test_only_a_text_makes_a_payment_plan(self):
        self.assertEqual(1, read(INSTAMED, sale(PaymentPlanTransactionType='Created')).set_aside)
        for nothing in ('N/A', 'null', ' None ', '', None):
            self.says({'status': 'AUTHORIZED', 'unreadable': []}, INSTAMED, sale(PaymentPlanTransactionType=nothing))
        for odd in (False, 0, {}, ['Created']):
            self.says({'status': 'AUTHORIZED', 'unreadable': ['PaymentPlanTransactionType']}, INSTAMED,
                      sale(PaymentPlanTransactionType=odd))

    def test_a_byte_order_mark_of_utf_8_changes_nothing(self):
        mark = b'\xef\xbb\xbf'
        self.says({'status': 'COMPLETED'}, V1, mark + json.dumps(v1(note='@')).encode().replace(b'@', b'\xf1'))
        self.says({'status': 'SETTLED', 'unreadable': []}, INSTAMED,
                  mark + b'transactionID=A&transactionStatus=S&PatientLastName=Nu\xf1ez', FORM)

    # Times.

    def test_times_are_read_in_every_common_spelling(self):
        nine = 1772355960000
        for text, ms in (
                ('2026-03-01T09:06Z', nine), ('2026-03-01t09:06:00z', nine), ('2026-03-01 09:06:00,000Z', nine),
                ('20260301T090600Z', nine), ('20260301T0906Z', nine), ('2026-03-01T09:05:60Z', nine),
                ('2026-03-01T10:06:00+01', nine), ('2026-03-01T10:06:00+0100', nine), ('2026-03-01T08:06:00\u221201:00', nine),
                ('2026-03-01T10:06:00+01:00[Europe/Paris]', nine), ('2026-03-01T09:06:00UTC', nine),
                ('2026-03-01T09:06:00GMT', nine), (' 2026-03-01T09:06:00Z\u00a0', nine),
                ('2026-03-01T09:06:00.1234567890123Z', nine + 123), ('2026-03-01T09:05:60.5Z', nine + 500),
                ('2026-02-28T24:00Z', nine - 9 * 3_600_000 - 360_000), ('2026-03-01T09Z', nine - 360_000)):
            with self.subTest(text):
                self.says({'occurredAt': ms, 'zoneAssumed': False, 'timeUnreadable': False}, V1, v1(createDateTime=text))
        for text in ('3/1/2026 9:06 AM', '03/01/2026 9:06:00am', '3/1/2026 9:06:00\u202fAM', '3/1/2026 09:06:00.000\u00a0am',
                     '3/1/2026 09:06', '20260301090600'):
            with self.subTest(text):
                self.says({'occurredAt': nine, 'zoneAssumed': True}, INSTAMED, sale(ResponseDateTime=text))

    def test_the_name_of_a_zone_is_not_published(self):
        for text in ('2026-03-01T10:06:00+01:00', '0001-01-01T00:00:00Z'):
            self.says({'occurredAtText': text}, V1, v1(createDateTime=text + '[Some/Name][x=y]'))
        self.says({'valueDate': '2026-03-01T10:06:00Z'}, V2, v2(valueDate='2026-03-01T10:06:00Z[Some/Name]'))

    def test_an_unreadable_time_differs_from_a_missing_one(self):
        for value in ('yesterday', '2026-02-30T00:00:00Z', '2026-03-01T25:00Z', '2026-03-01T24:01Z', '1969-12-31T00:00:00Z',
                      '13/13/2026 1:00 AM', '2026-03-01T09:06:00+25:00', 1772355960000, '2026-03-01T09:06:00.' + '0' * 60 + 'Z'):
            with self.subTest(value):
                self.says({'status': 'COMPLETED', 'occurredAt': None, 'occurredAtPrecision': 'NONE', 'timeUnreadable': True,
                           'unreadable': []}, V1, v1(createDateTime=value))
        for value in (None, '', ' ', '0001-01-01T00:00:00', '0001-01-01T00:00:00Z'):
            with self.subTest(value):
                self.says({'occurredAt': None, 'timeUnreadable': False}, V1, v1(createDateTime=value))
        self.says({'valueDate': None, 'unreadable': []}, V2, v2(valueDate='0001-01-01'))

    def test_an_unreadable_time_is_published_only_if_it_looks_like_one(self):
        for text in ('2026-02-30T00:00:00Z', '14/12/2017 11:58:06 PM', '2025-12-12  23:59:59', '14.12.17', '2025-12-12Z',
                     '2025-12-12T23:59:59\u221224:00', '12/14/2017 11:58 a.m.', '2025-12-12T235959Z'):
            with self.subTest(text):
                self.says({'occurredAtText': text, 'timeUnreadable': True}, V1, v1(createDateTime=text))
        for text in ('Some Name 0000000000000000', '0000 0000 0000 0000', '000-00-0000', '2025-12-12 Some Name',
                     '00-00-00 00000000', '00/00/0000 0000000000000000', '1.000.000.0000', '2025-12-12T25:00.0000000000000000',
                     '12/12/2025 PAM', '20171314235806', '2025-12-12T23:59:59EST', '2025-12-12 0000 0000 0000 0000'):
            with self.subTest(text):
                self.says({'occurredAtText': None, 'timeUnreadable': True}, V1, v1(createDateTime=text))


if __name__ == '__main__':
    unittest.main()
