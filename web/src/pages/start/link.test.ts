import { describe, expect, it } from 'vitest';
import { parseSearch } from '../../search';
import { cut, longestLine, readLink } from './link';

const read = (address: string) => readLink(parseSearch(address));

describe('a start link', () => {
  it('says a tree, a ticket, a client, a subject and values', () => {
    expect(read('?tree=vpn+connect&ticket=INC-1&client=M%C3%BCller&subject=VPN%20down&value.phone=030+12345&value.people=5')).toEqual({
      link: { tree: 'vpn connect', ticket: 'INC-1', client: 'Müller', subject: 'VPN down', values: [{ name: 'phone', text: '030 12345' }, { name: 'people', text: '5' }] },
      said: [],
    });
  });
  it('may say nothing', () => {
    expect(read('')).toEqual({ link: { tree: '', ticket: '', client: '', subject: '', values: [] }, said: [] });
  });
  it('leaves out what the ticket system did not fill in', () => {
    expect(read('?tree=vpn&ticket={ticket}&client=&subject=%20&value.phone={value.phone}')).toEqual({ link: { tree: 'vpn', ticket: '', client: '', subject: '', values: [] }, said: [] });
  });
  it('has texts of one line', () => {
    expect(read('?subject=a%0D%0Ab%00%E2%80%A8c').link.subject).toBe('a b c');
  });
  it('turns no other words round', () => {
    expect(read('?subject=%E2%80%AEgro.elpmaxe%E2%80%AC').link.subject).toBe('gro.elpmaxe');
  });
  it('has names of a length that can be shown', () => {
    expect(read(`?value.${'n'.repeat(3000)}=1`).link.values[0]?.name).toHaveLength(60);
  });
  it('is cut where a text is too long, by characters and not in the middle of one, and says so', () => {
    const { link, said } = read(`?subject=${'💡'.repeat(longestLine + 1)}&value.note=${'x'.repeat(1001)}`);
    expect([...link.subject]).toHaveLength(longestLine);
    expect(link.subject.endsWith('💡')).toBe(true);
    expect(link.values[0]?.text).toHaveLength(1000);
    expect(said).toEqual(['“subject” is longer than 200 characters; the rest was left out.', '“note” is longer than 1000 characters; the rest was left out.']);
  });
  it('says which of two texts counts', () => {
    expect(read('?ticket=A&ticket=B')).toMatchObject({ link: { ticket: 'A' }, said: ['“ticket” is there more than once; “A” counts.'] });
    expect(read('?ticket=A&ticket=A').said).toEqual([]);
  });
  it('holds a hundred values at most', () => {
    const { link, said } = read(`?${Array.from({ length: 103 }, (_, i) => `value.v${i}=x`).join('&')}`);
    expect(link.values).toHaveLength(100);
    expect(said).toEqual(['These are 103 values; the first 100 count.']);
  });
  it('names what it does not know, a little of it', () => {
    expect(read('?tikcet=1').said).toEqual(['A start link has no “tikcet”; it was left out.']);
    expect(read(`?${'n'.repeat(5000)}=1&b=1&c=1&d=1&e=1&f=1&g=1`).said).toEqual([`A start link has no “${'n'.repeat(60)}…”, “b”, “c”, “d”, “e” and 2 more; they were left out.`]);
  });
  it('lets no name reach a prototype', () => {
    const { link } = read('?__proto__=x&value.__proto__=y');
    expect(Object.getPrototypeOf(link)).toBe(Object.prototype);
    expect(link.values).toEqual([{ name: '__proto__', text: 'y' }]);
  });
});

it('cuts a text with a sign that there is more', () => {
  expect(cut('abc', 3)).toBe('abc');
  expect(cut('abcd', 3)).toBe('abc…');
});
