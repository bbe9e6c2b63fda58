// The server's clock judges every deadline; this machine's may be wrong by hours.
// What the server says about its time is kept as the distance to this machine's.

let ahead = 0; // ms that the server's clock is before this machine's

/** Learns the server's time from an answer or an event. */
export function learnServerTime(text: string): void {
  const time = Date.parse(text);
  if (!Number.isNaN(time)) ahead = time - Date.now();
}

/** The server's time now, in ms since 1970. */
export const serverNow = (): number => Date.now() + ahead;

/** When a moment of the server's clock comes on this machine's, in ms since 1970. */
export const here = (serverTime: string): number => Date.parse(serverTime) - ahead;
