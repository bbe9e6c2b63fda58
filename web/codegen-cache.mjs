// Writes what the cache has to know of the schema: which types an abstract one may
// be, and which types have no id and so are part of what holds them.
import { isAbstractType, isObjectType } from 'graphql';

export const plugin = (schema) => {
  const types = Object.values(schema.getTypeMap()).filter((t) => !t.name.startsWith('__'));
  const possible = Object.fromEntries(types.filter(isAbstractType).map((t) => [t.name, schema.getPossibleTypes(t).map((p) => p.name)]));
  const roots = ['Query', 'Mutation', 'Subscription'];
  const embedded = types.filter((t) => isObjectType(t) && !roots.includes(t.name) && !t.getFields().id).map((t) => t.name);
  return `export const possibleTypes: Record<string, string[]> = ${JSON.stringify(possible)};\nexport const embeddedTypes: string[] = ${JSON.stringify(embedded)};\n`;
};
