// The audit log as a file. It is asked for with the access token, as no link could,
// and saved from the page.
import { failureOf } from '../api/errors';
import { accessToken, presentToken, refresh } from '../auth/token';
import type { AuditLogFilter } from '../gql/graphql';
import { auditWords } from '../messages/audit';
import { fileOf } from './audit';

/** The file could not be had, in words for people. */
export class NoFile extends Error {}

async function ask(path: string, signal: AbortSignal): Promise<Response> {
  const send = async () => fetch(path, { headers: { authorization: `Bearer ${(await accessToken()) ?? ''}` }, signal });
  const response = await send();
  if (response.status !== 401) return response;
  // A token that was replaced, as after a change of roles, is refused before its time.
  await refresh(true, presentToken()).catch(() => {});
  return send();
}

/** Saves what the filter lets through. NoFile says why there is none; a broken connection leaves none. */
export async function saveFile(filter: AuditLogFilter, signal: AbortSignal): Promise<void> {
  let content: Blob;
  let name: string | undefined;
  try {
    const response = await ask(fileOf(filter), signal);
    if (!response.ok) {
      const { errors = [] } = (await response.json()) as { errors?: { message: string; extensions?: Record<string, unknown> }[] };
      throw new NoFile(failureOf({ graphQLErrors: errors })?.message);
    }
    name = /filename="([^"]+)"/.exec(response.headers.get('content-disposition') ?? '')?.[1];
    content = await response.blob();
  } catch (error) {
    if (error instanceof NoFile || signal.aborted) throw error;
    throw new NoFile(auditWords.brokeOff);
  }
  const address = URL.createObjectURL(content);
  const link = document.createElement('a');
  link.href = address;
  link.download = name ?? 'audit-log.csv';
  link.click();
  URL.revokeObjectURL(address);
}
