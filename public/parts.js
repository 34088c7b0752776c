/** Reads a page of ours again. The server escapes everything in it. */
async function read(path) {
  const response = await fetch(path, { headers: { accept: 'text/html' } })
  if (!response.ok || response.redirected) {
    throw new Error(`answered ${response.status}`)
  }
  return new DOMParser().parseFromString(await response.text(), 'text/html')
}

/** Replaces the parts of this page that can change by those of the page as it is now. What has the focus stays as it is. */
export async function refreshParts() {
  let fresh
  try {
    fresh = await read(location.href)
  } catch {
    return
  }
  for (const part of document.querySelectorAll('[data-part]')) {
    const next = fresh.getElementById(part.id)
    if (next !== null && !part.contains(document.activeElement) && next.innerHTML !== part.innerHTML) {
      part.replaceWith(document.adoptNode(next))
    }
  }
}

/** Fills a part that takes longer than the page. */
export async function loadPart(part) {
  const note = part.querySelector('p')
  note.setAttribute('role', 'status')
  try {
    const page = await read(part.dataset.load)
    note.replaceWith(document.adoptNode(page.getElementById('why-part')))
  } catch (error) {
    note.textContent = `Could not be read: ${error.message}. Reload the page to try again.`
  }
}
