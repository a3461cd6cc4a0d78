// A file dropped anywhere on the page is as good as one chosen in the field.
export function takeDrops (root: HTMLElement, take: (file: File) => void): void {
  for (const name of ['dragenter', 'dragover']) root.addEventListener(name, event => { event.preventDefault(); root.classList.add('over') })
  for (const name of ['dragleave', 'drop']) root.addEventListener(name, () => { root.classList.remove('over') })
  root.addEventListener('drop', event => {
    event.preventDefault()
    const file = event.dataTransfer?.files[0]
    if (file !== undefined) take(file)
  })
}
