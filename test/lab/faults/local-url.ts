export function localUrl(port: number | undefined): URL {
  return new URL(`tcp://127.0.0.1:${port}`)
}
