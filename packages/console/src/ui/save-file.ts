/** Hands bytes to the browser as a file. */
export function saveFile(name: string, content: Uint8Array | string, type: string): void {
  const url = URL.createObjectURL(new Blob([content as BlobPart], { type }));
  const link = document.createElement("a");
  link.href = url;
  link.download = name;
  link.click();
  // The download has begun by then; the memory is given back.
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}

/** Letters and digits of an identity, as the beginning of a file's name. */
export function fileName(identity: string): string {
  return (
    identity
      .replace(/^https?:\/\/id\.gs1\.org\//, "")
      .replace(/[^A-Za-z0-9]+/g, "-")
      .slice(0, 60) || "item"
  );
}
