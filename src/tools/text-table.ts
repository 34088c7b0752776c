/** The maximum width of a table where words permit; its longest cells are wrapped first. */
const TABLE_WIDTH = 150
const CELL_WIDTH_MAX = 60
const CELL_WIDTH_MIN = 20

const GAP = '  '

/** Formats rows as a table. Columns are as wide as their longest cell; long cells are wrapped. */
export function textTable(headers: readonly string[], rows: readonly (readonly string[])[]): readonly string[] {
  let table = wrapCells([headers, ...rows], CELL_WIDTH_MAX)
  for (let cellWidth = CELL_WIDTH_MAX - 1; table.width > TABLE_WIDTH && cellWidth >= CELL_WIDTH_MIN; cellWidth -= 1) {
    table = wrapCells([headers, ...rows], cellWidth)
  }
  const { cells, widths } = table
  const lineOf = (parts: readonly string[]) =>
    parts
      .map((part, column) => part.padEnd(widths[column] ?? 0))
      .join(GAP)
      .trimEnd()
  const [head = [], ...body] = cells.map((row) => {
    const height = Math.max(...row.map((lines) => lines.length))
    return Array.from({ length: height }, (_, line) => lineOf(row.map((lines) => lines[line] ?? '')))
  })
  return [...head, lineOf(widths.map((width) => '-'.repeat(width))), ...body.flat()]
}

function wrapCells(rows: readonly (readonly string[])[], cellWidth: number) {
  const cells = rows.map((row) => row.map((cell) => wrapText(cell, cellWidth)))
  const widths = (rows[0] ?? []).map((_, column) =>
    Math.max(...cells.flatMap((row) => (row[column] ?? []).map((line) => line.length))),
  )
  return { cells, widths, width: widths.reduce((sum, width) => sum + width + GAP.length, -GAP.length) }
}

/** Breaks lines at spaces. A word longer than a line stays whole. The result is never empty. */
export function wrapText(text: string, width: number): readonly string[] {
  const lines: string[] = []
  let line = ''
  for (const word of text.split(' ')) {
    if (line !== '' && line.length + 1 + word.length > width) {
      lines.push(line)
      line = word
    } else {
      line = line === '' ? word : `${line} ${word}`
    }
  }
  return [...lines, line]
}
