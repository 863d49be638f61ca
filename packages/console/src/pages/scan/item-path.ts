/** Where the console shows an item, below /console. */
export function itemPath(id: string): string {
  return `/items?id=${encodeURIComponent(id)}`;
}
