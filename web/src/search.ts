// What stands behind the question mark of an address, as texts and nothing else: a
// ticket "007" or "1e5" is no number. A name that is there twice has a list.

export type Search = Record<string, string | string[]>;

export function parseSearch(text: string): Search {
  const read = new Map<string, string | string[]>();
  for (const [name, value] of new URLSearchParams(text)) {
    const before = read.get(name);
    read.set(name, before === undefined ? value : [...(Array.isArray(before) ? before : [before]), value]);
  }
  return Object.fromEntries(read);
}

export function stringifySearch(search: Record<string, unknown>): string {
  const text = new URLSearchParams(
    Object.entries(search).flatMap(([name, value]) => (value === undefined || value === null ? [] : [value].flat().map((one) => [name, String(one)]))),
  ).toString();
  return text === '' ? '' : `?${text}`;
}
