// Finding in the reference, while somebody types.

/** Something that has an address on the page. */
export interface Place {
  id: string; // "Query.trees", "AuditAction.SIGNED_IN"
  kind: string;
  text: string; // its description, in lower case
}

/** The name that people look for: the last part of the id. */
export const nameOf = (id: string): string => id.slice(id.lastIndexOf('.') + 1);

/** The order of kinds that are found equally well. */
const order = ['query', 'mutation', 'subscription', 'object', 'input', 'enum', 'interface', 'union', 'scalar', 'directive', 'field', 'input field', 'value', 'argument'];

/** How well a word is met: 0 not at all, then better and better. */
function met(word: string, p: Place): number {
  const id = p.id.toLowerCase();
  const name = nameOf(id);
  if (name === word || id === word) return 6;
  if (name.startsWith(word) || id.startsWith(word)) return 5;
  // "log" in "auditLog" and "session" in "TREE_SESSION": where a part of the name begins.
  if (parts(nameOf(p.id)).some((part) => part.startsWith(word))) return 4;
  if (name.includes(word)) return 3;
  if (id.includes(word)) return 2;
  return p.text.includes(word) ? 1 : 0;
}

const parts = (name: string): string[] => name.replaceAll(/([a-z\d])([A-Z])/g, '$1_$2').toLowerCase().split(/[_.]/);

/** What has all words, the best first; none without words. */
export function find(query: string, places: readonly Place[], most: number): Place[] {
  const words = query.toLowerCase().split(/\s+/).filter(Boolean);
  if (words.length === 0) return [];
  return places
    .map((place) => ({ place, least: Math.min(...words.map((w) => met(w, place))), kind: order.indexOf(place.kind) }))
    .filter(({ least }) => least > 0)
    .sort((a, b) => b.least - a.least || a.kind - b.kind || a.place.id.length - b.place.id.length || a.place.id.localeCompare(b.place.id, 'en'))
    .slice(0, most)
    .map(({ place }) => place);
}
