"""Reads every golden callback of test/providers and prints the differences as JSON; exits with 1 if there are any."""

import itertools
import json
import sys
from pathlib import Path

from callbacks import read_callback
from fold import fold
from judge_callbacks import counts_before, identity_of

CONTENT_TYPES = {'.json': 'application/json', '.form': 'application/x-www-form-urlencoded', '.xml': 'application/xml'}
# Origin of the event, or the product's own names: not part of a reading.
NOT_READ = {'eventId', 'source', 'provider', 'mappingVersion', 'withdrawn', 'callbackId', 'receivedAt', 'authenticity', 'naturalKey'}


def main(providers):
    read, differences = 0, []
    for expected_file in sorted(providers.glob('*/fixtures/*.expected.json')):
        name = expected_file.name.removesuffix('.expected.json')
        for body_file in [expected_file.with_name(name + suffix) for suffix in CONTENT_TYPES]:
            if body_file.exists():
                read += 1
                differences += compare(body_file, json.loads(expected_file.read_text()))
    flows = sorted(providers.glob('*/fixtures/flows/*'))
    for flow in flows:
        differences += compare_flow(flow)
    print(json.dumps({'read': read, 'flows': len(flows), 'differences': differences}, indent=1))
    return 1 if differences or read == 0 or not flows else 0


def compare(body_file, expected):
    provider = body_file.parent.parent.name
    where = f'{provider}/{body_file.name}'
    reading = read_callback(provider, 'acme', 'USD', CONTENT_TYPES[body_file.suffix], body_file.read_bytes())
    own = [event for event in reading.events if event['childKey'] is None]
    if len(own) != len(expected['events']):
        yield f'{where}: {len(own)} events here, {len(expected["events"])} there'
    for mine, theirs in zip(own, expected['events']):
        for field in sorted((mine.keys() | theirs.keys()) - NOT_READ):
            if mine.get(field) != theirs.get(field):
                yield f'{where}#{theirs["element"]}: {field} is {mine.get(field)!r} here, {theirs.get(field)!r} there'
    theirs = {letter['element']: letter['reason'] for letter in expected['deadLetters']}
    if reading.dead_elements != theirs:
        yield f'{where}: dead letters are {reading.dead_elements} here, {theirs} there'
    if reading.set_aside != expected['setAside']:
        yield f'{where}: {reading.set_aside} set aside here, {expected["setAside"]} there'


def compare_flow(flow):
    provider = flow.parent.parent.parent.name
    files = sorted(file for file in flow.iterdir() if file.name != 'expected.json')
    readings = [read_callback(provider, 'acme', 'USD', CONTENT_TYPES[file.suffix], file.read_bytes()) for file in files]
    expected = {state['paymentKey']: state for state in json.loads((flow / 'expected.json').read_text())}
    for order in itertools.permutations(readings):
        events = {}
        for event in (event for reading in order for event in reading.events):
            identity = identity_of({**event, 'provider': provider})
            of_payment = events.setdefault(event['paymentKey'], {})
            if identity not in of_payment or counts_before(event, of_payment[identity]):
                of_payment[identity] = {**event, 'eventId': identity}
        for key in sorted(expected.keys() | events.keys()):
            state = fold(list(events.get(key, {}).values()))
            mine = {name: state[name] for name in ('status', 'kind', 'relatesTo', 'attention')}
            theirs = {name: expected.get(key, {}).get(name) for name in mine}
            if mine != theirs and (key in expected or state['status'] != 'UNKNOWN'):
                yield f'{provider}/{flow.name}: {key} comes to {mine} here, {theirs} there'


if __name__ == '__main__':
    sys.exit(main(Path(sys.argv[1])))
