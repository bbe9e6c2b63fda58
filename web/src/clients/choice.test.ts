import { expect, it } from 'vitest';
import { clientInput, mayMean, whyFound } from './choice';

it.each([
  [{ text: ' Brink ', make: false }, { clientName: 'Brink', createClient: false }],
  [{ text: 'Brink', make: true }, { clientName: 'Brink', createClient: true }],
  [{ text: ' ', make: true }, { clientName: '', createClient: false }],
  [{ text: 'Brink', id: 'client_1', make: false }, { clientId: 'client_1' }],
])('a session is started for %o', (choice, input) => {
  expect(clientInput(choice)).toEqual(input);
});

const client = { name: 'Müller & Söhne', aliases: ['MS Fleischwaren', 'Metzgerei'], ticketKey: 'C-77' as string | null };
it.each([
  ['mull', 'C-77'],
  ['ms f', 'MS Fleischwaren, C-77'],
  ['c-77', 'C-77'],
  ['', 'C-77'],
])('a client that “%s” found says why: %s', (typed, why) => {
  expect(whyFound(client, typed)).toBe(why);
});

it('says nothing of a client without alias and key', () => {
  expect(whyFound({ name: 'Brink', aliases: [], ticketKey: null }, 'b')).toBe('');
});

it.each([
  ['', true],
  ['mull', true],
  ['METZ', true],
  ['c-77', true],
  ['c-7', false],
  ['söhne', false],
])('“%s” may mean it: %s', (typed, may) => {
  expect(mayMean(client, typed)).toBe(may);
});
