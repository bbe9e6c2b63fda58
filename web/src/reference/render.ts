// The schema as a page: made when the app is built, so that it is read without a
// script, and every type, field, argument and value has an address.
import {
  buildSchema,
  type ConstDirectiveNode,
  type GraphQLArgument,
  type GraphQLField,
  type GraphQLInputField,
  type GraphQLNamedType,
  type GraphQLSchema,
  type GraphQLType,
  getNamedType,
  isEnumType,
  isInputObjectType,
  isInterfaceType,
  isListType,
  isNonNullType,
  isObjectType,
  isScalarType,
  isSpecifiedDirective,
  isUnionType,
  print,
  astFromValue,
} from 'graphql';

type Field = GraphQLField<unknown, unknown>;

/** What stands in a group of the page. */
interface Group {
  id: string;
  title: string;
  entries: { id: string; name: string; html: string }[];
}

const roots = ['Query', 'Mutation', 'Subscription'] as const;

const whoMay: Record<string, string> = { VIEWER: 'Signed in', ENGINEER: 'Engineers and above', ADMIN: 'Admins and owners', OWNER: 'Owners' };

export const escape = (text: string): string => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;');

/** Writes the page's contents and its entries. */
export function render(sdl: string): string {
  const schema = buildSchema(sdl, { assumeValidSDL: true });
  const page = new Page(schema);
  const groups = page.groups().filter((g) => g.entries.length > 0);
  const contents = groups
    .map(
      (g) =>
        `<details><summary>${g.title} <span class="n">${g.entries.length}</span></summary><ul>${g.entries.map((e) => `<li><a href="#${e.id}">${escape(e.name)}</a></li>`).join('')}</ul></details>`,
    )
    .join('');
  const sections = groups.map((g) => `<section aria-labelledby="${g.id}"><h2 id="${g.id}">${g.title}</h2>${g.entries.map((e) => e.html).join('')}</section>`).join('');
  return `<nav class="ref-nav" aria-label="Contents">${contents}</nav><main id="main" tabindex="-1"><h1>API reference</h1>${page.intro(sdl)}${sections}</main>`;
}

class Page {
  private readonly schema: GraphQLSchema;
  private readonly usedBy = new Map<string, string[]>(); // a type's name → ids of the fields and arguments that have it

  constructor(schema: GraphQLSchema) {
    this.schema = schema;
    const use = (type: GraphQLType, id: string) => {
      const { name } = getNamedType(type);
      const ids = this.usedBy.get(name) ?? [];
      if (!ids.includes(id)) ids.push(id);
      this.usedBy.set(name, ids);
    };
    for (const type of this.types()) {
      if (isInputObjectType(type)) for (const f of Object.values(type.getFields())) use(f.type, `${type.name}.${f.name}`);
      if (isObjectType(type) || isInterfaceType(type)) {
        for (const f of Object.values(type.getFields())) {
          use(f.type, `${type.name}.${f.name}`);
          for (const a of f.args) use(a.type, `${type.name}.${f.name}`);
        }
      }
    }
  }

  private types(): GraphQLNamedType[] {
    return Object.values(this.schema.getTypeMap()).filter((t) => !t.name.startsWith('__'));
  }

  groups(): Group[] {
    const types = this.types()
      .filter((t) => !(roots as readonly string[]).includes(t.name))
      .sort((a, b) => a.name.localeCompare(b.name, 'en'));
    const of = (id: string, title: string, is: (t: GraphQLNamedType) => boolean): Group => ({ id, title, entries: types.filter(is).map((t) => ({ id: t.name, name: t.name, html: this.type(t) })) });
    return [
      ...roots.map((root) => this.root(root)),
      of('objects', 'Objects', isObjectType),
      of('inputs', 'Inputs', isInputObjectType),
      of('enums', 'Enumerations', isEnumType),
      of('interfaces', 'Interfaces', isInterfaceType),
      of('unions', 'Unions', isUnionType),
      of('scalars', 'Scalars', isScalarType),
      {
        id: 'directives',
        title: 'Directives',
        entries: this.schema
          .getDirectives()
          .filter((d) => !isSpecifiedDirective(d))
          .map((d) => ({
            id: `@${d.name}`,
            name: `@${d.name}`,
            html: `<article id="@${d.name}" data-find="directive"><h3>${anchor(`@${d.name}`)}</h3>${this.about(d.description)}${this.args(d.args, `@${d.name}`)}</article>`,
          })),
      },
    ];
  }

  private root(root: (typeof roots)[number]): Group {
    const type = this.schema.getType(root);
    const title = { Query: 'Queries', Mutation: 'Mutations', Subscription: 'Subscriptions' }[root];
    const fields = isObjectType(type) ? Object.values(type.getFields()).sort((a, b) => a.name.localeCompare(b.name, 'en')) : [];
    return {
      id: title.toLowerCase(),
      title,
      entries: fields.map((f) => {
        const id = `${root}.${f.name}`;
        const html = `<article id="${id}" data-find="${root.toLowerCase()}"><h3>${anchor(id, f.name)}</h3>${this.role(f)}<p class="sign"><code>${f.name}${f.args.length > 0 ? '(…)' : ''}: ${this.typeLink(f.type)}</code></p>${deprecated(f.deprecationReason)}${this.about(f.description)}${this.args(f.args, id)}</article>`;
        return { id, name: f.name, html };
      }),
    };
  }

  private type(type: GraphQLNamedType): string {
    const kind = isObjectType(type) ? 'object' : isInputObjectType(type) ? 'input' : isEnumType(type) ? 'enum' : isInterfaceType(type) ? 'interface' : isUnionType(type) ? 'union' : 'scalar';
    let body = '';
    if (isObjectType(type) || isInterfaceType(type)) {
      const interfaces = type.getInterfaces();
      if (interfaces.length > 0) body += `<p class="meta">Is a ${interfaces.map((i) => this.typeLink(i)).join(', ')}.</p>`;
      body += this.members(Object.values(type.getFields()).map((f) => this.field(f, type.name)));
    }
    if (isInterfaceType(type) || isUnionType(type)) {
      body += `<p class="meta">One of: ${this.schema.getPossibleTypes(type).map((t) => this.typeLink(t)).join(', ')}.</p>`;
    }
    if (isInputObjectType(type)) {
      if (type.isOneOf) body += '<p class="meta">Exactly one of these.</p>';
      body += this.members(Object.values(type.getFields()).map((f) => this.inputValue(f, `${type.name}.${f.name}`, 'input field')));
    }
    if (isEnumType(type)) {
      body += this.members(
        type.getValues().map((v) => {
          const id = `${type.name}.${v.name}`;
          return `<div id="${id}" data-find="value"><dt><code>${anchor(id, v.name)}</code></dt><dd>${deprecated(v.deprecationReason)}${this.about(v.description)}</dd></div>`;
        }),
      );
    }
    const uses = this.usedBy.get(type.name) ?? [];
    const most = 12;
    const used = uses.length === 0 ? '' : `<p class="meta">Used by ${uses.slice(0, most).map((id) => `<a href="#${id}"><code>${id}</code></a>`).join(', ')}${uses.length > most ? ` and ${uses.length - most} others` : ''}.</p>`;
    return `<article id="${type.name}" data-find="${kind}"><h3>${anchor(type.name)}</h3>${this.about(type.description)}${body}${used}</article>`;
  }

  private members = (html: string[]): string => `<dl class="members">${html.join('')}</dl>`;

  private field(f: Field, owner: string): string {
    const id = `${owner}.${f.name}`;
    const text = f.description ?? (f.name === 'id' ? 'The global id.' : undefined);
    return `<div id="${id}" data-find="field"><dt><code>${anchor(id, f.name)}: ${this.typeLink(f.type)}</code>${this.role(f)}</dt><dd>${deprecated(f.deprecationReason)}${this.about(text)}${this.args(f.args, id)}</dd></div>`;
  }

  private args(args: readonly GraphQLArgument[], owner: string): string {
    return args.length === 0 ? '' : `<dl class="members args">${args.map((a) => this.inputValue(a, `${owner}.${a.name}`, 'argument')).join('')}</dl>`;
  }

  private inputValue(v: GraphQLArgument | GraphQLInputField, id: string, kind: string): string {
    const ast = v.defaultValue === undefined ? undefined : astFromValue(v.defaultValue, v.type);
    return `<div id="${id}" data-find="${kind}"><dt><code>${anchor(id, v.name)}: ${this.typeLink(v.type)}${ast ? ` = ${escape(print(ast))}` : ''}</code></dt><dd>${deprecated(v.deprecationReason)}${this.about(v.description)}</dd></div>`;
  }

  private role(f: Field): string {
    const auth = f.astNode?.directives?.find((d: ConstDirectiveNode) => d.name.value === 'auth');
    if (!auth) return '';
    const value = auth.arguments?.find((a) => a.name.value === 'role')?.value;
    return ` <span class="badge">${whoMay[value?.kind === 'EnumValue' ? value.value : 'VIEWER']}</span>`;
  }

  private typeLink(type: GraphQLType): string {
    if (isNonNullType(type)) return `${this.typeLink(type.ofType)}!`;
    if (isListType(type)) return `[${this.typeLink(type.ofType)}]`;
    return `<a href="#${type.name}">${type.name}</a>`;
  }

  /** A description: paragraphs, with what stands between backticks as code, and as a link where it names something. */
  private about(text: string | null | undefined): string {
    if (!text) return '';
    const paragraphs = text.split(/\n\s*\n/).map((p) => `<p>${this.inline(p)}</p>`);
    return `<div class="about">${paragraphs.join('\n')}</div>`;
  }

  private inline(text: string): string {
    return text
      .split('`')
      .map((part, i) => {
        if (i % 2 === 0) return escape(part);
        const id = this.resolve(part);
        return id ? `<a href="#${id}"><code>${escape(part)}</code></a>` : `<code>${escape(part)}</code>`;
      })
      .join('');
  }

  /** The address of what a name such as `Tree`, `sessionExpiry` or `accountSecurity.auditLog` means. */
  private resolve(name: string): string | undefined {
    if (!/^@?\w+(\.\w+)*$/.test(name)) return undefined;
    const [first = '', ...rest] = name.split('.');
    if (first.startsWith('@')) return this.schema.getDirective(first.slice(1)) ? first : undefined;
    let id: string;
    let type: GraphQLNamedType | undefined = this.schema.getType(first);
    if (type) {
      if (rest.length === 0 && (roots as readonly string[]).includes(first)) return undefined;
      id = first;
    } else {
      const root = roots.find((r) => fieldsOf(this.schema.getType(r))[first]);
      if (!root) return undefined;
      id = `${root}.${first}`;
      type = getNamedType(fieldsOf(this.schema.getType(root))[first]?.type);
    }
    for (const part of rest) {
      if (isEnumType(type) && type.getValue(part)) return `${type.name}.${part}`;
      const field: { type: GraphQLType } | undefined = fieldsOf(type)[part];
      if (!field || !type) return undefined;
      id = `${type.name}.${part}`;
      type = getNamedType(field.type);
    }
    return id;
  }

  /** What the schema's head says of all of it, but for its first words, which are about the file. */
  intro(sdl: string): string {
    const head = /^(?:#.*\n|\n)+/.exec(sdl)?.[0] ?? '';
    const [, ...rest] = head.replaceAll(/^# ?/gm, '').trim().split(/\n\s*\n/);
    const codes = (text: string) => text.replaceAll(/\b(?:[A-Z]+(?:_[A-Z]+)+|[A-Z]{5,}|extensions\.\w+)\b/g, '`$&`');
    const first = 'Everything that a client can ask for, with its bounds, who may ask, and which errors come back.';
    return `<div class="lead">${[first, ...rest.map(codes)].map((p) => `<p>${this.inline(p)}</p>`).join('')}</div>`;
  }
}

function fieldsOf(type: GraphQLNamedType | undefined): Record<string, { type: GraphQLType }> {
  return isObjectType(type) || isInterfaceType(type) || isInputObjectType(type) ? type.getFields() : {};
}

const anchor = (id: string, name = id): string => `<a class="anchor" href="#${id}">${escape(name)}</a>`;

const deprecated = (reason: string | null | undefined): string => (reason ? `<p class="old"><span class="badge amber">Deprecated</span> ${escape(reason)}</p>` : '');
