"""
Times as written by the providers: read exactly, and compared only as exactly as they are known.

A time without a zone lies between UTC+14 and UTC-12; a date alone covers its whole day. So a time is a span of instants, and one
time is later than another for certain, possibly, or not at all.
"""

import re
from dataclasses import dataclass
from datetime import date
from fractions import Fraction
from functools import lru_cache

TEXT_MAX = 64
"""UTF-16 units; longer texts are not read."""
FIRST_YEAR = 1970
EMPTY_YEAR = 1
"""The year of .NET's empty date, which means no time."""
HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS
BEFORE_MS, AFTER_MS = 14 * HOUR_MS, 12 * HOUR_MS


class NotATime(Exception):
    """The text is not a readable time."""


class NoTime(Exception):
    """The text explicitly means no time."""


@dataclass(frozen=True)
class Time:
    ms: int
    """Milliseconds since the epoch, taking a missing zone as UTC; the rest is in `digits`."""
    digits: str
    """The fraction of a second after its third digit, without trailing zeros."""
    precision: str
    zone_assumed: bool


# --- reading ----------------------------------------------------------------------------------------------------------

CLOCK = r'(?P<h>\d\d)(?:{0}(?P<m>\d\d)(?:{0}(?P<s>\d\d)(?:[.,](?P<f>\d+))?)?)?'
ZONE = r'\ ?(?P<z>Z|UTC|GMT|[+\-\u2212]\d\d(?::?\d\d)?)(?:\[[!A-Z0-9_/+\-:=.~]+\])*'
FLAGS = re.ASCII | re.IGNORECASE | re.VERBOSE
ISO_FORMS = [
    re.compile(rf'(?P<y>\d{{4}})-(?P<mo>\d\d)-(?P<d>\d\d)(?:[T\ ]{CLOCK.format(":")}(?:{ZONE})?)?', FLAGS),
    re.compile(rf'(?P<y>\d{{4}})(?P<mo>\d\d)(?P<d>\d\d)(?:[T\ ]{CLOCK.format("")}(?:{ZONE})?)?', FLAGS),
]
US_FORM = re.compile(
    r'(?P<mo>\d\d?)/(?P<d>\d\d?)/(?P<y>\d{4})[\ \u00a0\u202f](?P<h>\d\d?):(?P<m>\d\d)(?::(?P<s>\d\d)(?:\.(?P<f>\d+))?)?'
    r'(?:[\ \u00a0\u202f]?(?P<half>[AP]M))?', FLAGS)
DIGITS_FORM = re.compile(r'(?P<y>\d{4})(?P<mo>\d\d)(?P<d>\d\d)(?P<h>\d\d)(?P<m>\d\d)(?P<s>\d\d)', FLAGS)


def read_time(text):
    """Parses a text without surrounding white space. Raises NotATime or NoTime."""
    if len(text) > TEXT_MAX:
        raise NotATime
    for form in (*ISO_FORMS, US_FORM, DIGITS_FORM):
        match = form.fullmatch(text)
        if match is not None:
            return time_of(match.groupdict())
    raise NotATime


def without_zone_name(text):
    """For a readable time. The offset gives the instant; the brackets after it could contain a person's name."""
    return text.partition('[')[0]


DATE_OF_SOME_KIND = re.compile(r'(?:\d{4}(?P<ys>[-/.])\d\d?(?P=ys)\d\d?|\d\d?(?P<ds>[-/.])\d\d?(?P=ds)(?:\d\d|\d{4}))(?!\d)', re.ASCII)
CLOCK_OF_SOME_KIND = re.compile(
    r'(?:(?:T|\ \ ?)\d\d?(?::?\d\d?(?::?\d\d?)?)?(?:[.,]\d{0,9})?)?(?:\ ?\ ?(?:A|P)\.?M\.?)?'
    r'(?:\ ?(?:Z|[-+\u2212]\d\d?(?::?\d\d?)?))?', FLAGS)


def looks_like_a_time(text):
    """Whether an unreadable time at least looks like a date with a clock time, and so is not a person's name or number."""
    day = DATE_OF_SOME_KIND.match(text)
    return day is not None and CLOCK_OF_SOME_KIND.fullmatch(text[day.end():]) is not None


def is_iso_date(text):
    """Whether it is a date or a date with a time. Raises NoTime."""
    try:
        read_time(text)
    except NotATime:
        return False
    return any(form.fullmatch(text) for form in ISO_FORMS)


def time_of(parts):
    if int(parts['y']) == EMPTY_YEAR:
        raise NoTime
    ms, fraction = instant_of(parts)
    if int(parts['y']) < FIRST_YEAR:
        raise NotATime
    precision = 'DAY' if parts.get('h') is None else 'SECOND'
    if fraction is not None:
        precision = 'MILLISECOND' if len(fraction) <= 3 else 'SUBMILLISECOND'
    padded = (fraction or '').ljust(3, '0')
    return Time(ms + int(padded[:3]), padded[3:].rstrip('0'), precision, parts.get('z') is None)


def instant_of(parts):
    """Milliseconds of the whole second, and the digits of the fraction."""
    try:
        days = date(int(parts['y']), int(parts['mo']), int(parts['d'])).toordinal() - date(1970, 1, 1).toordinal()
    except ValueError:
        raise NotATime from None
    hour, minute, second = (int(parts.get(name) or 0) for name in 'hms')
    fraction = parts.get('f')
    if parts.get('half') is not None:
        if not 1 <= hour <= 12:
            raise NotATime
        hour = hour % 12 + (12 if parts['half'].upper() == 'PM' else 0)
    end_of_day = hour == 24 and minute == second == 0 and not (fraction or '').strip('0')
    if hour > 23 and not end_of_day or minute > 59 or second > 60:
        raise NotATime
    seconds = hour * 3600 + minute * 60 + second - offset_of(parts.get('z'))
    return days * DAY_MS + seconds * 1000, fraction


def offset_of(zone):
    """Seconds east of UTC."""
    if zone is None or zone[0] not in '+-\u2212':
        return 0
    hours, minutes = int(zone[1:3]), int(zone[3:].lstrip(':') or 0)
    if hours > 23 or minutes > 59:
        raise NotATime
    return (hours * 3600 + minutes * 60) * (1 if zone[0] == '+' else -1)


# --- comparing --------------------------------------------------------------------------------------------------------


def exact(event):
    """The instant as read, with all its digits; None without a time."""
    if event['occurredAt'] is None:
        return None
    return event['occurredAt'] + below_a_millisecond(event['occurredAtText'] or '')


@lru_cache(maxsize=4096)
def below_a_millisecond(text):
    try:
        digits = read_time(text).digits
    except (NotATime, NoTime):
        return 0
    return Fraction(int(digits), 10 ** len(digits)) if digits else 0


def certainly_later(event, other):
    """Later in every zone. An event without a time is never later, and none is later than it."""
    return later(event, other, certainly=True)


def possibly_later(event, other):
    """Later in some zone."""
    return later(event, other, certainly=False)


def comparable(event, other):
    """Whether the zones make no difference; both must have a time."""
    return (certainly_later(event, other), certainly_later(other, event)) == (
        possibly_later(event, other), possibly_later(other, event))


def later(event, other, certainly):
    mine, theirs = exact(event), exact(other)
    if mine is None or theirs is None:
        return False
    if event['zoneAssumed'] == other['zoneAssumed']:
        if event['zoneAssumed'] and (is_day(event) or is_day(other)):
            # Both are in the same zone, whichever it is.
            mine_last, theirs_last = (at + (DAY_MS if is_day(one) else 0) for at, one in ((mine, event), (theirs, other)))
        else:
            return mine > theirs
    else:
        mine, mine_last = span(event, mine)
        theirs, theirs_last = span(other, theirs)
    if not certainly:
        # The end of a day is exclusive: an instant at it is later.
        return mine_last > theirs
    return mine >= theirs_last if is_day(other) else mine > theirs_last


def span(event, at):
    if not event['zoneAssumed']:
        return at, at
    return at - BEFORE_MS, at + AFTER_MS + (DAY_MS if is_day(event) else 0)


def is_day(event):
    return event['occurredAtPrecision'] == 'DAY'
