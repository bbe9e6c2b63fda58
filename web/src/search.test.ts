import { expect, it } from 'vitest';
import { parseSearch, stringifySearch } from './search';

it('takes every value as a text', () => {
  expect(parseSearch('?ticket=007&n=1e5&big=12345678901234567890&on=true&q={"a":1}')).toEqual({ ticket: '007', n: '1e5', big: '12345678901234567890', on: 'true', q: '{"a":1}' });
});

it('keeps a name that is there twice as a list', () => {
  expect(parseSearch('?a=1&a=2&b=')).toEqual({ a: ['1', '2'], b: '' });
});

it('lets no name reach a prototype', () => {
  const read = parseSearch('?__proto__=x&constructor=y');
  expect(Object.keys(read)).toEqual(['__proto__', 'constructor']);
  expect(Object.getPrototypeOf(read)).toBe(Object.prototype);
});

it.each(['', '?q=a%26b+c', '?a=1&a=2', '?ticket=007&value.phone=030+12345', '?t=%E2%80%AE'])('writes %s as it was read', (text) => {
  expect(stringifySearch(parseSearch(text))).toBe(text);
});

it('leaves out what is not set', () => {
  expect(stringifySearch({ q: undefined, sort: 'title' })).toBe('?sort=title');
});
