// What the tabs keep in common about refreshing, in storage, as the API's rules
// for clients ask: an attempt id for the token that is held, made before the first
// attempt, and a mark that a refresh is on its way.

/** After this long an answer is given up; the server answers within 5 s or not at all. */
export const giveUpAfter = 20_000; // ms
/** A token younger than this is not refreshed actively. */
export const youngFor = 30_000; // ms

const attemptKey = 'branchline.attempt';
const storedKey = 'branchline.stored';
const busyKey = 'branchline.refreshing';
const doneKey = 'branchline.refreshed';

// Where storage is blocked, this tab is alone with what it knows.
const memory = new Map<string, string>();

function read(key: string): string | undefined {
  try {
    return localStorage.getItem(key) ?? undefined;
  } catch {
    return memory.get(key);
  }
}

function write(key: string, value: string | undefined): void {
  try {
    if (value === undefined) localStorage.removeItem(key);
    else localStorage.setItem(key, value);
  } catch {
    if (value === undefined) memory.delete(key);
    else memory.set(key, value);
  }
}

/** 32 random characters of a–f and 0–9. */
export function random(): string {
  return [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, '0')).join('');
}

/** The attempt id of the token that is held. */
export function attempt(): string {
  let id = read(attemptKey);
  if (!id) {
    id = random();
    write(attemptKey, id);
  }
  return id;
}

/** A token was stored: it gets an attempt id of its own. */
export function tokenStored(): void {
  write(attemptKey, random());
  write(storedKey, String(Date.now()));
}

const age = (key: string): number => {
  const since = Number(read(key));
  const passed = Date.now() - since;
  return since > 0 && passed >= 0 ? passed : Number.POSITIVE_INFINITY; // a clock that was set back
};

/** Whether the token is too young for an active refresh. */
export const isYoung = (): boolean => age(storedKey) < youngFor;

/** How long ago a token was stored: at the sign-in or the last active refresh. */
export const sinceStored = (): number => age(storedKey);

/**
 * How long ago another tab had the last answer to a refresh. What this tab had died with
 * its page, if that was loaded anew: nobody else has it, so nobody is asked for it.
 */
export function sinceRefreshedElsewhere(): number {
  try {
    if (sessionStorage.getItem(doneKey) === read(doneKey)) return Number.POSITIVE_INFINITY;
  } catch {
    // blocked: others are asked in vain
  }
  return age(doneKey);
}

/** How long the refresh of another tab may still take; 0 if none is on its way. */
const busyFor = (): number => Math.max(0, giveUpAfter - age(busyKey));

export function markBusy(): void {
  write(busyKey, String(Date.now()));
}

export function markDone(answered: boolean): void {
  write(busyKey, undefined);
  if (!answered) return;
  const now = String(Date.now());
  write(doneKey, now);
  try {
    sessionStorage.setItem(doneKey, now);
  } catch {
    // blocked, as above
  }
}

/** Forgets everything, at the end of a login session. */
export function forget(): void {
  for (const key of [attemptKey, storedKey, busyKey, doneKey]) write(key, undefined);
}

/** Runs fn while no other tab does. A closed tab frees the lock but not its mark, and its request may still be on its way. */
export async function alone(fn: () => Promise<void>): Promise<void> {
  const locked = async () => {
    for (let left = busyFor(); left > 0; left = busyFor()) await untilFree(left);
    await fn();
  };
  // Pages over plain http on another machine have no locks; the mark alone is
  // nearly as good.
  await (navigator.locks ? navigator.locks.request('branchline.refresh', locked) : locked());
}

/** Resolves when the mark of another tab goes, or after this long. */
function untilFree(ms: number): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      clearTimeout(timer);
      removeEventListener('storage', look);
      resolve();
    };
    const look = (event: StorageEvent) => {
      if (event.key === busyKey && event.newValue === null) done();
    };
    const timer = setTimeout(done, ms);
    addEventListener('storage', look);
  });
}
