/** Whether two decimal texts are the same number: `100.0` is `100.00`. */
export function sameDecimal(a: string, b: string): boolean {
  return shortest(a) === shortest(b)
}

function shortest(decimal: string): string {
  const [, sign = '', whole = '', fraction = ''] = /^(-?)0*(\d*)(?:\.(\d*?)0*)?$/.exec(decimal) ?? ['', '', decimal]
  const digits = `${whole || '0'}${fraction && `.${fraction}`}`
  return digits === '0' ? '0' : `${sign}${digits}`
}
