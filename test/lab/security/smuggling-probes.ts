/** Bytes that a proxy in front might read as one request and the gateway as two, or the other way round. */
export interface Probe {
  readonly name: string
  /** In every body of this probe and of no other, to identify what became a callback. */
  readonly token: string
  readonly bytes: Buffer
}

/**
 * Each probe is at most one callback. Many contain a second request, whose body says `inner`, where only a misread framing
 * finds it.
 */
export function smugglingProbes(path: string): readonly Probe[] {
  const probes: Probe[] = []
  const add = (name: string, make: (body: string, inner: string) => string) => {
    const token = `#${probes.length}#`
    const innerBody = `inner ${token}`
    const inner = `POST ${path} HTTP/1.1\r\nHost: x\r\nContent-Length: ${innerBody.length}\r\n\r\n${innerBody}`
    probes.push({ name, token, bytes: Buffer.from(make(`outer ${token}`, inner), 'latin1') })
  }
  const post = (lines: readonly string[], body: string) =>
    `POST ${path} HTTP/1.1\r\nHost: x\r\n${lines.map((line) => `${line}\r\n`).join('')}\r\n${body}`
  const chunk = (text: string) => `${text.length.toString(16)}\r\n${text}\r\n`

  // Who ends the body: Content-Length or Transfer-Encoding?
  for (const te of [
    'Transfer-Encoding: chunked',
    'transfer-encoding: CHUNKED',
    'Transfer-Encoding : chunked',
    'Transfer-Encoding:chunked',
    'Transfer-Encoding:\tchunked',
    'Transfer-Encoding: \x0bchunked',
    'Transfer-Encoding: chunked\x00',
    'Transfer-Encoding: xchunked',
    'Transfer-Encoding: chunked, identity',
    'Transfer-Encoding: identity, chunked',
    'Transfer-Encoding: gzip, chunked',
    'Transfer-Encoding: "chunked"',
    'Transfer-Encoding: chunked;q=1',
    'Transfer-Encoding: ',
    'Transfer-Encoding: identity',
    'Transfer_Encoding: chunked',
    ' Transfer-Encoding: chunked',
    'X: y\r\n Transfer-Encoding: chunked',
    'X: y\nTransfer-Encoding: chunked',
    'X: y\rTransfer-Encoding: chunked',
    'Transfer-Encoding:\r\n chunked',
    'Transfer-Encoding: chunked\r\nTransfer-Encoding: identity',
    'Transfer-Encoding: identity\r\nTransfer-Encoding: chunked',
    'Transfer-\x00Encoding: chunked',
    'Connection: Transfer-Encoding\r\nTransfer-Encoding: chunked',
  ]) {
    const shown = te.replaceAll('\r', '\\r').replaceAll('\n', '\\n').replaceAll('\x00', '\\0').replaceAll('\x0b', '\\v')
    add(`Content-Length, then ${shown}`, (body, inner) => {
      const text = `${chunk(body)}0\r\n\r\n${inner}`
      return post([`Content-Length: ${text.length}`, te], text)
    })
    add(`${shown}, then Content-Length`, (body, inner) => {
      const text = `${chunk(body)}0\r\n\r\n${inner}`
      return post([te, `Content-Length: ${text.length}`], text)
    })
    add(`short Content-Length and ${shown}`, (body, inner) => post([`Content-Length: 4`, te], chunk(body + inner)))
  }

  // How long is it?
  const doubtful = (name: string, lines: (length: number) => readonly string[]) =>
    add(name, (body, inner) => post(lines(body.length + inner.length), body + inner))
  doubtful('Content-Length twice, the same', (n) => [`Content-Length: ${n}`, `Content-Length: ${n}`])
  doubtful('Content-Length twice, long first', (n) => [`Content-Length: ${n}`, 'Content-Length: 4'])
  doubtful('Content-Length twice, short first', (n) => ['Content-Length: 4', `Content-Length: ${n}`])
  doubtful('Content-Length twice, one zero', (n) => ['Content-Length: 0', `Content-Length: ${n}`])
  doubtful('Content-Length as a list', (n) => [`Content-Length: ${n}, ${n}`])
  doubtful('Content-Length as a list that differs', (n) => [`Content-Length: 4, ${n}`])
  doubtful('Content-Length with leading zeros', (n) => [`Content-Length: 000${n}`])
  doubtful('Content-Length before its colon', (n) => [`Content-Length : ${n}`])
  doubtful('Content-Length folded', (n) => ['Content-Length:', ` ${n}`])
  doubtful('Content-Length and a folded line', (n) => [`Content-Length: ${n}`, ' 4'])
  doubtful('Content-Length with blanks behind', (n) => [`Content-Length: ${n}  \t`])
  doubtful('Content-Length in hidden lines', (n) => [`X: y\nContent-Length: 4`, `Content-Length: ${n}`])
  doubtful('Content-Length after a bare CR', (n) => [`X: y\rContent-Length: 4`, `Content-Length: ${n}`])
  for (const wrong of [
    '+4',
    '-4',
    '0x4',
    '4.0',
    '4e0',
    '4 4',
    '4;',
    '"4"',
    '',
    ' ',
    'four',
    '18446744073709551620',
    '99999999999999999999999999',
    '４',
    '4\x00',
    '4\x0b',
  ]) {
    add(`Content-Length: ${JSON.stringify(wrong)}`, (body, inner) => post([`Content-Length: ${wrong}`], body + inner))
  }

  // Where does a chunk end?
  const chunked = (name: string, make: (body: string, inner: string) => string) =>
    add(name, (body, inner) => post(['Transfer-Encoding: chunked'], make(body, inner)))
  const size = (text: string) => text.length.toString(16)
  chunked('chunk extension', (body) => `${size(body)};a=b;c="d"\r\n${body}\r\n0;e\r\n\r\n`)
  chunked('chunk extension with a bare LF', (body) => `${size(body)};a\n${body}\r\n0\r\n\r\n`)
  chunked(
    'chunk extension that hides a line end',
    (body, inner) => `2;\nxx\r\n${size(body + inner)}\r\n${body}${inner}\r\n0\r\n\r\n`,
  )
  chunked('chunk extension with a bare CR', (body) => `${size(body)};a\rb\r\n${body}\r\n0\r\n\r\n`)
  chunked('chunk extension of 100,000 bytes', (body) => `${size(body)};${'a'.repeat(100_000)}\r\n${body}\r\n0\r\n\r\n`)
  chunked('chunk size in hexadecimal notation', (body) => `0x${size(body)}\r\n${body}\r\n0\r\n\r\n`)
  chunked('chunk size with a plus', (body) => `+${size(body)}\r\n${body}\r\n0\r\n\r\n`)
  chunked('chunk size that is negative', (body, inner) => `-1\r\n${body}${inner}\r\n0\r\n\r\n`)
  chunked('chunk size with blanks', (body) => ` ${size(body)} \r\n${body}\r\n0\r\n\r\n`)
  chunked('chunk size that overflows', (body) => `10000000000000000${size(body)}\r\n${body}\r\n0\r\n\r\n`)
  chunked('chunk size with underscore', (body) => `0_${size(body)}\r\n${body}\r\n0\r\n\r\n`)
  chunked('chunk size missing', (body, inner) => `\r\n${body}${inner}\r\n0\r\n\r\n`)
  chunked('chunk longer than it says', (body, inner) => `2\r\n${body}${inner}\r\n0\r\n\r\n`)
  chunked('chunk without its line end', (body) => `${size(body)}\r\n${body}0\r\n\r\n`)
  chunked('chunk with two other bytes as its line end', (body) => `${size(body)}\r\n${body}XX0\r\n\r\n`)
  chunked('chunk lines that end with LF', (body) => `${size(body)}\n${body}\n0\n\n`)
  chunked('last chunk as 000', (body) => `${chunk(body)}000\r\n\r\n`)
  chunked(
    'trailer that sets the length',
    (body, inner) => `${chunk(body)}0\r\nContent-Length: ${inner.length}\r\nTransfer-Encoding: chunked\r\n\r\n`,
  )
  chunked(
    'trailer that is a request',
    (body, inner) => `${chunk(body)}0\r\n${inner.replace(' HTTP/1.1\r\n', ' HTTP/1.1: x\r\n')}\r\n\r\n`,
  )
  chunked('trailer that is folded', (body) => `${chunk(body)}0\r\nX: y\r\n z\r\n\r\n`)
  chunked('trailer flood', (body) => `${chunk(body)}0\r\n${'a: b\r\n'.repeat(20_000)}\r\n`)

  // What is a line, a name, a value?
  const headers = (name: string, line: string) =>
    add(name, (body) => post([line, `Content-Length: ${body.length}`], body))
  headers('header that is folded', 'X: a\r\n b')
  headers('header that is folded with a tab', 'X: a\r\n\tb')
  headers('header with a bare CR', 'X: a\rb')
  headers('header with a bare LF', 'X: a\nY: b')
  headers('header with a zero byte', 'X: a\x00b')
  headers('header name with a zero byte', 'X\x00: a')
  headers('header name with a blank', 'X Y: a')
  headers('header name with a blank behind', 'X : a')
  headers('header without a name', ': a')
  headers('header without a colon', 'X')
  headers('header with bytes above ASCII', 'X: \xe9\xff')
  headers('header name with bytes above ASCII', 'X\xe9: a')
  headers('header flood, many', Array.from({ length: 5_000 }, (_, n) => `X${n}: y`).join('\r\n'))
  headers('header flood, few of them', Array.from({ length: 150 }, (_, n) => `X${n}: y`).join('\r\n'))
  headers('header flood, one of a megabyte', `X: ${'y'.repeat(1_000_000)}`)
  headers('header name of 20,000 bytes', `${'X'.repeat(20_000)}: y`)
  headers('two Hosts', 'Host: y')
  headers('lines before the first header', '\r\nX: y')
  headers('upgrade to h2c', 'Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__')
  headers('upgrade to a websocket', 'Connection: Upgrade\r\nUpgrade: websocket')
  headers('expect 100-continue', 'Expect: 100-continue')
  headers('expect something else', 'Expect: the-impossible')
  headers('hop-by-hop length', 'Connection: close, Content-Length')
  add('all lines end with LF', (body) => post([`Content-Length: ${body.length}`], body).replaceAll('\r\n', '\n'))
  add('all lines end with CR', (body) => post([`Content-Length: ${body.length}`], body).replaceAll('\r\n', '\r'))
  add(
    'the head ends with LF LF',
    (body) => post([`Content-Length: ${body.length}`], '').replace(/\r\n\r\n$/, '\n\n') + body,
  )
  add('the head ends with CR LF CR', (body) => `${post([`Content-Length: ${body.length}`], '').slice(0, -1)}${body}`)

  // What is the target, the method, the version?
  const line = (name: string, requestLine: string, more: readonly string[] = []) =>
    add(
      name,
      (body) =>
        `${requestLine}\r\nHost: x\r\n${more.map((one) => `${one}\r\n`).join('')}Content-Length: ${body.length}\r\n\r\n${body}`,
    )
  line('target in absolute form', `POST http://x${path} HTTP/1.1`)
  line('target in absolute form, of another host', `POST http://other.example${path} HTTP/1.1`)
  line('target in absolute form with credentials', `POST http://a:b@x${path} HTTP/1.1`)
  line('target in authority form', 'POST x:80 HTTP/1.1')
  line('target with an asterisk', 'POST * HTTP/1.1')
  line('target with a fragment', `POST ${path}#x HTTP/1.1`)
  line('target with a zero byte', `POST ${path}\x00 HTTP/1.1`)
  line('target with a blank', `POST ${path} x HTTP/1.1`)
  line('target with a tab', `POST\t${path}\tHTTP/1.1`)
  line('target with bytes above ASCII', `POST ${path}\xe9 HTTP/1.1`)
  line('target with an escaped line end', `POST ${path}%0d%0aX:%20y HTTP/1.1`)
  line('target with dots', `POST /x/..${path} HTTP/1.1`)
  line('target with escaped slashes', `POST ${path.replaceAll('/', '%2f')} HTTP/1.1`)
  line('target with two slashes', `POST /${path} HTTP/1.1`)
  line('target of 100,000 bytes', `POST ${path}?${'x'.repeat(100_000)} HTTP/1.1`)
  line('two blanks', `POST  ${path}  HTTP/1.1`)
  line('method in lower case', `post ${path} HTTP/1.1`)
  line('unknown method', `POSTS ${path} HTTP/1.1`)
  line('GET with a body', `GET ${path} HTTP/1.1`)
  line('HEAD with a body', `HEAD ${path} HTTP/1.1`)
  line('CONNECT', 'CONNECT x:443 HTTP/1.1')
  line('TRACE', `TRACE ${path} HTTP/1.1`)
  line('method override', `POST ${path} HTTP/1.1`, ['X-HTTP-Method-Override: DELETE'])
  line('no version', `POST ${path}`)
  for (const version of [
    'HTTP/0.9',
    'HTTP/1.0',
    'HTTP/1.2',
    'HTTP/2.0',
    'HTTP/3',
    'http/1.1',
    'HTTP/1.10',
    'HTTP/ 1.1',
    'RTSP/1.0',
  ]) {
    line(`version ${version}`, `POST ${path} ${version}`)
  }
  add(
    'HTTP/1.0 with chunks',
    (body, inner) => `POST ${path} HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n${chunk(body + inner)}0\r\n\r\n`,
  )
  add('no Host', (body) => `POST ${path} HTTP/1.1\r\nContent-Length: ${body.length}\r\n\r\n${body}`)
  add('preface of HTTP/2', () => 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n')
  add('empty lines in front', (body) => `\r\n\r\n\r\n${post([`Content-Length: ${body.length}`], body)}`)
  add('a TLS hello', () => '\x16\x03\x01\x00\xa5\x01\x00\x00\xa1\x03\x03')
  add(
    'a request within the body of GET',
    (_body, inner) => `GET ${path} HTTP/1.1\r\nHost: x\r\nContent-Length: ${inner.length}\r\n\r\n${inner}`,
  )
  return probes
}
