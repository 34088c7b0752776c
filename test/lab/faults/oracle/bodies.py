"""
Parses bodies: JSON, forms and XML, in any character set.

The character set of a text that is neither UTF-8 nor declared can only be guessed: its ASCII characters are certain, the rest
is not. If a name occurs twice with different values, that is recorded for the reader.
"""

import json
import re
from urllib.parse import unquote_to_bytes
from xml.parsers import expat

UTF8_MARK = b'\xef\xbb\xbf'
UTF16_MARKS = {b'\xff\xfe': 'utf-16-le', b'\xfe\xff': 'utf-16-be'}
STRIPPED = ''.join(map(chr, [*range(0x09, 0x0E), 0x20, 0xA0, 0x1680, *range(0x2000, 0x200B), 0x2028, 0x2029, 0x202F,
                             0x205F, 0x3000, 0x200B, 0x200C, 0x200D, 0x2060, 0xFEFF]))
"""White space and invisible characters. NEL is a control character."""
JSON_DEPTH_MAX = 64
NO_TEXT = ()
"""Stands for a text that is present but unreadable."""
NO_CHARACTER = '\x80'
"""A character that XML allows and no field does: stands for characters that XML does not allow."""


class Undeliverable(Exception):
    """The callback or one of its elements must become a dead letter; `str` is the reason, `name` the field."""

    def __init__(self, reason, name=None):
        super().__init__(reason)
        self.name = name


class Number(str):
    """A JSON number as written: an amount or a rate must not pass through a float."""


class Guessed(str):
    """A text of which only the ASCII characters are certain."""


class Object(dict):
    """A JSON object, or the fields of another format. A repeated name has its last value."""

    def __init__(self, pairs):
        super().__init__(pairs)
        self.contradicted = set()
        """Names that occurred with different values."""
        seen = {}
        for name, value in pairs:
            if name in seen and not same(seen[name], value):
                self.contradicted.add(name)
            seen[name] = value


def same(value, other):
    if isinstance(value, str) and isinstance(other, str):
        # As they are read: without invisible characters at their ends.
        return value.strip(STRIPPED) == other.strip(STRIPPED) and isinstance(value, Number) == isinstance(other, Number)
    if isinstance(value, list) and isinstance(other, list):
        return len(value) == len(other) and all(map(same, value, other))
    if isinstance(value, dict) and isinstance(other, dict):
        return value.keys() == other.keys() and all(same(value[name], other[name]) for name in value)
    # Unreadable values cannot be known to be equal.
    return type(value) is type(other) and value == other and value != NO_TEXT


# --- character sets ---------------------------------------------------------------------------------------------------


def text_of(body, content_type):
    """The body as a text."""
    if body == b'':
        raise Undeliverable('empty-body')
    charset = UTF16_MARKS.get(body[:2])
    if charset is not None:
        return utf16(body[2:], charset)
    if re.match(rb'[{[<]\x00|\x00[{[<]', body):
        return utf16(body, 'utf-16-be' if body[0] == 0 else 'utf-16-le')
    if body.startswith(UTF8_MARK):
        # The mark contradicts any other character set.
        return decoded(body.removeprefix(UTF8_MARK), None)
    return decoded(body, charset_of(content_type) or declared_charset(body))


def utf16(octets, charset):
    try:
        return octets.decode(charset)
    except UnicodeDecodeError:
        # Half a character is no character; the rest can be read.
        return Guessed(octets.decode(charset, 'replace'))


def decoded(octets, charset):
    try:
        return octets.decode()
    except UnicodeDecodeError:
        # A byte above 127 is not ASCII, whatever is declared.
        if charset == 'iso-8859-1':
            return octets.decode('iso-8859-1')
        return (str if charset == 'windows-1252' else Guessed)(windows_1252(octets))


def windows_1252(octets):
    """Decodes like browsers: every byte is a character."""
    return ''.join(bytes([octet]).decode('windows-1252') if octet not in (0x81, 0x8D, 0x8F, 0x90, 0x9D) else chr(octet)
                   for octet in octets)


def charset_of(content_type):
    found = re.search(r';\s*charset\s*=\s*"?([^\s";]+)', content_type, re.IGNORECASE)
    return found[1].lower() if found else None


def declared_charset(body):
    found = re.match(rb'''\s*<\?xml[^>]*?\sencoding\s*=\s*["']([A-Za-z0-9._-]+)["']''', body)
    return found[1].decode().lower() if found else None


# --- formats ----------------------------------------------------------------------------------------------------------


def depth_of(text):
    """How deep arrays and objects are nested in a JSON text; of any other text, the same count of brackets."""
    depth = deepest = 0
    for bracket in re.findall(r'[\[{}\]]', re.sub(r'"(?:[^"\\]|\\.)*("|\Z)', '', text, flags=re.DOTALL)):
        depth += 1 if bracket in '[{' else -1
        deepest = max(deepest, depth)
    return deepest


def json_value(text):
    if depth_of(text) > JSON_DEPTH_MAX:
        raise Undeliverable('too-deep')

    def refuse(_constant):
        raise ValueError('not JSON')

    guessed = isinstance(text, Guessed)
    try:
        value = json.loads(str(text), parse_float=Number, parse_int=Number, parse_constant=refuse, object_pairs_hook=Object)
    except ValueError:
        raise Undeliverable('invalid-json') from None
    return as_guessed(value) if guessed else value


def as_guessed(value):
    if isinstance(value, Object):
        for name in value:
            value[name] = as_guessed(value[name])
        return value
    if isinstance(value, list):
        return [as_guessed(part) for part in value]
    return Guessed(value) if type(value) is str else value


def form_pairs(body, content_type):
    """Each value has its own character set: an oddity in one does not affect the others."""
    charset = charset_of(content_type)
    pairs = []
    for part in body.removeprefix(UTF8_MARK).strip().split(b'&'):
        name, equals, value = part.partition(b'=')
        if name and equals:
            pairs.append(tuple(form_text(half, charset) for half in (name, value)))
    if not pairs:
        raise Undeliverable('invalid-form')
    return [(name, value) for name, value in pairs if isinstance(name, str)]


def form_text(octets, charset):
    """NO_TEXT for an invalid percent escape."""
    if re.search(rb'%(?![0-9A-Fa-f]{2})', octets):
        return NO_TEXT
    return decoded(unquote_to_bytes(octets.replace(b'+', b' ')), charset)


def xml_pairs(text):
    """
    The children of the root with their text, or NO_TEXT if they hold more than text, and the names of every element's children.
    Other features of XML are refused.
    """
    pairs, path, texts, nests, families = [], [], [], [], []
    children = []

    def refuse(*_):
        raise Undeliverable('invalid-xml')

    def start(name, _attributes):
        if nests:
            nests[-1] = True
            children[-1].append(name.split(':')[-1])
        children.append([])
        families.append(children[-1])
        path.append(name.split(':')[-1])
        texts.append('')
        nests.append(False)

    def end(_name):
        name, content, nested = path.pop(), texts.pop(), nests.pop()
        children.pop()
        if len(path) == 1:
            pairs.append((name, NO_TEXT if nested else type(text)(content)))

    def characters(data):
        texts[-1] += data

    # The text has been re-encoded as UTF-8, whatever the declaration says.
    parser = expat.ParserCreate('utf-8')
    parser.StartElementHandler, parser.EndElementHandler, parser.CharacterDataHandler = start, end, characters
    parser.StartDoctypeDeclHandler = parser.EntityDeclHandler = refuse
    try:
        parser.Parse(with_lawful_characters(str(text).lstrip()).encode(), True)
    except (expat.ExpatError, UnicodeEncodeError):
        raise Undeliverable('invalid-xml') from None
    return pairs, families


def with_lawful_characters(text):
    """A reference to a character that XML does not allow makes its field unreadable, not the message."""
    def reference(match):
        number = int(match[1], 16) if match[1] is not None else int(match[2])
        return match[0] if number <= 0x10FFFF and is_lawful(number) else NO_CHARACTER

    text = re.sub(r'&#(?:x([0-9A-Fa-f]+)|([0-9]+));', reference, text)
    return ''.join(character if is_lawful(ord(character)) else NO_CHARACTER for character in text)


def is_lawful(number):
    return number in (0x9, 0xA, 0xD) or 0x20 <= number <= 0xD7FF or 0xE000 <= number <= 0xFFFD or number >= 0x10000
