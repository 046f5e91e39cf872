// Saves a text as a file of the user.

/** `type` is a media type without a character set. */
export function saveFile(name: string, text: string, type = "text/plain"): void {
  const url = URL.createObjectURL(new Blob([text], { type: `${type};charset=utf-8` }));
  const link = document.createElement("a");
  Object.assign(link, { href: url, download: name }).click();
  // Only after the click is handled may the address disappear.
  setTimeout(() => URL.revokeObjectURL(url));
}
