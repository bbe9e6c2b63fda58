import { buildSchema, isEnumType, isInputObjectType, isInterfaceType, isObjectType } from 'graphql';
import { describe, expect, inject, it } from 'vitest';
import { find, type Place } from './find';
import { render } from './render';

const sdl = inject('schema');
const page = new DOMParser().parseFromString(`<body>${render(sdl)}</body>`, 'text/html');
const at = (id: string) => page.getElementById(id);
const aboutOf = (id: string) => at(id)?.querySelector(':scope > .about, :scope > dd > .about')?.textContent?.replaceAll(/\s+/g, ' ').trim();
const plain = (text: string) => text.replaceAll('`', '').replaceAll(/\s+/g, ' ').trim();

describe('the page of the schema', () => {
  it('has every type, field, argument and value, with its description', () => {
    let n = 0;
    const check = (id: string, description: string | null | undefined) => {
      n++;
      expect(at(id), id).not.toBeNull();
      if (description) expect(aboutOf(id), id).toBe(plain(description));
    };
    for (const type of Object.values(buildSchema(sdl, { assumeValidSDL: true }).getTypeMap())) {
      if (type.name.startsWith('__')) continue;
      if (!['Query', 'Mutation', 'Subscription'].includes(type.name)) check(type.name, type.description);
      if (isEnumType(type)) for (const v of type.getValues()) check(`${type.name}.${v.name}`, v.description);
      if (isObjectType(type) || isInterfaceType(type) || isInputObjectType(type)) {
        for (const f of Object.values(type.getFields())) {
          check(`${type.name}.${f.name}`, f.description);
          if ('args' in f) for (const a of f.args) check(`${type.name}.${f.name}.${a.name}`, a.description);
        }
      }
    }
    expect(n).toBeGreaterThan(1000);
  });

  it('has no address twice, and no link that leads nowhere', () => {
    const ids = [...page.querySelectorAll('[id]')].map((e) => e.id);
    expect(new Set(ids).size).toBe(ids.length);
    const links = [...page.querySelectorAll('a[href^="#"]')].map((a) => a.getAttribute('href')?.slice(1) ?? '');
    expect(links.filter((id) => !ids.includes(id))).toEqual([]);
    expect(links.length).toBeGreaterThan(1000);
  });

  it('says who may ask, and how everything fails', () => {
    expect(at('Subscription.auditLog')?.querySelector('.badge')?.textContent).toBe('Owners');
    expect(at('Query.account')?.querySelector('.badge')?.textContent).toBe('Signed in');
    expect(at('Query.serverInfo')?.querySelector('.badge')).toBeNull();
    expect(page.querySelector('.lead')?.textContent).toMatch(/^Everything that a client can ask for.*\s*Errors carry extensions\.code: UNAUTHENTICATED/);
  });

  it('links types, and names in descriptions', () => {
    expect(at('Query.tree')?.querySelector('.sign a')?.getAttribute('href')).toBe('#Tree');
    const links = [...(at('Subscription.auditLog')?.querySelectorAll('.about a') ?? [])].map((a) => a.getAttribute('href'));
    expect(links).toContain('#AccountSecurity.auditLog');
  });
});

it('writes what a schema says as text, whatever it is, and what is deprecated', () => {
  const html = render('"A <b> & `T.old`"\ntype T { old(a: String = "<x>"): Int @deprecated(reason: "Use <new>.") new: E }\nenum E { A B @deprecated(reason: "Gone.") }\ninput I @oneOf { a: Int b: Int }\ntype Query { t(i: I): T }');
  const small = new DOMParser().parseFromString(html, 'text/html');
  expect(small.getElementById('T')?.querySelector('.about')?.textContent).toBe('A <b> & T.old');
  expect(small.getElementById('T')?.querySelector('.about a')?.getAttribute('href')).toBe('#T.old');
  expect(small.getElementById('T.old')?.querySelector('.old')?.textContent).toBe('Deprecated Use <new>.');
  expect(small.getElementById('T.old.a')?.querySelector('dt')?.textContent).toBe('a: String = "<x>"');
  expect(small.getElementById('E.B')?.querySelector('.old')?.textContent).toBe('Deprecated Gone.');
  expect(small.getElementById('I')?.textContent).toContain('Exactly one of these.');
  expect(small.querySelectorAll('main b')).toHaveLength(0);
});

describe('finding', () => {
  const places: Place[] = [
    { id: 'AccountSecurity.auditLog', kind: 'field', text: 'what happened in the account' },
    { id: 'AuditLogFilter', kind: 'input', text: 'which entries are wanted' },
    { id: 'Subscription.auditLog', kind: 'subscription', text: 'what happens in the account' },
    { id: 'Query.trees', kind: 'query', text: 'trees of the account' },
    { id: 'AuditAction.TREE_DELETED', kind: 'value', text: 'a tree was deleted' },
    { id: 'Catalog', kind: 'object', text: '' },
  ];
  it.each([
    ['auditLog', ['Subscription.auditLog', 'AccountSecurity.auditLog', 'AuditLogFilter']],
    ['log', ['Subscription.auditLog', 'AuditLogFilter', 'AccountSecurity.auditLog', 'Catalog']],
    ['deleted', ['AuditAction.TREE_DELETED']],
    ['audit filter', ['AuditLogFilter']],
    ['accountsecurity.audit', ['AccountSecurity.auditLog']],
    ['wanted', ['AuditLogFilter']],
    ['', []],
    ['   ', []],
    ['nothing of it', []],
  ])('%j finds %j', (query, ids) => {
    expect(find(query, places, 10).map((p) => p.id)).toEqual(ids);
  });
  it('gives the best, and no more than is asked for', () => {
    expect(find('a', places, 2)).toHaveLength(2);
  });
});
