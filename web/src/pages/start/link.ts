// What a start link says, taken out of its address. Ticket systems make these links,
// and anybody can: every text is bounded here as the API bounds it, so that one text
// that is too long does not keep the rest from being understood.
import { words as all } from '../../messages/walk';

const words = all.start;

export const longestLine = 200; // characters of the tree's words, ticket, client and subject
export const longestValue = 1000; // characters of one value
export const longestName = 60; // characters of a name, or of a text that is repeated to a person
const mostValues = 100;
const mostUnknown = 5; // names of parameters that are repeated to a person

export interface Link {
  tree: string;
  ticket: string;
  client: string;
  subject: string;
  values: { name: string; text: string }[];
}

export interface LinkRead {
  link: Link;
  /** What of the address was left out or changed, in words. */
  said: string[];
}

const length = (text: string): number => [...text].length;

/** The beginning of a text, and a sign that there is more of it. */
export const cut = (text: string, most: number): string => (length(text) <= most ? text : `${[...text].slice(0, most).join('')}…`);

/** A text of one line: control characters and line breaks become spaces, and what turns the direction of other words goes. */
export const oneLine = (text: string): string =>
  text
    .replaceAll(/[\u202a-\u202e\u2066-\u2069]/g, '')
    .replaceAll(/[\p{Cc}\p{Cs}\u2028\u2029]+/gu, ' ')
    .trim();

/** Reads the parameters of a start link's address. */
export function readLink(search: Record<string, unknown>): LinkRead {
  const said: string[] = [];
  const unknown: string[] = [];
  const link: Link = { tree: '', ticket: '', client: '', subject: '', values: [] };
  let values = 0;
  for (const [name, given] of Object.entries(search)) {
    const texts = (Array.isArray(given) ? given : [given]).filter((t): t is string => typeof t === 'string');
    const isValue = name.startsWith('value.');
    if (!isValue && !['tree', 'ticket', 'client', 'subject'].includes(name)) {
      unknown.push(name);
      continue;
    }
    const shown = isValue ? name.slice('value.'.length) : name;
    // What a ticket system does not have it leaves empty, or as it stands in the template.
    const all = texts.map(oneLine).filter((t) => t !== '' && t !== `{${name}}`);
    const text = all[0];
    if (text === undefined) continue;
    if (new Set(all).size > 1) said.push(words.twice(cut(oneLine(shown), longestName), cut(text, longestName)));
    const most = isValue ? longestValue : longestLine;
    if (length(text) > most) said.push(words.tooLong(cut(oneLine(shown), longestName), most));
    const kept = [...text].slice(0, most).join('').trim();
    if (!isValue) link[name as 'tree' | 'ticket' | 'client' | 'subject'] = kept;
    else if (++values <= mostValues) link.values.push({ name: [...oneLine(shown)].slice(0, longestName).join(''), text: kept });
  }
  if (values > mostValues) said.push(words.tooMany(values, mostValues));
  if (unknown.length > 0) said.push(words.unknown(unknown.slice(0, mostUnknown).map((n) => cut(oneLine(n), longestName)), Math.max(0, unknown.length - mostUnknown)));
  return { link, said };
}
