import 'vitest';

declare module 'vitest' {
  interface ProvidedContext {
    schema: string; // the text of schema.graphqls
  }
}
