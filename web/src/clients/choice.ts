// Whom a session is for, while somebody chooses.

export interface ClientChoice {
  text: string;
  id?: string | undefined; // of the client that was picked from the list
  make: boolean; // a client of this name is to be made
}

export const nobody: ClientChoice = { text: '', make: false };

/** What starting a session, or changing what it is for, takes. */
export const clientInput = ({ text, id, make }: ClientChoice): { clientId: string } | { clientName: string; createClient: boolean } =>
  id ? { clientId: id } : { clientName: text.trim(), createClient: make && text.trim() !== '' };

const folded = (text: string): string => text.normalize('NFD').replaceAll(/\p{M}/gu, '').toLowerCase().trim();

/** Why a client is in the list where its name does not say so: the alias that was typed, and its key. */
export function whyFound(client: { name: string; aliases: readonly string[]; ticketKey: string | null }, typed: string): string {
  const text = folded(typed);
  const alias = text === '' || folded(client.name).startsWith(text) ? undefined : client.aliases.find((a) => folded(a).startsWith(text));
  return [alias, client.ticketKey].filter(Boolean).join(', ');
}

/** Whether a client may be meant, for the moment until the server has said who is. */
export function mayMean(client: { name: string; aliases: readonly string[]; ticketKey: string | null }, typed: string): boolean {
  const text = folded(typed);
  return [client.name, ...client.aliases].some((name) => folded(name).startsWith(text)) || (client.ticketKey !== null && folded(client.ticketKey) === text);
}
