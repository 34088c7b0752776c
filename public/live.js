/** Calls back with every step that the server sends, as an element. The browser connects again by itself. */
export function follow(path, onLine) {
  const state = document.getElementById('tail-state')
  const say = (text) => {
    if (state !== null) {
      state.textContent = text
    }
  }
  const source = new EventSource(path)
  source.addEventListener('open', () => say('Live.'))
  source.addEventListener('error', () => say('The connection is interrupted; trying again.'))
  source.addEventListener('change', (event) => {
    // The server escapes everything in it.
    const line = new DOMParser().parseFromString(JSON.parse(event.data).html, 'text/html').body.firstElementChild
    if (line !== null) {
      onLine(document.adoptNode(line))
    }
  })
}
