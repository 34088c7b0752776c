"""
Reads the fields of an element: deciding fields must be readable; any other unreadable field is left out.
"""

import re
import unicodedata
from decimal import Decimal
from string import punctuation

from bodies import STRIPPED, Guessed, Number, Undeliverable
from times import NoTime, NotATime, TEXT_MAX, is_iso_date, looks_like_a_time, read_time, without_zone_name

LIST_MAX = 16
ID_MAX, WORD_MAX, DECIMAL_MAX = 128, 64, 64
NO_IDS = {'', 'NOTPROVIDED', 'NA', 'NULL', 'NONE', 'NIL', 'UNDEFINED'}


class Unreadable(Exception):
    """A given field is unreadable; `str` is the reason of the dead letter if it is a deciding field."""


def readable(value, length):
    """The text, or None if none is given. Raises Unreadable for other types, excessive length and forbidden characters."""
    if value is None:
        return None
    if isinstance(value, Number) or not isinstance(value, str):
        raise Unreadable('invalid-field')
    text = value.strip(STRIPPED)
    if text == '':
        return None
    if isinstance(value, Guessed) and not text.isascii():
        raise Unreadable('invalid-utf8')
    if len(text.encode('utf-16-le', 'surrogatepass')) // 2 > length:
        raise Unreadable('invalid-field')
    if any(unicodedata.category(character) in ('Cc', 'Cs') for character in text):
        raise Unreadable('invalid-field')
    return text


def is_given(value):
    """True even if it is unreadable."""
    return value is not None and not (isinstance(value, str) and value.strip(STRIPPED) == '')


def soft(value, length):
    """A part of a reason; None if it is unusable."""
    try:
        return readable(value, length)
    except Unreadable:
        return None


def is_no_id(text):
    """Whether it is a placeholder that senders use in place of an id."""
    plain = ''.join(character for character in text if character not in punctuation and not character.isspace())
    return plain.upper() in NO_IDS or set(plain) == {'0'}


class Fields:
    """The fields of one object. `marks` collects the names of given but unreadable fields."""

    def __init__(self, values, marks, path=''):
        self.values, self.marks, self.path = values, marks, path

    def given(self, name):
        return self.values.get(name)

    def refuse_contradictions(self, names):
        """Rejects repeated names with different values: any choice would lose one."""
        for name in names:
            if name in getattr(self.values, 'contradicted', ()):
                raise Undeliverable('ambiguous', self.path + name)

    # Deciding fields.

    def deciding(self, name, length):
        try:
            return readable(self.given(name), length)
        except Unreadable as why:
            raise Undeliverable(str(why), self.path + name) from None

    def deciding_id(self, name):
        return real_id(self.deciding(name, ID_MAX))

    # Fields that are left out if they are unreadable.

    def word(self, name, length=WORD_MAX):
        try:
            return readable(self.given(name), length)
        except Unreadable:
            self.mark(name)
            return None

    def currency(self, name):
        text = self.word(name)
        if text is not None and not re.fullmatch('[A-Za-z]{3}', text):
            self.mark(name)
            return None
        return text.upper() if text is not None else None

    def id(self, name):
        return real_id(self.word(name, ID_MAX))

    def decimal(self, name):
        value = self.given(name)
        text = plain_decimal(value) if isinstance(value, Number) else self.word(name, DECIMAL_MAX)
        if text is not None and not re.fullmatch(r'-?[0-9]+(\.[0-9]+)?', text) or len(text or '') > DECIMAL_MAX:
            self.mark(name)
            return None
        return text

    def day(self, name):
        text = self.word(name)
        try:
            if text is not None and not is_iso_date(text):
                self.mark(name)
                return None
        except NoTime:
            return None
        return text and without_zone_name(text)

    def nested(self, name):
        value = self.given(name)
        if is_given(value) and not isinstance(value, dict):
            self.mark(name)
        return Fields(value if isinstance(value, dict) else {}, self.marks, f'{self.path}{name}.')

    def inside(self, name):
        """The fields of an object, if it is one. Its names are not marked with their path."""
        value = self.given(name)
        return Fields(value if isinstance(value, dict) else {}, self.marks)

    def leave_out_contradictions(self, names):
        """Marks repeated names with different values as unreadable."""
        for name in names:
            if name in getattr(self.values, 'contradicted', ()):
                self.mark(name)

    def mark(self, name):
        self.marks.add(self.path + name)

    def time_into(self, event, *names):
        """Uses the first of these fields that is given, and no other."""
        event['occurredAt'], event['occurredAtText'] = None, None
        event['occurredAtPrecision'], event['zoneAssumed'], event['timeUnreadable'] = 'NONE', False, False
        for name in names:
            try:
                text = readable(self.given(name), TEXT_MAX)
                if text is None:
                    continue
                event['occurredAtText'] = text
                time = read_time(text)
            except NoTime:
                # The event is untimed; the text as sent is still published.
                event['occurredAtText'] = without_zone_name(text)
                return
            except (Unreadable, NotATime):
                # It could be anything, even a person's name or number.
                if not looks_like_a_time(event['occurredAtText'] or ''):
                    event['occurredAtText'] = None
                event['timeUnreadable'] = True
                return
            event['occurredAtText'] = without_zone_name(text)
            event['occurredAt'], event['occurredAtPrecision'] = time.ms, time.precision
            event['zoneAssumed'] = time.zone_assumed
            return


def plain_decimal(number):
    """A JSON number without exponent, exactly; unchanged if it has none or would become too long."""
    if 'e' not in number.lower() or abs(int(number.lower().partition('e')[2])) > DECIMAL_MAX:
        return str(number)
    return f'{Decimal(number):f}'


def real_id(text):
    return None if text is None or is_no_id(text) else text


CODE = re.compile(r'[A-Za-z0-9][A-Za-z0-9._/:-]{0,63}')


class Reasons:
    """As many codes as an event holds; the others are counted."""

    def __init__(self):
        self.kept, self.omitted = [], 0

    def listed(self, values):
        """The entries of a list; a given value that is not a list counts as one omitted entry."""
        if values is None:
            return []
        if isinstance(values, list):
            return values
        self.omitted += 1
        return []

    def add(self, scheme, value, rule=None, location=None, field=None):
        # Free text in place of a code is not a code: it could contain personal data.
        is_whole = isinstance(value, Number) and re.fullmatch('[0-9]+', value)
        code = str(value) if is_whole else soft(value, WORD_MAX)
        if scheme is None or code is None or not CODE.fullmatch(code) or len(self.kept) == LIST_MAX:
            self.omitted += 1
        else:
            self.kept.append({'scheme': scheme, 'code': code, 'rule': rule, 'location': location, 'field': field})

    def into(self, event):
        event['reasons'], event['reasonsOmitted'] = self.kept, self.omitted
