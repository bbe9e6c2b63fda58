import type { CodegenConfig } from '@graphql-codegen/cli';

// Types of the documents in src, from the contract. They are made by every build
// and are not in the repository.
const config: CodegenConfig = {
  schema: '../schema.graphqls',
  documents: ['src/**/*.{ts,tsx}', '!src/gql/**', '!src/explorer.tsx'],
  ignoreNoDocuments: true,
  generates: {
    './src/gql/cache.ts': { plugins: ['./codegen-cache.mjs'] },
    './src/gql/': {
      preset: 'client',
      presetConfig: { fragmentMasking: false, gqlTagName: 'gql' },
      config: { useTypeImports: true, enumsAsTypes: true, scalars: { DateTime: 'string', Date: 'string' } },
    },
  },
};

export default config;
