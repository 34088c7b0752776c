"""Committed offsets, their metadata, and the view against the topics (I6, I8)."""

from due import due_at

VERDICTS = {'APPLIED': 'applied', 'LATE': 'late', 'REVISION': 'revision', 'CONFLICT': 'conflict', 'UNKNOWN': 'unknown',
            'RESTATED': 'restated', 'WITHDRAWN': 'withdrawn', 'OVERDUE': 'overdue'}
OUTCOMES = ['applied', 'late', 'revision', 'conflict', 'unknown', 'restated', 'withdrawn', 'duplicate', 'deadLetter']


def judge_commits(topics, committed, stable, offsets_moved, findings):
    """
    Compares the ends and totals in the metadata of the processor's commits with the topics. `topics` are records by topic id,
    `stable` are last stable offsets by (id, partition). After the offsets were moved, events are counted again.
    """
    for partition, commit in sorted(committed.items()):
        of_partition = {name: [record for record in topics[name] if record.partition == partition] for name in topics}
        if commit.metadata is None:
            if not offsets_moved:
                findings.wrong(f'I8: the committed offset of partition {partition} carries no metadata')
            continue
        for name, promised in commit.metadata['ends'].items():
            visible = of_partition[name][-1].offset + 1 if of_partition[name] else 0
            if int(promised) < visible:
                findings.wrong(f'{name} {partition} shows records up to {visible}, the commit tells of {promised} only')
            elif int(promised) > stable[name, partition]:
                findings.lost(f'the commit promises {name} {partition} up to {promised}, there is {stable[name, partition]}')
        judge_totals(partition, commit, of_partition, offsets_moved, findings)


def judge_totals(partition, commit, topics, offsets_moved, findings):
    totals = commit.metadata['totals']
    difference = totals['events'] - sum(totals[name] for name in OUTCOMES)
    if difference != 0:
        findings.wrong(f'I8: {difference} events of partition {partition} are unaccounted for')
    since = int(totals['since'])
    read = sum(since <= record.offset < commit.offset for record in topics['events'])
    if totals['events'] != read:
        findings.wrong(f'I8: the totals of partition {partition} count {totals["events"]} events since {since}, it has {read}')
    if offsets_moved:
        return
    expected = dict.fromkeys(VERDICTS.values(), 0)
    for record in topics['changes']:
        expected[VERDICTS[record.decoded['verdict']]] += 1
    expected['deadLetter'] = len(topics['eventDeadLetters'])
    with_event = sum(record.decoded['event'] is not None for record in topics['changes'])
    expected['duplicate'] = read - with_event - expected['deadLetter']
    for name, count in expected.items():
        if totals[name] != count:
            findings.wrong(f'I8: the totals of partition {partition} count {totals[name]} {name}, the topics hold {count}')


def view_differences(currents, views, cluster_id, stable, committed, policy):
    """Differences between the view in Redis and `current`; none at rest, whatever happened to Redis before."""
    for partition, view in enumerate(views):
        latest, references = {}, set()
        for record in currents:
            if record.partition == partition:
                latest.pop(record.key, None)
                if record.decoded is not None:
                    latest[record.key] = record
        for record in latest.values():
            if record.decoded['endToEndId'] is not None:
                references.add(record.decoded['endToEndId'].encode() + b'\0' + record.key)
        where = f'I6: the view of partition {partition}'
        for key, record in latest.items():
            if view.states.get(key) != record.value:
                yield f'{where} and current differ in {key.decode()}'
        for key in view.states.keys() - latest.keys():
            yield f'{where} has {key.decode()}, which is not in current'
        for key in view.due.keys() ^ latest.keys():
            yield f'{where} has no due time for {key.decode()}, or one too many'
        for key in view.due.keys() & latest.keys():
            expected = due_at(latest[key].decoded, policy)
            if view.due[key] != expected:
                yield f'{where} has {key.decode()} due at {view.due[key]:.0f}, but its state and the settings say {expected}'
        for name in references - view.references:
            yield f'{where} does not find {name.split(bytes(1))[1].decode()} by its endToEndId'
        for name in view.references - references:
            yield f'{where} finds {name.split(bytes(1))[1].decode()} by an endToEndId that it does not have'
        if view.marker is None:
            if latest:
                yield f'{where} has no marker'
            continue
        visible = max((record.offset + 1 for record in currents if record.partition == partition), default=0)
        if not visible <= int(view.marker['viewNext']) <= stable['current', partition]:
            yield f'{where} says it reaches {view.marker["viewNext"]}; current reaches {visible}'
        if view.marker['clusterId'] != cluster_id:
            yield f'{where} is that of another cluster'
        commit = committed.get(partition)
        if commit is not None and commit.metadata is not None and view.marker['totals'] != commit.metadata['totals']:
            yield f'{where} counts other totals than the committed offset'
